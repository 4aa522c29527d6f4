//! The strong checksum of a block: BLAKE3 under a key that both ends make afresh.
//!
//! 64 bits are enough to tell apart blocks that nobody prepared, and the key keeps anybody from
//! preparing them: it depends on random bytes of both ends. A wrong match in spite of that is
//! found by the [digest](super::Digest) of the whole file.

use std::fmt;

/// First 8 bytes of a block's keyed BLAKE3.
pub type Strong = [u8; 8];

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

    /// Strong checksum of `block`.
    pub fn strong(&self, block: &[u8]) -> Strong {
        let [a, b, c, d, e, f, g, h, ..] = *blake3::keyed_hash(&self.0, block).as_bytes();
        [a, b, c, d, e, f, g, h]
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
        let sum = |client, agent| BlockKey::derive(&[client; 16], &[agent; 16]).strong(b"block");
        assert_eq!(sum(1, 2), sum(1, 2));
        assert_ne!(sum(1, 2), sum(3, 2));
        assert_ne!(sum(1, 2), sum(1, 3));
        assert_ne!(sum(1, 2), sum(2, 1));
    }
}
