//! The runs that are remembered: one directory each, named by the time they started.
//!
//! A run is known from when it holds its destination: its account is written then. As long as it
//! waits for another one to end, it is none that could be listed or taken back.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use rsync_core::keep::{Budget, Keeping, Kept};
use rsync_core::path::FileName;
use rsync_core::receipt::Receipt;
use rsync_core::root::{Dir, KEPT_NAME, Root};
use serde::{Deserialize, Serialize};

use super::{MAX_RUNS, State, write_whole};

/// Name of the account in the directory of a run.
const ACCOUNT: &str = "run.json";
/// How often a name is tried while others take it.
const ATTEMPTS: usize = 16;

/// What is known of a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Account {
    /// Which run it is.
    pub(crate) id: String,
    /// What was asked for.
    pub(crate) command: Verbs,
    /// When it started to write to its destination.
    pub(crate) started: Timestamp,
    /// Where the files came from, as it was written; of an undo the run that it takes back.
    pub(crate) source: String,
    /// Where they went.
    #[serde(with = "crate::exact")]
    pub(crate) destination: PathBuf,
    /// How it ended; nothing if it was cut.
    pub(crate) ended: Option<Ended>,
    /// The run that took it back.
    pub(crate) undone_by: Option<String>,
}

/// What a run was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verbs {
    /// Files were brought here.
    Pull,
    /// A run was taken back.
    Undo,
}

/// How a run ended.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Ended {
    /// The exit code.
    pub(crate) exit_code: u8,
    /// Entries created or changed; of an undo changes taken back.
    pub(crate) transferred: u64,
    /// Of these the new ones.
    pub(crate) created: u64,
    /// Entries deleted.
    pub(crate) deleted: u64,
    /// Old versions kept.
    pub(crate) kept: u64,
    /// Bytes in them.
    pub(crate) kept_bytes: u64,
    /// Changes that can not be undone, because how it was before could not be kept.
    pub(crate) not_kept: u64,
}

impl Ended {
    /// The end of a run with this account, if there is one, and what it kept.
    pub(crate) fn new(exit_code: u8, receipt: Option<&Receipt>, kept: &Kept) -> Self {
        let receipt = receipt.copied().unwrap_or_default();
        Self {
            exit_code,
            transferred: receipt.transferred,
            created: receipt.created,
            deleted: receipt.deleted,
            kept: kept.versions,
            kept_bytes: kept.bytes,
            not_kept: kept.lost,
        }
    }
}

/// A run that is under way.
#[derive(Debug)]
pub(crate) struct Run {
    state: State,
    id: String,
    account: Arc<Mutex<Account>>,
    directory: PathBuf,
    keeping: Keeping,
    /// Held open: its lock tells that the run is under way.
    _lock: Root,
}

impl Run {
    /// Starts a run that keeps at most `budget` bytes. It is remembered from when its keeper is
    /// told that it holds the destination.
    pub(crate) fn begin(
        state: State,
        command: Verbs,
        source: String,
        destination: &Path,
        budget: u64,
    ) -> io::Result<Self> {
        let (id, directory, lock) = state.new_run()?;
        let account = Arc::new(Mutex::new(Account {
            id: id.clone(),
            command,
            started: Timestamp::now(),
            source,
            destination: std::path::absolute(destination)?,
            ended: None,
            undone_by: None,
        }));
        let announce = {
            let (account, directory) = (Arc::clone(&account), directory.clone());
            move || {
                let mut account = locked(&account);
                account.started = Timestamp::now();
                write_account(&directory, &account)
            }
        };
        let keeping = Keeping::new(directory.clone(), Budget { bytes: budget });
        Ok(Self {
            state,
            id,
            account,
            directory,
            keeping: keeping.announced_by(announce),
            _lock: lock,
        })
    }

    /// Which run it is.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Who keeps what it changes.
    pub(crate) fn keeping(&self) -> &Keeping {
        &self.keeping
    }

    /// Writes down how it ended, and gives up old runs for the sake of room. A run that changed
    /// nothing is forgotten.
    pub(crate) fn end(self, ended: Ended, budget: u64) -> io::Result<()> {
        if self.keeping.kept().changes == 0 {
            return fs::remove_dir_all(&self.directory);
        }
        let mut account = locked(&self.account);
        account.ended = Some(ended);
        write_account(&self.directory, &account)?;
        self.state.prune(budget)
    }
}

fn locked(account: &Mutex<Account>) -> MutexGuard<'_, Account> {
    account.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A run that is remembered.
#[derive(Debug, Clone)]
pub(crate) struct Recorded {
    /// What is known of it.
    pub(crate) account: Account,
    /// Where that is, and what it kept.
    pub(crate) directory: PathBuf,
}

impl Recorded {
    /// Notes that another run took it back: nothing is kept for it any more.
    pub(crate) fn undone(&mut self, by: &str) -> io::Result<()> {
        self.account.undone_by = Some(by.to_owned());
        if let Some(ended) = &mut self.account.ended {
            ended.kept_bytes = 0;
        }
        write_account(&self.directory, &self.account)
    }

    /// True while the run is under way.
    pub(crate) fn is_running(&self) -> bool {
        matches!(lock(&self.directory), Ok(None))
    }

    /// The directory of the run that this one took back, if that is what it did.
    pub(crate) fn undoes(&self) -> Option<PathBuf> {
        let is_undo = self.account.command == Verbs::Undo;
        is_undo.then(|| self.directory.with_file_name(&self.account.source))
    }

