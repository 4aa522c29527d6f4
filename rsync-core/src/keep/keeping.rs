//! The keeper of one run.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::journal::Journal;
use super::record::{After, Before, EVERYTHING, Loss, Number, Put, Record};
use super::trash::Trash;
use crate::engine::keeper::{Keeper, New};
use crate::entry::Entry;
use crate::path::{FileName, RelPath};
use crate::root::{Detail, Dir, Error, Metadata, Root, Stamp};

/// Name of the journal in the directory of a run.
const JOURNAL: &str = "journal";

/// Nothing is kept on a file system with less room than this.
const RESERVED_BYTES: u64 = 16 << 20;
/// Nothing is kept where fewer entries than this can still be made.
const RESERVED_ENTRIES: u64 = 1000;

/// How much one run may keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Bytes of content.
    pub bytes: u64,
}

/// What a run kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    /// Changes in the journal. Without any there is nothing to undo.
    pub changes: u64,
    /// Old versions kept.
    pub versions: u64,
    /// Bytes in them that exist only because they are kept.
    pub bytes: u64,
    /// Old versions that could not be kept.
    pub lost: u64,
    /// Why the first of these was lost.
    pub first_loss: Option<Loss>,
}

/// The keeper of one run.
///
/// Its journal, and what it keeps, is in a directory that exists; nothing is made in there before
/// the first change.
#[derive(Debug)]
pub struct Keeping {
    directory: PathBuf,
    budget: Budget,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    root: Option<Root>,
    created_root: bool,
    writing: Option<Writing>,
    /// The directory can not be written: nothing is kept.
    broken: bool,
    /// Directories whose metadata is in the journal, or that were made by this run.
    touched: HashSet<RelPath>,
    next: Number,
    kept: Kept,
}

#[derive(Debug)]
struct Writing {
    journal: Journal,
    trash: Trash,
}

impl Keeping {
    /// A run that has changed nothing yet, and keeps at most `budget` in `directory`, the last
    /// name of which tells it from all others.
    pub fn new(directory: PathBuf, budget: Budget) -> Self {
        Self {
            directory,
            budget,
            state: Mutex::default(),
        }
    }

    /// The path of the journal of the run in `directory`.
    pub fn journal_of(directory: &std::path::Path) -> PathBuf {
        directory.join(JOURNAL)
    }

    /// What has been kept so far.
    pub fn kept(&self) -> Kept {
        self.lock().kept.clone()
    }

    /// The root itself, which holds nothing any more, is about to be removed.
    pub fn remove_root(&self) {
        let root = self.lock().root.clone();
        if let Some(mut step) = root.and_then(|root| self.begin(root.top())) {
            step.write(&Record::RemovedRoot);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state once the change of an entry in `dir` may be written down; nothing if nothing is
    /// kept.
    fn begin(&self, dir: &Dir) -> Option<Step<'_>> {
        let mut step = Step {
            keeping: self,
            state: self.lock(),
        };
        step.start()?;
        step.touch(dir);
        Some(step)
    }
}

/// A step of a run, under the lock.
struct Step<'a> {
    keeping: &'a Keeping,
    state: MutexGuard<'a, State>,
}

