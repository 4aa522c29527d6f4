//! Going through a journal backwards.
//!
//! Each step puts one entry back, if it is still what the run left there; otherwise it stays and
//! is reported. What an undo replaces is kept by its own keeper, so an undo can be undone. A step
//! that was done before finds nothing to do, or is known by a note ([`Progress`]): an undo that was
//! cut can be started again.

mod in_place;
mod outcome;
mod overwritten;
mod progress;

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use super::copy::{are_alike, copy};
use super::journal::WRITE;
use super::keeping::Keeping;
use super::record::{After, Before, EVERYTHING, Loss, Number, Put, Record};
use super::trash::Trash;
use crate::engine::handles::Handles;
use crate::engine::keeper::{Keeper, New};
use crate::entry::Entry;
use crate::path::{FileName, RelPath};
use crate::root::{Detail, Dir, Error, Metadata, Root, is_own_name, is_superuser};

pub use outcome::{Conflict, Undone};
pub use progress::forget_progress;

use in_place::Present;
use overwritten::Overwritten;
use progress::Progress;

/// What changing the entries of a directory takes.
const OWNER_BITS: u32 = 0o700;
/// Mode of a directory until it gets the one it had.
const PRIVATE: u32 = 0o700;

/// Takes back what `records` tell of, the last first. The old versions are in `run`, the
/// directory of the run; `keeping` keeps what is replaced now.
pub fn undo(
    run: &Path,
    records: &[Record],
    root: &Root,
    keeping: &Keeping,
    report: &mut dyn FnMut(&RelPath, &Conflict),
) -> Result<Undone, Error> {
    let mut undoing = Undoing {
        root,
        handles: Handles::new(root),
        trash: Trash::new(run, root)?,
        keeping,
        progress: Progress::of(run),
        rewritten: HashMap::new(),
        overwritten: HashMap::new(),
        lost: HashSet::new(),
        opened_up: Vec::new(),
        undone: Undone::default(),
        report,
    };
    for (line, record) in records.iter().enumerate().rev() {
        undoing.take_back(line, record);
    }
    undoing.close_again();
    Ok(undoing.undone)
}

struct Undoing<'a> {
    root: &'a Root,
    handles: Handles<'a>,
    trash: Trash,
    keeping: &'a Keeping,
    progress: Progress,
    /// What files that were changed in place were then.
    rewritten: HashMap<RelPath, Put>,
    /// What is kept of files that were changed in place, up to the line that tells of the first change.
    overwritten: HashMap<RelPath, Overwritten>,
    /// Entries of which an old version is not there.
    lost: HashSet<RelPath>,
    /// Directories that had to be made writable, with the modes they had.
    opened_up: Vec<(RelPath, u32)>,
    undone: Undone,
    report: &'a mut dyn FnMut(&RelPath, &Conflict),
}

/// What came of one step.
enum Step {
    Restored,
    /// The same for a file that was changed where it is, and what it is now.
    RestoredInPlace(Put),
    /// It was so already.
    NothingToDo,
}

type Outcome = Result<Step, Conflict>;

