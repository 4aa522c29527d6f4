//! From a held directory to one further down, without following a single link.
//!
//! Fast path: one `openat2` with `RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS` (openat2(2)), where the
//! kernel has it. Portable path: a chain of `openat` with `O_NOFOLLOW`, one name at a time. Both
//! accept exactly the same paths; the tests hold them, and cap-std, against each other.

use rustix::fd::{BorrowedFd, OwnedFd};
use rustix::fs::{Mode, openat};
use rustix::io::Errno;

use super::dir::{DIRECTORY, Dir};
use super::error::{Context, Error};
use super::system;
use crate::path::RelPath;

impl Dir {
    /// Opens the directory at `path` below this one. No component may be a link that this root
    /// does not follow.
    pub fn open_beneath(&self, path: &RelPath) -> Result<Self, Error> {
        if path.is_root() {
            return Ok(self.clone());
        }
        if self.following().is_some() {
            return self.open_following(path);
        }
        let full = if self.path().is_root() {
            path.clone()
        } else {
            join(self.path(), path)
        };
        match open(self.fd(), path) {
            Ok(fd) => Ok(Self::new(fd, full, None)),
            Err(errno) => Err(errno).context("open", || full),
        }
    }
}

fn open(dir: BorrowedFd<'_>, path: &RelPath) -> rustix::io::Result<OwnedFd> {
    match system::open_beneath(dir, path) {
        Some(result) => result,
        None => open_by_steps(dir, path),
    }
}

/// The portable path: each step is opened relative to the one before and must be a directory.
pub(super) fn open_by_steps(dir: BorrowedFd<'_>, path: &RelPath) -> rustix::io::Result<OwnedFd> {
    let mut names = path.components();
    let last = names.next_back().ok_or(Errno::INVAL)?;
    let mut held: Option<OwnedFd> = None;
    for name in names {
        let next = match &held {
            Some(step) => openat(step, name, system::STEP, Mode::empty())?,
            None => openat(dir, name, system::STEP, Mode::empty())?,
        };
        held = Some(next);
    }
    match &held {
        Some(step) => openat(step, last, DIRECTORY, Mode::empty()),
        None => openat(dir, last, DIRECTORY, Mode::empty()),
    }
}

fn join(base: &RelPath, below: &RelPath) -> RelPath {
    let mut bytes = base.as_bytes().to_vec();
    bytes.push(b'/');
    bytes.extend_from_slice(below.as_bytes());
    // Longer than any path may be: only messages use it, and the part below still tells most.
    RelPath::try_from(bytes).unwrap_or_else(|_| below.clone())
}
