//! Files that the run changed where they were: they stay the same files.
//!
//! Such a file is neither old nor new while it is changed. A note that is written before tells the
//! next undo, if this one is cut, which content makes it one that is half taken back.

use std::sync::Arc;

use super::{Conflict, Outcome, Step, Undoing};
use crate::checksum::{Digest, Hasher};
use crate::engine::keeper::Keeper;
use crate::entry::Entry;
use crate::keep::copy::copy_into;
use crate::keep::record::{Before, EVERYTHING, Number, Put};
use crate::path::{FileName, RelPath};
use crate::root::{Dir, Error, SourceFile, Stamp};

/// Bytes that are hashed at a time.
const BUFFER_LEN: u64 = 256 << 10;

/// A file that is there now.
pub(super) struct Present {
    dir: Arc<Dir>,
    name: FileName,
    pub(super) entry: Entry,
    pub(super) stamp: Stamp,
}

impl Undoing<'_> {
    pub(super) fn rewritten(&mut self, line: usize, path: &RelPath, kept: Number) -> Outcome {
        let present = self.present(path)?;
        let Some((trash, old)) = self.trash.find(kept)? else {
            return self.without_old(path, &present);
        };
        let step = self.rewrite(line, path, present, (&trash, &old))?;
        trash.remove_file(&old)?;
        Ok(step)
    }

    /// What comes of a file whose old version is not here any more.
    pub(super) fn without_old(&self, path: &RelPath, present: &Present) -> Outcome {
        if self.rewritten.contains_key(path) && self.is_as_left(path, present) {
            Err(Conflict::Gone)
        } else {
            Ok(Step::NothingToDo)
        }
    }

    /// Gives a file the content and metadata of its old version.
    pub(super) fn rewrite(
        &mut self,
        line: usize,
        path: &RelPath,
        present: Present,
        (trash, old): (&Dir, &FileName),
    ) -> Outcome {
        if !self.is_as_left(path, &present) {
            let is_begun = self.progress.has_begun(line) && self.is_same(path, &present);
            if !is_begun || !present.is_start_of(&trash.open_file(old)?)? {
                return Err(Conflict::ChangedSince);
            }
        }
        let Present { dir, name, .. } = present;
        self.progress.note_begun(line, None);
        self.keeping.rewrite(&dir, &name);
        copy_into(trash, old, &dir, &name)?;
        self.restored(path, &dir, &name)
    }

    pub(super) fn lengthened(
        &mut self,
        line: usize,
        path: &RelPath,
        len: u64,
        before: &Before,
    ) -> Outcome {
        let overwritten = self.overwritten.remove(path);
        // How far that went is not known.
        let is_broken_off =
            self.lost.contains(&RelPath::root()) && !self.rewritten.contains_key(path);
        if self.lost.contains(path) || is_broken_off {
            // That was said, and nothing but the whole old version is of use.
            return Ok(Step::NothingToDo);
        }
        if let Some(overwritten) = overwritten {
            return self.put_together(line, path, (len, before), &overwritten);
        }
        let present = self.present(path)?;
        let now_len = present.stamp.size;
        if now_len == len && before.is_of(&present.entry) {
            return Ok(Step::NothingToDo);
        }
        let is_as_left = now_len >= len && self.is_as_left(path, &present);
        let may_be_begun = now_len == len && self.is_same(path, &present);
        if !is_as_left && !may_be_begun {
            return Err(Conflict::ChangedSince);
        }
        let old = digest(&present.open()?, len)?;
        if !is_as_left && self.progress.begun_content(line) != Some(&old) {
            return Err(Conflict::ChangedSince);
        }
        let Present {
            dir, name, entry, ..
        } = present;
        self.progress.note_begun(line, Some(old));
        self.keeping.rewrite(&dir, &name);
        let mut file = dir.open_in_place(&name)?;
        file.set_len(len)?;
        file.set_metadata(&before.against(&entry))?;
        self.restored(path, &dir, &name)
    }

    /// The file that is at `path` now.
    pub(super) fn present(&mut self, path: &RelPath) -> Result<Present, Conflict> {
        let Some((dir, name)) = self.place(path)? else {
            return Err(Conflict::ChangedSince);
        };
        match (dir.entry(&name, &EVERYTHING)?, dir.stamp(&name)?) {
            (Some(entry), Some(stamp)) if entry.file_size().is_some() => Ok(Present {
                dir,
                name,
                entry,
                stamp,
            }),
            _ => Err(Conflict::ChangedSince),
        }
    }

    /// True if a file is still what the run left there. Without a line that tells how that was, the
    /// run was cut while it wrote.
    pub(super) fn is_as_left(&self, path: &RelPath, present: &Present) -> bool {
        let left = self.rewritten.get(path);
        left.is_none_or(|left| left.is(&present.entry, &present.stamp))
    }

    /// True if it is the same file, whatever is in it.
    fn is_same(&self, path: &RelPath, present: &Present) -> bool {
        let left = self.rewritten.get(path);
        left.is_none_or(|left| left.is_same_entry(&present.stamp))
    }

    /// A file has its old content again. How the run left it counts no more for earlier lines.
    fn restored(&mut self, path: &RelPath, dir: &Dir, name: &FileName) -> Outcome {
        self.rewritten.remove(path);
        let Some(stamp) = dir.stamp(name)? else {
            return Ok(Step::Restored);
        };
        self.keeping.rewritten(dir, name, &stamp);
        Ok(Step::RestoredInPlace(Put::file(&stamp)))
    }
}

impl Present {
    pub(super) fn open(&self) -> Result<SourceFile, Error> {
        self.dir.open_file(&self.name)
    }

    /// True if `whole` begins with all that is in it.
    fn is_start_of(&self, whole: &SourceFile) -> Result<bool, Error> {
        let len = self.stamp.size;
        Ok(len <= whole.opened().size && digest(&self.open()?, len)? == digest(whole, len)?)
    }
}

/// Digest of what is in a file before `end`.
fn digest(file: &SourceFile, end: u64) -> Result<Digest, Error> {
    let mut buffer = vec![0; BUFFER_LEN.min(end) as usize];
    let mut hasher = Hasher::new();
    let mut position = 0;
    while position < end {
        let want = (end - position).min(BUFFER_LEN) as usize;
        match file.read_at(&mut buffer[..want], position)? {
            0 => break,
            read => {
                hasher.update(&buffer[..read]);
                position += read as u64;
            }
        }
    }
    Ok(hasher.digest())
}
