//! What a signer knows of an old version, for the writer that builds on it.

use std::sync::{Mutex, PoisonError};

use super::MAX_HASH_BYTES;
use crate::checksum::{BlockHash, BlockKey, ContentHasher};
use crate::delta::Shape;
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
    if shape.has_digest_by_blocks() && bytes <= MAX_HASH_BYTES {
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

    /// What computes the digest of what is made of it.
    pub(in crate::engine::receiver) fn hasher(&self, key: &BlockKey) -> ContentHasher {
        self.shape.hasher(key)
    }

    /// What the old version was, if hashes of it are known that hold as long as it is that.
    pub(in crate::engine::receiver) fn stamp(&self) -> Option<&Stamp> {
        self.stamp.as_ref()
    }

    /// Adds blocks of the old version to the digest of the new one by their hashes: those at the
    /// beginning of the `len` bytes from `offset` on, as far as they are whole and known. Gives the
    /// bytes that were added; none where no block begins at `offset`, or in the new version.
    pub(in crate::engine::receiver) fn add_to(
        &self,
        hasher: &mut ContentHasher,
        offset: u64,
        len: u64,
    ) -> u64 {
        let block_len = u64::from(self.shape.block_len());
        let ContentHasher::ByBlocks(hasher) = hasher else {
            return 0;
        };
        if !offset.is_multiple_of(block_len) || hasher.bytes_to_block() > 0 {
            return 0;
        }
        let known = self.hashes.lock().unwrap_or_else(PoisonError::into_inner);
        let blocks = |bytes: u64| usize::try_from(bytes / block_len).unwrap_or(usize::MAX);
        let from = known.get(blocks(offset)..).unwrap_or_default();
        let added = &from[..blocks(len).min(from.len())];
        added.iter().for_each(|hash| hasher.add(hash));
        added.len() as u64 * block_len
    }
}
