//! The messages of protocol version 1, as typed values.
//!
//! Encoded with [postcard](https://postcard.jamesmunns.com/wire-format): field and variant order
//! *is* the format. Within one protocol version nothing here may be reordered, removed or
//! inserted; a change makes a new version (golden fixtures in `tests/` hold the bytes).
//!
//! A pass over one tree goes like this (sender left, receiver right):
//!
//! ```text
//!   Source            ->                     what the source root is
//!   Caution           ->                     what a client that pushes forbids to delete (optional)
//!                     <-  Holdings           digests of what the receiver has, or "nothing"
//!   Listing…          ->                     directories that differ
//!                     <-  Want…, Signature…  what the receiver needs of them
//!   File…, Begin, Data…, End, Failed ->      content, in order of arrival
//!   Bundle…           ->                     small files of one directory (optional)
//!   Expand            ->                     subtrees whose digest differs, to be looked into
//!                     <-  Holdings           … their digests
//!   Listed            ->                     the listing is complete, with its totals
//!                     <-  Enough             everything that is listed is decided (optional)
//!   Interim           ->                     how the sender's account stands (optional)
//!                     <-  Tree               digest of what it has of the source (optional)
//!                     <-  Finished           the receiver's account
//!   Tree              ->                     digest of what the source is (optional)
//!   Finished          ->                     the sender's account
//! ```
//!
//! If the receiver's account and the last `Interim` agree, all is said with that account: the sender
//! does not give its own once more.
//!
//! Optional messages are those that [`Features`](super::hello::Features) name: they are sent only
//! to an end that knows them.

use serde::{Deserialize, Serialize};

use crate::checksum::Digest;
use crate::entry::Entry;
use crate::options::Options;
use crate::path::{FileName, RelPath};

pub use super::bundle::{Bundle, Bundled};
pub use super::content::{Basis, DataOp, How, Seen};
pub use super::problem::{FileFailure, Problem, ProblemKind, SystemError};
pub use super::told::{Told, ToldTrouble};
pub use super::totals::{Interim, Listed, ReceiverTotals, SenderTotals};

/// Number of a directory within one pass, given out by the sender, counting up from 0 (the root).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DirId(pub u32);

/// An entry of a listed directory: the directory and the entry's position in its whole listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FileId {
    /// The directory.
    pub dir: DirId,
    /// Position in the listing, counted over all its parts.
    pub index: u32,
}

/// What the client asks the agent to be for one pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The agent's role.
    pub role: Role,
    /// Path on the agent's side, absolute or relative to its working directory; not empty.
    pub path: Vec<u8>,
    /// Everything that steers the sync.
    pub options: Options,
}

/// Which end of a sync an agent is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// The agent owns the source (the client pulls).
    Sender,
    /// The agent owns the destination (the client pushes).
    Receiver,
}

/// From the sender.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromSender {
    /// What the source is. First message of a pass.
    Source(Source),
    /// (Part of) one directory's listing.
    Listing(Listing),
    /// Subtrees the receiver is asked to look into: path digests as in [`Holdings`].
    Expand(Vec<u64>),
    /// The listing is complete. After this only content and [`Self::Finished`] follow.
    Listed(Listed),
    /// A whole small file in one message.
    File {
        /// Which.
        file: FileId,
        /// What it was when it was read.
        seen: Seen,
        /// Digest of `content`.
        digest: Digest,
        /// Everything it holds.
        #[serde(with = "serde_bytes")]
        content: Vec<u8>,
    },
    /// The content of a larger file begins.
    Begin {
        /// Which.
        file: FileId,
        /// What it was when it was opened.
        seen: Seen,
    },
    /// Next piece of a file that was begun.
    Data {
        /// Which.
        file: FileId,
        /// What to do next.
        op: DataOp,
    },
    /// A file that was begun is complete.
    End {
        /// Which.
        file: FileId,
        /// Digest of the whole content, or why the content is no good. Of a delta it is over [what
        /// that consists of](crate::delta::DeltaHasher) if both ends
        /// [can](crate::wire::hello::Features::DIGESTS_OF_DELTAS).
        result: Result<Digest, FileFailure>,
    },
    /// Answer to [`How::Digest`].
    Digested {
        /// Which.
        file: FileId,
        /// Digest of the whole content, or of its first bytes as asked.
        result: Result<Digest, FileFailure>,
    },
    /// A wanted file can not be had.
    Failed {
        /// Which.
        file: FileId,
        /// Why.
        failure: FileFailure,
    },
    /// Something of the source could not be listed; the listing is not complete.
    Problem(Problem),
    /// Names that belong to user and group numbers in the listings that follow.
    Owners(Owners),
    /// The sender's account. Last message of a pass.
    Finished(SenderTotals),
    /// Digest over every directory of the source, listed or agreed; nothing if not all of it could
    /// be listed. Before the account, if both ends have the feature.
    Tree(Option<TreeDigest>),
    /// What may not be deleted. Only a client says it, after `Source`, if both ends have the feature.
    Caution(Caution),
    /// Whole small files that nobody asked for, if both ends have the feature.
    Bundle(Bundle),
    /// How the account stands. Only an agent says it, after `Listed`, if both ends have the feature:
    /// with that, and after [`FromReceiver::Enough`] whenever nothing that was asked for is left to
    /// be sent.
    Interim(Interim),
    /// A file that is wanted as [`How::Lengthened`] does not begin with its basis, whether its content
    /// has begun or not. What came of it is void.
    NotLengthened {
        /// Which.
        file: FileId,
    },
}

