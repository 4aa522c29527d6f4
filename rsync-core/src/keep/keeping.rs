//! The keeper of one run.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::journal::{Journal, Lines};
use super::overwriting::Overwriting;
use super::record::{After, Before, EVERYTHING, Loss, NAMES, Number, Put, Record};
use super::step::{Step, own_bytes};
use super::trash::Trash;
use crate::engine::keeper::{ContentKeeper, Keeper, New};
use crate::entry::Entry;
use crate::path::{FileName, RelPath};
use crate::root::{Detail, Dir, Error, Metadata, Root, Stamp};

/// Name of the journal in the directory of a run.
const JOURNAL: &str = "journal";

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
    /// Changes that can not be undone, because how it was before could not be kept.
    pub lost: u64,
    /// Why that was so for the first of these.
    pub first_loss: Option<Loss>,
}

/// The keeper of one run.
///
/// Its journal, and what it keeps, is in a directory that exists; nothing is made in there before
/// the first change.
#[derive(Debug)]
pub struct Keeping {
    pub(super) directory: PathBuf,
    pub(super) budget: Budget,
    announce: Announce,
    state: Mutex<State>,
}

/// What makes a run known once it holds its destination.
struct Announce(Box<dyn Fn() -> io::Result<()> + Send + Sync>);

impl fmt::Debug for Announce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Announce")
    }
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) root: Option<Root>,
    pub(super) created_root: bool,
    pub(super) writing: Option<Writing>,
    /// The directory can not be written: nothing is kept.
    pub(super) broken: bool,
    /// Directories whose metadata is in the journal, or that were made by this run.
    pub(super) touched: HashMap<RelPath, Origin>,
    pub(super) next: Number,
    pub(super) kept: Kept,
}

/// Where a directory comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// It was there before.
    Found,
    /// This run made it.
    Made,
}

impl State {
    /// Nothing is kept from now on, because of this.
    pub(super) fn give_up(&mut self, error: &Error) {
        self.broken = true;
        self.kept.first_loss.get_or_insert(Loss::of(error));
    }
}

#[derive(Debug)]
pub(super) struct Writing {
    pub(super) journal: Journal,
    pub(super) trash: Trash,
}

impl Keeping {
    /// A run that has changed nothing yet, and keeps at most `budget` in `directory`, the last
    /// name of which tells it from all others.
    pub fn new(directory: PathBuf, budget: Budget) -> Self {
        Self {
            directory,
            budget,
            announce: Announce(Box::new(|| Ok(()))),
            state: Mutex::default(),
        }
    }

    /// Has `announce` called once, when the run holds its destination: until then it may wait for
    /// another one to end. If that fails nothing is kept.
    #[must_use]
    pub fn announced_by(
        mut self,
        announce: impl Fn() -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        self.announce = Announce(Box::new(announce));
        self
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

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state once the change of an entry in `dir` may be written down; nothing if nothing is
    /// kept.
    pub(super) fn begin(&self, dir: &Dir) -> Option<Step<'_>> {
        let mut step = Step::new(self);
        step.start()?;
        if step.has_touched(dir) {
            return Some(step);
        }
        // Not under the lock. Whoever comes first has looked before anything is changed in there.
        let (mut step, before) = step.meanwhile(|| dir.own_entry(&EVERYTHING));
        step.start()?;
        step.touch(dir, before);
        Some(step)
    }

    /// The same for the change of what was `found` as `name` in `dir`. What can not be looked at can
    /// not be kept, which the run says.
    pub(super) fn found(
        &self,
        dir: &Dir,
        name: &FileName,
        found: Result<Option<Entry>, Error>,
    ) -> Option<(Step<'_>, Entry)> {
        let mut step = self.begin(dir)?;
        match found {
            Ok(found) => found.map(|found| (step, found)),
            Err(error) => {
                step.lost(&dir.path().join(name), Some(&error));
                None
            }
        }
    }
}

impl Keeper for Keeping {
    fn open(&self, root: &Root, created: bool) {
        let mut state = self.lock();
        // A second attempt of a run finds what the first made.
        if state.root.is_none() {
            // The lock is the run's, which may let it go and take it again.
            let opened = root.reopen().and_then(|root| {
                (self.announce.0)().map_err(|source| Error {
                    operation: "write the account in",
                    path: Vec::new(),
                    source,
                })?;
                Ok(root)
            });
            match opened {
                Ok(root) => state.root = Some(root),
                Err(error) => state.give_up(&error),
            }
            state.created_root = created;
        }
        drop(state);
        if created {
            self.begin(root.top());
        }
    }

