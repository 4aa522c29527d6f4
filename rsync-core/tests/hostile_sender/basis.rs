//! An old version that is changed while a new one is made of it: no mixture passes for the new one.

use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rsync_core::checksum::{BlockKey, Digest};
use rsync_core::delta::{DeltaHasher, Shape};
use rsync_core::engine::{self, Settings};
use rsync_core::entry::Kind;
use rsync_core::monitor::{Event, Monitor};
use rsync_core::options::Options;
use rsync_core::wire::hello::Features;
use rsync_core::wire::message::*;

use crate::common::{Recorder, streams, write};
use crate::hostile::{
    Attack, Outcome, Place, Sender, entry, pull_path_as, sender, within_patience, without_digests,
};

const BLOCK_LEN: usize = 4096;
const LEN: usize = 5 * BLOCK_LEN + 500;

fn old() -> Vec<u8> {
    let mut content = vec![0; LEN];
    blake3::Hasher::new().finalize_xof().fill(&mut content);
    content
}

/// The old version where `byte` stands `len` times from `start` on.
fn overwritten(start: usize, len: usize, byte: u8) -> Vec<u8> {
    let mut content = old();
    content[start..start + len].fill(byte);
    content
}

fn literal(bytes: &[u8]) -> DataOp {
    DataOp::Literal(bytes.to_vec())
}

fn copy(offset: usize, len: usize) -> DataOp {
    DataOp::Copy {
        offset: offset as u64,
        len: len as u64,
    }
}

fn of_deltas() -> Settings {
    Settings {
        features: without_digests().features.with(Features::DIGESTS_OF_DELTAS),
        ..Settings::default()
    }
}

/// Disturbs a file once so many pieces of its new version were applied, before the next one is.
struct Disturber<'a> {
    recorder: &'a Recorder,
    applied: AtomicU32,
    after: u32,
    file: PathBuf,
}

impl Monitor for Disturber<'_> {
    fn event(&self, event: &Event<'_>) {
        self.recorder.event(event);
        if let Event::Progress { bytes: 1.., .. } = event
            && self.applied.fetch_add(1, Ordering::Relaxed) + 1 == self.after
        {
            disturb(&self.file);
        }
    }
}

/// Pulls `new` over the old version from a sender that gives it as `ops`, and whole if it is asked
/// once more; the old version is disturbed once `disturbed` of them were applied. Says how often the
/// sender was asked.
fn pull_as(
    options: &Options,
    place: &Place,
    new: Vec<u8>,
    ops: Vec<DataOp>,
    disturbed: Option<u32>,
) -> (Outcome, u32) {
    let file = place.path("d/old");
    write(&file, &old());
    // A file that was written to just now is read twice whatever else is known of it.
    std::thread::sleep(Duration::from_millis(100));
    let asked = Arc::new(AtomicU32::new(0));
    let (counted, disturbed_first) = (Arc::clone(&asked), file.clone());
    let (here, there) = streams();
    let peer = sender(of_deltas(), move |sender| {
        sender.open()?;
        let size = new.len() as u64;
        sender.list("", vec![entry("old", Kind::File { size })])?;
        sender.listed()?;
        sender.serve(|sender, file, how| match Shape::wanted(how) {
            Ok(Some(shape)) if counted.fetch_add(1, Ordering::Relaxed) == 0 => {
                signed(sender, shape)?;
                if disturbed == Some(0) {
                    disturb(&disturbed_first);
                }
                let digest = digest_of(&ops, &sender.ends.agreed.block_key(), shape);
                sender.streamed(file, size, ops.clone(), digest)
            }
            _ => sender.file(file, &new),
        })
    });
    peer(there);
    let (options, destination) = (options.clone(), place.path("d"));
    let outcome = within_patience(move |recorder| {
        let disturber = Disturber {
            recorder,
            applied: AtomicU32::new(0),
            after: disturbed.unwrap_or(0),
            file,
        };
        let settings = Settings::default();
        engine::pull(
            here,
            b"/src/",
            &destination,
            &options,
            &settings,
            &disturber,
        )
    });
    (outcome, asked.load(Ordering::Relaxed))
}

/// The digest of a delta against the old version, of which every block counts that is touched.
fn digest_of(ops: &[DataOp], key: &BlockKey, shape: Shape) -> Digest {
    let mut hasher = DeltaHasher::new(key, shape);
    for op in ops {
        match op {
            DataOp::Literal(bytes) => hasher.literal(bytes),
            DataOp::Copy { offset, len } => {
                let (first, end) = (*offset as usize / BLOCK_LEN, (*offset + *len) as usize);
                let blocks = first..end.div_ceil(BLOCK_LEN);
                for block in old().chunks(BLOCK_LEN).take(blocks.end).skip(blocks.start) {
                    hasher.block_of(block);
                }
                hasher.copied(*offset, *len);
            }
            DataOp::Zeros(len) => hasher.zeros(*len),
        }
    }
    hasher.digest()
}