impl Undoing<'_> {
    fn take_back(&mut self, line: usize, record: &Record) {
        if let Some(done) = self.progress.done(line) {
            if let Some((path, left)) = done {
                self.rewritten.insert(path.clone(), left.clone());
            }
            if let Record::Lengthened { path, .. } = record {
                self.overwritten.remove(path);
            }
            return;
        }
        let (path, outcome) = match record {
            Record::Directory { path, before } => (path, self.directory(path, before)),
            Record::Created { path, put } => (path, self.created(path, put)),
            Record::CreatedDirectory { path } => (path, self.created_directory(path)),
            Record::Replaced { path, kept, put } => (path, self.replaced(path, *kept, put)),
            Record::Removed { path, kept } => (path, self.removed(path, *kept)),
            Record::RemovedDirectory { path } => (path, self.removed_directory(path)),
            Record::Rewritten { path, kept } => (path, self.rewritten(line, path, *kept)),
            Record::RewrittenTo { path, put } => {
                self.rewritten.insert(path.clone(), put.clone());
                return;
            }
            Record::Overwritten { path, kept, part } => {
                let overwritten = self.overwritten.entry(path.clone());
                overwritten.or_insert(Overwritten::of(*kept)).add(*part);
                return;
            }
            Record::Lengthened { path, len, before } => {
                (path, self.lengthened(line, path, *len, before))
            }
            Record::Changed {
                path,
                before,
                after,
            } => (path, self.changed(path, before, after)),
            Record::Moved { from, to, put } => (to, self.moved(from, to, put)),
            Record::Lost { path, loss } => {
                self.lost.insert(path.clone());
                let conflict = match loss {
                    Loss::Budget => Conflict::NoRoom,
                    Loss::System { operation, .. } if operation == WRITE => Conflict::BrokenOff,
                    Loss::System { .. } => Conflict::NotKept,
                };
                (path, Err(conflict))
            }
            Record::Root { created, .. } => {
                self.undone.root_is_left_over = *created && self.root_is_empty();
                return;
            }
            // The root has been made again by now.
            Record::RemovedRoot => return,
        };
        let left = match outcome {
            Ok(Step::Restored) => {
                self.undone.restored += 1;
                None
            }
            Ok(Step::RestoredInPlace(left)) => {
                self.undone.restored += 1;
                Some((path.clone(), left))
            }
            Ok(Step::NothingToDo) => None,
            Err(conflict) => {
                self.undone.conflicts += 1;
                return (self.report)(path, &conflict);
            }
        };
        // What the next undo does in a directory changes that again.
        if !matches!(record, Record::Directory { .. }) {
            self.progress.note_done(line, left);
        }
    }

    fn directory(&mut self, path: &RelPath, before: &Before) -> Outcome {
        let dir = match self.handles.get(path) {
            Ok(dir) => dir,
            Err(error) if error.is_not_found() => return Ok(Step::NothingToDo),
            Err(error) if error.is_not_a_directory() => return Err(Conflict::ChangedSince),
            Err(error) => return Err(error.into()),
        };
        self.opened_up.retain(|(opened, _)| opened != path);
        let wanted = before.against(&dir.own_entry(&EVERYTHING)?);
        self.keeping.change_dir(&dir);
        dir.set_own_metadata(&wanted)?;
        Ok(Step::Restored)
    }

    fn created(&mut self, path: &RelPath, put: &Put) -> Outcome {
        let Some((dir, name)) = self.place(path)? else {
            return Ok(Step::NothingToDo);
        };
        match found(&dir, &name)? {
            None => Ok(Step::NothingToDo),
            Some((entry, stamp)) if put.is(&entry, &stamp) => {
                self.keeping.remove(&dir, &name)?;
                Ok(Step::Restored)
            }
            Some(_) => Err(Conflict::ChangedSince),
        }
    }

    fn created_directory(&mut self, path: &RelPath) -> Outcome {
        let Some((dir, name)) = self.place(path)? else {
            return Ok(Step::NothingToDo);
        };
        match dir.entry(&name, &Detail::default())? {
            None => return Ok(Step::NothingToDo),
            Some(entry) if !entry.is_dir() => return Err(Conflict::ChangedSince),
            Some(_) => {}
        }
        let below = dir.open_dir(&name)?;
        let listed = below.list(&Detail::default())?;
        let is_left_over =
            |entry: &Entry| entry.file_size().is_some() && is_own_name(entry.name.as_bytes());
        if !listed.problems.is_empty() || !listed.entries.iter().all(is_left_over) {
            return Err(Conflict::NotEmpty);
        }
        if !listed.entries.is_empty() {
            self.keeping.change_dir(&below);
        }
        // The run had begun them when it was cut.
        for entry in &listed.entries {
            below.remove_file(&entry.name)?;
        }
        self.handles.forget(path);
        self.keeping.remove_dir(&dir, &name);
        dir.remove_dir(&name)?;
        Ok(Step::Restored)
    }

    fn replaced(&mut self, path: &RelPath, kept: Number, put: &Put) -> Outcome {
        let Some((trash, old)) = self.trash.find(kept)? else {
            let found = self.place(path)?.map(|(dir, name)| found(&dir, &name));
            return match found.transpose()?.flatten() {
                Some((entry, stamp)) if put.is(&entry, &stamp) => Err(Conflict::Gone),
                _ => Ok(Step::NothingToDo),
            };
        };
        let Some((dir, name)) = self.place(path)? else {
            return Err(Conflict::ChangedSince);
        };
        match found(&dir, &name)? {
            // The run was cut before it replaced the old version.
            Some((_, now)) if trash.stamp(&old)? == Some(now) => {
                trash.remove_file(&old)?;
                return Ok(Step::NothingToDo);
            }
            Some((entry, stamp)) if !put.is(&entry, &stamp) => return Err(Conflict::ChangedSince),
            _ => {}
        }
        self.bring_back(&trash, &old, &dir, &name)
    }

    fn removed(&mut self, path: &RelPath, kept: Number) -> Outcome {
        let Some((dir, name)) = self.place(path)? else {
            return Err(Conflict::ChangedSince);
        };
        let Some((trash, old)) = self.trash.find(kept)? else {
            return match dir.entry(&name, &Detail::default())? {
                Some(_) => Ok(Step::NothingToDo),
                None => Err(Conflict::Gone),
            };
        };
        if dir.entry(&name, &Detail::default())?.is_some() {
            return if are_alike((&dir, &name), (&trash, &old))? {
                Ok(Step::NothingToDo)
            } else {
                Err(Conflict::ChangedSince)
            };
        }
        self.bring_back(&trash, &old, &dir, &name)
    }

    /// Puts an old version back, in the place of whatever is there.
    fn bring_back(&mut self, trash: &Dir, old: &FileName, dir: &Dir, name: &FileName) -> Outcome {
        self.keeping.put(dir, name, New::NameOf(trash, old), true);
        match trash.rename(old, dir, name) {
            Ok(()) => {}
            Err(error) if error.code() == rustix::io::Errno::XDEV.raw_os_error() => {
                copy(trash, old, dir, name, true)?;
                trash.remove_file(old)?;
            }
            Err(error) => return Err(error.into()),
        }
        Ok(Step::Restored)
    }

    fn removed_directory(&mut self, path: &RelPath) -> Outcome {
        let Some((dir, name)) = self.place(path)? else {
            return Err(Conflict::ChangedSince);
        };
        match dir.entry(&name, &Detail::default())? {
            Some(entry) if entry.is_dir() => Ok(Step::NothingToDo),
            Some(_) => Err(Conflict::ChangedSince),
            None => {
                self.keeping.make_dir(&dir, &name);
                dir.create_dir(&name, PRIVATE)?;
                Ok(Step::Restored)
            }
        }
    }

    fn changed(&mut self, path: &RelPath, before: &Before, after: &After) -> Outcome {
        let Some((dir, name)) = self.place(path)? else {
            return Err(Conflict::ChangedSince);
        };
        let Some(now) = dir.entry(&name, &EVERYTHING)? else {
            return Err(Conflict::ChangedSince);
        };
        if !after.is_what(&now, before) {
            return Err(Conflict::ChangedSince);
        }
        let wanted = before.against(&now);
        self.keeping.change(&dir, &name, &wanted);
        dir.set_metadata(&name, &wanted)?;
        Ok(Step::Restored)
    }

    fn moved(&mut self, from: &RelPath, to: &RelPath, put: &Put) -> Outcome {
        let (Some((from_dir, from)), Some((to_dir, to))) = (self.place(from)?, self.place(to)?)
        else {
            return Err(Conflict::ChangedSince);
        };
        let is_back = match from_dir.stamp(&from)? {
            Some(stamp) if put.is_same_entry(&stamp) => return Ok(Step::NothingToDo),
            Some(_) => true,
            None => false,
        };
        match found(&to_dir, &to)? {
            Some((entry, stamp)) if !is_back && put.is(&entry, &stamp) => {}
            _ => return Err(Conflict::ChangedSince),
        }
        self.keeping.rename(&to_dir, &to, &from_dir, &from);
        to_dir.rename_no_replace(&to, &from_dir, &from)?;
        Ok(Step::Restored)
    }

    /// The directory that holds `path`, made writable, and the name in it; nothing if that
    /// directory is gone.
    fn place(&mut self, path: &RelPath) -> Result<Option<(Arc<Dir>, FileName)>, Error> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Ok(None);
        };
        let dir = match self.handles.get(&parent) {
            Ok(dir) => dir,
            Err(error) if error.is_not_found() || error.is_not_a_directory() => return Ok(None),
            Err(error) => return Err(error),
        };
        if !is_superuser() {
            let mode = dir.own_entry(&Detail::default())?.mode;
            if mode & OWNER_BITS != OWNER_BITS {
                self.keeping.change_dir(&dir);
                set_mode(&dir, mode | OWNER_BITS)?;
                self.opened_up.push((parent, mode));
            }
        }
        Ok(Some((dir, name)))
    }

    /// Directories whose metadata no line puts back get the mode they had.
    fn close_again(&mut self) {
        for (path, mode) in std::mem::take(&mut self.opened_up) {
            let closed = self.handles.get(&path).and_then(|dir| set_mode(&dir, mode));
            match closed {
                Err(error) if !error.is_not_found() => {
                    self.undone.conflicts += 1;
                    (self.report)(&path, &Conflict::Failed(error));
                }
                _ => {}
            }
        }
    }

    fn root_is_empty(&self) -> bool {
        let listed = self.root.top().list(&Detail::default());
        listed.is_ok_and(|listed| listed.is_empty())
    }
}

fn set_mode(dir: &Dir, mode: u32) -> Result<(), Error> {
    dir.set_own_metadata(&Metadata {
        mode: Some(mode),
        ..Metadata::default()
    })
}

fn found(dir: &Dir, name: &FileName) -> Result<Option<(Entry, crate::root::Stamp)>, Error> {
    let (Some(entry), Some(stamp)) = (dir.entry(name, &Detail::default())?, dir.stamp(name)?)
    else {
        return Ok(None);
    };
    Ok(Some((entry, stamp)))
}
