//! A file that is complete and can not have its place yet: closed, under its temporary name.

use super::create::StagedEntry;
use super::descriptors::may_hold_more;
use super::dir::Dir;
use super::error::Error;
use super::pending::{Pending, State};
use super::stage::StagedFile;
use super::stat::Stamp;
use crate::path::FileName;

/// A complete file under a temporary name, for which no descriptor of its own is open: as many as there
/// are may wait.
///
/// Dropped, it is removed, if its directory could be held open so long. Otherwise it is a leftover like
/// those of a process that was killed.
#[derive(Debug)]
pub struct WaitingFile {
    held: Option<Pending>,
    name: FileName,
    stamp: Stamp,
}

impl StagedFile {
    /// Closes it as it is, complete and with its metadata, until its place is free.
    ///
    /// # Errors
    /// It can not be looked at; it is removed.
    pub fn wait(self) -> Result<WaitingFile, Error> {
        let stamp = self.stamp()?;
        let mut entry = self.entry;
        let name = entry.name.clone();
        let held = if may_hold_more() {
            Some(entry)
        } else {
            entry.settle();
            None
        };
        Ok(WaitingFile { held, name, stamp })
    }
}

impl WaitingFile {
    /// As something that can be put in place, and what it is. `dir` is its directory.
    pub fn take_up(self, dir: &Dir) -> (StagedEntry, Stamp) {
        let Self { held, name, stamp } = self;
        let entry = held.unwrap_or_else(|| Pending::new(dir, name, State::Temporary));
        (StagedEntry(entry), stamp)
    }
}