/// Waits for a signature.
fn signed(sender: &mut Sender, shape: Shape) -> Attack {
    assert_eq!(shape.block_len() as usize, BLOCK_LEN);
    let mut signed = 0;
    while signed < shape.signature_len() {
        if let FromReceiver::Signature { sums, .. } = sender.ends.inbox.recv()? {
            signed += sums.len() as u64;
        }
    }
    Ok(())
}

/// Somebody overwrites the fourth block of a file, and it is as long as it was.
fn disturb(file: &Path) {
    let file = std::fs::File::options().write(true).open(file).unwrap();
    file.write_all_at(b"disturbed", 3 * BLOCK_LEN as u64 + 7)
        .unwrap();
}

fn in_place() -> Options {
    let mut options = Options::default();
    options.write.in_place = true;
    options
}

#[test]
fn whatever_a_delta_is_made_of_both_ends_take_the_same_digest_of_it() {
    let (old, b) = (old(), BLOCK_LEN);
    let deltas = [
        vec![copy(0, LEN)],
        vec![copy(0, b), literal(&[7; 4096]), copy(2 * b, LEN - 2 * b)],
        vec![copy(b, 2 * b), copy(0, b), copy(5 * b, 500)],
        vec![literal(b"shifted"), copy(0, LEN)],
        vec![copy(0, 3 * b), copy(3 * b, 2 * b + 500), literal(b"end")],
        vec![copy(0, b), DataOp::Zeros(3 * b as u64 + 1), copy(4 * b, b)],
    ];
    for ops in deltas {
        for options in [Options::default(), in_place()] {
            let mut new = Vec::new();
            let mut can_be_in_place = true;
            for op in &ops {
                match op {
                    DataOp::Literal(bytes) => new.extend_from_slice(bytes),
                    DataOp::Zeros(len) => new.resize(new.len() + *len as usize, 0),
                    DataOp::Copy { offset, len } => {
                        let (offset, len) = (*offset as usize, *len as usize);
                        can_be_in_place &= offset >= new.len();
                        new.extend_from_slice(&old[offset..offset + len]);
                    }
                }
            }
            if options.write.in_place && !can_be_in_place {
                continue;
            }
            let place = Place::new();
            let (outcome, asked) = pull_as(&options, &place, new.clone(), ops.clone(), None);
            assert!(outcome.report().receipt.is_complete());
            assert_eq!(asked, 1);
            assert!(std::fs::read(place.path("d/old")).unwrap() == new);
        }
    }
}

#[test]
fn x3_a_copy_of_half_a_block_is_not_taken() {
    let b = BLOCK_LEN;
    for half in [copy(100, b), copy(0, b + 100), copy(5 * b, 499)] {
        let place = Place::new();
        let DataOp::Copy { offset, len } = half else {
            unreachable!()
        };
        let end = offset + len;
        let new = [&old()[..], &old()[offset as usize..end as usize]].concat();
        let ops = vec![copy(0, LEN), half];
        let (outcome, asked) = pull_as(&Options::default(), &place, new.clone(), ops, None);
        assert!(outcome.report().receipt.is_complete());
        assert_eq!(asked, 2);
        assert!(std::fs::read(place.path("d/old")).unwrap() == new);
    }
}

#[test]
fn m6_an_old_version_that_is_changed_once_it_is_signed_is_not_built_on() {
    let new = overwritten(BLOCK_LEN, BLOCK_LEN, 7);
    let (head, tail) = (copy(0, BLOCK_LEN), copy(2 * BLOCK_LEN, LEN - 2 * BLOCK_LEN));
    let changed = literal(&[7; BLOCK_LEN]);
    for options in [Options::default(), in_place()] {
        for disturbed in 0..3 {
            let place = Place::new();
            let ops = vec![head.clone(), changed.clone(), tail.clone()];
            let (outcome, asked) = pull_as(&options, &place, new.clone(), ops, Some(disturbed));
            assert!(outcome.report().receipt.is_complete());
            assert_eq!(asked, 2, "{disturbed}, {}", options.write.in_place);
            assert!(std::fs::read(place.path("d/old")).unwrap() == new);
        }
    }
}

#[test]
fn m6_a_plain_digest_is_not_taken_for_that_of_a_delta() {
    let (place, settings) = (Place::new(), of_deltas());
    write(place.path("d/old"), &old());
    let outcome = pull_path_as(&place, "/src/", &Options::default(), settings, |sender| {
        sender.open()?;
        let size = LEN as u64;
        sender.list("", vec![entry("old", Kind::File { size })])?;
        sender.listed()?;
        sender.serve(|sender, file, _| {
            let digest = Digest::of(&overwritten(0, LEN, 7));
            sender.streamed(file, size, [literal(&[7; LEN])], digest)
        })
    });
    // The last time it is asked for whole, of which the digest is plain.
    assert!(outcome.report().receipt.is_complete());
    assert!(std::fs::read(place.path("d/old")).unwrap() == [7; LEN]);
}