impl Step<'_> {
    /// Opens the journal with the first change.
    fn start(&mut self) -> Option<()> {
        let state = &mut *self.state;
        if state.broken {
            state.kept.lost += 1;
            return None;
        }
        if state.writing.is_some() {
            return Some(());
        }
        let root = state.root.as_ref()?;
        let started = Trash::new(&self.keeping.directory, root).and_then(|trash| {
            let identity = root.identity()?;
            let journal = Journal::create(&Keeping::journal_of(&self.keeping.directory));
            let journal = journal.map_err(|source| Error {
                operation: "write the journal in",
                path: Vec::new(),
                source,
            })?;
            Ok((identity, Writing { journal, trash }))
        });
        match started {
            Ok((identity, writing)) => {
                state.writing = Some(writing);
                let created = state.created_root;
                self.write(&Record::Root {
                    device: identity.device,
                    inode: identity.inode,
                    created,
                });
                if created {
                    self.state.touched.insert(RelPath::root());
                }
                (!self.state.broken).then_some(())
            }
            Err(error) => {
                state.broken = true;
                self.lost(&RelPath::root(), Some(&error));
                None
            }
        }
    }

    /// Writes down how a directory is before the first change in it.
    fn touch(&mut self, dir: &Dir) {
        if self.state.touched.insert(dir.path().clone())
            && let Ok(entry) = dir.own_entry(&EVERYTHING)
        {
            self.write_directory(dir.path().clone(), &entry);
        }
    }

    /// The same for a directory that may not be possible to open.
    fn touch_below(&mut self, dir: &Dir, entry: &Entry) {
        let path = dir.path().join(&entry.name);
        if self.state.touched.insert(path.clone()) {
            self.write_directory(path, entry);
        }
    }

    fn write_directory(&mut self, path: RelPath, entry: &Entry) {
        let before = Before::of(entry);
        self.write(&Record::Directory { path, before });
    }

    /// False if it can not be written, and nothing is kept from now on.
    fn write(&mut self, record: &Record) -> bool {
        let is_broken = self.state.broken;
        let Some(writing) = self.state.writing.as_mut().filter(|_| !is_broken) else {
            return false;
        };
        if let Err(source) = writing.journal.append(record) {
            self.state.broken = true;
            let error = Error {
                operation: "write the journal in",
                path: Vec::new(),
                source,
            };
            self.lost(&RelPath::root(), Some(&error));
            return false;
        }
        self.state.kept.changes += 1;
        true
    }

    /// A number for an old version of which nothing but this run keeps `bytes`; nothing if that is
    /// too much, or if the file system of `dir` needs the room.
    fn number(&mut self, dir: &Dir, bytes: u64) -> Option<Number> {
        if !has_room(dir) {
            return None;
        }
        let kept = &mut self.state.kept;
        let total = kept.bytes.checked_add(bytes)?;
        if total > self.keeping.budget.bytes {
            return None;
        }
        kept.bytes = total;
        kept.versions += 1;
        let number = self.state.next;
        self.state.next += 1;
        Some(number)
    }

    /// The old version of `path` is not kept; without an error for want of room.
    fn lost(&mut self, path: &RelPath, error: Option<&Error>) {
        let loss = error.map_or(Loss::Budget, |error| Loss::System {
            operation: error.operation.to_owned(),
            code: error.code(),
        });
        self.state.kept.lost += 1;
        self.state.kept.first_loss.get_or_insert(loss.clone());
        self.write(&Record::Lost {
            path: path.clone(),
            loss,
        });
    }

    fn give_back(&mut self, bytes: u64) {
        let kept = &mut self.state.kept;
        kept.bytes = kept.bytes.saturating_sub(bytes);
        kept.versions = kept.versions.saturating_sub(1);
    }

    /// Puts what `keep` finds at `path` aside, and gives its number.
    fn keep(
        &mut self,
        dir: &Dir,
        path: &RelPath,
        bytes: u64,
        keep: impl FnOnce(&mut Trash, Number) -> Result<(), Error>,
    ) -> Option<Number> {
        let Some(number) = self.number(dir, bytes) else {
            self.lost(path, None);
            return None;
        };
        let kept = keep(&mut self.state.writing.as_mut()?.trash, number);
        match kept {
            Ok(()) => Some(number),
            Err(error) => {
                self.give_back(bytes);
                self.lost(path, Some(&error));
                None
            }
        }
    }

    /// Keeps the entry `name` of `dir`, which stays there until something replaces it; false if
    /// there is none.
    fn keep_replaced(&mut self, dir: &Dir, name: &FileName, put: Option<Put>) -> bool {
        let Ok(Some(found)) = dir.entry(name, &Detail::default()) else {
            return false;
        };
        let path = dir.path().join(name);
        if found.is_dir() {
            // Only another directory, or nothing, takes its place: that has lines of its own.
            return false;
        }
        let bytes = own_bytes(dir, name, &found);
        let kept = self.keep(dir, &path, bytes, |trash, number| {
            trash.link(dir, name, number)
        });
        if let (Some(kept), Some(put)) = (kept, put) {
            self.write(&Record::Replaced { path, kept, put });
        }
        true
    }
}

impl Keeper for Keeping {
    fn open(&self, root: &Root, created: bool) {
        let mut state = self.lock();
        // A second attempt of a run finds what the first made.
        if state.root.is_none() {
            // The lock is the run's, which may let it go and take it again.
            state.root = root.reopen().ok();
            state.created_root = created;
        }
        drop(state);
        if created {
            self.begin(root.top());
        }
    }

