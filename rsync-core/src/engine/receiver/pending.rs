//! Files whose content is on its way, and how to wait until none is.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::engine::error::Error;
use crate::engine::receiver::parent::Parent;
use crate::engine::receiver::partial::Basis;
use crate::engine::receiver::shared::Shared;
use crate::entry::Entry;
use crate::monitor::Change;
use crate::path::RelPath;
use crate::root::{self, Dir};
use crate::wire::message::{FileId, Interim};

/// A file of the source whose content is wanted or sent unasked.
#[derive(Debug)]
pub(crate) struct Pending {
    /// Where it goes, unless it goes nowhere.
    pub(super) place: Option<Place<Parent>>,
    /// How often its content was asked for.
    pub(crate) attempts: u32,
}

/// Where a file goes, with its directory open, or not so while the file waits.
#[derive(Debug)]
pub(crate) struct Place<D = Arc<Dir>> {
    /// Its directory.
    pub(crate) dir: D,
    /// Its path.
    pub(crate) path: RelPath,
    /// The entry as it should be.
    pub(crate) entry: Entry,
    /// What is there now.
    pub(crate) found: Option<Entry>,
    /// What changes.
    pub(crate) change: Change,
    /// The old version was kept as a backup already.
    pub(crate) kept: bool,
    /// What an earlier run left of it.
    pub(super) basis: Option<Basis>,
    /// It changed while it was read: what arrived of it is the basis of the next attempt.
    pub(super) is_changing: bool,
    /// It does not begin with what is there now, or is not believed to.
    pub(super) has_not_grown: bool,
}

impl<D> Place<D> {
    fn with_dir<E>(self, dir: E) -> Place<E> {
        Place {
            dir,
            path: self.path,
            entry: self.entry,
            found: self.found,
            change: self.change,
            kept: self.kept,
            basis: self.basis,
            is_changing: self.is_changing,
            has_not_grown: self.has_not_grown,
        }
    }
}

impl Place {
    /// As it waits for content.
    pub(super) fn wait(self) -> Place<Parent> {
        let parent = Parent::of(&self.dir);
        self.with_dir(parent)
    }
}

impl Place<Parent> {
    /// As something is done in it.
    ///
    /// # Errors
    /// The path, and why its directory can not be opened.
    pub(super) fn open(self, shared: &Shared<'_>) -> Result<Place, (RelPath, root::Error)> {
        match self.dir.open(shared) {
            Ok(dir) => Ok(self.with_dir(dir)),
            Err(error) => Err((self.path, error)),
        }
    }
}

/// All pending files of a run.
pub(crate) struct Pendings {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    files: HashMap<FileId, Pending>,
    /// Files not yet done with: those in `files` and those a worker has taken.
    open: u64,
    /// True once no more will be added by listings.
    listed: bool,
    /// This end gives its account: the sender's may come.
    settled: bool,
    /// The sender's account has come; nothing more will.
    finished: bool,
    /// How that stood when the sender said so last.
    interim: Option<Interim>,
    failure: Option<Error>,
}

impl Pendings {
    /// None yet.
    pub(crate) fn new() -> Self {
        let state = State {
            files: HashMap::new(),
            open: 0,
            listed: false,
            settled: false,
            finished: false,
            interim: None,
            failure: None,
        };
        Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
    }

    /// Adds a file.
    pub(crate) fn add(&self, file: FileId, pending: Pending) {
        let mut state = self.lock();
        state.open += 1;
        state.files.insert(file, pending);
    }

    /// Puts a file back that was taken, to ask for it again.
    pub(crate) fn put_back(&self, file: FileId, pending: Pending) {
        self.lock().files.insert(file, pending);
    }

    /// Takes a file to deal with its content.
    pub(crate) fn take(&self, file: FileId) -> Option<Pending> {
        self.lock().files.remove(&file)
    }

    /// Looks at a file.
    pub(crate) fn with<T>(&self, file: FileId, look: impl FnOnce(&mut Pending) -> T) -> Option<T> {
        self.lock().files.get_mut(&file).map(look)
    }

    /// A file that was taken is done with.
    pub(crate) fn done(&self) {
        let mut state = self.lock();
        state.open = state.open.saturating_sub(1);
        if state.open == 0 {
            self.changed.notify_all();
        }
    }

    /// No listing will add files any more.
    pub(crate) fn listed(&self) {
        self.lock().listed = true;
        self.changed.notify_all();
    }

    /// Everything is done, and this end is about to give its account.
    pub(crate) fn settle(&self) {
        self.lock().settled = true;
    }

    /// True once this end gives its account.
    pub(crate) fn is_settled(&self) -> bool {
        self.lock().settled
    }

    /// The sender's account has come.
    pub(crate) fn finished(&self) {
        self.lock().finished = true;
        self.changed.notify_all();
    }

    /// The sender says how its account stands.
    pub(crate) fn interim(&self, interim: Interim) {
        self.lock().interim = Some(interim);
        self.changed.notify_all();
    }

    /// The run can not go on.
    pub(crate) fn fail(&self, failure: Error) {
        self.lock().failure.get_or_insert(failure);
        self.changed.notify_all();
    }

    /// Waits until all content has arrived.
    pub(crate) fn wait_for_content(&self) -> Result<(), Error> {
        self.wait(|state| (state.listed && state.open == 0).then_some(()))
    }

    /// Waits until the sender's account has come, or stands so that it `agrees` with this end's;
    /// gives that.
    pub(crate) fn wait_for_account(
        &self,
        agrees: impl Fn(&Interim) -> bool,
    ) -> Result<Option<Interim>, Error> {
        self.wait(|state| match state.interim.filter(&agrees) {
            Some(interim) => Some(Some(interim)),
            None => state.finished.then_some(None),
        })
    }

    fn wait<T>(&self, result: impl Fn(&State) -> Option<T>) -> Result<T, Error> {
        let mut state = self.lock();
        loop {
            if let Some(failure) = state.failure.take() {
                return Err(failure);
            }
            if let Some(result) = result(&state) {
                return Ok(result);
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
