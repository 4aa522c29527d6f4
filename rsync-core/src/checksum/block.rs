//! The strong checksum of a block: BLAKE3 under a key that both ends make afresh.
//!
//! 64 bits are more than enough to tell apart blocks that nobody prepared, and the key keeps anybody
//! from preparing them: it depends on random bytes of both ends. Of most files fewer bits are enough
//! ([`Shape::with_short_sums`](crate::delta::Shape::with_short_sums)). A wrong match in spite of that
//! is found by the [digest](super::Digest) of the whole file.

use std::fmt;

use blake3::platform::Platform;

use super::side_by_side::{LANES, SideBySide};

/// First 8 bytes of a [`BlockHash`], or fewer and zeros behind them.
pub type Strong = [u8; 8];

/// A block's keyed BLAKE3, all 32 bytes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockHash([u8; 32]);

impl BlockHash {
    /// The hash's 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The strong checksum that begins this hash, of which the first `len` bytes count.
    pub fn strong(&self, len: usize) -> Strong {
        let mut strong = Strong::default();
        for (to, from) in strong.iter_mut().zip(&self.0).take(len) {
            *to = *from;
        }
        strong
    }
}

impl From<[u8; 32]> for BlockHash {
    fn from(hash: [u8; 32]) -> Self {
        Self(hash)
    }
}

/// The key of all strong block sums of one session.
#[derive(Clone, PartialEq, Eq)]
pub struct BlockKey([u8; 32]);

impl BlockKey {
    /// The key that belongs to the random bytes of both ends (BLAKE3's key derivation).
    pub fn derive(client_nonce: &[u8; 16], agent_nonce: &[u8; 16]) -> Self {
        let mut nonces = [0; 32];
        nonces[..16].copy_from_slice(client_nonce);
        nonces[16..].copy_from_slice(agent_nonce);
        Self(blake3::derive_key(
            "ksyncd 2026 key of block sums, version 1",
            &nonces,
        ))
    }

    /// Hash of `block`.
    pub fn hash(&self, block: &[u8]) -> BlockHash {
        BlockHash(*blake3::keyed_hash(&self.0, block).as_bytes())
    }

    /// True if several blocks of this length are hashed quicker together than one by one.
    pub(crate) fn hashes_side_by_side(block_len: usize) -> bool {
        SideBySide::height(block_len).is_some()
    }

    /// Appends the hashes of the blocks that `content` is cut into, the last of which may be short.
    /// That is up to four times as quick as one after the other.
    pub(crate) fn hash_each(&self, content: &[u8], block_len: usize, out: &mut Vec<BlockHash>) {
        let platform = Platform::detect();
        let hasher = match SideBySide::new(&self.0, block_len) {
            Some(hasher) if !matches!(platform, Platform::Portable) => hasher,
            _ => return self.hash_alone(content, block_len, out),
        };
        for group in content.chunks(block_len.saturating_mul(LANES)) {
            let mut alone = group;
            let blocks = group.len() / block_len;
            if hasher.pays(blocks) {
                hasher.hash(platform, group, out);
                alone = &group[blocks * block_len..];
            }
            self.hash_alone(alone, block_len, out);
        }
    }

    fn hash_alone(&self, content: &[u8], block_len: usize, out: &mut Vec<BlockHash>) {
        out.extend(content.chunks(block_len).map(|block| self.hash(block)));
    }

    /// The key's 32 bytes.
    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for BlockKey {
    fn from(key: [u8; 32]) -> Self {
        Self(key)
    }
}

impl fmt::Debug for BlockKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BlockKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_nonce_of_either_end_gives_other_sums() {
        let sum = |client, agent| BlockKey::derive(&[client; 16], &[agent; 16]).hash(b"block");
        assert_eq!(sum(1, 2), sum(1, 2));
        assert_ne!(sum(1, 2), sum(3, 2));
        assert_ne!(sum(1, 2), sum(1, 3));
        assert_ne!(sum(1, 2), sum(2, 1));
    }

    #[test]
    fn a_short_sum_is_the_beginning_of_the_long_one() {
        let hash = BlockKey::from([1; 32]).hash(b"block");
        let long = hash.strong(8);
        assert_eq!(long, hash.as_bytes()[..8]);
        for len in 0..=8 {
            let mut begins = [0; 8];
            begins[..len].copy_from_slice(&long[..len]);
            assert_eq!(hash.strong(len), begins);
        }
    }
}