    fn put(&self, dir: &Dir, name: &FileName, new: New<'_>) {
        let Some(mut step) = self.begin(dir) else {
            return;
        };
        let put = Put::of(new);
        if !step.keep_replaced(dir, name, put.clone())
            && let Some(put) = put
        {
            let path = dir.path().join(name);
            step.write(&Record::Created { path, put });
        }
    }

    fn make_dir(&self, dir: &Dir, name: &FileName) {
        if let Some(mut step) = self.begin(dir) {
            let path = dir.path().join(name);
            step.state.touched.insert(path.clone());
            step.write(&Record::CreatedDirectory { path });
        }
    }

    fn change(&self, dir: &Dir, name: &FileName, to: &Metadata) {
        let Ok(Some(found)) = dir.entry(name, &EVERYTHING) else {
            return;
        };
        let Some(mut step) = self.begin(dir) else {
            return;
        };
        if found.is_dir() {
            return step.touch_below(dir, &found);
        }
        step.write(&Record::Changed {
            path: dir.path().join(name),
            before: Before::of(&found),
            after: After::of(to),
        });
    }

    fn change_dir(&self, dir: &Dir) {
        self.begin(dir);
    }

    fn rewrite(&self, dir: &Dir, name: &FileName) {
        let Some(mut step) = self.begin(dir) else {
            return;
        };
        let Ok(Some(found)) = dir.entry(name, &Detail::default()) else {
            return;
        };
        let path = dir.path().join(name);
        let bytes = found.file_size().unwrap_or(0);
        let kept = step.keep(dir, &path, bytes, |trash, number| {
            trash.copy(dir, name, number)
        });
        if let Some(kept) = kept {
            step.write(&Record::Rewritten { path, kept });
        }
    }

    fn rewritten(&self, dir: &Dir, name: &FileName, stamp: &Stamp) {
        if let Some(mut step) = self.begin(dir) {
            step.write(&Record::RewrittenTo {
                path: dir.path().join(name),
                put: Put::file(stamp),
            });
        }
    }

    fn rename(&self, from_dir: &Dir, from: &FileName, to_dir: &Dir, to: &FileName) {
        let Some(mut step) = self.begin(from_dir) else {
            return;
        };
        step.touch(to_dir);
        let Some(put) = Put::of(New::NameOf(from_dir, from)) else {
            return;
        };
        step.keep_replaced(to_dir, to, Some(put.clone()));
        step.write(&Record::Moved {
            from: from_dir.path().join(from),
            to: to_dir.path().join(to),
            put,
        });
    }

    fn remove(&self, dir: &Dir, name: &FileName) -> Result<(), Error> {
        let found = dir.entry(name, &Detail::default());
        let (Ok(Some(found)), Some(mut step)) = (found, self.begin(dir)) else {
            return dir.remove_file(name);
        };
        if found.is_dir() {
            return dir.remove_file(name);
        }
        let path = dir.path().join(name);
        let bytes = own_bytes(dir, name, &found);
        let Some(number) = step.number(dir, bytes) else {
            step.lost(&path, None);
            return dir.remove_file(name);
        };
        let line = Record::Removed {
            path: path.clone(),
            kept: number,
        };
        let is_written = step.write(&line);
        let taken = match step.state.writing.as_mut().filter(|_| is_written) {
            Some(writing) => writing.trash.take(dir, name, number),
            None => return dir.remove_file(name),
        };
        taken.or_else(|error| {
            step.give_back(bytes);
            dir.remove_file(name)?;
            step.lost(&path, Some(&error));
            Ok(())
        })
    }

    fn remove_dir(&self, dir: &Dir, name: &FileName) {
        let Ok(Some(found)) = dir.entry(name, &EVERYTHING) else {
            return;
        };
        if let Some(mut step) = self.begin(dir) {
            step.touch_below(dir, &found);
            let path = dir.path().join(name);
            step.write(&Record::RemovedDirectory { path });
        }
    }
}

/// False where the file system is about to be full: what is kept must not be what fills it.
fn has_room(dir: &Dir) -> bool {
    dir.free_space().is_ok_and(|free| {
        free.bytes >= RESERVED_BYTES && free.entries.is_none_or(|left| left >= RESERVED_ENTRIES)
    })
}

/// Bytes that go with this name of a file.
fn own_bytes(dir: &Dir, name: &FileName, found: &Entry) -> u64 {
    match found.file_size() {
        Some(size) if dir.names_of(name).is_ok_and(|names| names <= 1) => size,
        _ => 0,
    }
}
