//! What must hold of signature, matcher and patch for any two files.

#![allow(clippy::unwrap_used)]

use std::convert::Infallible;
use std::io::{self, Cursor, Read};

use proptest::prelude::*;
use rsync_core::checksum::{BlockKey, Digest};
use rsync_core::delta::{
    BlockSum, Effort, Matched, Matcher, Op, Patch, Patched, Rebuild, Shape, Sums, Table, sign,
};
use rsync_core::wire::limits::MAX_CONTENT_LEN;
use rsync_core::wire::message::DataOp;

fn key() -> BlockKey {
    BlockKey::derive(&[1; 16], &[2; 16])
}

/// Bytes without any structure, different for every seed.
fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new()
        .update(&seed.to_le_bytes())
        .finalize_xof()
        .fill(&mut bytes);
    bytes
}

fn signature(basis: &[u8], block_len: u32) -> Table {
    signature_of(basis, Shape::new(basis.len() as u64, block_len).unwrap())
}

fn signature_of(basis: &[u8], shape: Shape) -> Table {
    let mut table = Table::new(shape);
    sign(basis, shape, &key(), |sums| table.extend(sums)).unwrap();
    table
}

fn delta_with<S: Sums<Error = Infallible>>(
    shape: Shape,
    sums: &mut S,
    source: impl Read,
) -> (Vec<DataOp>, Matched) {
    let mut ops = Vec::new();
    let matched = Matcher::new()
        .delta(source, shape, &key(), sums, |op| {
            ops.push(op.into());
            Ok::<(), Infallible>(())
        })
        .unwrap();
    (ops, matched)
}

fn delta(basis: &[u8], source: &[u8], block_len: u32) -> (Vec<DataOp>, Matched) {
    let table = signature(basis, block_len);
    delta_with(table.shape(), &mut &table, source)
}

fn apply(basis: &[u8], ops: &[DataOp], len: u64) -> (Vec<u8>, Digest, Patched) {
    let rebuild = Rebuild::new(Cursor::new(basis), Vec::new());
    let mut patch = Patch::new(rebuild, basis.len() as u64, len);
    for op in ops {
        assert!(!matches!(op, DataOp::Literal(bytes) if bytes.len() > MAX_CONTENT_LEN));
        patch.apply(op.into()).unwrap();
    }
    let (rebuild, patched) = patch.finish();
    let (output, digest) = rebuild.finish();
    (output, digest, patched)
}

/// Matches, applies and compares everything that can be compared.
fn round_trip(basis: &[u8], source: &[u8], block_len: u32) -> Matched {
    let (ops, matched) = delta(basis, source, block_len);
    let short = Shape::new(basis.len() as u64, block_len).unwrap();
    let short = signature_of(basis, short.with_short_sums());
    assert_eq!(
        delta_with(short.shape(), &mut &short, source),
        (ops.clone(), matched),
        "short sums find something else"
    );
    let (output, digest, patched) = apply(basis, &ops, matched.len);
    assert!(output == source, "the file differs");
    assert_eq!(digest, matched.digest);
    assert_eq!(digest, Digest::of(source));
    assert_eq!(patched.len, matched.len);
    assert_eq!(patched.literal_bytes, matched.literal_bytes);
    assert_eq!(patched.matched_bytes, matched.matched_bytes);
    assert_eq!(patched.zero_bytes, matched.zero_bytes);
    matched
}

/// Literal bytes of the delta that fast_rsync makes with the same block length.
fn literal_bytes_of_fast_rsync(basis: &[u8], source: &[u8], block_size: u32) -> u64 {
    let options = fast_rsync::SignatureOptions {
        block_size,
        crypto_hash_size: 16,
    };
    let signature = fast_rsync::Signature::calculate(basis, options);
    let mut delta = Vec::new();
    fast_rsync::diff(&signature.index(), source, &mut delta).unwrap();

    // The format of librsync's rs_delta: big-endian commands after a magic of 4 bytes.
    let number = |bytes: &[u8]| bytes.iter().fold(0, |n, &byte| n << 8 | u64::from(byte));
    let (mut at, mut literal) = (4, 0);
    while delta[at] != 0 {
        let command = delta[at];
        at += 1;
        if let len @ 1..=0x40 = command {
            literal += u64::from(len);
            at += usize::from(len);
        } else if let 0x41..=0x44 = command {
            let width = 1 << (command - 0x41);
            let len = number(&delta[at..at + width]);
            literal += len;
            at += width + len as usize;
        } else {
            let widths = command - 0x45;
            at += (1 << (widths / 4)) + (1 << (widths % 4));
        }
    }
    literal
}

