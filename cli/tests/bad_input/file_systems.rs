//! Destinations on file systems that keep less than the source has.

use std::process::Command;

use super::place::{Ended, Place, VERBS};

/// Names are compared without their case there, and listed in lower case.
const ONE_CASE: &str = "ignore_case";

fn last_line_that<'a>(ended: &'a Ended, says: &str) -> &'a str {
    let mut lines = ended.stderr.lines().rev();
    lines.find(|line| line.contains(says)).unwrap_or_default()
}

#[test]
fn p9_of_two_entries_with_one_name_the_same_one_is_refused_again_and_again() {
    for verb in VERBS {
        let place = Place::new();
        for path in ["README", "readme", "Dir/one", "dir/two"] {
            place.file(&format!("s/{path}"), path);
        }
        let script = "run; run; run; echo; cat d/readme d/dir/*; find d -name 'one*'";
        let Some(ended) = place.on_ntfs(ONE_CASE, verb, script) else {
            return;
        };
        ended.assert(23, &["has the same name as another entry"]);
        assert!(
            ended.stdout.ends_with("\nreadmedir/two"),
            "{}",
            ended.stdout
        );
        for path in ["README", "Dir"] {
            let said = format!("{path} has the same name");
            assert_eq!(ended.stderr.matches(&said).count(), 2, "{}", ended.stderr);
        }
    }
}

#[test]
fn p9_what_only_the_case_of_its_name_tells_from_a_new_entry_is_not_deleted() {
    for verb in VERBS {
        let place = Place::new();
        for path in ["readme", "dir/one", "dir/two"] {
            place.file(&format!("s/{path}"), path);
        }
        let script = "run\n\
                      mv s/readme s/README && mv s/dir s/DIR\n\
                      echo new >s/DIR/Two && rm s/DIR/one s/DIR/two\n\
                      run; echo; cat d/readme d/dir/*";
        let Some(ended) = place.on_ntfs(ONE_CASE, verb, script) else {
            return;
        };
        ended.assert(0, &["1 deleted"]);
        assert!(ended.stdout.ends_with("\nreadmenew\n"), "{}", ended.stdout);
    }
}

#[test]
fn what_a_file_system_can_not_keep_is_no_difference_in_the_next_run() {
    for verb in VERBS {
        let place = Place::new();
        place.mode("s/a", 0o640);
        place.file("s/below/b", "b");
        let script = "run; echo ---; run; echo ---\n\
                      touch -d 2001-02-03T04:05:06.123456789 s/below/b\n\
                      run; run; echo ---; stat -c %y d/below/b";
        let Some(ended) = place.on_ntfs("rw", verb, script) else {
            return;
        };
        ended.assert(0, &[]);
        let runs: Vec<&str> = ended.stdout.split("---\n").collect();
        assert_eq!(
            runs[1..],
            [
                "",
                ">f..t...... below/b\n",
                "2001-02-03 04:05:06.123456700 +0000\n"
            ],
            "{}",
            ended.stdout
        );
        let said = last_line_that(&ended, "entries");
        assert!(said.contains(" 0 transferred"), "{said}");
    }
}

#[test]
fn a_time_that_only_looks_cut_is_a_difference() {
    for verb in VERBS {
        let place = Place::new();
        for (path, content, time) in [
            ("s/a", "new", "2001-02-03T04:05:06.123456789"),
            ("d/a", "old", "2001-02-03T04:05:06.123456700"),
        ] {
            place.file(path, content);
            let touched = Command::new("touch")
                .args(["-d", time])
                .arg(place.path(path))
                .status();
            assert!(touched.unwrap().success());
        }
        place.line(&format!("{verb} s/ d")).assert(0, &[]);
        assert_eq!(place.read("d/a"), "new", "{verb}");
    }
}
