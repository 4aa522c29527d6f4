//! How a file's content is asked for, and the pieces in which it comes.
//!
//! Part of the [messages](super::message): field and variant order is the format.

use serde::{Deserialize, Serialize};

/// In which form a file is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum How {
    /// All of it.
    Whole,
    /// As a delta against a basis whose block sums follow.
    Delta(Basis),
    /// From this offset on, with the digest of everything including what is before it.
    From(u64),
    /// Only the digest of its content.
    Digest,
    /// As [`Self::Delta`], with sums [no longer than they have to
    /// be](crate::delta::Shape::with_short_sums), if both ends have the feature.
    ShortDelta(Basis),
    /// As a delta against a basis that the file may begin with, as a log does that grew. Sums of
    /// [ranges](crate::delta::RangeSums) follow, if both ends have the feature.
    Lengthened(Basis),
}

/// Shape of a basis and its signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basis {
    /// Length of the basis in bytes.
    pub len: u64,
    /// Length of a block in bytes.
    pub block_len: u32,
}

/// Next piece of a file's content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum DataOp {
    /// These bytes.
    Literal(#[serde(with = "serde_bytes")] Vec<u8>),
    /// `len` bytes of the basis from `offset` on.
    Copy {
        /// First byte in the basis.
        offset: u64,
        /// How many.
        len: u64,
    },
    /// So many zero bytes.
    Zeros(u64),
}

/// What a file was when it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Length in bytes.
    pub size: u64,
    /// Modification time.
    pub mtime: crate::entry::Timestamp,
    /// Permission bits.
    pub mode: u32,
}
