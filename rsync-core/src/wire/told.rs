//! What a receiver tells the sender about its work, so that a client that pushes can show it.

use serde::{Deserialize, Serialize};

use super::message::{FileFailure, ProblemKind, SystemError};
use crate::change::{Change, SkipReason, WithheldReason};
use crate::entry::{Entry, Kind};
use crate::path::RelPath;

/// Something that happened at the destination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Told {
    /// An entry was created, updated or found as it should be; only if everything is to be told.
    Item {
        /// Where.
        path: RelPath,
        /// The entry, without its extended attributes.
        entry: Entry,
        /// What changed.
        change: Change,
    },
    /// An entry was deleted; only if everything is to be told.
    Deleted {
        /// Where.
        path: RelPath,
        /// What it was.
        kind: Kind,
    },
    /// An entry was left out; only if everything is to be told.
    Skipped {
        /// Where.
        path: RelPath,
        /// Why.
        reason: SkipReason,
    },
    /// Something went wrong with one entry or directory.
    Trouble {
        /// Where.
        path: RelPath,
        /// What.
        trouble: ToldTrouble,
    },
    /// Deletions that were due did not happen.
    Withheld {
        /// How many.
        count: u64,
        /// Why.
        reason: WithheldReason,
    },
    /// The listing is complete.
    Listed {
        /// Entries of the source.
        entries: u64,
        /// Bytes in the files whose content is wanted.
        wanted_bytes: u64,
        /// Files whose content is wanted.
        wanted_files: u64,
    },
    /// Content arrived since the last such message.
    Progress {
        /// Bytes.
        bytes: u64,
        /// Files.
        files: u64,
    },
}

/// What went wrong with one entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToldTrouble {
    /// The source could not be listed there.
    Unlisted(ProblemKind),
    /// The source's content could not be had.
    Source(FileFailure),
    /// The destination could not be changed.
    Destination(SystemError),
    /// The content that arrived was not what was sent.
    Corrupt,
    /// Another entry has a name that the file system takes for the same.
    NameCollision,
    /// The entry is not allowed at the destination.
    Refused(String),
}
