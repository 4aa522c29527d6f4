//! How much work a delta may take, and for what it has to wait.

use rsync_core::delta::{BlockSum, Effort, Shape, Table};
use rsync_core::wire::message::DataOp;

use crate::files::{Late, delta, delta_with, key, noise, round_trip, signature};

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
        let mut late = Late::new(all);
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
    for block_len in [1024, 4096] {
        let (ops, matched) = delta(&basis, &basis, block_len);
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
}

#[test]
fn behind_an_insertion_each_byte_is_hashed_once_too() {
    let basis = noise(1_000_000, 1);
    let shifted = [b"x", &basis[..]].concat();
    let (_, matched) = delta(&basis, &shifted, 1024);
    let hashed = matched.effort.strong_bytes;
    // And a few blocks more where the search begins.
    assert!((1_000_000..1_005_000).contains(&hashed), "{hashed}");
}

#[test]
fn x5_blocks_are_not_hashed_in_vain_again_and_again() {
    const BLOCK: usize = 4096;
    let basis = noise(1 << 20, 1);
    for run in [1, 2, 3, 8, 16, 17, 18, 33] {
        let runs = basis.chunks(run * BLOCK);
        let source: Vec<u8> = runs.flat_map(|run| [b"x", run].concat()).collect();
        let (_, matched) = delta(&basis, &source, BLOCK as u32);
        // Each block, two that might have gone on where everything moved, and one row at the start.
        let hashed = matched.effort.strong_bytes as usize;
        let bound = 3 * source.len() + 16 * BLOCK;
        assert!(hashed <= bound, "{run}: {hashed} of {bound}");
    }
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
