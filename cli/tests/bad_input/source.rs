//! Sources that are missing, closed or full of holes.

use super::place::{Place, VERBS, skip};

#[test]
fn a_source_that_is_missing_is_named_and_nothing_is_deleted() {
    for verb in VERBS {
        let place = Place::new();
        for source in ["gone", "gone/", "gone/below", "s/gone/", "s/a/below"] {
            let ended = place.line(&format!("{verb} --delete --delete-from-empty {source} d"));
            ended.assert(23, &[source, "check"]);
            place.assert_destination_is_untouched();
        }
    }
}

#[test]
fn a_file_is_no_directory_to_take_the_content_of() {
    for verb in VERBS {
        let place = Place::new();
        let ended = place.line(&format!("{verb} --delete s/a/ d"));
        ended.assert(23, &["s/a/", "Not a directory"]);
        place.assert_destination_is_untouched();
    }
}

#[test]
fn a_source_that_may_not_be_read_is_named_with_the_cause() {
    for verb in VERBS {
        let place = Place::new();
        place.mode("s", 0o700);
        place.mode("d", 0o777);
        for source in ["s/", "s/a", "s/sub/"] {
            let line = format!("{verb} --delete {source} d");
            let Some(ended) = place.as_nobody(&line) else {
                return;
            };
            ended.assert(23, &[source, "Permission denied", "who may"]);
            place.assert_destination_is_untouched();
        }
    }
}

#[test]
fn d1_holes_in_the_source_are_named_the_rest_is_copied_and_nothing_is_deleted() {
    for verb in VERBS {
        let place = Place::new();
        place.file("s/closed/x", "x");
        place.file("s/secret", "x");
        place.mode("s/closed", 0);
        place.mode("s/secret", 0);
        for name in ["out", "out/closed", "out/gone"] {
            place.file(&format!("{name}/keep"), "keep");
            place.mode(name, 0o777);
        }
        let line = format!("{verb} --delete s/ out");
        let Some(ended) = place.as_nobody(&line) else {
            return;
        };
        ended.assert(
            23,
            &[
                "closed can not be read at the source (open: Permission denied); ",
                "secret can not be read at the source (open: Permission denied); ",
                "not deleted because parts of the source could not be read",
                "--ignore-errors",
                "exit code 23",
            ],
        );
        assert_eq!(place.read("out/a"), "new");
        assert_eq!(place.read("out/sub/b"), "new");
        for kept in ["out/keep", "out/gone/keep", "out/closed/keep"] {
            assert_eq!(place.read(kept), "keep");
        }
        assert!(!place.path("out/secret").exists());
    }
}

#[test]
fn d1_a_single_directory_that_can_not_be_listed_deletes_nothing() {
    for verb in VERBS {
        let place = Place::new();
        place.mode("s/sub", 0o300);
        place.file("out/sub/keep", "keep");
        place.mode("out", 0o777);
        let line = format!("{verb} --delete s/sub out");
        let Some(ended) = place.as_nobody(&line) else {
            return;
        };
        ended.assert(23, &["sub can not be read at the source"]);
        assert_eq!(place.read("out/sub/keep"), "keep");
    }
}

#[test]
fn d1_an_empty_source_deletes_nothing_and_says_how_to_go_on() {
    for verb in VERBS {
        let place = Place::new();
        std::fs::create_dir(place.path("empty")).unwrap();
        let ended = place.line(&format!("{verb} --delete empty/ d"));
        ended.assert(25, &["the source is empty", "--delete-from-empty"]);
        place.assert_destination_is_untouched();
        let ended = place.line(&format!("{verb} --delete --delete-from-empty empty/ d"));
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert!(place.names("d").is_empty());
    }
}

#[test]
fn d1_a_source_of_which_everything_is_excluded_deletes_nothing() {
    for verb in VERBS {
        let place = Place::new();
        let ended = place.line(&format!("{verb} --delete --exclude=/a --exclude=/sub s/ d"));
        ended.assert(25, &["the source is empty", "--delete-from-empty"]);
        place.assert_destination_is_untouched();
    }
}

#[test]
fn what_has_no_size_or_a_wrong_one_comes_as_it_can_be_read() {
    // The first says that it has none, the second that it has a page.
    for path in ["/proc/version", "/sys/devices/system/cpu/possible"] {
        for verb in VERBS {
            let place = Place::new();
            for _ in 0..2 {
                place.line(&format!("{verb} {path} d/new")).assert(0, &[]);
                assert_eq!(place.read("d/new"), std::fs::read_to_string(path).unwrap());
            }
        }
    }
}

#[test]
fn what_has_no_size_and_does_not_end_soon_is_no_success() {
    let path = "/proc/kallsyms";
    if !std::fs::read(path).is_ok_and(|symbols| symbols.len() > 1 << 20) {
        return skip("needs a kernel that tells its symbols").unwrap_or_default();
    }
    for verb in VERBS {
        let place = Place::new();
        place.line(&format!("{verb} {path} d/a")).assert(
            23,
            &["a can not be read", "read: File too large", "exclude it"],
        );
        place.assert_destination_is_untouched();
    }
}
