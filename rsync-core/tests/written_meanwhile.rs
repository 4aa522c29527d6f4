//! Files that are written to while they are read: they are read again, a log that only grows comes as
//! it was when it was opened, and never a mixture of two versions.

#![allow(clippy::unwrap_used, reason = "tests")]
mod common;

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use common::{content_of, noise, streams, write};
use rsync_core::engine::{self, Report, Settings};
use rsync_core::monitor::{Event, Monitor};
use rsync_core::options::Options;

const MIB: usize = 1 << 20;

/// What happens to the source.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    Appended,
    Overwritten,
    Both,
    Truncated,
}

/// Changes a file of the source when a piece of it arrives, so often: when the first does, much more
/// than can be on its way is not read.
struct Writer {
    file: PathBuf,
    change: Change,
    times: u32,
    done: AtomicU32,
}

impl Monitor for Writer {
    fn event(&self, event: &Event<'_>) {
        if !matches!(event, Event::Progress { bytes: 1.., .. }) {
            return;
        }
        let done = self.done.fetch_add(1, Ordering::Relaxed);
        if done >= self.times {
            return;
        }
        let change = self.change;
        if matches!(change, Change::Overwritten | Change::Both) {
            let file = File::options().write(true).open(&self.file).unwrap();
            file.write_all_at(format!("overwritten {done}").as_bytes(), 100)
                .unwrap();
        }
        if matches!(change, Change::Appended | Change::Both) {
            let mut file = File::options().append(true).open(&self.file).unwrap();
            file.write_all(b"and one more line\n").unwrap();
        }
        if change == Change::Truncated {
            let file = File::options().write(true).open(&self.file).unwrap();
            file.set_len(1000).unwrap();
        }
    }
}

/// Pulls a file that is changed meanwhile.
fn pull(place: &Path, change: Change, times: u32) -> Report {
    let (from, to) = (place.join("from"), place.join("to"));
    let writer = Writer {
        file: from.join("log"),
        change,
        times,
        done: AtomicU32::new(0),
    };
    let (stream, served) = streams();
    let agent = std::thread::spawn(move || engine::serve(served, &Settings::default()));
    let (options, settings) = (Options::default(), Settings::default());
    let source = content_of(&from);
    let report = engine::pull(stream, source.as_bytes(), &to, &options, &settings, &writer);
    agent.join().unwrap().unwrap();
    assert!(writer.done.load(Ordering::Relaxed) > 0);
    report.unwrap()
}

/// What the destination has before: nothing, what the new version begins with, or something else.
fn olds() -> [Option<Vec<u8>>; 3] {
    [None, Some(noise(8 * MIB, 1)), Some(noise(8 * MIB, 3))]
}

fn new() -> Vec<u8> {
    [noise(8 * MIB, 1), noise(32 * MIB, 2)].concat()
}

/// A source that holds the new version, at rest, and a destination that holds `old`.
fn place(old: Option<&[u8]>) -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    let earlier = SystemTime::now() - Duration::from_secs(60);
    let put = |path: PathBuf, content: &[u8], time| {
        write(&path, content);
        let file = File::options().write(true).open(path).unwrap();
        file.set_modified(time).unwrap();
    };
    put(place.path().join("from/log"), &new(), earlier);
    if let Some(old) = old {
        let time = earlier - Duration::from_secs(60);
        put(place.path().join("to/log"), old, time);
    }
    // A file of which the time of change is now is not at rest.
    std::thread::sleep(Duration::from_millis(100));
    place
}

/// How many entries of the destination are not the file.
fn left_over(place: &Path) -> usize {
    let entries = std::fs::read_dir(place.join("to")).unwrap();
    entries
        .filter(|entry| entry.as_ref().unwrap().file_name() != "log")
        .count()
}

fn read(path: PathBuf) -> Vec<u8> {
    std::fs::read(path).unwrap()
}

#[test]
fn what_changes_once_while_it_is_read_is_read_again() {
    let changes = [
        Change::Appended,
        Change::Overwritten,
        Change::Both,
        Change::Truncated,
    ];
    for change in changes {
        for old in olds() {
            let place = place(old.as_deref());
            let report = pull(place.path(), change, 1);
            assert!(report.receipt.is_complete());
            let source = read(place.path().join("from/log"));
            assert!(source != new());
            assert!(read(place.path().join("to/log")) == source);
            assert_eq!(left_over(place.path()), 0);
        }
    }
}

#[test]
fn a_log_that_is_written_to_all_the_time_comes_as_it_was_when_it_was_opened() {
    for old in olds() {
        let place = place(old.as_deref());
        let report = pull(place.path(), Change::Appended, u32::MAX);
        assert!(report.receipt.is_complete());
        let (from, to) = (place.path().join("from"), place.path().join("to"));
        let (source, arrived) = (read(from.join("log")), read(to.join("log")));
        assert!(arrived.len() > new().len() && arrived.len() < source.len());
        assert!(source.starts_with(&arrived));
        // What arrived while it changed does not come again.
        assert!(report.receipt.literal_bytes < (new().len() + 4 * MIB) as u64);
        assert_eq!(left_over(place.path()), 0);
        // It is not what it has become: the next run brings the rest.
        let report = common::pull(&from, &to, &Options::default());
        assert_eq!(report.receipt.files_transferred, 1);
        assert!(read(to.join("log")) == source);
    }
}

#[test]
fn what_is_overwritten_all_the_time_does_not_come_and_is_no_success() {
    for change in [Change::Overwritten, Change::Both] {
        for old in olds() {
            let place = place(old.as_deref());
            let report = pull(place.path(), change, u32::MAX);
            assert!(!report.receipt.is_complete());
            assert_eq!(report.receipt.vanished, 1);
            let log = place.path().join("to/log");
            assert!(std::fs::read(log).ok() == old);
            assert_eq!(left_over(place.path()), 0);
        }
    }
}
