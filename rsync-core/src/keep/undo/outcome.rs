//! What comes of an undo, and of an entry that it leaves as it is.

use crate::root::Error;

/// What came of an undo.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Undone {
    /// Changes that were taken back.
    pub restored: u64,
    /// Entries that stay as they are, each reported.
    pub conflicts: u64,
    /// The root was made by the run and holds nothing now: it may be removed.
    pub root_is_left_over: bool,
}

/// Why an entry is not as it was before the run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Conflict {
    /// Somebody changed, replaced or made it since.
    #[error("it was changed after that run and stays as it is")]
    ChangedSince,
    /// There is something in a directory that the run made.
    #[error("something was put into it after that run, so it stays")]
    NotEmpty,
    /// The run could not keep the old version.
    #[error("its old version was not kept: there was no room for it in --undo-keep")]
    NoRoom,
    /// The run could not keep the old version.
    #[error("its old version could not be kept at the time")]
    NotKept,
    /// The run changed more than it could write down.
    #[error("the run changed more than it could write down, which stays as it is")]
    BrokenOff,
    /// The run kept the old version, and it is not there any more.
    #[error(
        "its old version is not kept any more: an earlier undo may have taken it; `ksyncd log` shows which"
    )]
    Gone,
    /// The system refused.
    #[error(transparent)]
    Failed(Error),
}

impl From<Error> for Conflict {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}
