//! Writing trees: files with content and times that depend on the seed alone.

use std::collections::BTreeSet;
use std::fs::{self, File, FileTimes};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context, Result};

use crate::random::Random;

/// All times of a tree lie between this many seconds after 1970 …
const EARLIEST: u64 = 1_700_000_000;
/// … and so many later.
const RANGE: u64 = 10_000_000;
/// What is older than in another tree is so many seconds older.
const AGE: u64 = 20_000_000;

/// Writes into one tree.
#[derive(Debug)]
pub(super) struct Planter {
    root: PathBuf,
    times: Random,
    age: u64,
    directories: BTreeSet<PathBuf>,
}

impl Planter {
    /// Writes into `root`, which has to be there.
    pub(super) fn new(root: &Path, seed: u64) -> Self {
        Self {
            root: root.to_owned(),
            times: Random::new(seed, "times"),
            age: 0,
            directories: BTreeSet::new(),
        }
    }

    /// The same, but all that it writes is older than anything of another tree.
    pub(super) fn older(root: &Path, seed: u64) -> Self {
        Self {
            age: AGE,
            ..Self::new(root, seed)
        }
    }

    /// Writes a file, making the directories above it.
    pub(super) fn file(&mut self, path: &Path, content: &[u8]) -> Result<()> {
        let full = self.root.join(path);
        if let Some(parent) = path.parent()
            && !self.directories.contains(parent)
        {
            fs::create_dir_all(self.root.join(parent)).context("a directory of a workload")?;
            self.directories
                .extend(parent.ancestors().map(Path::to_owned));
        }
        fs::write(&full, content).with_context(|| full.display().to_string())?;
        self.date(&full)
    }

    /// Takes a file away.
    pub(super) fn remove(&mut self, path: &Path) -> Result<()> {
        self.directories.extend(path.parent().map(Path::to_owned));
        fs::remove_file(self.root.join(path)).with_context(|| path.display().to_string())
    }

    /// Gives another name to a directory.
    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> Result<()> {
        for path in [from, to] {
            self.directories.extend(path.parent().map(Path::to_owned));
        }
        fs::rename(self.root.join(from), self.root.join(to))
            .with_context(|| from.display().to_string())
    }

    /// Sets the times of all directories that something was written to.
    pub(super) fn finish(mut self) -> Result<()> {
        self.directories.insert(PathBuf::new());
        for path in std::mem::take(&mut self.directories) {
            self.date(&self.root.clone().join(path))?;
        }
        Ok(())
    }

    fn date(&mut self, full: &Path) -> Result<()> {
        let secs = EARLIEST + self.times.below(RANGE) - self.age;
        let time = UNIX_EPOCH + Duration::new(secs, self.times.below(1_000_000_000) as u32);
        let times = FileTimes::new().set_accessed(time).set_modified(time);
        File::open(full)
            .and_then(|file| file.set_times(times))
            .with_context(|| full.display().to_string())
    }
}
