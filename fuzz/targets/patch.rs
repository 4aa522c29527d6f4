//! Ops of a hostile sender, applied to a basis.

#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use rsync_core::checksum::Digest;
use rsync_core::delta::{Patch, PatchError, Rebuild};
use rsync_core::wire::message::DataOp;

#[derive(Debug, arbitrary::Arbitrary)]
enum Piece {
    Literal(Vec<u8>),
    Copy(u64, u64),
    CopyNearby(u16, u16),
    Zeros(u64),
    FewZeros(u16),
}

fuzz_target!(|input: (Vec<u8>, u16, Vec<Piece>)| {
    let (basis, ceiling, pieces) = input;
    let ceiling = u64::from(ceiling);
    let rebuild = Rebuild::new(Cursor::new(&basis), Vec::new());
    let mut patch = Patch::new(rebuild, basis.len() as u64, ceiling);
    let mut expected = Vec::new();
    for piece in pieces {
        let op = op(piece);
        let model = apply(&op, &basis, ceiling - expected.len() as u64);
        match patch.apply((&op).into()) {
            Ok(()) => expected.extend(model.expect("an op that is not allowed went through")),
            Err(PatchError::Target(error)) => panic!("the basis is in memory: {error}"),
            Err(_) => assert!(model.is_none(), "an op that is allowed was refused: {op:?}"),
        }
        assert_eq!(patch.made().len, expected.len() as u64);
    }
    let (rebuild, made) = patch.finish();
    assert_eq!(
        made.len,
        made.literal_bytes + made.matched_bytes + made.zero_bytes
    );
    let (output, digest) = rebuild.finish();
    assert_eq!(output, expected);
    assert_eq!(digest, Digest::of(&expected));
});

fn op(piece: Piece) -> DataOp {
    match piece {
        Piece::Literal(bytes) => DataOp::Literal(bytes),
        Piece::Copy(offset, len) => DataOp::Copy { offset, len },
        Piece::CopyNearby(offset, len) => DataOp::Copy {
            offset: offset.into(),
            len: len.into(),
        },
        Piece::Zeros(len) => DataOp::Zeros(len),
        Piece::FewZeros(len) => DataOp::Zeros(len.into()),
    }
}

/// What the op makes, if it is allowed.
fn apply(op: &DataOp, basis: &[u8], room: u64) -> Option<Vec<u8>> {
    let made = match op {
        DataOp::Literal(bytes) => bytes.clone(),
        DataOp::Copy { offset, len } => {
            let range =
                usize::try_from(*offset).ok()?..usize::try_from(offset.checked_add(*len)?).ok()?;
            basis.get(range)?.to_vec()
        }
        DataOp::Zeros(len) if *len <= room => vec![0; *len as usize],
        DataOp::Zeros(_) => return None,
    };
    (!made.is_empty() && made.len() as u64 <= room).then_some(made)
}
