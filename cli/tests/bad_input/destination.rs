//! Destinations that can not be written, are something else, or are full.

use std::process::Stdio;

use super::place::{Ended, Place, VERBS};

#[test]
fn a_destination_that_is_a_file_stays_one() {
    for verb in VERBS {
        let place = Place::new();
        for destination in ["d/a", "d/a/below"] {
            let ended = place.line(&format!("{verb} s/ {destination}"));
            ended.assert(3, &[destination, "ot a directory", "check"]);
            place.assert_destination_is_untouched();
        }
    }
}

#[test]
fn a_destination_without_a_parent_is_not_made() {
    for verb in VERBS {
        let place = Place::new();
        for (source, destination) in [("s/", "no/such/place"), ("s/a", "no/such/file")] {
            let ended = place.line(&format!("{verb} {source} {destination}"));
            ended.assert(3, &[destination, "No such file or directory", "check"]);
            assert!(!place.path("no").exists());
        }
    }
}

#[test]
fn a_destination_that_may_not_be_written_is_named_and_left_alone() {
    for verb in VERBS {
        let place = Place::new();
        let Some(ended) = place.as_nobody(&format!("{verb} --delete s/ d")) else {
            return;
        };
        ended.assert(
            23,
            &["a can not be written", "Permission denied", "who may write"],
        );
        place.assert_destination_is_untouched();
        let Some(ended) = place.as_nobody(&format!("{verb} s/ new")) else {
            return;
        };
        ended.assert(3, &["new", "Permission denied", "who may"]);
    }
}

#[test]
fn one_directory_that_may_not_be_written_does_not_stop_the_others() {
    for verb in VERBS {
        let place = Place::new();
        place.file("out/sub/b", "old");
        place.mode("out", 0o777);
        let Some(ended) = place.as_nobody(&format!("{verb} s/ out")) else {
            return;
        };
        ended.assert(23, &["sub/b can not be written", "Permission denied"]);
        assert_eq!(place.read("out/a"), "new");
        assert_eq!(place.read("out/sub/b"), "old");
        assert_eq!(place.names("out/sub"), ["b"]);
    }
}

#[test]
fn a_read_only_destination_is_told_once() {
    for verb in VERBS {
        let place = Place::new();
        let script = format!(
            "mount -t tmpfs none d && echo old >d/a && mount -o remount,ro d || exit 99\n\
             $K {verb} --delete s/ d; code=$?; cat d/*; exit $code"
        );
        let Some(ended) = place.with_mounts(&script) else {
            return;
        };
        ended.assert(
            23,
            &["Read-only file system", "destination that can be written"],
        );
        assert_eq!(
            ended.stderr.matches("Read-only").count(),
            1,
            "{}",
            ended.stderr
        );
        assert_eq!(ended.stdout, "old\n");
        let script = format!("mount -t tmpfs -o ro none d || exit 99\n$K {verb} s/ d/new");
        let Some(ended) = place.with_mounts(&script) else {
            return;
        };
        ended.assert(3, &["d/new", "Read-only file system", "check"]);
    }
}

#[test]
fn x10_a_full_disk_keeps_every_old_version_and_leaves_no_temporaries() {
    for verb in VERBS {
        let place = Place::new();
        for name in ["1", "2", "3"] {
            place.file(&format!("s/{name}"), vec![b'x'; 700_000]);
        }
        let script = format!(
            "mount -t tmpfs -o size=1m none d && echo old >d/1 && echo old >d/2 && echo old >d/3 || exit 99\n\
             $K {verb} --delete --no-compress s/ d; code=$?\n\
             for file in d/1 d/2 d/3; do wc -c <$file; done; ls -A d; exit $code"
        );
        let Some(ended) = place.with_mounts(&script) else {
            return;
        };
        ended.assert(
            23,
            &[
                "can not be written (write: No space left on device)",
                "make room",
            ],
        );
        let lines: Vec<&str> = ended.stdout.lines().collect();
        let (sizes, names) = lines.split_at(3);
        let old = sizes.iter().filter(|&&size| size == "4").count();
        let new = sizes.iter().filter(|&&size| size == "700000").count();
        assert_eq!((old, new), (2, 1), "{}", ended.stdout);
        assert_eq!(names, ["1", "2", "3", "a", "sub"]);
    }
}

#[test]
fn a_file_that_may_not_become_so_long_fails_alone() {
    for verb in VERBS {
        let place = Place::new();
        place.file("s/long", vec![b'x'; 700_000]);
        place.file("d/long", "old and precious");
        let ended = place.limited("-f 100", &format!("{verb} --no-compress s/ d"));
        ended.assert(23, &["long can not be written (write: File too large)"]);
        assert_eq!(place.names("d"), ["a", "long", "mine", "sub"]);
        assert_eq!(place.read("d/long"), "old and precious");
        assert_eq!(place.read("d/sub/b"), "new");
    }
}

#[test]
fn x10_a_disk_without_inodes_takes_what_it_can_and_names_the_cause() {
    for verb in VERBS {
        let place = Place::new();
        for number in 0..40 {
            place.file(&format!("s/many/{number}"), "x");
        }
        let script = format!(
            "mount -t tmpfs -o nr_inodes=20 none d && echo old >d/a || exit 99\n\
             $K {verb} s/ d; code=$?; cat d/a; find d -name '.ksyncd.*'; exit $code"
        );
        let Some(ended) = place.with_mounts(&script) else {
            return;
        };
        ended.assert(23, &["No space left on device", "make room"]);
        assert!(
            ["old\n", "new"].contains(&ended.stdout.as_str()),
            "{}",
            ended.stdout
        );
    }
}

#[test]
fn two_runs_do_not_write_to_one_destination_at_a_time() {
    let place = Place::new();
    let lock = std::fs::File::open(place.path("d")).unwrap();
    lock.lock().unwrap();
    // Both wait a little, at the same time.
    let runs = VERBS.map(|verb| {
        let mut run = place.command([verb, "--delete", "s/", "d"]);
        run.stderr(Stdio::piped()).spawn().unwrap()
    });
    for run in runs {
        let ended = Ended::from(run.wait_with_output().unwrap());
        ended.assert(3, &["another", "when that has ended"]);
        place.assert_destination_is_untouched();
    }
}

#[test]
fn a_name_that_is_longer_than_a_name_may_be_fails_before_anything_is_touched() {
    let place = Place::new();
    let name = "x".repeat(300);
    for verb in VERBS {
        let ended = place.line(&format!("{verb} s/ d/{name}"));
        ended.assert(3, &[&name, "File name too long", "check"]);
        let ended = place.line(&format!("{verb} s/a d/{name}"));
        ended.assert(3, &["check"]);
        let ended = place.line(&format!("{verb} s/{name} d"));
        ended.assert(23, &["check"]);
        place.assert_destination_is_untouched();
    }
}
