//! The file system beneath: how much room it has, and writing it to the disk.

use rustix::fs::fstatvfs;

use super::dir::Dir;
use super::error::{Context, Error};
use super::system;

/// Room on a file system, for this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FreeSpace {
    /// Bytes that can still be written.
    pub bytes: u64,
    /// Entries that can still be created, where the file system has a limit.
    pub entries: Option<u64>,
}

impl Dir {
    /// How much room is left on the file system that this directory is on.
    pub fn free_space(&self) -> Result<FreeSpace, Error> {
        let found = fstatvfs(self.fd()).context("measure", || self.path().clone())?;
        Ok(FreeSpace {
            bytes: found.f_bavail.saturating_mul(found.f_frsize),
            entries: (found.f_files > 0).then_some(found.f_favail),
        })
    }

    /// Writes everything on this directory's file system to the disk.
    pub fn sync(&self) -> Result<(), Error> {
        system::sync_file_system(self.fd()).context("flush", || self.path().clone())
    }
}
