//! The way to an agent takes its time, and sometimes there is none: what a client does meanwhile.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
mod common;

use std::fs;
use std::path::Path;

use common::{Recorder, content_of, deleting, streams, write};
use rsync_core::engine::{self, Care, Error, Line, Report, Settings};

/// Pulls the content of `from` into `to`, by `way`.
fn pull(from: &Path, to: &Path, way: &mut dyn FnMut() -> Option<Line>) -> Result<Report, Error> {
    let (options, settings) = (deleting(), Settings::default());
    let (monitor, care) = (Recorder::default(), Care::default());
    let source = content_of(from);
    engine::pull_by_way(
        way,
        source.as_bytes(),
        to,
        &options,
        &settings,
        &monitor,
        &care,
    )
}

/// A way to an agent that serves `from`.
fn to_an_agent(from: &Path) -> Line {
    let (stream, served) = streams();
    std::thread::spawn(move || engine::serve(served, &Settings::default()));
    Line {
        stream,
        path: content_of(from).as_bytes().to_vec(),
        opening: None,
    }
}

#[test]
fn a_destination_belongs_to_the_run_while_it_goes_its_way_and_is_given_back_where_that_ends() {
    let place = tempfile::tempdir().unwrap();
    let (from, to) = (place.path().join("from"), place.path().join("to"));
    write(from.join("new"), b"new");
    write(to.join("old"), b"old");

    let mut seconds = Vec::new();
    let first = pull(&from, &to, &mut || {
        seconds.push(pull(&from, &to, &mut || panic!("it went its way")));
        None
    });
    assert!(matches!(first, Err(Error::Unreached)), "{first:?}");
    assert!(matches!(seconds[..], [Err(Error::DestinationBusy { .. })]));
    assert_eq!(fs::read(to.join("old")).unwrap(), b"old");

    pull(&from, &to, &mut || Some(to_an_agent(&from))).unwrap();
    assert_eq!(fs::read(to.join("new")).unwrap(), b"new");
    assert!(!to.join("old").exists());
}

#[test]
fn a_missing_destination_is_not_made_on_the_way() {
    let place = tempfile::tempdir().unwrap();
    let (from, to) = (place.path().join("from"), place.path().join("to"));
    write(from.join("new"), b"new");
    let nowhere = pull(&from, &to, &mut || {
        assert!(!to.exists());
        None
    });
    assert!(matches!(nowhere, Err(Error::Unreached)));
    assert!(!to.exists());
    pull(&from, &to, &mut || Some(to_an_agent(&from))).unwrap();
    assert_eq!(fs::read(to.join("new")).unwrap(), b"new");
}

#[test]
fn what_the_path_is_called_at_the_end_of_the_way_is_what_is_pulled() {
    let place = tempfile::tempdir().unwrap();
    let (from, to) = (place.path().join("from"), place.path().join("to"));
    write(from.join("new"), b"new");
    write(to.join("old"), b"old");
    pull(Path::new("/nonexistent"), &to, &mut || {
        Some(to_an_agent(&from))
    })
    .unwrap();
    assert_eq!(fs::read(to.join("new")).unwrap(), b"new");
}