impl FromSender {
    /// The message's name, for errors.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Source(_) => "Source",
            Self::Listing(_) => "Listing",
            Self::Expand(_) => "Expand",
            Self::Listed(_) => "Listed",
            Self::File { .. } => "File",
            Self::Begin { .. } => "Begin",
            Self::Data { .. } => "Data",
            Self::End { .. } => "End",
            Self::Digested { .. } => "Digested",
            Self::Failed { .. } => "Failed",
            Self::Problem(_) => "Problem",
            Self::Owners(_) => "Owners",
            Self::Finished(_) => "Finished",
            Self::Tree(_) => "Tree",
            Self::Caution(_) => "Caution",
            Self::Bundle(_) => "Bundle",
            Self::Interim(_) => "Interim",
            Self::NotLengthened { .. } => "NotLengthened",
        }
    }
}

/// From the receiver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromReceiver {
    /// What the receiver has.
    Holdings(Holdings),
    /// Content is wanted.
    Want {
        /// Which file.
        file: FileId,
        /// Its name, as listed.
        name: FileName,
        /// In which form.
        how: How,
    },
    /// Next sums of the basis of a file wanted as [`How::Delta`], [`How::ShortDelta`] or
    /// [`How::Lengthened`].
    Signature {
        /// Which file.
        file: FileId,
        /// Encoded sums, in order, without gaps (`delta::signature`, `delta::lengthened`).
        #[serde(with = "serde_bytes")]
        sums: Vec<u8>,
    },
    /// The basis can not be read after all: send the rest of the file as literal data.
    NoBasis {
        /// Which file.
        file: FileId,
    },
    /// The receiver's account: it wants nothing more. Last message of a pass.
    Finished(ReceiverTotals),
    /// What happens at the destination, for whoever watches the sender.
    Told(Told),
    /// As [`FromSender::Tree`], over what was listed to this end and what it has itself of the
    /// rest. Before the account, if both ends have the feature.
    Tree(Option<TreeDigest>),
    /// Everything that is listed is decided, and asked for but for old versions that are being read.
    /// Only a client says it, after `Listed`, if both ends have the feature.
    Enough,
}

impl FromReceiver {
    /// The message's name, for errors.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Holdings(_) => "Holdings",
            Self::Want { .. } => "Want",
            Self::Signature { .. } => "Signature",
            Self::NoBasis { .. } => "NoBasis",
            Self::Finished(_) => "Finished",
            Self::Told(_) => "Told",
            Self::Tree(_) => "Tree",
            Self::Enough => "Enough",
        }
    }
}

/// Sum modulo 2^256, over all directories that belong to a pass, of BLAKE3 over the length of the
/// path (8 bytes), the path, and the fingerprint of the listing
/// ([`plan::fingerprint`](crate::plan::fingerprint)). Little endian.
pub type TreeDigest = [u8; 32];

/// What a client that pushes forbids to delete.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caution {
    /// The source is not the one that the destination was made from: nothing is deleted.
    pub source_is_new: bool,
    /// Most of the destination's entries, in percent, that may be deleted.
    pub max_delete_percent: Option<u8>,
}

/// What the source is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The root itself. A directory's name is meaningless and is the last name of the path.
    pub root: Entry,
    /// Distinguishes lives of the source: changes when the container restarts or the volume is another.
    pub incarnation: [u8; 16],
    /// True if the sender looks at one entry of the root only.
    pub only_one: bool,
}

/// (Part of) one directory's listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// Number of this directory; new with the first part.
    pub dir: DirId,
    /// Where it is.
    pub path: RelPath,
    /// Its entries in order of their names, at most [`crate::wire::limits::MAX_LISTING_ENTRIES`].
    pub entries: Vec<Entry>,
    /// True if another part follows.
    pub more: bool,
    /// False if some of the directory could not be read: nothing in it may be deleted.
    pub complete: bool,
    /// True if the sender sends the content of this part's regular files unasked, in order.
    pub content_follows: bool,
}

/// What the receiver has: a set of digests, each over a path and the metadata found there
/// (see `engine::summary`). The sender leaves out what it finds in the set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Holdings {
    /// The destination is empty or missing: send everything, unasked.
    Nothing,
    /// Compare nothing: list every directory.
    Unknown,
    /// Digests of directories and of whole subtrees.
    Digests(Vec<u64>),
}

/// Names of users and groups.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owners {
    /// User numbers and names.
    pub users: Vec<(u32, String)>,
    /// Group numbers and names.
    pub groups: Vec<(u32, String)>,
}
