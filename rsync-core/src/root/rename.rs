//! Giving an entry another name, in the same directory or another.

use rustix::fs::{AtFlags, FileType, RenameFlags, linkat, renameat, renameat_with, unlinkat};
use rustix::io::Errno;

use super::dir::Dir;
use super::error::{Context, Error};
use super::stat::Stat;
use crate::path::FileName;

impl Dir {
    /// Renames the entry `from`, replacing what is called `to` there. Directories replace only
    /// empty directories. Links are renamed, not followed.
    pub fn rename(&self, from: &FileName, to_dir: &Self, to: &FileName) -> Result<(), Error> {
        renameat(self.fd(), from.as_bytes(), to_dir.fd(), to.as_bytes())
            .context("rename", self.at(from))
    }

    /// Renames the entry `from`; nothing may be called `to` there ([`Error::is_already_there`]).
    pub fn rename_no_replace(
        &self,
        from: &FileName,
        to_dir: &Self,
        to: &FileName,
    ) -> Result<(), Error> {
        rename_new(self, from.as_bytes(), to_dir, to.as_bytes()).context("rename", self.at(from))
    }
}

/// Renames unless something has the new name.
pub(super) fn rename_new(
    from_dir: &Dir,
    from: &[u8],
    to_dir: &Dir,
    to: &[u8],
) -> rustix::io::Result<()> {
    match renameat_with(from_dir.fd(), from, to_dir.fd(), to, RenameFlags::NOREPLACE) {
        // The kernel or the file system does not know the flag.
        Err(Errno::NOSYS | Errno::INVAL | Errno::OPNOTSUPP) => {
            rename_without_flag(from_dir, from, to_dir, to)
        }
        result => result,
    }
}

/// A hard link never replaces anything. A directory can not have one, but its rename can at
/// worst replace an empty directory that is made in this very moment.
pub(super) fn rename_without_flag(
    from_dir: &Dir,
    from: &[u8],
    to_dir: &Dir,
    to: &[u8],
) -> rustix::io::Result<()> {
    if Stat::at(from_dir.fd(), from)?.file_type != FileType::Directory {
        linkat(from_dir.fd(), from, to_dir.fd(), to, AtFlags::empty())?;
        return unlinkat(from_dir.fd(), from, AtFlags::empty());
    }
    match Stat::at(to_dir.fd(), to) {
        Ok(_) => Err(Errno::EXIST),
        Err(Errno::NOENT) => renameat(from_dir.fd(), from, to_dir.fd(), to),
        Err(errno) => Err(errno),
    }
}
