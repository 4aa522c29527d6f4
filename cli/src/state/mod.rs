//! What ksyncd remembers between runs, in the user's state directory.
//!
//! `$XDG_STATE_HOME/ksyncd`, or `~/.local/state/ksyncd`, holds one directory in which everything
//! is. Its name is one that no run lists or deletes, so that pulling into a home directory with
//! `--delete` leaves it alone. Losing all of it costs the chance to undo, and nothing else.

mod baseline;
mod run;

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use rsync_core::root::KEPT_NAME;

pub(crate) use baseline::Baseline;
pub(crate) use run::{Account, Ended, Recorded, Run, Verbs};

/// Most runs that are remembered.
const MAX_RUNS: usize = 200;

/// The state directory.
#[derive(Debug, Clone)]
pub(crate) struct State {
    directory: PathBuf,
}

/// Why there is no state directory.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoState {
    /// The environment does not say where.
    #[error("neither XDG_STATE_HOME nor HOME names a directory")]
    Nowhere,
    /// The system refused.
    #[error("{} can not be used: {}", .path.display(), crate::errors::words_of(.cause))]
    Unusable {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// Others could change what it holds.
    #[error("{} belongs to somebody else, or others may write to it", .0.display())]
    Foreign(PathBuf),
}

impl State {
    /// Opens the state directory, and makes it if it is not there.
    pub(crate) fn open() -> Result<Self, NoState> {
        let directory = Self::place().ok_or(NoState::Nowhere)?;
        make(&directory.join("runs"))?;
        make(&directory.join("sources"))?;
        Ok(Self { directory })
    }

    fn place() -> Option<PathBuf> {
        let named = |variable| {
            let path = PathBuf::from(std::env::var_os(variable)?);
            path.is_absolute().then_some(path)
        };
        let above =
            named("XDG_STATE_HOME").or_else(|| Some(named("HOME")?.join(".local/state")))?;
        Some(above.join("ksyncd").join(KEPT_NAME))
    }

    fn runs(&self) -> PathBuf {
        self.directory.join("runs")
    }

    fn sources(&self) -> PathBuf {
        self.directory.join("sources")
    }
}

/// Makes a private directory and those above it. What it holds decides what is written and
/// deleted later, so nobody else may have a hand in it.
fn make(path: &Path) -> Result<(), NoState> {
    let unusable = |cause| NoState::Unusable {
        path: path.to_owned(),
        cause,
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(unusable)?;
    let found = std::fs::symlink_metadata(path).map_err(unusable)?;
    let is_own = found.uid() == rustix::process::geteuid().as_raw();
    if found.is_dir() && is_own && found.mode() & 0o022 == 0 {
        Ok(())
    } else {
        Err(NoState::Foreign(path.to_owned()))
    }
}

/// Writes a file so that it is there as a whole or not at all.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    std::fs::write(&new, bytes)?;
    std::fs::rename(&new, path)
}
