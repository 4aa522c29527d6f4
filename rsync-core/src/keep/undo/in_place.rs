//! Files that the run changed where they were: they stay the same files.

use std::sync::Arc;

use super::{Conflict, Outcome, Step, Undoing, found};
use crate::engine::keeper::Keeper;
use crate::keep::copy::copy_into;
use crate::keep::record::{Before, EVERYTHING, Number};
use crate::path::{FileName, RelPath};
use crate::root::{Dir, Error};

impl Undoing<'_> {
    pub(super) fn rewritten(&mut self, path: &RelPath, kept: Number) -> Outcome {
        let Some((trash, old)) = self.trash.find(kept)? else {
            return Ok(Step::NothingToDo);
        };
        let (dir, name) = self.left_as_it_was(path)?;
        self.keeping.rewrite(&dir, &name);
        copy_into(&trash, &old, &dir, &name)?;
        self.was_rewritten(path, &dir, &name)?;
        trash.remove_file(&old)?;
        Ok(Step::Restored)
    }

    pub(super) fn lengthened(&mut self, path: &RelPath, len: u64, before: &Before) -> Outcome {
        let present = match self.place(path)? {
            Some((dir, name)) => dir.entry(&name, &EVERYTHING)?,
            None => None,
        };
        let Some(present) = present else {
            return Err(Conflict::ChangedSince);
        };
        if present.file_size() == Some(len) && before.is_of(&present) {
            return Ok(Step::NothingToDo);
        }
        let (dir, name) = self.left_as_it_was(path)?;
        if present.file_size().is_none_or(|now| now < len) {
            return Err(Conflict::ChangedSince);
        }
        self.keeping.rewrite(&dir, &name);
        let mut file = dir.open_in_place(&name)?;
        file.set_len(len)?;
        file.set_metadata(&before.against(&present))?;
        self.was_rewritten(path, &dir, &name)?;
        Ok(Step::Restored)
    }

    /// Where a file is that was changed in place, if it is still what the run left there. Without
    /// a line that tells how that was, the run was cut while it wrote.
    fn left_as_it_was(&mut self, path: &RelPath) -> Result<(Arc<Dir>, FileName), Conflict> {
        let Some((dir, name)) = self.place(path)? else {
            return Err(Conflict::ChangedSince);
        };
        let left = self.rewritten.get(path);
        match found(&dir, &name)? {
            Some((entry, stamp))
                if entry.file_size().is_some()
                    && left.is_none_or(|left| left.is(&entry, &stamp)) =>
            {
                Ok((dir, name))
            }
            _ => Err(Conflict::ChangedSince),
        }
    }

    /// A file has its old content again. How the run left it counts no more for earlier lines.
    fn was_rewritten(&mut self, path: &RelPath, dir: &Dir, name: &FileName) -> Result<(), Error> {
        self.rewritten.remove(path);
        if let Some(stamp) = dir.stamp(name)? {
            self.keeping.rewritten(dir, name, &stamp);
        }
        Ok(())
    }
}
