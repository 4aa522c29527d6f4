//! What a file loses that is changed where it is.
//!
//! The journal has its length and metadata from the first change on. Before a part of its old content
//! is overwritten that goes to a file of its own, one part behind the other, and a line tells which it
//! is. Where the file system can share blocks the whole old version is kept instead, which takes no
//! longer.

use std::mem;
use std::ops::Range;

use super::keeping::Keeping;
use super::record::{Before, EVERYTHING, Number, Part, Record};
use super::step::Step;
use crate::engine::keeper::ContentKeeper;
use crate::path::{FileName, RelPath};
use crate::root::{Dir, Error, SourceFile, StagedFile};

/// A file that is being changed where it is.
pub(super) struct Overwriting<'a> {
    keeping: &'a Keeping,
    dir: Dir,
    name: FileName,
    /// Length of the old version in bytes.
    len: u64,
    so_far: SoFar,
}

/// What is kept of the old version.
enum SoFar {
    /// Its length.
    Length,
    /// The parts that were overwritten.
    Parts(Box<Parts>),
    /// All of it.
    Whole,
    /// Nothing of use: that was said.
    Lost,
}

/// Why something is not kept.
enum NotKept {
    /// That was told where it happened.
    Told,
    /// For want of room.
    NoRoom,
    /// The system refused.
    Failed(Error),
}

impl From<Error> for NotKept {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Parts of an old version.
struct Parts {
    old: SourceFile,
    kept: Number,
    into: StagedFile,
    /// Bytes for which room was found.
    reserved: u64,
}

impl<'a> Overwriting<'a> {
    /// Writes down how the file `name` of `dir` is.
    pub(super) fn begin(keeping: &'a Keeping, dir: &Dir, name: &FileName) -> Self {
        let mut overwriting = Self {
            keeping,
            dir: dir.clone(),
            name: name.clone(),
            len: 0,
            so_far: SoFar::Lost,
        };
        let found = dir.entry(name, &EVERYTHING);
        if let Some((mut step, found)) = keeping.found(dir, name, found) {
            overwriting.len = found.file_size().unwrap_or(0);
            let is_written = step.write(&Record::Lengthened {
                path: dir.path().join(name),
                len: overwriting.len,
                before: Before::of(&found),
            });
            if is_written {
                overwriting.so_far = SoFar::Length;
            }
        }
        overwriting
    }

    fn path(&self) -> RelPath {
        self.dir.path().join(&self.name)
    }

    /// What comes to the first part of the old version that does not stay; nothing if it is lost.
    fn first(&self) -> Option<SoFar> {
        let mut step = self.keeping.begin(&self.dir)?;
        if let Some(kept) = self.share(&mut step) {
            let path = self.path();
            let is_written = step.write(&Record::Rewritten { path, kept });
            return is_written.then_some(SoFar::Whole);
        }
        let (kept, (old, into)) = step.keep(&self.dir, &self.path(), 0, |trash, number| {
            Ok((self.dir.open_file(&self.name)?, trash.create(number)?))
        })?;
        Some(SoFar::Parts(Box::new(Parts {
            old,
            kept,
            into,
            reserved: 0,
        })))
    }

    /// Keeps all of the old version, if that takes no room.
    fn share(&self, step: &mut Step<'_>) -> Option<Number> {
        let kept = step.number(&self.dir, self.len)?;
        let shared = match step.state.writing.as_mut() {
            Some(writing) => writing.trash.share(&self.dir, &self.name, kept).is_ok(),
            None => false,
        };
        if !shared {
            step.give_back(self.len);
        }
        shared.then_some(kept)
    }

    fn keep(&self, parts: &mut Parts, range: &Range<u64>) -> Result<(), NotKept> {
        let len = range.end - range.start;
        if !self.step()?.reserve(&self.dir, len) {
            return Err(NotKept::NoRoom);
        }
        parts.reserved += len;
        // Not under the lock: other files are kept meanwhile.
        let at = parts.into.len();
        parts.into.copy_from(&parts.old, range.start, at, len)?;
        let line = Record::Overwritten {
            path: self.path(),
            kept: parts.kept,
            part: Part {
                at,
                offset: range.start,
                len,
            },
        };
        if self.step()?.write(&line) {
            Ok(())
        } else {
            Err(NotKept::Told)
        }
    }

    /// What is kept is of no use: the rest of it is not.
    fn lose(&self, parts: &Parts, why: &NotKept) {
        // Not a step of the run, which would count as one more that can not be written down.
        let mut step = Step::new(self.keeping);
        step.give_back(parts.reserved);
        if let Some(writing) = step.state.writing.as_mut()
            && let Ok(Some((trash, name))) = writing.trash.find(parts.kept)
        {
            // Without it there is only less room.
            let _ = trash.remove_file(&name);
        }
        match why {
            NotKept::Told => {}
            NotKept::NoRoom => step.lost(&self.path(), None),
            NotKept::Failed(error) => step.lost(&self.path(), Some(error)),
        }
    }

    fn step(&self) -> Result<Step<'a>, NotKept> {
        self.keeping.begin(&self.dir).ok_or(NotKept::Told)
    }
}

impl ContentKeeper for Overwriting<'_> {
    fn overwrite(&mut self, range: Range<u64>) {
        let range = range.start..range.end.min(self.len);
        if range.is_empty() {
            return;
        }
        if let SoFar::Length = self.so_far {
            self.so_far = self.first().unwrap_or(SoFar::Lost);
        }
        // Lost, unless this goes well.
        self.so_far = match mem::replace(&mut self.so_far, SoFar::Lost) {
            SoFar::Parts(mut parts) => match self.keep(&mut parts, &range) {
                Ok(()) => SoFar::Parts(parts),
                Err(why) => {
                    self.lose(&parts, &why);
                    SoFar::Lost
                }
            },
            so_far => so_far,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::keeper::Keeper;
    use crate::keep::{Budget, Loss};
    use crate::root::Root;

    #[test]
    fn a_file_of_which_the_journal_breaks_off_counts_once() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("d");
        std::fs::create_dir(&path).unwrap();
        std::fs::write(path.join("file"), [b'o'; 10_000]).unwrap();
        let root = Root::open(&path).unwrap();
        let budget = Budget { bytes: 1 << 20 };
        let run = place.path().join("run");
        std::fs::create_dir(&run).unwrap();
        let keeping = Keeping::new(run, budget);
        keeping.open(&root, false);
        let name = FileName::new(b"file").unwrap();
        let mut overwriting = Overwriting::begin(&keeping, root.top(), &name);
        overwriting.overwrite(0..1000);
        if let SoFar::Whole = overwriting.so_far {
            // Blocks can be shared here, so there are no parts.
            return;
        }
        assert_eq!((keeping.kept().lost, keeping.kept().bytes), (0, 1000));
        if let Some(writing) = &mut keeping.lock().writing {
            writing.journal.fill();
        }
        overwriting.overwrite(2000..3000);
        overwriting.overwrite(4000..5000);
        let kept = keeping.kept();
        assert_eq!((kept.lost, kept.bytes), (1, 0));
        assert!(matches!(kept.first_loss, Some(Loss::System { .. })));
    }
}
