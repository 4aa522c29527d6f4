//! A directory held open, and everything that touches a tree beneath it.
//!
//! Every system call of the project that reads or changes a tree is here. The root is opened
//! once, by its path; from then on every call goes through the descriptor of a held directory
//! ([`Dir`]) and names one entry in it. No link is followed, in no component and no last
//! position, so nothing that happens to a path meanwhile leads out of the tree. The one exception
//! is a source whose user asks for the targets of links instead of the links ([`Root::following`]).
//!
//! Invariants:
//! - content is read from and written to regular files only; pipes and devices are never opened
//!   for it;
//! - a new file is private (0600) until its metadata is set on its open descriptor, and only then
//!   renamed into place;
//! - attributes that grant privileges (`security.*`, `trusted.*`) are neither read nor written.
//!
//! What it is not: it knows no policy. What may be created, replaced or deleted is decided above.
//!
//! ```
//! use std::io::Write;
//!
//! use rsync_core::entry::Timestamp;
//! use rsync_core::path::{FileName, RelPath};
//! use rsync_core::root::{Detail, Metadata, Root};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let place = tempfile::tempdir()?;
//! # std::fs::create_dir(place.path().join("etc"))?;
//! let root = Root::open(place.path())?;
//! let etc = root.top().open_beneath(&RelPath::new(b"etc")?)?;
//!
//! let mut file = etc.stage()?;
//! file.write_all(b"127.0.0.1 localhost\n")?;
//! file.set_metadata(&Metadata { mode: Some(0o644), mtime: Some(Timestamp::new(0, 0)), ..Metadata::default() })?;
//! file.commit(&etc, &FileName::new(b"hosts")?)?;
//!
//! let listed = etc.list(&Detail::default())?;
//! assert_eq!(listed.entries[0].file_size(), Some(20));
//! # Ok(())
//! # }
//! ```

mod acl;
mod confine;
mod content;
mod create;
mod descriptors;
mod dir;
mod error;
mod follow;
mod identify;
mod inspect;
mod list;
mod metadata;
mod own;
mod pending;
mod precision;
mod process;
mod remove;
mod remove_tree;
mod rename;
mod resolve;
mod source;
mod space;
mod stage;
mod stat;
mod system;
mod temporary;
#[cfg(test)]
mod tests;
mod waiting;
mod write_behind;
mod xattr;

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};
use rustix::io::Errno;

pub use acl::acl_under_mode;
pub use confine::Access;
pub use create::StagedEntry;
pub use descriptors::expect_descriptors;
pub(crate) use descriptors::{may_hold_more, most_held};
pub use dir::Dir;
pub use error::{CHANGE_MODE, Error};
pub(crate) use follow::leads_nowhere;
pub use identify::{is_own_directory, is_private_file};
pub(crate) use list::give_back;
pub use list::{Detail, Listed};
pub use metadata::{Metadata, XattrChange};
pub use process::{is_superuser, own_groups, umask};
pub use source::{SourceFile, SourceReader};
pub use space::FreeSpace;
pub use stage::StagedFile;
pub use stat::{Identity, Stamp};
pub use temporary::{
    KEPT_NAME, is_own_name, is_temporary_name, temporary_name, temporary_name_for,
};
pub use waiting::WaitingFile;

use crate::path::RelPath;

/// A tree's top directory, opened once.
#[derive(Debug, Clone)]
pub struct Root {
    top: Dir,
    path: PathBuf,
}

impl Root {
    /// Opens the directory at `path`. This is the only path that is resolved as the system does
    /// it, following links.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = openat(CWD, path, flags, Mode::empty())
            .map_err(|errno| failure("open", path, errno))?;
        Ok(Self {
            top: Dir::new(fd, RelPath::root(), None),
            path: path.to_owned(),
        })
    }

    /// Opens the directory at `path`, after creating it with `mode` (less the umask) if nothing
    /// is there. Directories above it are not created.
    pub fn open_or_create(path: &Path, mode: u32) -> Result<Self, Error> {
        match Self::open(path) {
            Err(error) if error.is_not_found() => {}
            result => return result,
        }
        match mkdirat(CWD, path, metadata::mode_bits(mode)) {
            Ok(()) | Err(Errno::EXIST) => Self::open(path),
            Err(errno) => Err(failure("create", path, errno)),
        }
    }

    /// Opens the same directory once more: a lock that this root has taken is not held by that.
    pub fn reopen(&self) -> Result<Self, Error> {
        Ok(Self {
            top: self.top.try_clone()?,
            path: self.path.clone(),
        })
    }

    /// The top directory.
    pub fn top(&self) -> &Dir {
        &self.top
    }

    /// Which directory it is.
    pub fn identity(&self) -> Result<Identity, Error> {
        self.top.identity()
    }

    /// The path it was opened by, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn failure(operation: &'static str, path: &Path, errno: Errno) -> Error {
    Error {
        operation,
        path: path.as_os_str().as_bytes().to_vec(),
        source: io::Error::from(errno),
    }
}
