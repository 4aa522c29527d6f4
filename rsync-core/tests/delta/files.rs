//! Two files, from signature to result.

use std::convert::Infallible;
use std::io::{Cursor, Read};

use rsync_core::checksum::{BlockKey, Digest};
use rsync_core::delta::{
    BlockSum, DeltaHasher, Matched, Matcher, Op, Patch, Patched, Rebuild, Shape, Sums, Table, sign,
};
use rsync_core::wire::limits::MAX_CONTENT_LEN;
use rsync_core::wire::message::DataOp;

pub(crate) fn key() -> BlockKey {
    BlockKey::derive(&[1; 16], &[2; 16])
}

/// Bytes without any structure, different for every seed.
pub(crate) fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new()
        .update(&seed.to_le_bytes())
        .finalize_xof()
        .fill(&mut bytes);
    bytes
}

pub(crate) fn signature(basis: &[u8], block_len: u32) -> Table {
    signature_of(basis, Shape::new(basis.len() as u64, block_len).unwrap())
}

fn signature_of(basis: &[u8], shape: Shape) -> Table {
    let mut table = Table::new(shape);
    sign(basis, shape, &key(), |sums| table.extend(sums)).unwrap();
    table
}

pub(crate) fn delta_with<S: Sums<Error = Infallible>>(
    shape: Shape,
    sums: &mut S,
    source: impl Read,
) -> (Vec<DataOp>, Matched) {
    delta_by(Matcher::new(), shape, sums, source)
}

fn delta_by<S: Sums<Error = Infallible>>(
    mut matcher: Matcher,
    shape: Shape,
    sums: &mut S,
    source: impl Read,
) -> (Vec<DataOp>, Matched) {
    let mut ops = Vec::new();
    let matched = matcher
        .delta(source, shape, &key(), sums, |op| {
            ops.push(op.into());
            Ok::<(), Infallible>(())
        })
        .unwrap();
    (ops, matched)
}

pub(crate) fn delta(basis: &[u8], source: &[u8], block_len: u32) -> (Vec<DataOp>, Matched) {
    let table = signature(basis, block_len);
    delta_with(table.shape(), &mut &table, source)
}

pub(crate) fn apply(basis: &[u8], ops: &[DataOp], len: u64) -> (Vec<u8>, Digest, Patched) {
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
pub(crate) fn round_trip(basis: &[u8], source: &[u8], block_len: u32) -> Matched {
    let (ops, matched) = delta(basis, source, block_len);
    let short = Shape::new(basis.len() as u64, block_len).unwrap();
    let short = signature_of(basis, short.with_short_sums());
    assert_eq!(
        delta_with(short.shape(), &mut &short, source),
        (ops.clone(), matched),
        "short sums find something else"
    );
    let of_delta = short.shape().with_digest_of_delta();
    let (same_ops, proven) = delta_with(of_delta, &mut &short, source);
    assert!(same_ops == ops, "the digest changes what is found");
    assert_eq!(proven.digest, digest_of(&ops, basis, of_delta));
    assert_eq!(proven.effort, matched.effort);
    let in_place = Matcher::new().in_place(true);
    let (ops_in_place, proven) = delta_by(in_place, of_delta, &mut &short, source);
    assert!(applied_in_place(basis, &ops_in_place) == source);
    assert_eq!(proven.digest, digest_of(&ops_in_place, basis, of_delta));
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

/// What becomes of `basis` when it is overwritten from its beginning on.
fn applied_in_place(basis: &[u8], ops: &[DataOp]) -> Vec<u8> {
    let (mut file, mut position) = (basis.to_vec(), 0);
    for op in ops {
        let end = position + Op::from(op).output_len() as usize;
        file.resize(file.len().max(end), 0);
        match op {
            DataOp::Literal(bytes) => file[position..end].copy_from_slice(bytes),
            DataOp::Copy { offset, .. } => {
                let offset = *offset as usize;
                file.copy_within(offset..offset + end - position, position);
            }
            DataOp::Zeros(_) => file[position..end].fill(0),
        }
        position = end;
    }
    file.truncate(position);
    file
}

/// The digest of a delta, as the end computes it that has the basis.
fn digest_of(ops: &[DataOp], basis: &[u8], shape: Shape) -> Digest {
    let mut hasher = DeltaHasher::new(&key(), shape);
    for op in ops {
        match op {
            DataOp::Literal(bytes) => hasher.literal(bytes),
            DataOp::Copy { offset, len } => {
                for block in shape.blocks_of(*offset, *len).unwrap() {
                    let range = shape.range(block);
                    hasher.block_of(&basis[range.start as usize..range.end as usize]);
                }
                hasher.copied(*offset, *len);
            }
            DataOp::Zeros(len) => hasher.zeros(*len),
        }
    }
    hasher.digest()
}

/// Reveals each sum only when it is asked for, like a signature that is still arriving.
pub(crate) struct Late {
    arrived: Table,
    pub(crate) all: Table,
    pub(crate) asked_for_all: bool,
}

impl Late {
    pub(crate) fn new(all: Table) -> Self {
        Self {
            arrived: Table::new(all.shape()),
            all,
            asked_for_all: false,
        }
    }

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
