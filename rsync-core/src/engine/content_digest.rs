//! One digest over all content that a pass moved, in whatever order it moved.

use crate::checksum::Digest;
use crate::wire::message::FileId;

/// XOR over all files of the first 16 bytes of BLAKE3(directory ‖ index ‖ digest). Both ends
/// compute it on their own; it tells whether the same files arrived that were sent. It protects
/// against mistakes, not against a lying peer, who knows what it sent anyway.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ContentDigest([u8; 16]);

impl ContentDigest {
    /// Adds one file.
    pub(crate) fn add(&mut self, file: FileId, digest: &Digest) {
        let mut hasher = blake3::Hasher::new();
        hasher
            .update(&file.dir.0.to_le_bytes())
            .update(&file.index.to_le_bytes())
            .update(digest.as_bytes());
        for (byte, add) in self.0.iter_mut().zip(hasher.finalize().as_bytes()) {
            *byte ^= add;
        }
    }

    /// The digest so far.
    pub(crate) fn value(&self) -> [u8; 16] {
        self.0
    }
}
