//! Signature, matching and patch together make the new version out of the old one.

#![no_main]

use std::convert::Infallible;
use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use rsync_core::checksum::{BlockKey, Digest};
use rsync_core::delta::{Matcher, Patch, Rebuild, Shape, Table, sign};
use rsync_core::wire::message::DataOp;

#[derive(Debug, arbitrary::Arbitrary)]
struct Input {
    seed: Vec<u8>,
    stretch: u8,
    edits: Vec<Edit>,
}

#[derive(Debug, arbitrary::Arbitrary)]
enum Edit {
    Insert(u16, Vec<u8>),
    Remove(u16, u16),
    Move(u16, u16),
    Repeat(u16, u16, u8),
    Zeros(u16, u16),
}

fuzz_target!(|input: Input| {
    let old = input.seed.repeat(usize::from(input.stretch) + 1);
    let mut new = old.clone();
    for edit in input.edits.iter().take(16) {
        change(&mut new, edit);
        new.truncate(1 << 18);
    }

    let key = BlockKey::derive(&[5; 16], &[6; 16]);
    let shape = Shape::new(old.len() as u64, 512).expect("a small file");
    let mut table = Table::new(shape);
    sign(&old[..], shape, &key, |sums| {
        table.extend(sums).expect("sums made here");
        Ok::<(), Infallible>(())
    })
    .expect("a basis in memory");

    let mut ops = Vec::new();
    let matched = Matcher::new()
        .delta(&new[..], shape, &key, &mut &table, |op| {
            ops.push(DataOp::from(op));
            Ok::<(), Infallible>(())
        })
        .expect("a source in memory");

    let rebuild = Rebuild::new(Cursor::new(&old), Vec::new());
    let mut patch = Patch::new(rebuild, old.len() as u64, new.len() as u64);
    for op in &ops {
        patch.apply(op.into()).expect("an op made here");
    }
    let (rebuild, _) = patch.finish();
    let (rebuilt, digest) = rebuild.finish();
    assert!(rebuilt == new);
    assert_eq!(digest, Digest::of(&new));
    assert_eq!(matched.digest, digest);
    if new == old {
        assert_eq!(
            matched.literal_bytes, 0,
            "what did not change does not travel"
        );
    }
});

fn change(file: &mut Vec<u8>, edit: &Edit) {
    let len = file.len();
    let at = |position: u16| usize::from(position).min(len);
    let range = |start: u16, count: u16| at(start)..(at(start) + usize::from(count)).min(len);
    match edit {
        Edit::Insert(position, bytes) => {
            let position = at(*position);
            file.splice(position..position, bytes.iter().copied());
        }
        Edit::Remove(start, count) => drop(file.drain(range(*start, *count))),
        Edit::Move(from, to) => {
            let tail = file.split_off(at(*from));
            let to = usize::from(*to).min(file.len());
            file.splice(to..to, tail);
        }
        Edit::Repeat(start, count, times) => {
            let piece = file[range(*start, *count)].repeat(usize::from(*times % 8));
            file.extend(piece);
        }
        Edit::Zeros(start, count) => file[range(*start, *count)].fill(0),
    }
}
