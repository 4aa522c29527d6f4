//! What goes wrong with a tree: the operation, where, and what the system said.

use std::io;

use crate::path::{RelPath, escape};
use crate::wire::message::{FileFailure, SystemError};

/// Operation named by an error when the system did not let the owner be changed.
pub(super) const CHANGE_OWNER: &str = "change owner of";

/// Operation named by an error when a mode could not be set.
pub const CHANGE_MODE: &str = "change mode of";

/// Operation named by an error when an entry could not be removed.
pub(super) const REMOVE: &str = "remove";

/// A failed operation on a tree.
///
/// The message names operation and path; the system's reason is the source of the error.
#[derive(Debug, thiserror::Error)]
#[error("cannot {operation} {}", shown(path))]
pub struct Error {
    /// What was tried, as a verb: `open`, `list`, `rename`.
    pub operation: &'static str,
    /// Where: the path below the root, or the root's own path; empty for the root as a directory.
    pub path: Vec<u8>,
    /// What the system said.
    pub source: io::Error,
}

impl Error {
    /// The file system of the root lets no mode be set.
    pub(crate) fn no_modes() -> Self {
        Self {
            operation: CHANGE_MODE,
            path: Vec::new(),
            source: rustix::io::Errno::OPNOTSUPP.into(),
        }
    }

    /// The directory at `path` can not be removed because of what is in it.
    pub(crate) fn not_empty(path: &RelPath) -> Self {
        Self {
            operation: REMOVE,
            path: path.as_bytes().to_vec(),
            source: rustix::io::Errno::NOTEMPTY.into(),
        }
    }

    /// The entry at `path` is another name of the one at `leader`, which is not there.
    pub(crate) fn without_leader(path: &RelPath, leader: &RelPath) -> Self {
        let leader = escape(leader.as_bytes());
        Self {
            operation: "link",
            path: path.as_bytes().to_vec(),
            source: io::Error::other(format!("it is one file with {leader}, which failed")),
        }
    }

    /// A temporary file is left where it was tried to remove it.
    pub fn leaves_something(&self) -> bool {
        self.operation == REMOVE
    }

    /// The system's error number; 0 if the error is not the system's.
    pub fn code(&self) -> i32 {
        self.source.raw_os_error().unwrap_or(0)
    }

    /// What the system said, without operation and path.
    pub fn into_io(self) -> io::Error {
        self.source
    }

    /// Nothing has that name.
    pub fn is_not_found(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }

    /// Something has that name already.
    pub fn is_already_there(&self) -> bool {
        self.source.kind() == io::ErrorKind::AlreadyExists
    }

    /// A regular file was to be opened and something else has that name.
    pub fn is_not_a_file(&self) -> bool {
        self.source
            .get_ref()
            .is_some_and(|reason| reason.is::<NotAFile>())
    }

    /// A directory was to be opened and something else (maybe a link) has that name, or one on the way.
    pub fn is_not_a_directory(&self) -> bool {
        [rustix::io::Errno::NOTDIR, rustix::io::Errno::LOOP]
            .iter()
            .any(|errno| errno.raw_os_error() == self.code())
    }

    /// A file was to be removed and a directory has that name.
    pub fn is_a_directory(&self) -> bool {
        let errnos = [rustix::io::Errno::ISDIR, rustix::io::Errno::PERM];
        errnos
            .iter()
            .any(|errno| errno.raw_os_error() == self.code())
    }

    /// The owner was to be changed and the process may not. Nothing else was changed: the call
    /// can be repeated without user and group.
    pub fn is_owner_denied(&self) -> bool {
        self.operation == CHANGE_OWNER && self.source.kind() == io::ErrorKind::PermissionDenied
    }
}

impl From<&Error> for SystemError {
    fn from(error: &Error) -> Self {
        Self {
            operation: error.operation.to_owned(),
            code: error.code(),
        }
    }
}

impl From<&Error> for FileFailure {
    fn from(error: &Error) -> Self {
        if error.is_not_found() {
            Self::Vanished
        } else if error.is_not_a_file() {
            Self::NotAFile
        } else {
            Self::System(error.into())
        }
    }
}

/// Why a name was not opened: it is not a regular file's.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("not a regular file")]
pub(super) struct NotAFile;

impl From<NotAFile> for io::Error {
    fn from(reason: NotAFile) -> Self {
        Self::new(io::ErrorKind::InvalidInput, reason)
    }
}

/// Adds operation and path to what the system said.
pub(super) trait Context<T> {
    fn context(self, operation: &'static str, path: impl FnOnce() -> RelPath) -> Result<T, Error>;
}

impl<T, E: Into<io::Error>> Context<T> for Result<T, E> {
    fn context(self, operation: &'static str, path: impl FnOnce() -> RelPath) -> Result<T, Error> {
        self.map_err(|source| Error {
            operation,
            path: path().into(),
            source: source.into(),
        })
    }
}

fn shown(path: &[u8]) -> String {
    if path.is_empty() {
        ".".to_owned()
    } else {
        escape(path)
    }
}