/// A change to a file. Positions are fractions of its length.
#[derive(Debug, Clone)]
enum Edit {
    Insert { at: f64, len: usize, seed: u64 },
    Delete { at: f64, len: usize },
    Overwrite { at: f64, len: usize, seed: u64 },
    Move { from: f64, to: f64, len: usize },
    Zero { at: f64, len: usize },
    Append { len: usize, seed: u64 },
    Truncate { at: f64 },
}

impl Edit {
    fn apply(&self, file: &mut Vec<u8>) {
        let place = |at: f64| (file.len() as f64 * at) as usize;
        let range = |at: f64, len: usize| place(at)..(place(at) + len).min(file.len());
        match *self {
            Self::Insert { at, len, seed } => {
                let at = place(at);
                file.splice(at..at, noise(len, seed));
            }
            Self::Delete { at, len } => {
                file.drain(range(at, len));
            }
            Self::Overwrite { at, len, seed } => {
                let range = range(at, len);
                let fresh = noise(range.len(), seed);
                file.splice(range, fresh);
            }
            Self::Move { from, to, len } => {
                let moved: Vec<u8> = file.drain(range(from, len)).collect();
                let to = (file.len() as f64 * to) as usize;
                file.splice(to..to, moved);
            }
            Self::Zero { at, len } => {
                let range = range(at, len);
                file[range].fill(0);
            }
            Self::Append { len, seed } => file.extend(noise(len, seed)),
            Self::Truncate { at } => file.truncate(place(at)),
        }
    }
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let at = || 0.0..1.0;
    // Seeds apart from those of the files: what is written is new.
    let seed = || 1_000_000u64..u64::MAX;
    let edit = prop_oneof![
        (at(), 1usize..3000, seed()).prop_map(|(at, len, seed)| Edit::Insert { at, len, seed }),
        (at(), 1usize..3000).prop_map(|(at, len)| Edit::Delete { at, len }),
        (at(), 1usize..6000, seed()).prop_map(|(at, len, seed)| Edit::Overwrite { at, len, seed }),
        (at(), at(), 4000usize..9000).prop_map(|(from, to, len)| Edit::Move { from, to, len }),
        (at(), 1usize..20_000).prop_map(|(at, len)| Edit::Zero { at, len }),
        (1usize..3000, seed()).prop_map(|(len, seed)| Edit::Append { len, seed }),
        at().prop_map(|at| Edit::Truncate { at }),
    ];
    prop::collection::vec(edit, 0..6)
}

/// Lengths at and around the edges of blocks and windows.
fn len() -> impl Strategy<Value = usize> {
    prop_oneof![
        0usize..3000,
        (0usize..40, 0usize..3).prop_map(|(blocks, off)| (blocks * 1024 + off).saturating_sub(1)),
        0usize..100_000,
    ]
}

fn block_len() -> impl Strategy<Value = u32> {
    prop_oneof![Just(512), Just(700), Just(1024), Just(4096), 512u32..10_000]
}

