//! What a receiver may ask for.

use std::os::unix::fs::symlink;

use rsync_core::engine::ConnectionError;
use rsync_core::options::{Compression, Options};
use rsync_core::path::FileName;
use rsync_core::wire::message::*;

use crate::common::write;
use crate::hostile::{Outcome, Place, ReceiverEnds, excluding, push};

/// The answer to the wish for `name` in the first directory that is listed.
fn answer(ends: &mut ReceiverEnds, name: &str) -> Result<FromSender, ConnectionError> {
    let file = FileId {
        dir: DirId(0),
        index: 0,
    };
    ends.outbox.send(&FromReceiver::Want {
        file,
        name: FileName::new(name.as_bytes()).unwrap(),
        how: How::Whole,
    })?;
    loop {
        let message = ends.inbox.recv()?;
        match message {
            FromSender::File { .. } | FromSender::Failed { .. } | FromSender::Begin { .. } => {
                return Ok(message);
            }
            _ => {}
        }
    }
}

/// Asks for every name in turn, when the directory was listed and `meanwhile` was done.
fn wish(
    place: &Place,
    options: &Options,
    names: &'static [&'static str],
    meanwhile: impl FnOnce() + Send + 'static,
) -> Vec<FromSender> {
    let (told, answers) = std::sync::mpsc::channel();
    let outcome = push(place, "s/", options, move |ends| {
        ends.inbox.recv()?;
        ends.outbox
            .send(&FromReceiver::Holdings(Holdings::Unknown))?;
        while !matches!(ends.inbox.recv()?, FromSender::Listing(_)) {}
        meanwhile();
        for name in names {
            told.send(answer(ends, name)?).unwrap();
        }
        ends.outbox.abort(12, "that is all");
        Err(ends.inbox.recv().unwrap_err())
    });
    outcome.error();
    answers.iter().collect()
}

