//! What must hold of signature, matcher and patch for any two files.

use std::convert::Infallible;
use std::io::{self, Read};

use proptest::prelude::*;
use rsync_core::delta::{BlockSum, Matcher, Op, Sums, Table};

use crate::files::{Late, apply, delta, delta_with, key, noise, round_trip, signature};

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
        let mut late = Late::new(all);
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
