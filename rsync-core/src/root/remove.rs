//! Removing one entry.

use rustix::fs::{AtFlags, unlinkat};

use super::dir::Dir;
use super::error::{Context, Error, REMOVE};
use crate::path::FileName;

impl Dir {
    /// Removes an entry that is not a directory. A link is removed itself.
    pub fn remove_file(&self, name: &FileName) -> Result<(), Error> {
        unlinkat(self.fd(), name.as_bytes(), AtFlags::empty()).context(REMOVE, self.at(name))
    }

    /// Removes an empty directory.
    pub fn remove_dir(&self, name: &FileName) -> Result<(), Error> {
        unlinkat(self.fd(), name.as_bytes(), AtFlags::REMOVEDIR).context(REMOVE, self.at(name))
    }
}
