//! What a run does to an entry, or why it does not: plain data for plans, monitors and the wire.

use serde::{Deserialize, Serialize};

/// What changed about an entry; the letters of rsync's `--itemize-changes`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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

/// Why deletions did not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum WithheldReason {
    /// The source could not be read completely.
    IncompleteListing,
    /// The limit of `--max-delete` was reached.
    Limit,
    /// The source is empty and the destination is not.
    EmptySource,
    /// The source is not the one that earlier runs came from. No agent says so: what follows here
    /// is known to the client's end of a pull only.
    NewSource,
    /// Too large a part of the destination would go.
    Proportion,
}