    /// The journal of what it changed.
    pub(crate) fn journal(&self) -> PathBuf {
        Keeping::journal_of(&self.directory)
    }

    /// Bytes kept for it. A run that was cut could not write down how many.
    pub(crate) fn kept_bytes(&self) -> u64 {
        match &self.account.ended {
            Some(ended) => ended.kept_bytes,
            None => bytes_in(&self.directory.join("kept")),
        }
    }

    /// Gives up what it kept, and forgets it.
    fn forget(&self) -> io::Result<()> {
        let destination = &self.account.destination;
        // A run that wrote a single file had the directory above for its root.
        for place in destination.ancestors().take(3) {
            // What lies there may be gone with it.
            let _ = self.forget_in(place);
        }
        fs::remove_dir_all(&self.directory)
    }

    fn forget_in(&self, place: &Path) -> Result<(), rsync_core::root::Error> {
        let root = Root::open(place)?;
        let (Ok(kept), Ok(id)) = (
            FileName::new(KEPT_NAME.as_bytes()),
            FileName::new(self.account.id.as_bytes()),
        ) else {
            return Ok(());
        };
        let inside: Dir = root.top().open_dir(&kept)?;
        inside.remove_tree(&id, &mut |_, _| ())?;
        // Others may still be kept there.
        let _ = root.top().remove_dir(&kept);
        Ok(())
    }
}

impl State {
    /// All runs that are remembered, the oldest first.
    pub(crate) fn all(&self) -> io::Result<Vec<Recorded>> {
        let mut runs = Vec::new();
        for entry in fs::read_dir(self.runs())? {
            let directory = entry?.path();
            // What can not be read is of another version, or was cut as it began.
            let account = fs::read(directory.join(ACCOUNT))
                .ok()
                .and_then(|text| serde_json::from_slice(&text).ok());
            if let Some(account) = account {
                runs.push(Recorded { account, directory });
            }
        }
        let when = |run: &Recorded| (run.account.started, run.account.id.clone());
        runs.sort_by_cached_key(when);
        Ok(runs)
    }

    /// A name for a run, a directory that is its own, and the lock of that.
    fn new_run(&self) -> io::Result<(String, PathBuf, Root)> {
        let mut failure = io::Error::from(io::ErrorKind::AlreadyExists);
        for _ in 0..ATTEMPTS {
            let now = Timestamp::now();
            let id = format!(
                "{}-{:06}",
                now.strftime("%Y%m%d-%H%M%S"),
                now.subsec_microsecond()
            );
            let directory = self.runs().join(&id);
            match fs::create_dir(&directory).and_then(|()| lock(&directory)) {
                // Another run may have swept it away before it was locked.
                Ok(Some(lock)) if directory.try_exists()? => return Ok((id, directory, lock)),
                Ok(_) => {}
                Err(error) if is_taken_or_gone(&error) => failure = error,
                Err(error) => return Err(error),
            }
        }
        Err(failure)
    }

    /// Gives up the oldest runs until what is kept fits into `budget`, and forgets those that were
    /// cut before they changed anything.
    fn prune(&self, budget: u64) -> io::Result<()> {
        let runs = self.all()?;
        let mut count = runs.len();
        let mut bytes = runs
            .iter()
            .fold(0u64, |sum, run| sum.saturating_add(run.kept_bytes()));
        let last = runs.last().map(|run| run.account.id.clone());
        for run in &runs {
            let is_last = last.as_ref() == Some(&run.account.id);
            let is_over = (bytes > budget || count > MAX_RUNS) && !is_last;
            let is_empty = run.account.ended.is_none() && !run.journal().exists();
            if (is_over || is_empty) && !run.is_running() {
                bytes = bytes.saturating_sub(run.kept_bytes());
                count -= 1;
                run.forget()?;
            }
        }
        self.sweep()
    }

    /// Removes what is left of runs that were cut while they waited for their destination.
    fn sweep(&self) -> io::Result<()> {
        for entry in fs::read_dir(self.runs())? {
            let directory = entry?.path();
            let is_known = directory.join(ACCOUNT).try_exists()?
                || Keeping::journal_of(&directory).try_exists()?;
            // Held until it is gone, so that no run takes it for its own.
            if !is_known && let Ok(Some(_lock)) = lock(&directory) {
                fs::remove_dir_all(&directory)?;
            }
        }
        Ok(())
    }
}

/// Takes the lock of a run's directory; nothing if somebody has it.
fn lock(directory: &Path) -> io::Result<Option<Root>> {
    let root = Root::open(directory).map_err(rsync_core::root::Error::into_io)?;
    let is_taken = root.lock().map_err(rsync_core::root::Error::into_io)?;
    Ok(is_taken.then_some(root))
}

fn is_taken_or_gone(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotFound
    )
}

fn write_account(directory: &Path, account: &Account) -> io::Result<()> {
    let text = serde_json::to_vec_pretty(account)?;
    write_whole(&directory.join(ACCOUNT), &text)
}

fn bytes_in(directory: &Path) -> u64 {
    let sizes = fs::read_dir(directory).into_iter().flatten().flatten();
    sizes
        .filter_map(|entry| entry.metadata().ok())
        .fold(0, |sum, found| sum.saturating_add(found.len()))
}
