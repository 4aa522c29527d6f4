//! Senders that lie about files that grew.

use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rsync_core::checksum::{BlockKey, Digest};
use rsync_core::delta::{DeltaHasher, Shape};
use rsync_core::engine::Settings;
use rsync_core::entry::Kind;
use rsync_core::options::Options;
use rsync_core::wire::hello::Features;
use rsync_core::wire::message::*;

use crate::common::write;
use crate::hostile::{Attack, Outcome, Place, Sender, entry, pull_path_as, without_digests};

const OLD_LEN: usize = 4 << 20;
const NEW: &[u8] = b"and what is new";

fn old() -> Vec<u8> {
    (0..OLD_LEN as u64)
        .map(|at| ((at * at) >> 9) as u8)
        .collect()
}

fn grown() -> Vec<u8> {
    [&old()[..], NEW].concat()
}

fn settings() -> Settings {
    let features = without_digests().features;
    Settings {
        features: features
            .with(Features::DIGESTS_OF_DELTAS)
            .with(Features::LENGTHENED),
        ..Settings::default()
    }
}

/// Pulls over the old version from a sender that lists the file as grown, and answers as it likes.
fn pull(
    place: &Place,
    mut answer: impl FnMut(&mut Sender, FileId, How) -> Attack + Send + 'static,
) -> Outcome {
    write(place.path("d/old"), &old());
    // A file that was written to just now is read twice whatever else is known of it.
    std::thread::sleep(Duration::from_millis(100));
    pull_path_as(
        place,
        "/src/",
        &Options::default(),
        settings(),
        move |sender| {
            sender.open()?;
            let size = grown().len() as u64;
            sender.list("", vec![entry("old", Kind::File { size })])?;
            sender.listed()?;
            sender.serve(&mut answer)
        },
    )
}

fn not_lengthened(sender: &Sender, file: FileId) -> Attack {
    sender.say(FromSender::NotLengthened { file })
}

/// Sends the new version without a delta.
fn whole(sender: &mut Sender, file: FileId) -> Attack {
    let new = grown();
    let pieces = new
        .chunks(256 << 10)
        .map(|piece| DataOp::Literal(piece.to_vec()));
    sender.streamed(file, new.len() as u64, pieces, Digest::of(&new))
}

/// The old version and then `tail`, as a delta, and its digest.
fn lengthened(key: &BlockKey, shape: Shape, tail: &[u8]) -> (Vec<DataOp>, Digest) {
    let mut hasher = DeltaHasher::new(key, shape);
    let len = OLD_LEN as u64;
    let blocks = old();
    let blocks = blocks.chunks(shape.block_len() as usize);
    blocks.for_each(|block| hasher.block_of(block));
    hasher.copied(0, len);
    hasher.literal(tail);
    let ops = vec![
        DataOp::Copy { offset: 0, len },
        DataOp::Literal(tail.to_vec()),
    ];
    (ops, hasher.digest())
}

/// The shape of what was asked for as a file that may have grown.
fn asked(how: How) -> Option<Shape> {
    let is_lengthened = matches!(how, How::Lengthened(_));
    is_lengthened.then(|| Shape::wanted(how).unwrap().unwrap())
}

/// Waits for all sums of ranges.
fn wait_for_sums(sender: &mut Sender, shape: Shape) -> Attack {
    let mut sums = 0;
    while sums < shape.range_sums_len() {
        if let FromReceiver::Signature { sums: more, .. } = sender.ends.inbox.recv()? {
            sums += more.len() as u64;
        }
    }
    Ok(())
}

#[test]
fn x4_what_was_not_asked_for_as_grown_is_not_denied_to_have_grown() {
    for denied_first in [false, true] {
        let place = Place::new();
        let outcome = pull(&place, move |sender, file, how| {
            if asked(how).is_some() && !denied_first {
                return whole(sender, file).and_then(|()| not_lengthened(sender, file));
            }
            // The second time it is wanted as an ordinary delta.
            not_lengthened(sender, file)
        });
        assert!(outcome.error().contains("came unasked"));
        assert!(place.path("d/old").exists());
    }
}

#[test]
fn m6_what_came_of_a_file_that_did_not_just_grow_is_void() {
    for pieces in 0..4 {
        let place = Place::new();
        let outcome = pull(&place, move |sender, file, how| {
            let Some(shape) = asked(how) else {
                return whole(sender, file);
            };
            let (mut ops, _) = lengthened(&sender.ends.agreed.block_key(), shape, b"void");
            ops.push(DataOp::Zeros(1));
            let begin = FromSender::Begin {
                file,
                seen: crate::hostile::seen(grown().len() as u64),
            };
            sender.say(begin)?;
            for op in ops.into_iter().take(pieces) {
                sender.say(FromSender::Data { file, op })?;
            }
            not_lengthened(sender, file)
        });
        assert!(outcome.report().receipt.is_complete());
        assert!(std::fs::read(place.path("d/old")).unwrap() == grown());
        place.assert_no_temporaries();
    }
}

#[test]
fn m6_a_file_that_is_said_to_have_grown_is_proven_like_any_other() {
    for is_changed in [false, true] {
        let place = Place::new();
        let file = place.path("d/old");
        let lied = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&lied);
        let outcome = pull(&place, move |sender, id, how| {
            let Some(shape) = asked(how) else {
                return whole(sender, id);
            };
            counted.fetch_add(1, Ordering::Relaxed);
            wait_for_sums(sender, shape)?;
            let key = sender.ends.agreed.block_key();
            let (mut ops, digest) = lengthened(&key, shape, NEW);
            if is_changed {
                // Somebody changes the old version once it is signed.
                let file = std::fs::File::options().write(true).open(&file).unwrap();
                file.write_all_at(b"changed", 70_000).unwrap();
            } else {
                ops[1] = DataOp::Literal(vec![7; NEW.len()]);
            }
            sender.streamed(id, grown().len() as u64, ops, digest)
        });
        assert!(outcome.report().receipt.is_complete());
        assert_eq!(lied.load(Ordering::Relaxed), 1);
        assert!(std::fs::read(place.path("d/old")).unwrap() == grown());
    }
}

#[test]
fn a_run_that_ends_inside_the_sums_of_ranges_lets_nobody_wait() {
    let place = Place::new();
    let outcome = pull(&place, |sender, _, _| {
        sender.ends.outbox.abort(12, "that is all");
        sender.wait_for_the_end()
    });
    assert!(outcome.error().contains("that is all"));
    place.assert_no_temporaries();
}
