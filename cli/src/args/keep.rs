//! Flags that say what is kept of what a run changes.

use clap::Args;

use super::size;

/// Bytes of old versions that are kept unless the command line says otherwise.
const USUAL_KEEP: u64 = 1 << 30;

/// What is kept of what a run changes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Undoing")]
pub(crate) struct Keep {
    /// Keep old versions of what a pull replaces or deletes, up to SIZE for all runs (default: 1G)
    ///
    /// ksyncd log lists runs, ksyncd undo takes one back. The oldest runs are given up first.
    #[arg(long, value_name = "SIZE", value_parser = size::bytes, overrides_with = "no_undo")]
    pub(crate) undo_keep: Option<u64>,
    /// Keep nothing: the run can not be undone
    #[arg(long, overrides_with = "undo_keep")]
    pub(crate) no_undo: bool,
}

impl Keep {
    /// Bytes that may be kept; nothing if nothing is to be.
    pub(crate) fn budget(&self) -> Option<u64> {
        let budget = self.undo_keep.unwrap_or(USUAL_KEEP);
        (budget > 0 && !self.no_undo).then_some(budget)
    }
}

/// What `ksyncd log` shows.
#[derive(Debug, Args)]
pub(crate) struct Log {
    /// Show only runs that wrote to this directory
    #[arg(value_name = "DEST", value_hint = clap::ValueHint::DirPath)]
    pub(crate) dest: Option<std::path::PathBuf>,
    /// Print one JSON object per run
    #[arg(long)]
    pub(crate) json: bool,
}

/// What `ksyncd undo` takes back.
#[derive(Debug, Args)]
pub(crate) struct Undo {
    /// The run, as ksyncd log names it; the beginning of its name is enough (default: the last run)
    #[arg(value_name = "RUN")]
    pub(crate) run: Option<String>,
    /// Keep up to SIZE of what the undo replaces, so that it can be undone (default: 1G)
    #[arg(long, value_name = "SIZE", value_parser = size::bytes)]
    pub(crate) undo_keep: Option<u64>,
}

impl Undo {
    /// Bytes that may be kept.
    pub(crate) fn budget(&self) -> u64 {
        self.undo_keep.unwrap_or(USUAL_KEEP)
    }
}
