//! One step of a run: what is written down and put aside before a change.

use std::io;
use std::sync::MutexGuard;

use super::journal::{Journal, Lines, WRITE};
use super::keeping::{Keeping, Origin, State, Writing};
use super::record::{Before, Loss, Number, Put, Record};
use super::trash::{self, Trash};
use crate::entry::Entry;
use crate::path::{FileName, RelPath};
use crate::root::{Dir, Error};

/// Nothing is kept on a file system with less room than this.
const RESERVED_BYTES: u64 = 16 << 20;
/// Nothing is kept where fewer entries than this can still be made.
const RESERVED_ENTRIES: u64 = 1000;

/// A step of a run, under the lock.
pub(super) struct Step<'a> {
    keeping: &'a Keeping,
    pub(super) state: MutexGuard<'a, State>,
}

impl<'a> Step<'a> {
    /// Takes the lock.
    pub(super) fn new(keeping: &'a Keeping) -> Self {
        Self {
            keeping,
            state: keeping.lock(),
        }
    }

    /// Opens the journal with the first change.
    pub(super) fn start(&mut self) -> Option<()> {
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
                operation: WRITE,
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
                    self.state.touched.insert(RelPath::root(), Origin::Made);
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

    /// Lets others go on while something is done that may take long.
    pub(super) fn meanwhile<T>(self, work: impl FnOnce() -> T) -> (Self, T) {
        let keeping = self.keeping;
        drop(self);
        let done = work();
        (Self::new(keeping), done)
    }

    /// True if it is written down how a directory was.
    pub(super) fn has_touched(&self, dir: &Dir) -> bool {
        self.state.touched.contains_key(dir.path())
    }

    /// Writes down how a directory is before the first change in it.
    pub(super) fn touch(&mut self, dir: &Dir, before: Result<Entry, Error>) {
        if self.has_touched(dir) {
            return;
        }
        let touched = &mut self.state.touched;
        touched.insert(dir.path().clone(), Origin::Found);
        match before {
            Ok(entry) => self.write_directory(dir.path().clone(), &entry),
            Err(error) => self.lost(dir.path(), Some(&error)),
        }
    }

    /// The same for a directory that may not be possible to open.
    pub(super) fn touch_below(&mut self, dir: &Dir, entry: &Entry) {
        let path = dir.path().join(&entry.name);
        if !self.state.touched.contains_key(&path) {
            self.state.touched.insert(path.clone(), Origin::Found);
            self.write_directory(path, entry);
        }
    }

    fn write_directory(&mut self, path: RelPath, entry: &Entry) {
        let before = Before::of(entry);
        self.write(&Record::Directory { path, before });
    }

    /// False if it can not be written, and nothing is kept from now on.
    pub(super) fn write(&mut self, record: &Record) -> bool {
        self.append(Lines::of(record))
    }

    /// The same for records in their written form, if they have one.
    pub(super) fn append(&mut self, lines: io::Result<Lines>) -> bool {
        let is_broken = self.state.broken;
        let Some(writing) = self.state.writing.as_mut().filter(|_| !is_broken) else {
            return false;
        };
        let appended = lines.and_then(|lines| {
            writing.journal.append(&lines)?;
            Ok(lines.count())
        });
        match appended {
            Ok(changes) => {
                self.state.kept.changes += changes;
                true
            }
            Err(source) => {
                self.state.broken = true;
                if let Some(writing) = &self.state.writing {
                    // Where not even that can be done nothing else can.
                    let _ = writing.journal.break_off();
                }
                let error = Error {
                    operation: WRITE,
                    path: Vec::new(),
                    source,
                };
                self.lost(&RelPath::root(), Some(&error));
                false
            }
        }
    }

    /// A number for an old version of which nothing but this run keeps `bytes`; nothing if that is
    /// too much, or if the file system of `dir` needs the room.
    pub(super) fn number(&mut self, dir: &Dir, bytes: u64) -> Option<Number> {
        if !self.reserve(dir, bytes) {
            return None;
        }
        self.state.kept.versions += 1;
        let number = self.state.next;
        self.state.next += 1;
        Some(number)
    }

    /// Room for `bytes` more that nothing but this run keeps; false if that is too much, or if the
    /// file system of `dir` needs the room.
    pub(super) fn reserve(&mut self, dir: &Dir, bytes: u64) -> bool {
        let kept = &mut self.state.kept;
        let total = kept.bytes.checked_add(bytes);
        let total = total.filter(|total| *total <= self.keeping.budget.bytes && has_room(dir));
        if let Some(total) = total {
            kept.bytes = total;
        }
        total.is_some()
    }

    /// The old version of `path` is not kept; without an error for want of room.
    pub(super) fn lost(&mut self, path: &RelPath, error: Option<&Error>) {
        let loss = error.map_or(Loss::Budget, Loss::of);
        self.state.kept.lost += 1;
        self.state.kept.first_loss.get_or_insert(loss.clone());
        self.write(&Record::Lost {
            path: path.clone(),
            loss,
        });
    }

    pub(super) fn give_back(&mut self, bytes: u64) {
        let kept = &mut self.state.kept;
        kept.bytes = kept.bytes.saturating_sub(bytes);
        kept.versions = kept.versions.saturating_sub(1);
    }

    /// Puts what `keep` finds at `path` aside, and gives its number, with what that gave.
    pub(super) fn keep<T>(
        &mut self,
        dir: &Dir,
        path: &RelPath,
        bytes: u64,
        keep: impl FnOnce(&mut Trash, Number) -> Result<T, Error>,
    ) -> Option<(Number, T)> {
        let Some(number) = self.number(dir, bytes) else {
            self.lost(path, None);
            return None;
        };
        let kept = keep(&mut self.state.writing.as_mut()?.trash, number);
        self.put_aside(path, bytes, kept)
            .map(|given| (number, given))
    }

    /// What putting `path` aside gave, unless that failed: then it is lost, and its room is free again.
    fn put_aside<T>(&mut self, path: &RelPath, bytes: u64, kept: Result<T, Error>) -> Option<T> {
        kept.map_err(|error| {
            self.give_back(bytes);
            self.lost(path, Some(&error));
        })
        .ok()
    }

    /// Keeps what was `found` as `name` in `dir`, if anything was, which stays there until something
    /// replaces it.
    pub(super) fn keep_replaced(
        mut self,
        dir: &Dir,
        name: &FileName,
        found: Result<Option<Entry>, Error>,
        put: Put,
    ) -> Self {
        let path = dir.path().join(name);
        let found = match found {
            Ok(Some(found)) => found,
            Ok(None) => return self,
            Err(error) => {
                self.lost(&path, Some(&error));
                return self;
            }
        };
        if found.is_dir() {
            // Only another directory, or nothing, takes its place: that has lines of its own.
            return self;
        }
        let (mut step, kept) = self.link(dir, name, own_bytes(&found));
        if let Some(kept) = kept {
            step.write(&Record::Replaced { path, kept, put });
        }
        step
    }

    /// Gives the entry `name` of `dir` another name among what is kept, or copies it; gives the number.
    fn link(mut self, dir: &Dir, name: &FileName, bytes: u64) -> (Self, Option<Number>) {
        let path = dir.path().join(name);
        let Some(number) = self.number(dir, bytes) else {
            self.lost(&path, None);
            return (self, None);
        };
        let opened = self.state.writing.as_ref().and_then(|it| it.trash.opened());
        let (mut step, linked) = self.meanwhile(|| {
            opened.is_some_and(|trash| trash::link(dir, name, &trash, number).is_ok())
        });
        // The journal may have broken off meanwhile.
        if step.start().is_none() {
            step.give_back(bytes);
            return (step, None);
        }
        let kept = match &mut step.state.writing {
            Some(_) if linked => Ok(()),
            Some(writing) => writing.trash.link(dir, name, number),
            None => return (step, None),
        };
        let kept = step.put_aside(&path, bytes, kept);
        (step, kept.map(|()| number))
    }
}

/// False where the file system is about to be full: what is kept must not be what fills it.
fn has_room(dir: &Dir) -> bool {
    dir.free_space().is_ok_and(|free| {
        free.bytes >= RESERVED_BYTES && free.entries.is_none_or(|left| left >= RESERVED_ENTRIES)
    })
}

/// Bytes that go with the only name of a file, which was described with [`NAMES`](super::record::NAMES).
pub(super) fn own_bytes(found: &Entry) -> u64 {
    let size = found.file_size().filter(|_| found.link.is_none());
    size.unwrap_or(0)
}
