//! What a signer knows of an old version, for the writer that builds on it.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use super::MAX_HASH_BYTES;
use crate::checksum::{BlockHash, BlockKey};
use crate::delta::{DeltaHasher, Shape};
use crate::root::{SourceFile, Stamp};

/// An old version that is signed, or about to be.
pub(in crate::engine::receiver) struct Signed {
    shape: Shape,
    /// What it was before its first block was read, if that shows every later change.
    stamp: Option<Stamp>,
    /// Hashes of its first blocks, as far as it is signed.
    hashes: Mutex<Vec<BlockHash>>,
}

/// Bytes of memory that the hashes of all blocks take: none where that is too much, or where they
/// are of no use.
pub(super) fn hash_bytes(shape: Shape) -> u64 {
    let bytes = shape.blocks() * size_of::<BlockHash>() as u64;
    if shape.has_digest_of_delta() && bytes <= MAX_HASH_BYTES {
        bytes
    } else {
        0
    }
}

impl Signed {
    /// Nothing of `basis` is signed yet.
    pub(super) fn new(shape: Shape, basis: &SourceFile) -> Self {
        let keeps = hash_bytes(shape) > 0 && basis.is_settled();
        Self {
            shape,
            stamp: keeps.then_some(*basis.opened()),
            hashes: Mutex::default(),
        }
    }

    /// The next blocks have these hashes.
    pub(super) fn extend(&self, hashes: &[BlockHash]) {
        if self.stamp.is_some() {
            let mut known = self.hashes.lock().unwrap_or_else(PoisonError::into_inner);
            known.extend_from_slice(hashes);
        }
    }

    /// What computes the digest of what is made of it, if that is taken over the delta.
    pub(in crate::engine::receiver) fn hasher(&self, key: &BlockKey) -> Option<DeltaHasher> {
        let takes = self.shape.has_digest_of_delta();
        takes.then(|| DeltaHasher::new(key, self.shape))
    }

    /// What the old version was, if hashes of it are known that hold as long as it is that.
    pub(in crate::engine::receiver) fn stamp(&self) -> Option<&Stamp> {
        self.stamp.as_ref()
    }

    /// Adds the first of these blocks of the old version to a digest, as far as their hashes are known.
    /// Gives how many were added.
    pub(in crate::engine::receiver) fn add_to(
        &self,
        hasher: &mut DeltaHasher,
        blocks: Range<u64>,
    ) -> u64 {
        let known = self.hashes.lock().unwrap_or_else(PoisonError::into_inner);
        let number = |block: u64| {
            usize::try_from(block)
                .unwrap_or(usize::MAX)
                .min(known.len())
        };
        let added = known
            .get(number(blocks.start)..number(blocks.end))
            .unwrap_or_default();
        added.iter().for_each(|hash| hasher.block(hash));
        added.len() as u64
    }
}
