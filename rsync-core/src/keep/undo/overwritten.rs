//! Files of which a run overwrote parts, where they were.
//!
//! Such a file is not changed part by part. Its old version is put together beside what is kept of it
//! first, and taken from there: so it can be told at any time whether an undo that was cut changed a
//! file, or somebody else.

use super::{Conflict, Outcome, Present, Undoing};
use crate::keep::copy::bare;
use crate::keep::record::{Before, Number, Part};
use crate::keep::trash::whole_of;
use crate::path::{FileName, RelPath};
use crate::root::{Dir, SourceFile};

/// What is kept of a file that a run changed where it was.
pub(super) struct Overwritten {
    kept: Number,
    parts: Vec<Part>,
}

impl Overwritten {
    /// No parts so far of those that are kept under a number.
    pub(super) fn of(kept: Number) -> Self {
        Self {
            kept,
            parts: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, part: Part) {
        self.parts.push(part);
    }
}

impl Undoing<'_> {
    /// Gives a file the content and metadata that it had before parts of it were overwritten.
    pub(super) fn put_together(
        &mut self,
        line: usize,
        path: &RelPath,
        (len, before): (u64, &Before),
        overwritten: &Overwritten,
    ) -> Outcome {
        let present = self.present(path)?;
        let kept = self.trash.find(overwritten.kept)?;
        let (trash, whole) = match (self.trash.find_whole(overwritten.kept)?, &kept) {
            (Some(whole), _) => whole,
            (None, Some((trash, parts))) => {
                if !self.is_as_left(path, &present) {
                    return Err(Conflict::ChangedSince);
                }
                let whole = whole_of(overwritten.kept)?;
                let parts = trash.open_file(parts)?;
                put_together(
                    &present,
                    (len, before),
                    &parts,
                    overwritten,
                    (trash, &whole),
                )?;
                (trash.clone(), whole)
            }
            (None, None) => return self.without_old(path, &present),
        };
        let step = self.rewrite(line, path, present, (&trash, &whole))?;
        if let Some((trash, parts)) = kept {
            trash.remove_file(&parts)?;
        }
        trash.remove_file(&whole)?;
        Ok(step)
    }
}

/// Makes the old version of a file from what is there now and the parts that were overwritten.
fn put_together(
    present: &Present,
    (len, before): (u64, &Before),
    parts: &SourceFile,
    overwritten: &Overwritten,
    (trash, whole): (&Dir, &FileName),
) -> Result<(), Conflict> {
    let now = present.open()?;
    let mut old = trash.stage()?;
    old.copy_from(&now, 0, 0, len.min(present.stamp.size))?;
    for part in &overwritten.parts {
        old.copy_from(parts, part.at, part.offset, part.len)?;
    }
    old.set_len(len)?;
    if now.stamp()? != present.stamp {
        return Err(Conflict::ChangedSince);
    }
    old.set_metadata(&before.against(&bare(&present.entry)))?;
    Ok(old.commit_new(trash, whole)?)
}
