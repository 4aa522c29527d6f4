//! Giving an entry another name, in the same directory or another.

use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, RenameFlags, linkat, openat, renameat, renameat_with, unlinkat,
};
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
        // The kernel or the file system does not know the flag, or a seccomp profile not the call.
        Err(Errno::NOSYS | Errno::INVAL | Errno::OPNOTSUPP | Errno::PERM) => {
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
        return match linkat(from_dir.fd(), from, to_dir.fd(), to, AtFlags::empty()) {
            Ok(()) => unlinkat(from_dir.fd(), from, AtFlags::empty()),
            // No hard links there, as on VirtualBox's shared folders and with some of FUSE.
            Err(Errno::PERM | Errno::NOSYS | Errno::OPNOTSUPP | Errno::MLINK) => {
                rename_to_claimed(from_dir, from, to_dir, to)
            }
            Err(errno) => Err(errno),
        };
    }
    match Stat::at(to_dir.fd(), to) {
        Ok(_) => Err(Errno::EXIST),
        Err(Errno::NOENT) => renameat(from_dir.fd(), from, to_dir.fd(), to),
        Err(errno) => Err(errno),
    }
}

/// Nothing but an empty file of our own is replaced: it takes the name, unless something has that. Not
/// for directories.
pub(super) fn rename_to_claimed(
    from_dir: &Dir,
    from: &[u8],
    to_dir: &Dir,
    to: &[u8],
) -> rustix::io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let claim = openat(to_dir.fd(), to, flags, Mode::RUSR | Mode::WUSR)?;
    let renamed = renameat(from_dir.fd(), from, to_dir.fd(), to);
    if renamed.is_err() {
        let is_ours = |found: Stat| {
            let ours = Stat::of(&claim)?;
            Ok::<_, Errno>(found.identity == ours.identity && ours.size == 0)
        };
        if let Ok(true) = Stat::at(to_dir.fd(), to).and_then(is_ours) {
            unlinkat(to_dir.fd(), to, AtFlags::empty())?;
        }
    }
    renamed
}
