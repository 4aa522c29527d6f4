//! Flags that say what is printed.

use std::path::PathBuf;

use clap::{ArgAction, Args};

/// What is printed.
///
/// Standard output carries what was asked for (`-v`, `-i`, `--stats`, `--json`). Progress, trouble
/// and the closing account go to standard error.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct Output {
    /// Print nothing but errors
    #[arg(short, long, overrides_with = "verbose")]
    pub(crate) quiet: bool,
    /// Print figures about the transfer at the end
    #[arg(long)]
    pub(crate) stats: bool,
    /// Show progress (default: a bar on a terminal, a line now and then elsewhere)
    #[arg(long, overrides_with = "no_progress")]
    pub(crate) progress: bool,
    /// Do not show progress
    #[arg(long, overrides_with = "progress")]
    pub(crate) no_progress: bool,
    /// Print numbers with units: K, M, G; twice: in powers of 1024
    #[arg(short = 'h', long, action = ArgAction::Count)]
    pub(crate) human_readable: u8,
    /// Print one JSON object per event to standard output, for programs
    #[arg(long, conflicts_with_all = ["itemize_changes", "stats"])]
    pub(crate) json: bool,
    /// Write an account of the run to FILE, as JSON, with what is at DEST then
    ///
    /// Reads all of DEST, wherever it is, for the digests of its files. ksyncd verify FILE DEST
    /// compares later.
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub(crate) receipt: Option<PathBuf>,
    /// Append what is done to FILE
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub(crate) log_file: Option<PathBuf>,
}
