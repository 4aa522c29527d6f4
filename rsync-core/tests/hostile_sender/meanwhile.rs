//! What a user does at the destination after the run has looked at it: whatever is to be changed or
//! deleted is looked at again.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, SystemTime};

use rsync_core::engine::Report;
use rsync_core::entry::Entry;
use rsync_core::options::Options;
use rsync_core::wire::message::*;

use crate::common::{deleting, write};
use crate::hostile::{Place, dir, file, pull};

/// Pulls `listed`, and `evil` as the content of every file, while `meanwhile` happens to the
/// destination once that was looked at.
fn pull_while(
    place: &Place,
    options: &Options,
    listed: Vec<Entry>,
    meanwhile: fn(&Path),
) -> Report {
    let destination = place.path("d");
    let outcome = pull(place, options, move |sender| {
        sender.open()?;
        meanwhile(&destination);
        sender.list("", listed)?;
        sender.listed()?;
        sender.serve(|sender, file, how| match how {
            How::Digest => sender.say(FromSender::Digested {
                file,
                result: Err(FileFailure::Vanished),
            }),
            _ => sender.file(file, b"evil"),
        })
    });
    outcome.report()
}

fn set_time(path: &Path, secs: u64) {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(secs);
    File::options()
        .write(true)
        .open(path)
        .unwrap()
        .set_modified(time)
        .unwrap();
}

#[test]
fn a_file_that_becomes_newer_than_the_source_is_left_with_update() {
    let place = Place::new();
    set_time(&place.path("d/old"), 1);
    let mut options = Options::default();
    options.skip.newer = true;
    let report = pull_while(&place, &options, vec![dir("below"), file("old")], |at| {
        write(at.join("old"), b"newer");
        set_time(&at.join("old"), 2_000_000_000);
    });
    assert_eq!(place.read("d/old"), "newer");
    assert_eq!(report.receipt.files_transferred, 0);
}

#[test]
fn a_file_that_becomes_what_the_source_has_is_not_asked_for() {
    let place = Place::new();
    let report = pull_while(
        &place,
        &Options::default(),
        vec![dir("below"), file("old")],
        |at| {
            write(at.join("old"), b"good");
            set_time(&at.join("old"), 1_000_000_000);
        },
    );
    assert_eq!(place.read("d/old"), "good");
    assert_eq!(report.receipt.literal_bytes, 0);
}

#[test]
fn a_name_that_is_taken_by_now_counts_as_one_that_is_there() {
    let place = Place::new();
    let mut options = Options::default();
    options.skip.existing = true;
    pull_while(&place, &options, vec![dir("below"), file("new")], |at| {
        write(at.join("new"), b"mine");
    });
    assert_eq!(place.read("d/new"), "mine");
}

#[test]
fn a_file_that_is_gone_by_now_is_new() {
    let place = Place::new();
    let mut options = Options::default();
    options.skip.existing = true;
    pull_while(&place, &options, vec![dir("below"), file("old")], |at| {
        std::fs::remove_file(at.join("old")).unwrap();
    });
    assert_eq!(place.read("d/old"), "evil");
}

#[test]
fn what_is_gone_by_now_does_not_count_as_deleted() {
    let place = Place::new();
    let report = pull_while(&place, &deleting(), vec![dir("below")], |at| {
        std::fs::remove_file(at.join("old")).unwrap();
    });
    assert_eq!(report.receipt.deleted, 0);
    assert!(report.receipt.is_complete());
}
