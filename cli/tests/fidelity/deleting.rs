//! What is deleted, and what is not.

use std::fs;

use crate::judge::{assert_does_as_rsync, assert_same_lines, rsync_would, snapshot};
use crate::place::{Place, lacks, places};

fn names(place: &Place) -> usize {
    fs::read_dir(place.dest()).unwrap().count()
}

#[test]
fn no_more_is_deleted_than_is_allowed() {
    for place in places() {
        place.write("kept", "x");
        for number in 0..5 {
            place.write_dest(format!("{number}"), "x");
        }
        let run = place.sync("-a --delete --max-delete=2").ended(25);
        assert!(
            run.err.contains("2 deleted; 3 deletions withheld"),
            "{}",
            run.err
        );
        assert_eq!(names(&place), 4);
        place.sync("-a --delete --max-delete=0").ended(25);
        assert_eq!(names(&place), 4);
        place.sync("-a --delete --max-delete=3").done();
        assert_eq!(names(&place), 1);
    }
}

#[test]
fn what_the_merge_files_of_the_source_exclude_is_not_deleted_by_the_run_that_brings_them() {
    for options in [
        "-aF --delete",
        "-a --gitignore --delete",
        "-aF --delete-after",
    ] {
        for place in places() {
            eprintln!("{options}");
            place.in_source(
                "mkdir d; echo '- *.log' > d/.rsync-filter; echo '*.log' > d/.gitignore; echo x > d/a",
            );
            for name in ["d/own.log", "d/below/own.log", "d/below/gone", "d/gone"] {
                place.write_dest(name, "x");
            }
            place.sync(options).done();
            let is_there = |name: &str| place.dest().join(name).exists();
            assert!(is_there("d/own.log") && is_there("d/below/own.log"));
            assert!(!is_there("d/gone") && !is_there("d/below/gone"));
        }
    }
}

#[test]
fn a_merge_file_that_is_deleted_protects_to_the_end_of_the_run() {
    for place in places() {
        place.write("a", "x");
        place.write_dest(".rsync-filter", "P name\n");
        place.write_dest("old/name", "x");
        place.write_dest("old/other", "x");
        place.sync("-aF --delete").done();
        assert!(place.dest().join("old/name").exists());
        assert!(!place.dest().join("old/other").exists());
        assert!(!place.dest().join(".rsync-filter").exists());
    }
}

#[test]
fn whole_directories_count_by_what_is_in_them() {
    for place in places() {
        place.write("kept", "x");
        for name in ["a/1", "a/2", "a/b/3"] {
            place.write_dest(name, "x");
        }
        place.sync("-a --delete --max-delete=4").ended(25);
        assert!(place.dest().join("a").exists());
        place.sync("-a --delete --max-delete=5").done();
        assert!(!place.dest().join("a").exists());
    }
}

#[test]
fn a_dry_run_says_what_the_run_does_and_changes_nothing() {
    if lacks(&["rsync"]) {
        return;
    }
    for place in places() {
        place.in_source(
            "mkdir -p d new; echo x > d/a; echo y > new/b; ln -s a d/l; echo z > c; echo z > elsewhere
             mkdir file; echo x > file/x; find . -exec touch -hd @5 {} +",
        );
        place.in_dest_made(
            "mkdir -p d old/deep; echo old > d/a; echo w > old/deep/x; echo z > moved; ln -s b d/l
             mkdir -p c/deep; echo v > c/v; : > c/deep/w; echo w > file; find . -exec touch -hd @7 {} +; touch -d @5 moved",
        );
        let before = snapshot(&place.dest_base());
        let expected = rsync_would(&place, "-rlptgo --delete");
        let dry = place.sync("-a --delete -n -i").done();
        assert_same_lines(&before, &snapshot(&place.dest_base()));
        assert_same_lines(&expected, &dry.changes());
        let real = place.sync("-a --delete -i").done();
        assert_same_lines(&expected, &real.changes());
    }
}

