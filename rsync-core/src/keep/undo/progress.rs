//! What an undo that is cut leaves to the next one: which lines of the journal are taken back, and
//! which file it was about to change where it is.
//!
//! Without it a line is judged by what is there now. That can be wrong where an earlier line of the
//! same path is taken back as well, and where a file was half changed.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::checksum::Digest;
use crate::keep::journal::{Journal, Lines};
use crate::keep::record::Put;
use crate::path::RelPath;

/// Name of the notes in the directory of the run that is undone.
const NOTES: &str = "undone";

/// A file that was changed where it is, and what it was left as.
type Left = (RelPath, Put);

/// The order of the variants is part of the format.
#[derive(Debug, Serialize, Deserialize)]
enum Note {
    /// A line is taken back.
    Done { line: usize, left: Option<Left> },
    /// A file is about to be changed where it is. The digest of what it will hold is known where
    /// that is nowhere else.
    Begun { line: usize, old: Option<Digest> },
}

/// The notes of all undos of one run. Where they can not be written an undo goes on without.
#[derive(Debug, Default)]
pub(super) struct Progress {
    journal: Option<Journal>,
    done: HashMap<usize, Option<Left>>,
    begun: HashMap<usize, Option<Digest>>,
}

/// Forgets what undos of the run in the directory `run` have noted: one of them is about to be taken
/// back itself.
pub fn forget_progress(run: &Path) -> io::Result<()> {
    match fs::remove_file(run.join(NOTES)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

impl Progress {
    /// What is noted in `run`, the directory of the run that is undone.
    pub(super) fn of(run: &Path) -> Self {
        let Ok((notes, journal)) = Journal::resume(&run.join(NOTES)) else {
            return Self::default();
        };
        let mut progress = Self {
            journal: Some(journal),
            ..Self::default()
        };
        for note in notes {
            match note {
                Note::Done { line, left } => {
                    progress.done.insert(line, left);
                }
                Note::Begun { line, old } => {
                    progress.begun.insert(line, old);
                }
            }
        }
        progress
    }

    /// If a line is taken back, the file that this left, if it was changed where it is.
    pub(super) fn done(&self, line: usize) -> Option<Option<&Left>> {
        self.done.get(&line).map(Option::as_ref)
    }

    /// True if an earlier undo began to change the file of a line where it is.
    pub(super) fn has_begun(&self, line: usize) -> bool {
        self.begun.contains_key(&line)
    }

    /// What that file was about to hold, if that was noted.
    pub(super) fn begun_content(&self, line: usize) -> Option<&Digest> {
        self.begun.get(&line)?.as_ref()
    }

    /// Notes that a line is taken back.
    pub(super) fn note_done(&mut self, line: usize, left: Option<Left>) {
        self.note(&Note::Done { line, left });
    }

    /// Notes that a file is about to be changed where it is, to content with the digest `old` if
    /// nothing else has that.
    pub(super) fn note_begun(&mut self, line: usize, old: Option<Digest>) {
        self.note(&Note::Begun { line, old });
    }

    fn note(&mut self, note: &Note) {
        let Some(journal) = &mut self.journal else {
            return;
        };
        let noted = Lines::of(note).and_then(|lines| journal.append(&lines));
        // Half a note hides all that come after it.
        if noted.is_err() {
            self.journal = None;
        }
    }
}
