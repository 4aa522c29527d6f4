//! Several small files in one message.

use serde::{Deserialize, Serialize};

use super::message::{DirId, FileId, Seen};
use crate::checksum::Digest;

/// Whole small files of one directory: what they hold, end to end, and one digest over all of it.
///
/// A digest over many files costs a third of one over each: BLAKE3 takes the pieces of a long
/// input side by side, and a small file has few.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bundle {
    /// Their directory.
    pub dir: DirId,
    /// Which, in order of their positions; at most
    /// [`MAX_BUNDLED_FILES`](super::limits::MAX_BUNDLED_FILES).
    pub files: Vec<Bundled>,
    /// Digest of `content`.
    pub digest: Digest,
    /// What they hold, one behind the other; at most
    /// [`MAX_BUNDLE_LEN`](super::limits::MAX_BUNDLE_LEN) bytes.
    #[serde(with = "serde_bytes")]
    pub content: Vec<u8>,
}

/// One of the files in a [`Bundle`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bundled {
    /// Position in the listing of its directory.
    pub index: u32,
    /// What it was when it was read; so many bytes of the content are its own.
    pub seen: Seen,
}

impl Bundle {
    /// The first file, which stands for all of them in the account of a pass.
    pub fn first(&self) -> Option<FileId> {
        self.files.first().map(|file| self.id(file))
    }

    /// The identity of one of its files.
    pub fn id(&self, file: &Bundled) -> FileId {
        FileId {
            dir: self.dir,
            index: file.index,
        }
    }

    /// True if its files hold the content, all of it and no more.
    pub fn is_filled(&self) -> bool {
        let sizes = self.files.iter().map(|file| file.seen.size);
        let total = sizes.fold(0, u64::saturating_add);
        total == self.content.len() as u64
    }
}