/// Files with much repetition: few different short pieces in any order.
fn repetitive() -> impl Strategy<Value = Vec<u8>> {
    let piece = (
        0u8..4,
        prop_oneof![Just(512usize), Just(1024), 1usize..2000],
    );
    prop::collection::vec(piece, 0..40).prop_map(|pieces| {
        pieces
            .into_iter()
            .flat_map(|(byte, len)| std::iter::repeat_n(byte, len))
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn an_edited_file_comes_back(
        len in len(), edits in edits(), seed in 0u64..1000, block_len in block_len(),
    ) {
        let basis = noise(len, seed);
        let mut source = basis.clone();
        edits.iter().for_each(|edit| edit.apply(&mut source));
        round_trip(&basis, &source, block_len);
    }

    #[test]
    fn any_repetitive_file_comes_back(
        basis in repetitive(), source in repetitive(), block_len in block_len(),
    ) {
        round_trip(&basis, &source, block_len);
    }

    #[test]
    fn no_less_is_reused_than_by_fast_rsync(
        len in len(), edits in edits(), seed in 0u64..1000, block_len in block_len(),
    ) {
        let basis = noise(len, seed);
        let mut source = basis.clone();
        edits.iter().for_each(|edit| edit.apply(&mut source));
        let ours = round_trip(&basis, &source, block_len).literal_bytes;
        let theirs = literal_bytes_of_fast_rsync(&basis, &source, block_len);
        prop_assert!(ours <= theirs, "{} literal bytes, fast_rsync has {}", ours, theirs);
    }

    #[test]
    fn it_does_not_matter_when_sums_arrive_and_how_reads_are_cut(
        len in len(), edits in edits(), block_len in block_len(), step in 1usize..5000,
    ) {
        let basis = noise(len, 1);
        let mut source = basis.clone();
        edits.iter().for_each(|edit| edit.apply(&mut source));
        let at_once = delta(&basis, &source, block_len);
        let all = signature(&basis, block_len);
        let mut late = Late { arrived: Table::new(all.shape()), all, asked_for_all: false };
        let in_drips = delta_with(late.all.shape(), &mut late, Drips { bytes: &source, step });
        prop_assert!(at_once == in_drips);
    }

    #[test]
    fn a_file_without_basis_comes_back(len in len(), edits in edits()) {
        let mut source = noise(len, 1);
        edits.iter().for_each(|edit| edit.apply(&mut source));
        let mut ops = Vec::new();
        let matched = Matcher::new()
            .whole(&source[..], |op| {
                ops.push(op.into());
                Ok::<(), Infallible>(())
            })
            .unwrap();
        let (output, digest, _) = apply(&[], &ops, source.len() as u64);
        prop_assert!(output == source);
        prop_assert_eq!(digest, matched.digest);
        prop_assert_eq!(matched.matched_bytes, 0);
    }
}

/// Reveals each sum only when it is asked for, like a signature that is still arriving.
struct Late {
    arrived: Table,
    all: Table,
    asked_for_all: bool,
}

impl Late {
    fn reveal(&mut self, blocks: u64) {
        while self.arrived.len() < blocks.min(self.all.len()) {
            let sum = self.all.get(self.arrived.len()).unwrap();
            let mut encoded = Vec::new();
            sum.encode(&self.all.shape(), &mut encoded);
            self.arrived.extend(&encoded).unwrap();
        }
    }
}

impl Sums for Late {
    type Error = Infallible;

    fn sum(&mut self, block: u64) -> Result<Option<BlockSum>, Infallible> {
        self.reveal(block + 1);
        Ok(self.arrived.get(block))
    }

    fn table(&mut self) -> Result<&Table, Infallible> {
        self.asked_for_all = true;
        self.reveal(u64::MAX);
        Ok(&self.arrived)
    }
}

/// A reader that gives out few bytes at a time.
struct Drips<'a> {
    bytes: &'a [u8],
    step: usize,
}

impl Read for Drips<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.step.min(buffer.len());
        self.bytes.read(&mut buffer[..len])
    }
}

#[test]
fn unchanged_and_overwritten_data_does_not_wait_for_the_whole_signature() {
    let basis = noise(1 << 20, 1);
    let mut source = basis.clone();
    for block in [3, 50, 51, 200] {
        source[block * 4096 + 100..][..1000].copy_from_slice(&noise(1000, block as u64));
    }
    // Two blocks in a row are a search; without them there is none.
    for (blocks, waits) in [(51 * 4096, false), (256 * 4096, true)] {
        let all = signature(&basis, 4096);
        let mut late = Late {
            arrived: Table::new(all.shape()),
            all,
            asked_for_all: false,
        };
        let mut source = source.clone();
        source[blocks..].copy_from_slice(&basis[blocks..]);
        let (_, matched) = delta_with(late.all.shape(), &mut late, &source[..]);
        assert_eq!(late.asked_for_all, waits);
        assert_eq!(matched.literal_bytes, if waits { 4 } else { 2 } * 4096);
    }
}

#[test]
fn an_unchanged_file_is_one_copy_and_one_hash_a_byte() {
    let basis = noise(1_000_000, 1);
    let (ops, matched) = delta(&basis, &basis, 1024);
    assert_eq!(
        ops,
        [DataOp::Copy {
            offset: 0,
            len: 1_000_000
        }]
    );
    let expected = Effort {
        strong_bytes: 1_000_000,
        ..Effort::default()
    };
    assert_eq!(matched.effort, expected);
}

#[test]
fn a_file_that_was_appended_to_sends_what_was_appended() {
    let mut source = noise(100_000, 1);
    let basis = source[..54_321].to_vec();
    let matched = round_trip(&basis, &source, 1024);
    assert_eq!(matched.matched_bytes, 54_321);
    // … and one with something put in front, what was put there.
    source.splice(..0, *b"new");
    source.truncate(3 + basis.len());
    assert_eq!(round_trip(&basis, &source, 1024).literal_bytes, 3);
    // … even if it is shorter than a block.
    assert_eq!(
        round_trip(&basis[..100], &source[..103], 1024).literal_bytes,
        3
    );
    assert_eq!(
        round_trip(&basis[..100], &source[3..500], 1024).matched_bytes,
        100
    );
}