#[test]
fn a_dry_run_says_which_directories_are_in_the_way() {
    for place in places() {
        place.in_source(
            "for name in full guarded empty goes other; do echo x > $name; done
             ln -s x link; ln other group",
        );
        place.in_dest_made(
            "mkdir full guarded empty goes link group; touch full/own guarded/own goes/a link/a group/a",
        );
        let both = |options: &str, code: i32| {
            let before = snapshot(&place.dest());
            let dry = place.sync(&format!("-aH -O -i -n {options}")).ended(code);
            assert_same_lines(&before, &snapshot(&place.dest()));
            let real = place.sync(&format!("-aH -O -i {options}")).ended(code);
            assert_same_lines(&dry.changes(), &real.changes());
            let troubles = |err: &str| {
                err.lines()
                    .filter(|line| line.contains("in the way"))
                    .count()
            };
            assert_eq!(troubles(&dry.err), troubles(&real.err));
            troubles(&dry.err)
        };
        assert_eq!(both("", 23), 5);
        assert_eq!(both("--delete --filter=P_guarded/own", 23), 1);
        assert_eq!(both("--delete", 0), 0);
    }
}

#[test]
fn a_dry_run_into_nothing_makes_nothing() {
    for place in places() {
        place.in_source("mkdir -p d; echo x > d/a");
        let dry = place.sync("-a --delete -n -i").done();
        assert!(!place.dest().exists());
        let real = place.sync("-a --delete -i").done();
        assert_same_lines(&dry.changes(), &real.changes());
    }
}

#[test]
fn old_versions_are_kept_as_rsync_keeps_them() {
    if lacks(&["rsync"]) {
        return;
    }
    for options in [
        "--backup --delete",
        "--backup --suffix=.old --delete",
        "--backup --delete --inplace",
        "-b --delete-excluded --exclude=*.x",
        "-b --delete -H",
    ] {
        for place in places() {
            eprintln!("{options}");
            place.in_source(
                "mkdir d; echo new > a; echo new > d/b; echo same > c; ln -s new l; mkdir was-file
                 echo mine > ends~; head -c 300000 /dev/zero > large; printf x >> large; find . -exec touch -hd @5 {} +",
            );
            place.in_dest_made(
                "mkdir -p d gone; echo old > a; echo old > d/b; echo same > c; ln -s old l; echo x > was-file
                 echo z > gone/z; echo w > gone.x; echo v > extra; echo theirs > ends~
                 head -c 300000 /dev/zero > large; touch -d @5 c; echo earlier > a~; ln extra extra2",
            );
            // With --backup rsync leaves the times of directories alone of its own accord.
            let (ours, theirs) = (format!("-aO {options}"), format!("-rlptgoO {options}"));
            assert_does_as_rsync(&place, &ours, &theirs);
        }
    }
}

#[test]
fn old_versions_go_to_a_directory_of_their_own() {
    if lacks(&["rsync"]) {
        return;
    }
    for place in places() {
        place.in_source("mkdir d; echo new > a; echo new > d/b; echo same > c; touch -d @5 c");
        place.in_dest_made("mkdir -p d gone; echo old > a; echo old > d/b; echo same > c; touch -d @5 c; echo z > gone/z");
        place.sync("-a --delete --backup-dir=before/that").done();
        for (name, content) in [("a", "old"), ("d/b", "old"), ("gone/z", "z")] {
            let kept = place.read_dest(&format!("before/that/{name}"));
            assert_eq!(kept, format!("{content}\n").as_bytes(), "{name}");
        }
        assert!(!place.dest().join("gone").exists());
        assert!(!place.dest().join("before/that/c").exists());
        place.in_source("echo newer > a");
        place.sync("-a --delete --backup-dir=before/that").done();
        assert_eq!(place.read_dest("before/that/a"), b"new\n");
        assert_eq!(place.read_dest("before/that/gone/z"), b"z\n");
    }
}

#[test]
fn what_moves_is_not_taken_from_where_it_is_protected() {
    for place in places() {
        let content = crate::awkward::noise(100_000);
        place.write("new/name", &content);
        place.write_dest("old/name", &content);
        place.write_dest("old/.rsync-filter", "P name\n");
        place.in_source("touch -d @5 new/name");
        place.in_dest("touch -d @5 old/name");
        place.sync("-a -F --delete").done();
        assert_eq!(place.read_dest("old/name"), content);
        assert_eq!(place.read_dest("new/name"), content);
    }
}

#[test]
fn nothing_is_deleted_before_everything_else_is_there() {
    for place in places() {
        for number in 0..50 {
            place.write(
                format!("new{number}"),
                crate::awkward::noise(200_000 + number),
            );
        }
        place.write_dest("old", "x");
        let mut run = place
            .command("-a --delete --bwlimit=1M --no-compress", "s/", "d")
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        while names(&place) < 5 {
            assert!(run.try_wait().unwrap().is_none());
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        assert!(place.dest().join("old").exists());
        run.kill().unwrap();
        run.wait().unwrap();
    }
}
