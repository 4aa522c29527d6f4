//! What was listed: how many entries each directory has. Four bytes a directory, nothing a file.

use super::Violation;
use crate::wire::limits::MAX_DIRECTORIES;
use crate::wire::message::{DirId, FileId, FromSender, Listing};

/// Counts of the listings of one pass, kept by both ends.
#[derive(Debug, Default)]
pub struct Ledger {
    entries: Vec<u32>,
    /// Times that the receiver was asked to tell more of what it has.
    questions: u64,
    complete: bool,
}

impl Ledger {
    /// A message of ours, which goes out: remembers what it lists.
    pub fn sending(&mut self, message: &FromSender) {
        match message {
            // Too much of it is this end's own mistake, which the receiver reports.
            FromSender::Listing(listing) => drop(self.add(listing)),
            FromSender::Expand(_) => self.questions = self.questions.saturating_add(1),
            FromSender::Listed(_) => self.complete(),
            _ => {}
        }
    }

    /// Remembers (another part of) a listing. Its number is a known one or the next.
    pub(super) fn add(&mut self, listing: &Listing) -> Result<(), Violation> {
        let dir = listing.dir;
        if dir.0 >= MAX_DIRECTORIES {
            return Err(Violation::TooMuch("directories"));
        }
        let expected = self.next_dir();
        if dir > expected {
            return Err(Violation::WrongDirectory { got: dir, expected });
        }
        if dir == expected {
            self.entries.push(0);
        }
        let added = u32::try_from(listing.entries.len()).ok();
        let count = &mut self.entries[dir.0 as usize];
        *count = added
            .and_then(|added| count.checked_add(added))
            .ok_or(Violation::TooMuch("entries of a directory"))?;
        Ok(())
    }

    pub(super) fn next_dir(&self) -> DirId {
        DirId(u32::try_from(self.entries.len()).unwrap_or(u32::MAX))
    }

    pub(super) fn complete(&mut self) {
        self.complete = true;
    }

    /// How often the receiver may tell what it has: once, and once for each question.
    pub(super) fn holdings_due(&self) -> u64 {
        self.questions.saturating_add(1)
    }

    /// True once nothing more will be listed.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// True if `file` is an entry of a directory that was listed.
    pub fn contains(&self, file: FileId) -> bool {
        self.entries
            .get(file.dir.0 as usize)
            .is_some_and(|&count| file.index < count)
    }

    pub(super) fn check(&self, file: FileId) -> Result<(), Violation> {
        if self.contains(file) {
            Ok(())
        } else {
            Err(Violation::NotListed(file))
        }
    }
}
