//! How a run is watched: the engine never prints, it tells a [`Monitor`].

use std::borrow::Cow;

pub use crate::change::{Change, SkipReason, Update, WithheldReason};
use crate::entry::{Entry, Kind};
use crate::path::RelPath;
use crate::wire::message::{FileFailure, ProblemKind};

/// Takes the events of a run. Called from several threads, never with a lock held.
pub trait Monitor: Sync {
    /// Something happened.
    fn event(&self, event: &Event<'_>);
}

/// A monitor that listens to nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Monitor for Silent {
    fn event(&self, _: &Event<'_>) {}
}

/// What happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The other end answered.
    Connected {
        /// Its version, as it says; escaped before it reaches a terminal.
        peer_version: &'a str,
        /// Protocol version agreed on.
        protocol: u16,
    },
    /// An entry was created, updated or (in a dry run) would be. Also for unchanged entries,
    /// with no change set, if they were listed.
    Item {
        /// Where.
        path: &'a RelPath,
        /// The entry as the source has it.
        entry: &'a Entry,
        /// What changed.
        change: Change,
    },
    /// An entry of the destination was deleted, or would be.
    Deleted {
        /// Where.
        path: &'a RelPath,
        /// What it was.
        kind: &'a Kind,
    },
    /// An entry was left out.
    Skipped {
        /// Where.
        path: &'a RelPath,
        /// Why.
        reason: SkipReason,
    },
    /// Something went wrong with one entry or directory; the run goes on.
    Trouble {
        /// Where.
        path: &'a RelPath,
        /// What.
        trouble: &'a Trouble,
    },
    /// Deletions that were due did not happen.
    DeletesWithheld {
        /// How many, if known.
        count: u64,
        /// Why.
        reason: WithheldReason,
    },
    /// The listing is complete: how much there is.
    Listed {
        /// Entries of the source.
        entries: u64,
        /// Bytes in the files whose content is wanted.
        wanted_bytes: u64,
        /// Files whose content is wanted.
        wanted_files: u64,
    },
    /// Content of wanted files arrived or was found locally.
    Progress {
        /// Bytes of content completed since the last such event.
        bytes: u64,
        /// Files completed since the last such event.
        files: u64,
    },
}

/// What went wrong with one entry.
#[derive(Debug)]
#[non_exhaustive]
pub enum Trouble {
    /// The source could not be listed there.
    Unlisted(ProblemKind),
    /// The source's content could not be had.
    Source(FileFailure),
    /// The destination could not be changed.
    Destination {
        /// What was tried.
        operation: Cow<'static, str>,
        /// What the system said.
        error: std::io::Error,
    },
    /// The content that arrived is not what the sender sent.
    Corrupt,
    /// The destination has another entry under a name that its file system takes for the same.
    NameCollision,
    /// The entry is not allowed at the destination.
    Refused(Cow<'static, str>),
}