fn source() -> Place {
    let place = Place::new();
    write(place.path("s/a"), b"listed");
    write(place.path("s/hidden"), b"secret");
    write(place.path("s/sub/deep"), b"listed");
    write(place.path("s/.ksyncd.0123456789abcdef.tmp"), b"secret");
    symlink("../outside/canary", place.path("s/link")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        place.path("s/pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    place
}

fn is_refused(message: &FromSender) -> bool {
    matches!(message, FromSender::Failed { .. })
}

#[test]
fn x2_only_regular_files_that_a_listing_shows_are_handed_out() {
    let place = source();
    let names = &[
        "hidden",
        "link",
        "pipe",
        "sub",
        "gone",
        ".ksyncd.0123456789abcdef.tmp",
    ];
    let answers = wish(&place, &excluding("hidden"), names, || ());
    assert_eq!(answers.len(), names.len());
    assert!(answers.iter().all(is_refused), "{answers:?}");
}

#[test]
fn what_is_listed_is_handed_out() {
    let answers = wish(&source(), &excluding("hidden"), &["a"], || ());
    assert!(
        matches!(&answers[..], [FromSender::File { content, .. }] if content == b"listed"),
        "{answers:?}"
    );
}

#[test]
fn x2_a_push_of_one_file_hands_out_that_file_only() {
    let place = source();
    let (told, answers) = std::sync::mpsc::channel();
    let outcome = push(&place, "s/a", &Options::default(), move |ends| {
        ends.inbox.recv()?;
        ends.outbox
            .send(&FromReceiver::Holdings(Holdings::Unknown))?;
        while !matches!(ends.inbox.recv()?, FromSender::Listing(_)) {}
        told.send(answer(ends, "hidden")?).unwrap();
        ends.outbox.abort(12, "that is all");
        Err(ends.inbox.recv().unwrap_err())
    });
    outcome.error();
    assert!(is_refused(&answers.recv().unwrap()));
}

#[test]
fn r6_a_file_swapped_for_a_link_after_it_was_listed_is_not_followed() {
    let place = source();
    let (file, target) = (place.path("s/a"), place.path("outside/canary"));
    let answers = wish(&place, &Options::default(), &["a"], move || {
        std::fs::remove_file(&file).unwrap();
        symlink(target, &file).unwrap();
    });
    assert!(answers.iter().all(is_refused), "{answers:?}");
}

#[test]
fn r6_a_directory_swapped_for_a_link_leads_nowhere_else() {
    let place = source();
    let (dir, target) = (place.path("s"), place.path("outside"));
    let answers = wish(&place, &Options::default(), &["canary"], move || {
        std::fs::rename(&dir, dir.with_extension("moved")).unwrap();
        symlink(target, &dir).unwrap();
    });
    assert!(answers.iter().all(is_refused), "{answers:?}");
}

fn flood(make: impl Fn(u32) -> FromReceiver + Send + 'static) -> Outcome {
    let place = source();
    // More than the receiver ever lets come.
    write(place.path("s/a"), &vec![1; 20 << 20]);
    let options = Options {
        compression: Compression::Off,
        ..Options::default()
    };
    push(&place, "s/", &options, move |ends| {
        ends.inbox.recv()?;
        ends.outbox
            .send(&FromReceiver::Holdings(Holdings::Unknown))?;
        while !matches!(ends.inbox.recv()?, FromSender::Listing(_)) {}
        // It takes no answers, so none of these can be dealt with for long.
        for number in 0..1_000_000 {
            ends.outbox.send(&make(number))?;
        }
        panic!("the sender takes everything")
    })
}

fn want(how: How) -> FromReceiver {
    FromReceiver::Want {
        file: FileId {
            dir: DirId(0),
            index: 0,
        },
        name: FileName::new(b"a").unwrap(),
        how,
    }
}

#[test]
fn x9_the_same_file_asked_for_a_million_times_ends_the_run() {
    let error = flood(|_| want(How::Whole)).error();
    assert!(error.contains("again and again"), "{error}");
}

#[test]
fn holdings_that_nobody_asked_for_end_the_run() {
    let error = flood(|_| FromReceiver::Holdings(Holdings::Digests(vec![7; 1000]))).error();
    assert!(error.contains("without being asked"), "{error}");
}

#[test]
fn x3_impossible_bases_are_refused() {
    for (len, block_len) in [
        (u64::MAX, 1),
        (u64::MAX, 1 << 20),
        (u64::MAX, u32::MAX),
        (1, 0),
        (1, 1),
    ] {
        let place = source();
        let outcome = push(&place, "s/", &Options::default(), move |ends| {
            ends.inbox.recv()?;
            ends.outbox
                .send(&FromReceiver::Holdings(Holdings::Unknown))?;
            while !matches!(ends.inbox.recv()?, FromSender::Listing(_)) {}
            let basis = Basis { len, block_len };
            ends.outbox.send(&want(How::Delta(basis)))?;
            loop {
                match ends.inbox.recv()? {
                    FromSender::Failed { failure, .. } => {
                        assert_eq!(failure, FileFailure::Refused);
                        ends.outbox.abort(12, "that is all");
                    }
                    FromSender::Begin { .. } => panic!("it is served"),
                    _ => {}
                }
            }
        });
        outcome.error();
    }
}

#[test]
fn x4_wishes_for_what_was_never_listed_end_the_run() {
    for (dir, index) in [(0, 1000), (1000, 0), (u32::MAX, u32::MAX)] {
        let place = source();
        let outcome = push(&place, "s/", &Options::default(), move |ends| {
            ends.inbox.recv()?;
            ends.outbox
                .send(&FromReceiver::Holdings(Holdings::Unknown))?;
            while !matches!(ends.inbox.recv()?, FromSender::Listing(_)) {}
            ends.outbox.send(&FromReceiver::Want {
                file: FileId {
                    dir: DirId(dir),
                    index,
                },
                name: FileName::new(b"a").unwrap(),
                how: How::Whole,
            })?;
            loop {
                ends.inbox.recv()?;
            }
        });
        assert!(outcome.error().contains("was not listed"));
    }
}

#[test]
fn a_receiver_that_takes_nothing_and_leaves_lets_nobody_wait() {
    let place = source();
    write(place.path("s/large"), &vec![1; 20 << 20]);
    let outcome = push(&place, "s/", &Options::default(), move |ends| {
        ends.inbox.recv()?;
        ends.outbox
            .send(&FromReceiver::Holdings(Holdings::Nothing))?;
        // By now the sender waits for credit, or it soon will.
        std::thread::sleep(std::time::Duration::from_millis(200));
        Err(ConnectionError::WrongRole)
    });
    outcome.error();
}
