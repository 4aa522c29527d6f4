//! How a run is watched: the engine never prints, it tells a [`Monitor`].

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

/// What changed about an entry; the letters of rsync's `--itemize-changes`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Change {
    /// How the content came about.
    pub update: Update,
    /// The entry did not exist, or was of another kind.
    pub created: bool,
    /// Content differs by checksum (`c`), or a link's target changed.
    pub content: bool,
    /// Size differs (`s`).
    pub size: bool,
    /// Modification time differs (`t`).
    pub time: bool,
    /// Permission bits differ (`p`).
    pub permissions: bool,
    /// User differs (`o`).
    pub owner: bool,
    /// Group differs (`g`).
    pub group: bool,
    /// Access control list differs (`a`).
    pub acl: bool,
    /// Extended attributes differ (`x`).
    pub xattr: bool,
}

impl Change {
    /// True if nothing changed.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// How an entry's content came about: the first letter of an itemized line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Update {
    /// No content moved (`.`).
    #[default]
    None,
    /// Content came from the sender (`>`), or goes to the receiver (`<`).
    Transfer,
    /// Created or changed without content: directory, link, device (`c`).
    Local,
    /// Hard link to another entry (`h`).
    HardLink,
    /// Moved or copied from elsewhere at the destination (`c`).
    Moved,
}

/// Why an entry was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SkipReason {
    /// A device, pipe or socket, and the run does not ask for those.
    SpecialFile,
    /// A symbolic link, and the run does not want (such) links.
    Link,
    /// It exists (`--ignore-existing`).
    Exists,
    /// It does not exist (`--existing`).
    Missing,
    /// The destination's is newer (`-u`).
    Newer,
    /// Too large or too small.
    Size,
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
        operation: &'static str,
        /// What the system said.
        error: std::io::Error,
    },
    /// The content that arrived is not what the sender sent.
    Corrupt,
    /// The destination has another entry under a name that its file system takes for the same.
    NameCollision,
    /// The entry is not allowed at the destination.
    Refused(&'static str),
}

/// Why deletions did not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WithheldReason {
    /// The source could not be read completely.
    IncompleteListing,
    /// The limit of `--max-delete` was reached.
    Limit,
    /// The source is empty and the destination is not.
    EmptySource,
}
