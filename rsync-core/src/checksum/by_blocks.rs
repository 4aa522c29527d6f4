//! The digest of a content by its blocks: who has hashed the blocks does not read them again.
//!
//! A delta needs the [hash](BlockHash) of almost every block anyway, at both ends: to find the block
//! and to be found by. So what is made of a delta is proven by those hashes, at the price of one pass
//! over the content instead of two. The content is cut into blocks of one length from its beginning
//! on, of which the last may be shorter; the digest is a BLAKE3 over the hashes of all blocks, 32 bytes
//! each, and the content's length (8 bytes, little-endian), under a key that follows from that of the
//! blocks. It tells contents apart as well as BLAKE3 does, to whoever knows the key and the length of
//! the blocks.

use std::fmt;

use super::block::{BlockHash, BlockKey};
use super::digest::Digest;

/// Computes the [`Digest`] of content that comes in pieces or in blocks whose hashes are known.
#[derive(Clone)]
pub struct BlockHasher {
    key: BlockKey,
    block_len: usize,
    /// The block that has begun, and how much of it there is.
    block: blake3::Hasher,
    begun: usize,
    /// Of the whole blocks before it, and how many those are.
    hashes: blake3::Hasher,
    blocks: u64,
    /// Hash of a block of zeros, once there was one.
    zeros: Option<BlockHash>,
}

impl BlockHasher {
    /// Starts with no content, which is cut into blocks of `block_len` bytes, at least one.
    pub fn new(key: &BlockKey, block_len: usize) -> Self {
        let of_hashes = blake3::derive_key(
            "ksyncd 2026 key of block digests, version 1",
            key.as_bytes(),
        );
        Self {
            key: key.clone(),
            block_len: block_len.max(1),
            block: blake3::Hasher::new_keyed(key.as_bytes()),
            begun: 0,
            hashes: blake3::Hasher::new_keyed(&of_hashes),
            blocks: 0,
            zeros: None,
        }
    }

    /// Adds the next piece.
    pub fn update(&mut self, piece: &[u8]) {
        self.update_and_tell(piece, &mut |_| ());
    }

    /// Adds the next piece, and tells the hash of each whole block that ends in it, in order.
    pub fn update_and_tell(&mut self, piece: &[u8], tell: &mut dyn FnMut(BlockHash)) {
        let (head, rest) = piece.split_at(self.bytes_to_block().min(piece.len()));
        if self.begun > 0 {
            self.block.update(head);
            self.begun += head.len();
            if self.begun < self.block_len {
                return;
            }
            let hash = BlockHash::from(*self.block.finalize().as_bytes());
            self.block.reset();
            self.begun = 0;
            self.add(&hash);
            tell(hash);
        }
        let blocks = rest.chunks_exact(self.block_len);
        let tail = blocks.remainder();
        for block in blocks {
            let hash = self.key.hash(block);
            self.add(&hash);
            tell(hash);
        }
        self.block.update(tail);
        self.begun = tail.len();
    }

    /// Adds `len` zero bytes.
    pub fn update_zeros(&mut self, len: u64) {
        let head = len.min(self.bytes_to_block() as u64);
        // At most a block, as the rest below.
        self.update(&vec![0; head as usize]);
        let block_len = self.block_len as u64;
        let blocks = (len - head) / block_len;
        if blocks > 0 {
            let hash = *self
                .zeros
                .get_or_insert_with(|| self.key.hash(&vec![0; self.block_len]));
            for _ in 0..blocks {
                self.add(&hash);
            }
        }
        self.update(&vec![0; ((len - head) % block_len) as usize]);
    }

    /// Adds a block of full length by its hash.
    ///
    /// Meaningful only where a block begins ([`BlockHasher::bytes_to_block`] is 0).
    pub fn add(&mut self, hash: &BlockHash) {
        debug_assert_eq!(self.begun, 0);
        self.hashes.update(hash.as_bytes());
        self.blocks += 1;
    }

    /// Bytes that are missing from the block that has begun; 0 if none has.
    pub fn bytes_to_block(&self) -> usize {
        match self.begun {
            0 => 0,
            begun => self.block_len - begun,
        }
    }

    /// Length of a block in bytes.
    pub fn block_len(&self) -> usize {
        self.block_len
    }

