//! What goes wrong at the other end with one file or one directory.
//!
//! Part of the [messages](super::message): field and variant order is the format.

use serde::{Deserialize, Serialize};

use crate::path::RelPath;

/// Why one file can not be had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FileFailure {
    /// It is gone.
    Vanished,
    /// It is no longer a regular file.
    NotAFile,
    /// It changed while it was read, again and again.
    KeptChanging,
    /// The system refused.
    System(SystemError),
    /// The request makes no sense: not listed, excluded, impossible basis.
    Refused,
}

/// An error of the operating system, as data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemError {
    /// What was tried: `open`, `read`, `list`.
    pub operation: String,
    /// `errno`.
    pub code: i32,
}

/// Something of the source that could not be listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Where.
    pub path: RelPath,
    /// What went wrong.
    pub kind: ProblemKind,
}

/// What went wrong with an entry or a directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProblemKind {
    /// The system refused.
    System(SystemError),
    /// It has a name or link target that ksyncd can not carry.
    BadName,
    /// More extended attributes than ksyncd carries.
    TooManyXattrs,
    /// Deeper than ksyncd goes.
    TooDeep,
    /// The filter rules in a merge file there are not understood; says which and why.
    Rules(String),
}