#[test]
fn zeros_are_not_sent_nor_copied_block_by_block() {
    let mut basis = noise(100_000, 1);
    basis[20_480..24_576].fill(0);
    let mut source = basis.clone();
    source.splice(5000..5000, vec![0; 1 << 20]);
    let (ops, matched) = delta(&basis, &source, 1024);
    assert!(ops.len() < 10, "{} ops", ops.len());
    assert!(matched.literal_bytes <= 1024 + 4096);
    round_trip(&basis, &source, 1024);
}

#[test]
fn a_basis_that_fails_midway_leaves_the_rest_literal() {
    struct Fails(Table);
    impl Sums for Fails {
        type Error = Infallible;
        fn sum(&mut self, block: u64) -> Result<Option<BlockSum>, Infallible> {
            Ok(self.0.get(block).filter(|_| block < 20))
        }
        fn table(&mut self) -> Result<&Table, Infallible> {
            let shape = self.0.shape();
            let mut sums = Vec::new();
            for block in 0..20 {
                self.0.get(block).unwrap().encode(&shape, &mut sums);
            }
            self.0 = Table::new(shape);
            self.0.extend(&sums).unwrap();
            Ok(&self.0)
        }
    }
    let basis = noise(100_000, 1);
    let mut sums = Fails(signature(&basis, 1024));
    let (ops, matched) = delta_with(sums.0.shape(), &mut sums, &basis[..]);
    assert_eq!(matched.matched_bytes, 20 * 1024);
    assert!(apply(&basis, &ops, 100_000).0 == basis);
}

/// A measure of work, in about sixths of a nanosecond.
fn work(effort: Effort) -> u64 {
    6 * effort.rolled_bytes + effort.strong_bytes + 64 * effort.lookups + 8 * effort.candidates
}

/// Three times the work that a file with nothing in common takes.
fn budget(len: usize, block_len: u32) -> u64 {
    3 * work(round_trip(&noise(len, 1), &noise(len, 2), block_len).effort)
}

#[test]
fn x5_repetitive_files_take_linear_work() {
    const LEN: usize = 1 << 20;
    for block_len in [512, 4096, 65_536] {
        let one = noise(block_len as usize, 1);
        let two = noise(2 * block_len as usize, 2);
        let cycle = |of: &[u8]| of.iter().copied().cycle().take(LEN).collect::<Vec<_>>();
        let shifted = |file: &[u8]| [b"x", file].concat();
        let files = [
            vec![0; LEN],
            vec![b'a'; LEN],
            cycle(b"ab"),
            cycle(&one),
            cycle(&two),
            cycle(&[&one[..], &two[..]].concat()),
            cycle(&one[1..]),
            noise(LEN, 3),
        ];
        let budget = budget(LEN, block_len);
        for (b, basis) in files.iter().enumerate() {
            for (s, source) in files.iter().enumerate() {
                for source in [source.clone(), shifted(source)] {
                    let work = work(round_trip(basis, &source, block_len).effort);
                    assert!(work <= budget, "basis {b}, source {s}: {work} of {budget}");
                }
            }
        }
    }
}

#[test]
fn x5_sums_made_to_collide_take_linear_work() {
    const LEN: usize = 1 << 20;
    let key = key();
    for block_len in [512u32, 4096] {
        let budget = budget(LEN, block_len);
        let shape = Shape::new(LEN as u64, block_len).unwrap();
        // Every window of the source, or every seventh, has a weak sum that the signature names,
        // but no block agrees.
        for source in [vec![b'a'; LEN], noise(LEN, 5)] {
            let windows = source.windows(block_len as usize).step_by(7);
            let mut table = Table::new(shape);
            for (block, window) in (0..shape.blocks()).zip(windows) {
                let strong = (block | 1 << 40).to_le_bytes();
                let weak = BlockSum::of(window, &shape, &key).weak;
                let mut encoded = Vec::new();
                BlockSum { weak, strong }.encode(&shape, &mut encoded);
                table.extend(&encoded).unwrap();
            }
            let (_, matched) = delta_with(shape, &mut &table, &source[..]);
            assert_eq!(matched.matched_bytes, 0);
            let work = work(matched.effort);
            assert!(work <= budget, "{work} of {budget}");
        }
    }
}

#[test]
fn one_matcher_serves_many_files() {
    let mut matcher = Matcher::new();
    for (len, block_len) in [
        (10_000, 512),
        (3_000_000, 1 << 20),
        (0, 512),
        (100_000, 700),
    ] {
        let basis = noise(len, 1);
        let table = signature(&basis, block_len);
        let matched = matcher
            .delta(
                &basis[..],
                table.shape(),
                &key(),
                &mut &table,
                |_: Op<'_>| Ok::<(), Infallible>(()),
            )
            .unwrap();
        assert_eq!(matched.matched_bytes, len as u64);
    }
}
