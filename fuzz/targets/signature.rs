//! Block sums as they arrive, in whatever pieces.

#![no_main]

use std::convert::Infallible;

use libfuzzer_sys::fuzz_target;
use rsync_core::checksum::BlockKey;
use rsync_core::delta::{BlockSum, MAX_BLOCKS, Shape, Table, sign};

fuzz_target!(|input: (u64, u32, Vec<Vec<u8>>, Vec<u8>)| {
    let (basis_len, block_len, pieces, basis) = input;
    if let Ok(shape) = Shape::new(basis_len, block_len) {
        assert!(shape.blocks() <= MAX_BLOCKS);
        assert_eq!(shape.range(shape.blocks()), basis_len..basis_len);
        hostile(shape, &pieces);
        hostile(shape.with_short_sums(), &pieces);
    }
    if let Ok(shape) = Shape::new(basis.len() as u64, 512) {
        own(shape, &basis);
        own(shape.with_short_sums(), &basis);
    }
});

/// A table takes whole sums up to the number of blocks, and nothing else.
fn hostile(shape: Shape, pieces: &[Vec<u8>]) {
    let mut table = Table::new(shape);
    let mut accepted = Vec::new();
    for piece in pieces {
        let before = table.len();
        match table.extend(piece) {
            Ok(()) => accepted.extend_from_slice(piece),
            Err(_) => assert_eq!(table.len(), before),
        }
        assert!(table.len() <= shape.blocks());
    }
    let mut held = Vec::new();
    for block in 0..table.len() {
        let sum = table.get(block).expect("a sum that was counted");
        sum.encode(&shape, &mut held);
    }
    assert_eq!(held, accepted);
    assert_eq!(table.get(table.len()), None);
    assert_eq!(table.is_complete(), table.len() == shape.blocks());
}

/// A signature made here fills its table and holds the sums of the blocks.
fn own(shape: Shape, basis: &[u8]) {
    let key = BlockKey::derive(&[1; 16], &[2; 16]);
    let mut table = Table::new(shape);
    sign(basis, shape, &key, |sums| {
        table.extend(sums).expect("sums made here");
        Ok::<(), Infallible>(())
    })
    .expect("a basis in memory");
    assert!(table.is_complete());
    for (number, block) in basis.chunks(shape.block_len() as usize).enumerate() {
        let sum = BlockSum::of(block, &shape, &key);
        assert_eq!(table.get(number as u64), Some(sum));
    }
}
