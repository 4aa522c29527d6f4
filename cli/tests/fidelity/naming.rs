//! What SOURCE and DEST mean: slashes, single files, new names, directories that are to be made.

use std::fs;
use std::io::Write;
use std::path::Path;

use rustix::fd::{AsFd, BorrowedFd};
use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};

use crate::judge::rsync_paths;
use crate::place::{Place, lacks, places};

/// SOURCE and DEST, relative to where both are; `d` exists and holds something, `f` is a file.
const PATHS: [(&str, &str); 20] = [
    ("s/", "d"),
    ("s/", "d/"),
    ("s", "d"),
    ("s", "d/"),
    ("s/.", "d"),
    ("s/./", "d"),
    ("s/", "new"),
    ("s/", "new/"),
    ("s", "new"),
    ("s", "new/"),
    ("s/a", "d"),
    ("s/a", "d/"),
    ("s/a", "d/a"),
    ("s/a", "d/renamed"),
    ("s/a", "new"),
    ("s/a", "new/"),
    ("s/a", "f"),
    ("s/dir", "d/dir"),
    ("s/link", "d/"),
    ("s/link", "new"),
];

fn make(place: &Place) {
    place.in_source(
        "echo a > a; ln -s a link; mkdir dir; echo x > dir/x; touch -d @5 a dir/x dir .",
    );
    fs::create_dir(place.dest()).unwrap();
    place.in_dest("echo old > a; echo other > other; echo f > ../f; touch -d @9 a other ../f .");
}

#[test]
fn paths_mean_what_they_mean_to_rsync() {
    if lacks(&["rsync"]) {
        return;
    }
    for (source, dest) in PATHS {
        for options in ["-a", "-a --delete", "-a --no-recursive"] {
            // A directory without what is in it is a single thing, to which rsync gives the new name.
            if options.contains("no-recursive") && !source.ends_with(['/', '.']) {
                continue;
            }
            for place in places() {
                eprintln!("{options} {source} {dest}");
                make(&place);
                let reference = place.path("reference");
                crate::judge::copy(&place.dest_base(), &reference);
                // A whole image may be there.
                let _ = fs::remove_dir_all(reference.join("s"));
                let theirs = options
                    .replace("-a --no-recursive", "-lptgod")
                    .replace("-a", "-rlptgo");
                let expected = rsync_paths(
                    &theirs,
                    &place.source_base().join(source),
                    &reference.join(dest),
                );
                let run = place.run(options, source, dest);
                assert_eq!(
                    run.code == Some(0),
                    expected.status.success(),
                    "{}\n{expected:?}",
                    run.err
                );
                let differences = crate::judge::rsync(
                    "-naHAXDic --delete --exclude=/s",
                    &reference,
                    &place.dest_base(),
                );
                // The directory that a single thing is put into is not part of the sync.
                let is_single = !source.ends_with(['/', '.']);
                let is_outside = |line: &str| {
                    let name = line.strip_prefix(".d..t...... ").unwrap_or("?");
                    name == "./" || (is_single && format!("{dest}/").starts_with(name))
                };
                let differences: Vec<&str> = differences
                    .lines()
                    .filter(|line| !is_outside(line))
                    .collect();
                assert_eq!(
                    differences, [""; 0],
                    "{options} {source} {dest}\n{}",
                    run.err
                );
            }
        }
    }
}

#[test]
fn what_can_not_be_is_refused_and_changes_nothing() {
    for (source, dest) in [
        ("s/gone", "d"),
        ("gone/", "d"),
        ("s/a/", "d"),
        ("s/", "f"),
        ("s/", "d/a"),
        ("s/a", "gone/a"),
    ] {
        for place in places() {
            make(&place);
            let before = crate::judge::snapshot(&place.dest_base());
            let run = place.run("-a", source, dest);
            assert!(
                matches!(run.code, Some(3 | 11 | 23)),
                "{source} {dest}: {:?}\n{}",
                run.code,
                run.err
            );
            assert!(run.err.starts_with("ksyncd: "), "{}", run.err);
            assert!(
                before == crate::judge::snapshot(&place.dest_base()),
                "{source} {dest}"
            );
        }
    }
}

/// Makes directories in each other until no path is long enough for what is in the last ones.
fn make_too_deep(top: &Path) {
    let name = "n".repeat(250);
    let open = |above: BorrowedFd<'_>, path: &Path| {
        openat(
            above,
            path,
            OFlags::RDONLY | OFlags::DIRECTORY,
            Mode::empty(),
        )
        .unwrap()
    };
    let mut dir = open(CWD, top);
    for level in 1..=20 {
        mkdirat(&dir, &name, Mode::RWXU).unwrap();
        dir = open(dir.as_fd(), Path::new(&name));
        let flags = OFlags::WRONLY | OFlags::CREATE;
        let file = openat(&dir, "file", flags, Mode::RUSR | Mode::WUSR).unwrap();
        writeln!(fs::File::from(file), "{level}").unwrap();
    }
}

#[test]
fn p14_what_lies_too_deep_is_reported_and_everything_else_copied() {
    for place in places() {
        place.in_source("echo x > top");
        make_too_deep(&place.source());
        let run = place.sync("-a --delete").ended(23);
        assert!(
            run.err.contains("lies deeper than ksyncd goes"),
            "{}",
            run.err
        );
        assert_eq!(place.read_dest("top"), b"x\n");
        assert_eq!(
            place.read_dest(&(["n".repeat(250).as_str(); 15].join("/") + "/file")),
            b"15\n"
        );
    }
}

#[test]
fn what_lies_too_deep_at_the_destination_is_not_deleted_and_reported() {
    for place in places() {
        place.in_source("echo x > top");
        place.in_dest_made("mkdir old");
        make_too_deep(&place.dest().join("old"));
        let run = place.sync("-a --delete").ended(23);
        assert!(run.err.contains("ksyncd: old/nnn"), "{}", run.err);
        assert_eq!(place.read_dest("top"), b"x\n");
        assert!(place.dest().join("old").is_dir());
    }
}
