//! Two files, from signature to result.

use std::convert::Infallible;
use std::io::{Cursor, Read};

use rsync_core::checksum::{BlockKey, Digest};
use rsync_core::delta::{
    BlockSum, Matched, Matcher, Patch, Patched, Rebuild, Shape, Sums, Table, sign,
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
    let mut ops = Vec::new();
    let matched = Matcher::new()
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
    let by_blocks = short.shape().with_digest_by_blocks();
    let (same_ops, proven_by_blocks) = delta_with(by_blocks, &mut &short, source);
    assert!(same_ops == ops, "the digest changes what is found");
    let mut hasher = by_blocks.hasher(&key());
    hasher.update(source);
    assert_eq!(proven_by_blocks.digest, hasher.digest());
    assert!(proven_by_blocks.effort.strong_bytes <= matched.effort.strong_bytes);
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