    /// Digest of everything added so far.
    pub fn digest(&self) -> Digest {
        let mut hashes = self.hashes.clone();
        if self.begun > 0 {
            hashes.update(self.block.finalize().as_bytes());
        }
        let whole = self.blocks.wrapping_mul(self.block_len as u64);
        hashes.update(&whole.wrapping_add(self.begun as u64).to_le_bytes());
        Digest::from(*hashes.finalize().as_bytes())
    }
}

impl fmt::Debug for BlockHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BlockHasher")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK_LEN: usize = 1000;

    fn hasher() -> BlockHasher {
        BlockHasher::new(&BlockKey::from([1; 32]), BLOCK_LEN)
    }

    fn content(len: usize) -> Vec<u8> {
        let mut content = vec![0; len];
        blake3::Hasher::new().finalize_xof().fill(&mut content);
        content
    }

    /// As the format says, in as many words.
    fn by_definition(content: &[u8]) -> Digest {
        let key = [1; 32];
        let mut hashed = Vec::new();
        for block in content.chunks(BLOCK_LEN) {
            hashed.extend_from_slice(blake3::keyed_hash(&key, block).as_bytes());
        }
        hashed.extend_from_slice(&(content.len() as u64).to_le_bytes());
        let of_hashes = blake3::derive_key("ksyncd 2026 key of block digests, version 1", &key);
        Digest::from(*blake3::keyed_hash(&of_hashes, &hashed).as_bytes())
    }

    #[test]
    fn the_digest_is_that_of_the_format_however_the_content_is_cut() {
        for len in [0, 1, 999, 1000, 1001, 2000, 10_500] {
            let content = content(len);
            for piece_len in [1, 7, 999, 1000, 1001, 3000, 20_000] {
                let (mut hasher, mut told) = (hasher(), Vec::new());
                for piece in content.chunks(piece_len) {
                    hasher.update_and_tell(piece, &mut |hash| told.push(hash));
                }
                assert_eq!(
                    hasher.digest(),
                    by_definition(&content),
                    "{len} by {piece_len}"
                );
                let key = BlockKey::from([1; 32]);
                let blocks = content.chunks_exact(BLOCK_LEN).map(|block| key.hash(block));
                assert!(told.into_iter().eq(blocks));
            }
        }
    }

    #[test]
    fn a_block_counts_by_its_hash_as_by_its_content() {
        let content = content(4 * BLOCK_LEN + 300);
        let key = BlockKey::from([1; 32]);
        let mut hasher = hasher();
        hasher.update(&content[..400]);
        assert_eq!(hasher.bytes_to_block(), 600);
        hasher.update(&content[400..BLOCK_LEN]);
        assert_eq!(hasher.bytes_to_block(), 0);
        for block in content[BLOCK_LEN..4 * BLOCK_LEN].chunks(BLOCK_LEN) {
            hasher.add(&key.hash(block));
        }
        hasher.update(&content[4 * BLOCK_LEN..]);
        assert_eq!(hasher.digest(), by_definition(&content));
    }

    #[test]
    fn zeros_count_as_so_many_zero_bytes_wherever_they_stand() {
        for (before, zeros, after) in [
            (0, 0, 0),
            (0, 5000, 0),
            (1, 998, 1),
            (1, 999, 3),
            (300, 2500, 1),
            (1000, 1700, 2),
        ] {
            let mut whole = content(before);
            whole.resize(before + zeros, 0);
            whole.extend(vec![9; after]);
            let mut hasher = hasher();
            hasher.update(&whole[..before]);
            hasher.update_zeros(zeros as u64);
            hasher.update(&whole[before + zeros..]);
            assert_eq!(
                hasher.digest(),
                by_definition(&whole),
                "{before} {zeros} {after}"
            );
        }
    }

    #[test]
    fn contents_that_differ_in_a_bit_their_order_or_their_length_have_other_digests() {
        let digest = |content: &[u8]| {
            let mut hasher = hasher();
            hasher.update(content);
            hasher.digest()
        };
        let content = content(3 * BLOCK_LEN);
        let mut changed = content.clone();
        changed[1500] ^= 1;
        let mut turned = content.clone();
        turned.rotate_left(BLOCK_LEN);
        let mut longer = content.clone();
        longer.push(0);
        let digests = [&content, &changed, &turned, &longer].map(|content| digest(content));
        for (number, one) in digests.iter().enumerate() {
            assert!(!digests[number + 1..].contains(one), "{number}");
        }
        let other_key = BlockHasher::new(&BlockKey::from([2; 32]), BLOCK_LEN);
        assert_ne!(other_key.digest(), hasher().digest());
    }
}
