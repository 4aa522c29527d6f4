//! Creating what is not a regular file: directories, links, pipes, sockets, devices.
//!
//! `create_*` insist that nothing has the name. `stage_*` create under a temporary name, to be
//! renamed, so that an entry which is replaced is there at any moment, as the old or the new one.

use rustix::fs::{AtFlags, FileType, linkat, mkdirat, symlinkat};
use rustix::io::Errno;

use super::dir::Dir;
use super::error::{Context, Error};
use super::metadata::{Metadata, mode_bits};
use super::pending::{Pending, State};
use super::system;
use super::temporary::with_temporary_name;
use crate::entry::{Device, Kind, LinkTarget};
use crate::path::FileName;

/// Special files are private until their metadata is set.
const PRIVATE: u32 = 0o600;

/// A link, a special file or a complete file under a temporary name. Removed when dropped, unless committed.
#[derive(Debug)]
pub struct StagedEntry(pub(super) Pending);

impl StagedEntry {
    /// Puts it in place as `name` of `dir`, replacing what is there unless that is a directory.
    pub fn commit(mut self, dir: &Dir, name: &FileName) -> Result<(), Error> {
        self.0.put(dir, name).context("rename", dir.at(name))
    }

    /// Puts it in place where nothing may have the name ([`Error::is_already_there`]).
    pub fn commit_new(mut self, dir: &Dir, name: &FileName) -> Result<(), Error> {
        self.0.put_new(dir, name).context("rename", dir.at(name))
    }
}

impl Dir {
    /// Creates the directory `name`. The process's umask takes bits from `mode`.
    pub fn create_dir(&self, name: &FileName, mode: u32) -> Result<(), Error> {
        mkdirat(self.fd(), name.as_bytes(), mode_bits(mode)).context("create", self.at(name))
    }

    /// Creates the symbolic link `name`; what `target` says does not matter here.
    pub fn create_symlink(&self, name: &FileName, target: &LinkTarget) -> Result<(), Error> {
        symlinkat(target.as_bytes(), self.fd(), name.as_bytes()).context("create", self.at(name))
    }

    /// Gives the entry `existing` of this directory the further name `name` in `to`. A symbolic
    /// link gets the name itself.
    pub fn create_hard_link(
        &self,
        existing: &FileName,
        to: &Self,
        name: &FileName,
    ) -> Result<(), Error> {
        linkat(
            self.fd(),
            existing.as_bytes(),
            to.fd(),
            name.as_bytes(),
            AtFlags::empty(),
        )
        .context("link", to.at(name))
    }

    /// Creates a pipe, socket or device; other kinds are refused. The process's umask takes bits
    /// from `mode`.
    pub fn create_node(&self, name: &FileName, kind: &Kind, mode: u32) -> Result<(), Error> {
        self.make_node(name, kind, mode)
            .context("create", self.at(name))
    }

    /// Creates a symbolic link with `metadata` under a temporary name.
    pub fn stage_symlink(
        &self,
        target: &LinkTarget,
        metadata: &Metadata,
    ) -> Result<StagedEntry, Error> {
        self.stage_entry(metadata, |name| {
            symlinkat(target.as_bytes(), self.fd(), name.as_bytes())
        })
    }

    /// Creates a pipe, socket or device with `metadata` under a temporary name; other kinds are
    /// refused.
    pub fn stage_node(&self, kind: &Kind, metadata: &Metadata) -> Result<StagedEntry, Error> {
        self.stage_entry(metadata, |name| self.make_node(name, kind, PRIVATE))
    }

    /// Lets a further name of the entry `existing` of this directory replace what is called
    /// `name` in `to`, unless that is a directory.
    pub fn stage_hard_link(
        &self,
        existing: &FileName,
        to: &Self,
        name: &FileName,
    ) -> Result<(), Error> {
        let (temporary, ()) = with_temporary_name(|temporary| {
            linkat(
                self.fd(),
                existing.as_bytes(),
                to.fd(),
                temporary.as_bytes(),
                AtFlags::empty(),
            )
        })
        .context("link", to.at(name))?;
        // rename(2) of one name of a file to another does nothing and reports success: the
        // temporary name is removed in any case.
        let pending = Pending::new(to, temporary, State::Temporary);
        to.rename(&pending.name, to, name)
    }

    fn stage_entry(
        &self,
        metadata: &Metadata,
        create: impl FnMut(&FileName) -> rustix::io::Result<()>,
    ) -> Result<StagedEntry, Error> {
        let (name, ()) = with_temporary_name(create).context("create", || self.path().clone())?;
        let pending = Pending::new(self, name, State::Temporary);
        self.set_metadata(&pending.name, metadata)?;
        Ok(StagedEntry(pending))
    }

    fn make_node(&self, name: &FileName, kind: &Kind, mode: u32) -> rustix::io::Result<()> {
        let none = Device { major: 0, minor: 0 };
        let (file_type, device) = match *kind {
            Kind::Fifo => (FileType::Fifo, none),
            Kind::Socket => (FileType::Socket, none),
            Kind::CharDevice { device } => (FileType::CharacterDevice, device),
            Kind::BlockDevice { device } => (FileType::BlockDevice, device),
            Kind::File { .. } | Kind::Dir | Kind::Symlink { .. } => return Err(Errno::INVAL),
        };
        system::make_node(
            self.fd(),
            name.as_bytes(),
            file_type,
            device,
            mode_bits(mode),
        )
    }
}
