//! Whole-content digests: plain BLAKE3.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Zeros hashed by one call, in bytes.
const ZEROS_AT_A_TIME: u64 = 64 << 10;

/// BLAKE3 digest of a whole content, unkeyed, 32 bytes
/// ([specification](https://github.com/BLAKE3-team/BLAKE3-specs)).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Digest of `content`.
    pub fn of(content: &[u8]) -> Self {
        Self(*blake3::hash(content).as_bytes())
    }

    /// The digest's 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for Digest {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Computes a [`Digest`] over content that comes in pieces.
#[derive(Clone, Default)]
pub struct Hasher(blake3::Hasher);

impl Hasher {
    /// Starts with no content.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the next piece.
    pub fn update(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    /// Adds `len` zero bytes.
    pub fn update_zeros(&mut self, len: u64) {
        // Allocated, not constant: zeros in the program would travel with every agent.
        let zeros = vec![0; len.min(ZEROS_AT_A_TIME) as usize];
        let mut left = len;
        while left > 0 {
            let piece = left.min(ZEROS_AT_A_TIME) as usize;
            self.0.update(&zeros[..piece]);
            left -= piece as u64;
        }
    }

    /// Digest of everything added so far.
    pub fn digest(&self) -> Digest {
        Digest(*self.0.finalize().as_bytes())
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hasher")
    }
}