    fn put(&self, dir: &Dir, name: &FileName, new: New<'_>, replaces: bool) {
        let put = Put::of(new);
        // Not under the lock: for a run into an empty destination this is nearly all there is.
        let found = dir.entry(name, &NAMES);
        let is_free = match &found {
            // Nobody looked at it before, and nothing is going to be put there.
            Ok(Some(_)) if !replaces => return,
            Ok(found) => found.is_none(),
            Err(_) => false,
        };
        let path = dir.path().join(name);
        let line = put.map(|put| {
            let created = Record::Created {
                path: path.clone(),
                put: put.clone(),
            };
            (put, Lines::of(&created))
        });
        let Some(mut step) = self.begin(dir) else {
            return;
        };
        let (put, line) = match line {
            Ok(known) => known,
            Err(error) => return step.lost(&path, Some(&error)),
        };
        if is_free {
            step.append(line);
        } else {
            step.keep_replaced(dir, name, found, put);
        }
    }

    fn put_new(&self, dir: &Dir, files: &[(&FileName, Stamp)]) {
        let is_made_here = self.lock().touched.get(dir.path()) == Some(&Origin::Made);
        let mut lines = Ok(Lines::default());
        for (name, stamp) in files {
            // Nobody looked at it before, and nothing is going to be put there. In a directory of
            // this run that is not worth a look: an undo tells it by its inode.
            if !is_made_here && matches!(dir.entry(name, &Detail::default()), Ok(Some(_))) {
                continue;
            }
            let created = Record::Created {
                path: dir.path().join(name),
                put: Put::file(stamp),
            };
            lines = lines.and_then(|mut lines| lines.add(&created).map(|()| lines));
        }
        if let Some(mut step) = self.begin(dir) {
            step.append(lines);
        }
    }

    fn make_dir(&self, dir: &Dir, name: &FileName) {
        let Some(mut step) = self.begin(dir) else {
            return;
        };
        let path = dir.path().join(name);
        match dir.entry(name, &Detail::default()) {
            Ok(None) => {
                step.state.touched.insert(path.clone(), Origin::Made);
                step.write(&Record::CreatedDirectory { path });
            }
            // It can not be made then, and an undo must not take this one for what was made.
            Ok(Some(_)) => {}
            Err(error) => step.lost(&path, Some(&error)),
        }
    }

    fn change(&self, dir: &Dir, name: &FileName, to: &Metadata) {
        let found = dir.entry(name, &EVERYTHING);
        let Some((mut step, found)) = self.found(dir, name, found) else {
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
        let found = dir.entry(name, &Detail::default());
        let Some((mut step, found)) = self.found(dir, name, found) else {
            return;
        };
        let path = dir.path().join(name);
        let bytes = found.file_size().unwrap_or(0);
        let kept = step.keep(dir, &path, bytes, |trash, number| {
            trash.copy(dir, name, number)
        });
        if let Some((kept, ())) = kept {
            step.write(&Record::Rewritten { path, kept });
        }
    }

    fn change_content<'a>(&'a self, dir: &Dir, name: &FileName) -> Box<dyn ContentKeeper + 'a> {
        Box::new(Overwriting::begin(self, dir, name))
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
        let found = to_dir.entry(to, &NAMES);
        let both = self.begin(from_dir).map(drop);
        let Some(mut step) = both.and_then(|()| self.begin(to_dir)) else {
            return;
        };
        let (from_path, to_path) = (from_dir.path().join(from), to_dir.path().join(to));
        let put = match Put::of(New::NameOf(from_dir, from)) {
            Ok(put) => put,
            Err(error) => return step.lost(&to_path, Some(&error)),
        };
        step = step.keep_replaced(to_dir, to, found, put.clone());
        step.write(&Record::Moved {
            from: from_path,
            to: to_path,
            put,
        });
    }

    fn remove(&self, dir: &Dir, name: &FileName) -> Result<(), Error> {
        let found = dir.entry(name, &NAMES);
        let Some((mut step, found)) = self.found(dir, name, found) else {
            return dir.remove_file(name);
        };
        if found.is_dir() {
            return dir.remove_file(name);
        }
        let path = dir.path().join(name);
        let bytes = own_bytes(&found);
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
        let found = dir.entry(name, &EVERYTHING);
        let is_there = !matches!(found, Ok(None));
        let path = dir.path().join(name);
        if let Some((mut step, found)) = self.found(dir, name, found) {
            step.touch_below(dir, &found);
            step.write(&Record::RemovedDirectory { path });
        } else if is_there && let Some(mut step) = self.begin(dir) {
            // What was in it has to go back into something.
            step.write(&Record::RemovedDirectory { path });
        }
    }
}
