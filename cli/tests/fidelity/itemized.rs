//! The lines of `--itemize-changes`, of dry runs and real ones: those of rsync.
//!
//! They differ on purpose: rsync takes two times within a second for the same, ksyncd does not; and
//! rsync names the file that a hard link is made to, ksyncd does not; and ksyncd escapes tabs in names.

use crate::judge::{assert_same_lines, rsync_would, snapshot};
use crate::place::{Agent, Place, lacks, lacks_root_or, places};

/// What to change in the destination after it was made a copy of the source.
const CHANGES: [&str; 26] = [
    "true",
    "echo longer > f; touch -d @1000 f",
    "touch -d @2000 f",
    "echo longer > f; touch -d @2000 f",
    "chmod 600 f d",
    "chmod 600 f; touch -d @2000 f d",
    "echo g > f; chmod 700 f; touch -d @2000 f",
    "rm f d/a l",
    "rm -r d",
    "rm -r d; echo x > d",
    "rm f; mkdir f",
    "rm f; mkdir -p f/below; echo x > f/below/y",
    "rm f; ln -s a f",
    "ln -sfn elsewhere l",
    "ln -sfn elsewhere l; touch -hd @2000 l",
    "touch -hd @2000 l",
    "rm l; echo x > l",
    "rm l; mkdir l",
    "mkdir -p extra/e; echo x > extra/e/f; ln -s x extra/l",
    "mv f moved",
    "mv d moved",
    "mv d/large d/other",
    "touch -d @2000 d empty",
    "rm -r empty; touch -d @2000 d/a",
    "printf x | dd of=d/large conv=notrunc status=none; touch -d @2000 d/large",
    "echo x > \"$(printf 'new\\nline \\377 \\\\#012')\"; mkdir -- -dir",
];

fn make(place: &Place) {
    place.in_source(
        "mkdir -p d/e empty; echo f > f; echo a > d/a; echo b > d/e/b; ln -s f l; ln -s nowhere d/l
         head -c 300000 /dev/zero | tr '\\0' y > d/large; echo y > \"$(printf 'odd \\033\\377')\"
         find . -exec touch -hd @1000 {} +",
    );
    place.copy();
}

#[test]
fn lines_are_those_of_rsync_and_those_of_the_dry_run() {
    if lacks(&["rsync"]) {
        return;
    }
    let mut differences = Vec::new();
    for change in CHANGES {
        for options in [
            "--delete",
            "--delete -c",
            "--delete -I",
            "--delete --size-only -O",
        ] {
            // Lines do not depend on the way, as long as they come.
            let ways =
                places().filter(|place| place.way.agent == Agent::Own || options == "--delete");
            for place in ways {
                make(&place);
                place.in_dest(change);
                let (ours, theirs) = (format!("-a {options}"), format!("-rlptgo {options}"));
                differences.extend(compare(&place, change, &ours, &theirs));
            }
        }
    }
    assert!(differences.is_empty(), "{differences:#?}");
}

/// What differs between the lines of rsync, of a dry run and of a real one.
fn compare(place: &Place, what: &str, ours: &str, theirs: &str) -> Vec<String> {
    let mut expected = rsync_would(place, theirs);
    for line in &mut expected {
        if line.starts_with('h') {
            line.truncate(line.find(" => ").unwrap_or(line.len()));
        }
    }
    let before = snapshot(&place.dest_base());
    let dry = place.sync(&format!("{ours} -n -i")).done().changes();
    assert_same_lines(&before, &snapshot(&place.dest_base()));
    let real = place.sync(&format!("{ours} -i")).done().changes();
    let mut differences = Vec::new();
    for (which, found) in [("dry", dry), ("real", real)] {
        let lines = |these: &[String], those: &[String]| -> Vec<String> {
            let only = these.iter().filter(|line| !those.contains(line));
            only.cloned().collect()
        };
        if found != expected {
            let (lacks, adds) = (lines(&expected, &found), lines(&found, &expected));
            let way = place.way;
            differences.push(format!(
                "{what}: {ours}: {way:?}: {which}: lacks {lacks:?}, adds {adds:?}"
            ));
        }
    }
    differences
}

#[test]
fn lines_about_owners_links_and_attributes_are_those_of_rsync() {
    if lacks_root_or(&["rsync", "setfattr", "setfacl"]) {
        return;
    }
    let mut differences = Vec::new();
    for change in [
        "chown 12:34 f; chown :34 d; chown -h 12 l",
        "setfattr -n user.a -v b f d",
        "setfacl -m u:12:r f; setfacl -d -m u:12:r d",
        "setfattr -x user.x d/a",
        "setfattr -n user.a -v b f; setfacl -m u:12:r f; chmod 755 f; chown 1 f; touch -d @2000 f",
        "rm d/hard; echo h > d/hard; touch -d @1000 d/hard",
        "rm hard2",
        "rm hard1; echo other > hard1; touch -d @2000 hard1",
        "echo changed > hard1; touch -d @3000 hard1",
        "rm fifo; mkfifo extra; mknod fifo c 1 3",
        "chmod 600 fifo device; touch -d @2000 device",
        "rm device; mknod device c 1 5; touch -d @1000 device",
    ] {
        for place in places() {
            make(&place);
            place.in_source(
                "setfattr -n user.x -v y d/a; echo h > hard1; ln hard1 hard2; ln hard1 d/hard; mkfifo fifo
                 mknod device c 1 3; touch -d @1000 hard1 fifo device d .",
            );
            std::fs::remove_dir_all(place.dest()).unwrap();
            place.copy();
            place.in_dest(change);
            let (ours, theirs) = ("-aHAXD --keep-special-bits --delete", "-aHAX --delete");
            differences.extend(compare(&place, change, ours, theirs));
        }
    }
    assert!(differences.is_empty(), "{differences:#?}");
}
