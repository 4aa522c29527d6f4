//! A file being written: created private, given its metadata while open, then put in place.

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{Mode, OFlags, fchmod, openat};
use rustix::io::Errno;

use super::confine::is_memory_scarce;
use super::dir::Dir;
use super::error::{CHANGE_MODE, Context, Error, REMOVE};
use super::metadata::{Metadata, apply, mode_bits};
use super::pending::{Pending, State};
use super::source::{not_a_file_if_so, regular};
use super::stat::{Stamp, Stat};
use super::system;
use super::temporary::with_temporary_name;
use crate::entry::Owner;
use crate::path::{FileName, RelPath};

const CREATE: OFlags = OFlags::RDWR
    .union(OFlags::CREATE)
    .union(OFlags::EXCL)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);
/// Files are private until their metadata is set.
const PRIVATE: Mode = Mode::RUSR.union(Mode::WUSR);
/// How often a file is opened or created in turn while somebody else removes and creates it.
const IN_PLACE_ATTEMPTS: usize = 8;

/// A file being written.
///
/// Unless committed, it is removed when dropped; only a file opened in place stays.
#[derive(Debug)]
pub struct StagedFile {
    pub(super) fd: OwnedFd,
    pub(super) entry: Pending,
    /// Where the next sequential write goes.
    pub(super) position: u64,
    /// Length of the file.
    pub(super) len: u64,
    /// False once the kernel has refused to copy into it.
    pub(super) kernel_copies: bool,
    /// Up to where writing to the disk was begun, if it is to be begun early.
    pub(super) behind: Option<u64>,
    /// Mode and owner that it has had from the start.
    born: Option<(u32, Owner)>,
}

impl Dir {
    /// Creates a private temporary file in this directory.
    pub fn stage(&self) -> Result<StagedFile, Error> {
        self.stage_with(PRIVATE)
    }

    /// Creates a temporary file for content that is known to be right and is to have `metadata`:
    /// with its mode from the start, where whoever may read it then may read it now, and private
    /// otherwise.
    pub fn stage_for(&self, metadata: &Metadata) -> Result<StagedFile, Error> {
        let Some(mode) = metadata.mode_from_the_start() else {
            return self.stage();
        };
        let mut staged = self.stage_with(mode_bits(mode))?;
        let stat = Stat::of(&staged.fd).context("stat", || staged.path())?;
        let lacking = metadata.lacking(stat.mode, Some(stat.owner));
        if lacking.uid.is_some() || lacking.gid.is_some() {
            fchmod(&staged.fd, PRIVATE).context(CHANGE_MODE, || staged.path())?;
        } else {
            staged.born = Some((stat.mode, stat.owner));
        }
        Ok(staged)
    }

    fn stage_with(&self, mode: Mode) -> Result<StagedFile, Error> {
        let (name, fd) =
            with_temporary_name(|name| openat(self.fd(), name.as_bytes(), CREATE, mode))
                .context("create", || self.path().clone())?;
        let entry = Pending::new(self, name, State::Temporary);
        Ok(StagedFile::new(fd, entry, 0))
    }

    /// Creates a private temporary file under the name `temporary`, where nothing may be.
    pub fn stage_as(&self, temporary: FileName) -> Result<StagedFile, Error> {
        let fd = openat(self.fd(), temporary.as_bytes(), CREATE, PRIVATE)
            .context("create", self.at(&temporary))?;
        let entry = Pending::new(self, temporary, State::Temporary);
        Ok(StagedFile::new(fd, entry, 0))
    }

    /// Creates the file `name` under its final name; it must not exist. For directories that are
    /// not visible yet, where nobody sees it grow.
    pub fn create_new_file(&self, name: &FileName) -> Result<StagedFile, Error> {
        let fd =
            openat(self.fd(), name.as_bytes(), CREATE, PRIVATE).context("create", self.at(name))?;
        Ok(StagedFile::new(
            fd,
            Pending::new(self, name.clone(), State::New),
            0,
        ))
    }

    /// Opens the regular file `name` for being updated where it is, or creates it private.
    ///
    /// It is never removed, and others see it change.
    pub fn open_in_place(&self, name: &FileName) -> Result<StagedFile, Error> {
        let existing = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let entry = Pending::new(self, name.clone(), State::Settled);
        let mut failure = Errno::NOENT;
        for _ in 0..IN_PLACE_ATTEMPTS {
            failure = match openat(self.fd(), name.as_bytes(), existing, Mode::empty()) {
                Ok(fd) => {
                    let found = regular(fd.as_fd()).context("open", self.at(name))?;
                    return Ok(StagedFile::new(fd, entry, found.size));
                }
                Err(Errno::NOENT) => match openat(self.fd(), name.as_bytes(), CREATE, PRIVATE) {
                    Ok(fd) => return Ok(StagedFile::new(fd, entry, 0)),
                    Err(errno) => errno,
                },
                Err(errno) => errno,
            };
            if failure != Errno::EXIST {
                break;
            }
        }
        Err(not_a_file_if_so(failure)).context("open", self.at(name))
    }
}

impl StagedFile {
    fn new(fd: OwnedFd, entry: Pending, len: u64) -> Self {
        Self {
            fd,
            entry,
            position: 0,
            len,
            kernel_copies: true,
            behind: is_memory_scarce().then_some(0),
            born: None,
        }
    }

    /// Sets metadata through the open descriptor. Times come last: writing changes them again.
    pub fn set_metadata(&self, metadata: &Metadata) -> Result<(), Error> {
        let lacking = self
            .born
            .map(|(mode, owner)| metadata.lacking(mode, Some(owner)));
        apply(self.fd(), lacking.as_ref().unwrap_or(metadata))
            .map_err(|failure| failure.at(self.path().into()))
    }

    /// What it is now.
    pub fn stamp(&self) -> Result<Stamp, Error> {
        Ok(Stat::of(&self.fd).context("stat", || self.path())?.stamp())
    }

    /// Writes its content to the disk.
    pub fn sync_data(&self) -> Result<(), Error> {
        system::sync_data(self.fd()).context("flush", || self.path())
    }

    /// Puts it in place as `name` of `dir`, replacing what is there unless that is a directory.
    /// Nobody sees anything but the old entry or the new file.
    ///
    /// A file created or opened under its final name is in place already: `dir` and `name` are
    /// not looked at.
    pub fn commit(mut self, dir: &Dir, name: &FileName) -> Result<(), Error> {
        self.entry.put(dir, name).context("rename", dir.at(name))
    }

    /// Puts it in place like [`StagedFile::commit`], where nothing may have the name
    /// ([`Error::is_already_there`]): neither an entry that somebody else made meanwhile, nor one
    /// whose name this file system takes for the same.
    pub fn commit_new(mut self, dir: &Dir, name: &FileName) -> Result<(), Error> {
        self.entry
            .put_new(dir, name)
            .context("rename", dir.at(name))
    }

    /// Puts what has arrived in place like [`StagedFile::commit`], to be continued later. Given
    /// no metadata, it stays private and has the time of its last write, so that no comparison
    /// by time takes it for the whole file.
    pub fn commit_as_partial(self, dir: &Dir, name: &FileName) -> Result<(), Error> {
        self.commit(dir, name)
    }

    /// Removes it, as dropping it does, and tells whether that worked.
    pub fn discard(mut self) -> Result<(), Error> {
        self.entry.remove().context(REMOVE, || self.path())
    }

    /// Where it is now.
    pub(super) fn path(&self) -> RelPath {
        self.entry.dir.path().join(&self.entry.name)
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
