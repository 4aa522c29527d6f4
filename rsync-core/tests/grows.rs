//! Files that grew: what is new travels, and next to nothing is said of what both ends have. A file that
//! did not just grow comes as if nobody had thought it did.

#![allow(clippy::unwrap_used, reason = "tests")]
mod common;

use std::fs::{File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use common::{Recorder, content_of, noise, pull, snapshot, streams, try_push, write};
use rsync_core::engine::{self, Report, Settings};
use rsync_core::options::Options;
use rsync_core::path::FileName;
use rsync_core::root::temporary_name_for;
use rsync_core::wire::hello::Features;

const MIB: usize = 1 << 20;
/// Bytes of the sums of all blocks of [`old`].
const BLOCK_SUMS: u64 = 4096 * 8;

fn old() -> Vec<u8> {
    noise(16 * MIB, 1)
}

fn grown(more: usize) -> Vec<u8> {
    [old(), noise(more, 2)].concat()
}

/// A source that holds `new` and a destination that holds the old version.
fn place(new: &[u8]) -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    write(place.path().join("from/log"), new);
    let log = place.path().join("to/log");
    write(&log, &old());
    let earlier = SystemTime::now() - Duration::from_secs(60);
    File::options()
        .write(true)
        .open(log)
        .unwrap()
        .set_modified(earlier)
        .unwrap();
    place
}

/// Pulls what is in `place`, which arrives.
fn pulled(place: &Path, options: &Options) -> Report {
    let (from, to) = (place.join("from"), place.join("to"));
    let report = pull(&from, &to, options);
    assert!(report.receipt.is_complete());
    assert_eq!(snapshot(&to), snapshot(&from));
    report
}

fn in_place() -> Options {
    let mut options = Options::default();
    options.write.in_place = true;
    options
}

#[test]
fn of_a_log_that_grew_only_the_end_travels_in_either_direction() {
    for more in [1, 5000, 3 * MIB] {
        for options in [Options::default(), in_place()] {
            let place = place(&grown(more));
            let report = pulled(place.path(), &options);
            assert_eq!(report.receipt.literal_bytes, more as u64);
            assert_eq!(report.receipt.matched_bytes, 16 * MIB as u64);
            let said = report.traffic.sent_unpacked;
            assert!(said < 1000, "{said} bytes of sums");
        }
        let place = place(&grown(more));
        let (from, to) = (place.path().join("from"), place.path().join("to"));
        let monitor = Recorder::default();
        let report = try_push(&content_of(&from), &to, &Options::default(), &monitor).unwrap();
        assert_eq!(report.receipt.literal_bytes, more as u64);
        assert_eq!(snapshot(&to), snapshot(&from));
    }
}

#[test]
fn what_arrived_of_a_file_before_a_run_was_cut_is_gone_on_from() {
    let place = tempfile::tempdir().unwrap();
    write(place.path().join("from/log"), &grown(MIB));
    let name = FileName::new(b"log").unwrap();
    let arrived = temporary_name_for(&name, b"arrived").to_string();
    let arrived = place.path().join("to").join(arrived);
    write(&arrived, &old());
    std::fs::set_permissions(&arrived, Permissions::from_mode(0o600)).unwrap();
    let report = pulled(place.path(), &Options::default());
    assert_eq!(report.receipt.literal_bytes, MIB as u64);
    let said = report.traffic.sent_unpacked;
    assert!(said < 1000, "{said} bytes of sums");
}

#[test]
fn what_grew_and_changed_elsewhere_too_is_found_block_by_block() {
    let inserted = |at: usize| {
        let mut new = old();
        new.splice(at..at, *b"inserted");
        new
    };
    let changed = |at: usize| {
        let mut new = grown(5000);
        new[at] ^= 1;
        new
    };
    let versions = [
        inserted(0),
        inserted(9 * MIB),
        inserted(16 * MIB - 1),
        changed(0),
        changed(5 * MIB),
        changed(12 * MIB - 1),
        changed(16 * MIB - 1),
    ];
    for (number, new) in versions.iter().enumerate() {
        for options in [Options::default(), in_place()] {
            let place = place(new);
            let report = pulled(place.path(), &options);
            let literal = report.receipt.literal_bytes;
            // In place, what has moved behind the position can not be copied any more.
            let is_small = options.write.in_place || literal < 20_000;
            assert!(is_small, "{number}: {literal} literal bytes");
            assert!(report.traffic.sent_unpacked >= BLOCK_SUMS, "{number}");
        }
    }
}

#[test]
fn what_became_shorter_or_stayed_as_long_is_not_asked_for_as_if_it_had_grown() {
    let mut overwritten = old();
    overwritten[MIB] ^= 1;
    for new in [overwritten, old()[..15 * MIB].to_vec()] {
        let place = place(&new);
        let report = pulled(place.path(), &Options::default());
        assert!(report.receipt.literal_bytes <= 4096);
        let said = report.traffic.sent_unpacked;
        assert!((BLOCK_SUMS..BLOCK_SUMS + 300).contains(&said), "{said}");
    }
}

#[test]
fn ends_of_which_one_does_not_know_of_it_compare_blocks() {
    let now = Settings::default();
    let before = Settings {
        features: Features::TREES
            .with(Features::SHORT_SUMS)
            .with(Features::DIGESTS_OF_DELTAS),
        ..Settings::default()
    };
    for (here, there) in [(&now, &before), (&before, &now)] {
        let place = place(&grown(5000));
        let (from, to) = (place.path().join("from"), place.path().join("to"));
        let (stream, served) = streams();
        let settings = there.clone();
        let agent = std::thread::spawn(move || engine::serve(served, &settings));
        let (options, monitor) = (Options::default(), Recorder::default());
        let source = content_of(&from);
        let report = engine::pull(stream, source.as_bytes(), &to, &options, here, &monitor);
        agent.join().unwrap().unwrap();
        let report = report.unwrap();
        assert_eq!(snapshot(&to), snapshot(&from));
        assert_eq!(report.receipt.literal_bytes, 5000);
        assert!(report.traffic.sent_unpacked >= BLOCK_SUMS);
    }
}

#[test]
fn many_files_that_grew_or_did_not_arrive_side_by_side() {
    let place = tempfile::tempdir().unwrap();
    let (from, to) = (place.path().join("from"), place.path().join("to"));
    let mut literal = 0;
    for number in 0..24_u8 {
        let before = noise(4 * MIB + usize::from(number) * 777, number);
        let mut after = before.clone();
        after.extend(noise(1000, 100));
        literal += 1000;
        if number % 3 == 0 {
            after[usize::from(number) * 100_000] ^= 1;
            literal += 2 * 4096;
        }
        write(from.join(number.to_string()), &after);
        write(to.join(number.to_string()), &before);
    }
    let report = pulled(place.path(), &Options::default());
    assert!(report.receipt.literal_bytes <= literal);
}
