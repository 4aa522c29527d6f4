//! Ends of different ages: whatever the other end is too old for is left out, or refused where it
//! can not be left out.

#![allow(clippy::unwrap_used, reason = "tests")]
mod common;

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use common::{Recorder, content_of, deleting, snapshot, streams, write};
use rsync_core::engine::{self, Care, Error, Report, Settings};
use rsync_core::wire::hello::Features;

fn old() -> Settings {
    Settings {
        features: Features::LZ4,
        ..Settings::default()
    }
}

/// Pushes with a limit for deletions, or pulls, with these settings here and there.
fn run(push: bool, here: &Settings, there: Settings, care: &Care<'_>) -> Result<Report, Error> {
    let place = tempfile::tempdir().unwrap();
    let (from, to) = (place.path().join("from"), place.path().join("to"));
    write(from.join("new"), b"new");
    write(from.join("same/file"), b"same");
    write(to.join("gone"), b"gone");
    let (stream, served) = streams();
    let agent = std::thread::spawn(move || engine::serve(served, &there));
    let (options, monitor) = (deleting(), Recorder::default());
    let source = content_of(&from);
    let result = if push {
        let (source, to) = (Path::new(&source), to.as_os_str().as_bytes());
        engine::push_with_care(stream, source, to, &options, here, &monitor, care)
    } else {
        let source = source.as_bytes();
        engine::pull_with_care(stream, source, &to, &options, here, &monitor, care)
    };
    assert_eq!(result.is_ok(), agent.join().unwrap().is_ok());
    assert_eq!(to.join("gone").exists(), result.is_err());
    result
}

#[test]
fn two_ends_of_today_agree_on_the_digest_of_the_tree() {
    let (now, care) = (Settings::default(), Care::default());
    let pushed = run(true, &now, now.clone(), &care).unwrap();
    let pulled = run(false, &now, now.clone(), &care).unwrap();
    assert!(pushed.tree_digest.is_some() && pulled.tree_digest.is_some());
}

#[test]
fn an_end_without_digests_works_with_one_that_has_them_and_nothing_is_claimed() {
    let (now, care) = (Settings::default(), Care::default());
    for push in [true, false] {
        for (here, there) in [(now.clone(), old()), (old(), now.clone()), (old(), old())] {
            let report = run(push, &here, there, &care).unwrap();
            assert!(report.receipt.is_complete());
            assert_eq!(report.tree_digest, None);
        }
    }
}

#[test]
fn an_agent_that_can_not_hold_back_deletions_is_not_asked_to_delete() {
    let now = Settings::default();
    let cautious = Care {
        max_delete_percent: Some(50),
        ..Care::default()
    };
    let error = run(true, &now, old(), &cautious).unwrap_err();
    assert_eq!(error.code(), 2);
    assert!(run(true, &now, now.clone(), &cautious).is_ok());
}

/// Pulls `from` into `to`, which is the same afterwards, with these settings here and there.
fn pulled(from: &Path, to: &Path, here: &Settings, there: Settings) -> Report {
    let (stream, served) = streams();
    let agent = std::thread::spawn(move || engine::serve(served, &there));
    let (options, monitor) = (deleting(), Recorder::default());
    let source = content_of(from);
    let report = engine::pull(stream, source.as_bytes(), to, &options, here, &monitor).unwrap();
    agent.join().unwrap().unwrap();
    assert_eq!(snapshot(to), snapshot(from));
    report
}

#[test]
fn many_small_files_arrive_whatever_the_age_of_the_ends() {
    let now = Settings::default();
    let place = tempfile::tempdir().unwrap();
    let from = place.path().join("from");
    for number in 0..1200 {
        write(from.join(format!("empty/{number}")), b"");
    }
    for number in 0..40 {
        let content = vec![number; 1700 * usize::from(number)];
        write(from.join(format!("filled/{number}")), &content);
    }
    let mut received = Vec::new();
    for (number, (here, there)) in [
        (old(), old()),
        (old(), now.clone()),
        (now.clone(), old()),
        (now.clone(), now),
    ]
    .into_iter()
    .enumerate()
    {
        let to = place.path().join(number.to_string());
        let report = pulled(&from, &to, &here, there);
        received.push(report.traffic.received_unpacked);
    }
    assert!(
        received[3] + 30_000 < received[0],
        "a digest for each file: {received:?}"
    );
}

#[test]
fn ends_of_any_age_find_what_differs_in_a_wide_tree() {
    let outside = Settings {
        features: Features::TREES.with(Features::CAUTION),
        ..Settings::default()
    };
    let now = Settings::default();
    let ends = [(&now, &outside), (&outside, &now)];
    for (here, there) in ends {
        let place = tempfile::tempdir().unwrap();
        let (from, to) = (place.path().join("from"), place.path().join("to"));
        let file = |top: &Path, number: usize| top.join(format!("{number}/below/file"));
        for number in 0..1100 {
            write(file(&from, number), b"one");
            // All of some differ, and some are not there.
            if number % 7 != 0 {
                let content = if number % 2 == 0 { b"one" } else { b"two" };
                write(file(&to, number), content);
            }
        }
        let (stream, served) = streams();
        let there = there.clone();
        let agent = std::thread::spawn(move || engine::serve(served, &there));
        let (source, care) = (content_of(&from), Care::default());
        let options = rsync_core::options::Options {
            compare: rsync_core::options::Compare::Checksum,
            ..deleting()
        };
        let monitor = Recorder::default();
        let source = source.as_bytes();
        engine::pull_with_care(stream, source, &to, &options, here, &monitor, &care).unwrap();
        agent.join().unwrap().unwrap();
        assert_eq!(snapshot(&from), snapshot(&to));
    }
}

#[test]
fn what_is_made_of_an_old_version_is_proven_whatever_the_age_of_the_ends() {
    let now = Settings::default();
    for (here, there) in [
        (old(), old()),
        (old(), now.clone()),
        (now.clone(), old()),
        (now.clone(), now),
    ] {
        let place = tempfile::tempdir().unwrap();
        let (from, to) = (place.path().join("from"), place.path().join("to"));
        let mut content: Vec<u8> = (0..300_000u32)
            .map(|i| (i.wrapping_mul(i) >> 7) as u8)
            .collect();
        write(to.join("file"), &content);
        content[100_000] ^= 1;
        content.extend(b"and some more");
        write(from.join("file"), &content);
        let report = pulled(&from, &to, &here, there);
        assert!(report.receipt.matched_bytes > 280_000);
        assert!(report.receipt.literal_bytes < 20_000, "it came only once");
    }
}
