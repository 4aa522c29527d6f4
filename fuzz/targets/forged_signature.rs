//! A sender looks for blocks by sums that the peer made up.

#![no_main]

use std::convert::Infallible;

use libfuzzer_sys::fuzz_target;
use rsync_core::checksum::{BlockKey, Digest};
use rsync_core::delta::{BlockSum, Matcher, Op, Shape, Table};

#[derive(Debug, arbitrary::Arbitrary)]
struct Input {
    basis_len: u32,
    block_len: u16,
    /// Sums out of the air, or those of a block of the new file.
    sums: Vec<Result<[u8; 12], u8>>,
    new: Vec<u8>,
    stretch: u8,
    short: bool,
}

fuzz_target!(|input: Input| {
    let Ok(shape) = Shape::new(u64::from(input.basis_len), u32::from(input.block_len)) else {
        return;
    };
    let shape = if input.short {
        shape.with_short_sums()
    } else {
        shape
    };
    let key = BlockKey::derive(&[3; 16], &[4; 16]);
    let new = input.new.repeat(usize::from(input.stretch % 32) + 1);
    let blocks: Vec<&[u8]> = new.chunks(shape.block_len() as usize).collect();
    let mut table = Table::new(shape);
    for sum in &input.sums {
        let mut encoded = Vec::new();
        match sum {
            Ok(forged) => encoded.extend_from_slice(&forged[..shape.sum_len()]),
            Err(number) => match blocks.get(usize::from(*number)) {
                Some(block) => BlockSum::of(block, &shape, &key).encode(&shape, &mut encoded),
                None => continue,
            },
        }
        if table.extend(&encoded).is_err() {
            break;
        }
    }

    let (mut made, mut literal) = (0, 0);
    let matched = Matcher::new()
        .delta(&new[..], shape, &key, &mut &table, |op| {
            let position = made as usize;
            match op {
                Op::Literal(bytes) => {
                    assert_eq!(bytes, &new[position..position + bytes.len()]);
                    literal += bytes.len() as u64;
                }
                Op::Copy { offset, len } => {
                    let end = offset.checked_add(len).expect("within the basis");
                    assert!(len > 0 && end <= shape.basis_len());
                }
                Op::Zeros(len) => {
                    assert!(
                        new[position..position + len as usize]
                            .iter()
                            .all(|&byte| byte == 0)
                    );
                }
            }
            made += op.output_len();
            Ok::<(), Infallible>(())
        })
        .expect("a source in memory");
    // Whatever the sums say, the delta is as long as the file and the digest is the file's own.
    assert_eq!(made, new.len() as u64);
    assert_eq!(matched.literal_bytes, literal);
    assert_eq!(matched.digest, Digest::of(&new));
});
