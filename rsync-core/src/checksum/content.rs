//! The digest of a content in the form on which both ends agreed.

use super::block::BlockHash;
use super::by_blocks::BlockHasher;
use super::digest::{Digest, Hasher};

/// Computes the [`Digest`] of content that comes in pieces: over its bytes, or by its blocks.
#[derive(Debug, Clone)]
pub enum ContentHasher {
    /// Plain BLAKE3.
    Plain(Box<Hasher>),
    /// Over the hashes of blocks.
    ByBlocks(Box<BlockHasher>),
}

impl ContentHasher {
    /// Adds the next piece, and tells the hash of each whole block that ends in it, in order, if it
    /// goes by blocks.
    pub fn update_and_tell(&mut self, piece: &[u8], tell: &mut dyn FnMut(BlockHash)) {
        match self {
            Self::Plain(hasher) => hasher.update(piece),
            Self::ByBlocks(hasher) => hasher.update_and_tell(piece, tell),
        }
    }

    /// Adds the next piece.
    pub fn update(&mut self, piece: &[u8]) {
        self.update_and_tell(piece, &mut |_| ());
    }

    /// Adds `len` zero bytes.
    pub fn update_zeros(&mut self, len: u64) {
        match self {
            Self::Plain(hasher) => hasher.update_zeros(len),
            Self::ByBlocks(hasher) => hasher.update_zeros(len),
        }
    }

    /// Bytes that are missing from the block that has begun; nothing if it does not go by blocks.
    pub fn bytes_to_block(&self) -> Option<u64> {
        match self {
            Self::Plain(_) => None,
            Self::ByBlocks(hasher) => Some(hasher.bytes_to_block() as u64),
        }
    }

    /// Digest of everything added so far.
    pub fn digest(&self) -> Digest {
        match self {
            Self::Plain(hasher) => hasher.digest(),
            Self::ByBlocks(hasher) => hasher.digest(),
        }
    }
}

impl Default for ContentHasher {
    fn default() -> Self {
        Self::Plain(Box::default())
    }
}
