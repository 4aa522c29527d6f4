//! The digest of a file under way, in the form on which both ends agreed.

use crate::checksum::{Digest, Hasher};
use crate::delta::DeltaHasher;

/// Computes the digest of a file that comes in pieces.
pub(super) enum ContentHasher {
    /// Over its bytes.
    Plain(Hasher),
    /// Over what the delta consists of that makes it.
    OfDelta(DeltaHasher),
}

impl ContentHasher {
    /// Adds the next piece, which is literal data.
    pub(super) fn literal(&mut self, bytes: &[u8]) {
        match self {
            Self::Plain(hasher) => hasher.update(bytes),
            Self::OfDelta(hasher) => hasher.literal(bytes),
        }
    }

    /// Digest of everything added so far.
    pub(super) fn digest(&self) -> Digest {
        match self {
            Self::Plain(hasher) => hasher.digest(),
            Self::OfDelta(hasher) => hasher.digest(),
        }
    }
}
