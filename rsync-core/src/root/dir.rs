//! A directory held open: what every operation on a tree starts from.

use std::sync::{Arc, Mutex, PoisonError};

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{Mode, OFlags, openat};

use super::descriptors::Counted;
use super::error::{Context, Error};
use super::follow::Following;
use super::stat::{Identity, Stat};
use super::system;
use crate::path::{FileName, RelPath};

/// Flags of every directory that is opened to be held.
pub(super) const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// A directory held open, and its path below the root for messages.
///
/// Operations take single names and act relative to the descriptor: they reach this directory
/// even if it was moved or its path was replaced by a link. Clones share one descriptor.
#[derive(Debug, Clone)]
pub struct Dir(Arc<Held>);

#[derive(Debug)]
struct Held {
    fd: OwnedFd,
    path: RelPath,
    /// True once the descriptor's read position is not at the start; held while listing.
    read: Mutex<bool>,
    /// Which links are followed, if any are.
    following: Option<Following>,
    /// Too many of them leave no descriptors for anything else.
    _counted: Counted,
}

impl Dir {
    pub(super) fn new(fd: OwnedFd, path: RelPath, following: Option<Following>) -> Self {
        Self(Arc::new(Held {
            fd,
            path,
            read: Mutex::new(false),
            following,
            _counted: Counted::new(),
        }))
    }

    /// Where it was below the root when it was opened.
    pub fn path(&self) -> &RelPath {
        &self.0.path
    }

    /// Which directory it is.
    pub fn identity(&self) -> Result<Identity, Error> {
        let stat = Stat::of(self.fd()).context("stat", || self.path().clone())?;
        Ok(stat.identity)
    }

    /// Opens the directory `name` in it. A link is refused, whatever it points to, unless this
    /// root follows it.
    pub fn open_dir(&self, name: &FileName) -> Result<Self, Error> {
        let path = self.path().join(name);
        let opened = match self.following() {
            Some(following) => following
                .open_dir(self, name)
                .map(|(fd, below)| (fd, Some(below))),
            None => {
                openat(self.fd(), name.as_bytes(), DIRECTORY, Mode::empty()).map(|fd| (fd, None))
            }
        };
        match opened {
            Ok((fd, following)) => Ok(Self::new(fd, path, following)),
            Err(errno) => Err(errno).context("open", || path),
        }
    }

    /// Opens it once more: a directory can be listed once at a time through each handle.
    pub fn try_clone(&self) -> Result<Self, Error> {
        let fd = openat(self.fd(), c".", DIRECTORY, Mode::empty())
            .context("open", || self.path().clone())?;
        Ok(Self::new(
            fd,
            self.path().clone(),
            self.following().cloned(),
        ))
    }

    /// Which links are followed; nothing if none is.
    pub(super) fn following(&self) -> Option<&Following> {
        self.0.following.as_ref()
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.0.fd.as_fd()
    }

    /// The path of an entry, for a message.
    pub(super) fn at(&self, name: &FileName) -> impl FnOnce() -> RelPath {
        move || self.path().join(name)
    }

    /// Reads names from the first on, one reader at a time: all clones share one read position.
    pub(super) fn read_from_start(
        &self,
        each: &mut system::EachName<'_>,
    ) -> rustix::io::Result<()> {
        let mut read = self.0.read.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::replace(&mut *read, true) {
            system::rewind(self.fd())?;
        }
        while system::read_names(self.fd(), each)? {}
        Ok(())
    }
}
