//! Telling whether an entry is still the one it was.

use rustix::fs::FileType;
use rustix::io::Errno;

use super::dir::Dir;
use super::error::{Context, Error};
use super::stage::StagedFile;
use super::stat::{Stamp, Stat};
use crate::path::FileName;

/// Group and others may write.
const OTHERS_WRITE: u32 = 0o022;
/// Group and others may do anything at all.
const OTHERS_ALL: u32 = 0o077;

impl Dir {
    /// What the entry `name` is now, of whatever kind; nothing if there is none.
    pub fn stamp(&self, name: &FileName) -> Result<Option<Stamp>, Error> {
        match Stat::at(self.fd(), name.as_bytes()) {
            Ok(stat) => Ok(Some(stat.stamp())),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(errno).context("stat", self.at(name)),
        }
    }
}

/// True if a directory belongs to this process's user and nobody else may write to it.
pub fn is_own_directory(dir: &Dir) -> Result<bool, Error> {
    let stat = Stat::of(dir.fd()).context("stat", || dir.path().clone())?;
    let is_own = stat.owner.uid == rustix::process::geteuid().as_raw();
    Ok(is_own && stat.mode & OTHERS_WRITE == 0)
}

/// True if `name` is a regular file of this process's user that has no other name and that nobody
/// else may open.
pub fn is_private_file(dir: &Dir, name: &FileName) -> Result<bool, Error> {
    match Stat::at(dir.fd(), name.as_bytes()) {
        Ok(stat) => Ok(stat.file_type == FileType::RegularFile
            && stat.owner.uid == rustix::process::geteuid().as_raw()
            && stat.names == 1
            && stat.mode & OTHERS_ALL == 0),
        Err(Errno::NOENT) => Ok(false),
        Err(errno) => Err(errno).context("stat", dir.at(name)),
    }
}

impl StagedFile {
    /// True if it has this name now.
    pub fn has_name(&self, name: &FileName) -> bool {
        self.entry.name == *name
    }

    /// Lets it stay under its temporary name, to be found by a later run.
    pub fn leave(mut self) {
        self.entry.settle();
    }

    /// True if the file has further names, which are the same file.
    pub fn has_other_names(&self) -> Result<bool, Error> {
        Ok(Stat::of(&self.fd).context("stat", || self.path())?.names > 1)
    }

    /// True if it has its final name already: others see it change.
    pub fn is_in_place(&self) -> bool {
        self.entry.is_settled()
    }
}
