//! What both ends of a pass count, and tell each other to compare.

use serde::{Deserialize, Serialize};

use super::message::TreeDigest;

/// Totals of a complete listing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// Entries in the listings sent.
    pub listed: u64,
    /// Entries below directories that were not listed because both ends agree on their digest.
    pub agreed: u64,
    /// Bytes in the regular files among `agreed`.
    pub agreed_bytes: u64,
    /// Entries left out by filters.
    pub excluded: u64,
    /// Entries left out because of their kind.
    pub skipped: u64,
    /// True if nothing of the source was unreadable.
    pub complete: bool,
}

/// The sender's account of a pass.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SenderTotals {
    /// Files whose content was sent completely.
    pub files_sent: u64,
    /// Requests that failed.
    pub files_failed: u64,
    /// Bytes of content sent as literal data.
    pub literal_bytes: u64,
    /// Bytes that the receiver was told to copy.
    pub matched_bytes: u64,
    /// XOR over all sent files of the first 16 bytes of BLAKE3(file id ‖ digest); those of a
    /// [`Bundle`](super::message::Bundle) count once, with the id of the first.
    pub content_digest: [u8; 16],
}

/// How the sender's account of a pass stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interim {
    /// What was sent so far.
    pub totals: SenderTotals,
    /// As in [`FromSender::Tree`](super::message::FromSender::Tree).
    pub tree: Option<TreeDigest>,
}

/// The receiver's account of a pass.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiverTotals {
    /// Entries received in listings.
    pub listed: u64,
    /// Files whose content arrived and was verified.
    pub files_received: u64,
    /// Files that failed at either end.
    pub files_failed: u64,
    /// Every count of the run, for the client that pushes.
    pub receipt: crate::receipt::Receipt,
    /// As in [`SenderTotals`], over the files that arrived.
    pub content_digest: [u8; 16],
}
