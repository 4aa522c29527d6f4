//! How content gets into files: in place, appended, in part.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use crate::awkward::noise;
use crate::judge::{assert_does_as_rsync, assert_nothing_to_do};
use crate::place::{Agent, Place, Verb, lacks, places};

fn inode(place: &Place, name: &str) -> u64 {
    fs::metadata(place.dest().join(name)).unwrap().ino()
}

/// Versions of one file that share content in every way.
fn versions() -> Vec<Vec<u8>> {
    let base = noise(300_000);
    let changed = |at: usize, with: &[u8]| {
        let mut version = base.clone();
        version.splice(at..at, with.iter().copied());
        version
    };
    vec![
        base.clone(),
        changed(0, b"in front"),
        changed(150_000, &noise(30_000)),
        base[90_000..].to_vec(),
        [&base[150_000..], &base[..150_000]].concat(),
        [base.as_slice(), base.as_slice()].concat(),
        base[..10].to_vec(),
        Vec::new(),
        vec![0; 200_000],
        [&base[..30_000], &[0; 100_000], &base[130_000..]].concat(),
    ]
}

#[test]
fn every_version_replaces_every_other() {
    for options in [
        "-a",
        "-a --inplace",
        "-a --whole-file",
        "-aS",
        "-a --inplace -S",
        "-a -B 700",
        "-z -a",
    ] {
        for place in places() {
            let versions = versions();
            for (number, version) in versions.iter().enumerate() {
                place.write(format!("f{number}"), version);
            }
            for turn in 1..versions.len() {
                for number in 0..versions.len() {
                    place.write_dest(
                        format!("f{number}"),
                        &versions[(number + turn) % versions.len()],
                    );
                }
                place.in_dest("touch -d @5 f*");
                place.sync(options).done();
                for (number, version) in versions.iter().enumerate() {
                    let found = place.read_dest(&format!("f{number}"));
                    assert!(found == *version, "{options}: f{number} in turn {turn}");
                }
            }
        }
    }
}

#[test]
fn in_place_the_file_stays_the_same_and_otherwise_not() {
    for place in places() {
        place.write("f", noise(100_000));
        place.write("small", "new");
        place.write_dest("f", noise(90_000));
        place.write_dest("small", "older");
        let before = (inode(&place, "f"), inode(&place, "small"));
        place.sync("-a --inplace").done();
        assert_eq!((inode(&place, "f"), inode(&place, "small")), before);
        place.in_source("touch f; echo changed > small");
        place.sync("-a").done();
        assert_ne!(inode(&place, "f"), before.0);
        assert_ne!(inode(&place, "small"), before.1);
    }
}

#[test]
fn appending_sends_what_is_missing_and_verifies_the_rest() {
    if lacks(&["rsync"]) {
        return;
    }
    for options in ["--append", "--append-verify"] {
        for place in places() {
            let content = noise(3_000_000);
            place.write("grown", &content);
            place.write_dest("grown", &content[..2_000_000]);
            place.write("other", &content);
            place.write_dest("other", noise(100_000));
            let before = inode(&place, "grown");
            let run = place.sync(&format!("-a {options} --stats")).done();
            assert_nothing_to_do(&place, "-ac");
            assert_eq!(inode(&place, "grown"), before);
            let literal = run
                .out
                .lines()
                .find_map(|line| line.strip_prefix("Literal data: "))
                .unwrap();
            let literal: u64 = literal
                .split(' ')
                .next()
                .unwrap()
                .replace(',', "")
                .parse()
                .unwrap();
            assert!(literal >= 1_000_000, "{literal}");
            assert!(literal < 7_500_000, "{literal}");
        }
    }
}

#[test]
fn appending_leaves_alone_what_is_as_long_or_longer() {
    if lacks(&["rsync"]) {
        return;
    }
    for options in ["--append", "--append-verify"] {
        for place in places() {
            place.in_source("echo 1234 > same; echo 12 > longer; echo 123456 > shorter; echo new > new; touch -d @5 *");
            place.in_dest_made(
                "echo abcd > same; echo abcdef > longer; printf 123 > shorter; touch -d @7 *",
            );
            assert_does_as_rsync(
                &place,
                &format!("-a {options}"),
                &format!("-rlptgo {options}"),
            );
        }
    }
}

/// Starts a slow run of one large file and ends it when some of it has arrived.
fn interrupt(place: &Place, options: &str) {
    let mut run = place
        .command(&format!("{options} --bwlimit=2M --no-compress"), "s/", "d")
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let arrived = || {
        let entries = fs::read_dir(place.dest()).into_iter().flatten().flatten();
        entries
            .map(|entry| entry.metadata().map_or(0, |found| found.len()))
            .max()
    };
    while arrived().unwrap_or(0) < 600_000 {
        assert!(run.try_wait().unwrap().is_none(), "it ended too early");
        thread::sleep(Duration::from_millis(5));
    }
    let pid = rustix::process::Pid::from_child(&run);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(run.wait().unwrap().code(), Some(20));
}

fn is_ended_at_once(place: &Place) -> bool {
    place.way.verb == Verb::Push && place.way.agent == Agent::Own
}

/// Waits until an agent that was left alone has put its things away.
fn wait_for(what: impl Fn() -> bool) -> bool {
    (0..500).any(|_| {
        thread::sleep(Duration::from_millis(10));
        what()
    })
}

#[test]
fn an_interrupted_run_leaves_nothing_and_keeps_the_old_version() {
    for place in places() {
        place.write("large", noise(4_000_000));
        place.write_dest("large", "old");
        interrupt(&place, "-a");
        let names = || fs::read_dir(place.dest()).unwrap().count();
        // A receiver on this machine is ended with its client; the next run cleans up for it.
        if !is_ended_at_once(&place) {
            assert!(wait_for(|| names() == 1), "{}", names());
        }
        assert_eq!(place.read_dest("large"), b"old");
        place.sync("-a").done();
        assert!(place.read_dest("large") == noise(4_000_000));
        assert_eq!(names(), 1);
    }
}

#[test]
fn what_arrived_of_an_interrupted_file_is_continued_with_partial() {
    for place in places().filter(|place| !is_ended_at_once(place)) {
        let content = noise(4_000_000);
        place.write("large", &content);
        interrupt(&place, "-a --partial");
        let kept = || fs::metadata(place.dest().join("large")).map_or(0, |found| found.len());
        assert!(wait_for(|| kept() >= 500_000), "{}", kept());
        let run = place.sync("-a --partial --stats").done();
        assert!(place.read_dest("large") == content);
        let matched = run
            .out
            .lines()
            .find_map(|line| line.strip_prefix("Matched data: "))
            .unwrap();
        assert_ne!(matched, "0 bytes");
    }
}
