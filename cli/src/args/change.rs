//! Flags that say how the destination is changed: deleting, writing, backups.

use std::ffi::OsString;

use clap::Args;

use super::size;

/// How the destination is changed.
#[derive(Debug, Args)]
#[command(next_help_heading = "Changing the destination")]
pub(crate) struct Change {
    /// Delete before content is fetched, to make room
    #[arg(long)]
    pub(crate) delete_before: bool,
    /// The same as --delete
    #[arg(long, visible_alias = "del")]
    pub(crate) delete_during: bool,
    /// The same as --delete
    #[arg(long)]
    pub(crate) delete_delay: bool,
    /// The same as --delete
    #[arg(long)]
    pub(crate) delete_after: bool,
    /// Delete excluded entries too; implies --delete
    #[arg(long)]
    pub(crate) delete_excluded: bool,
    /// Delete no more than N entries; what is over the limit makes the exit code 25
    #[arg(long, value_name = "N")]
    pub(crate) max_delete: Option<u64>,
    /// Delete even if parts of the source could not be read
    #[arg(long)]
    pub(crate) ignore_errors: bool,
    /// Delete even if the source turns out to be empty
    ///
    /// An empty source is more often a volume that is not mounted than a wish to lose everything.
    #[arg(long)]
    pub(crate) delete_from_empty: bool,

    /// Delete nothing if that would be more than N percent of what is at the destination
    ///
    /// Counts entries that are no directories, where there are at least 100. What is moved is not
    /// deleted. 100 is no limit. The exit code is then 25.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u8).range(0..=100))]
    pub(crate) max_delete_percent: u8,
    /// Delete because of a source that is not the one that earlier runs came from
    ///
    /// A container that was restarted, a pod that was replaced or a volume that is another one may
    /// hold something else. ksyncd remembers what it pulled from, and deletes nothing because of
    /// another source until it is accepted; the exit code is then 25. Of a directory of this machine
    /// that is pushed it remembers the file system: one that is not mounted deletes nothing. Those
    /// that are pulled from are not remembered.
    #[arg(long)]
    pub(crate) accept_source: bool,
    /// Take also what programs on this machine run or obey by themselves
    ///
    /// Unless it is named as SOURCE, pull from elsewhere refuses to make, change or delete files
    /// such as .git/hooks/*, .envrc, .bashrc or .vscode/tasks.json: what a container writes there
    /// would be executed here.
    #[arg(long)]
    pub(crate) trust_source: bool,

    /// Keep the old version of what is replaced or deleted
    #[arg(short, long)]
    pub(crate) backup: bool,
    /// Directory below DEST that takes the old versions; implies --backup
    #[arg(long, value_name = "DIR")]
    pub(crate) backup_dir: Option<OsString>,
    /// What is appended to the names of old versions (default: ~ without --backup-dir)
    #[arg(long, value_name = "SUFFIX", allow_hyphen_values = true)]
    pub(crate) suffix: Option<OsString>,

    /// Send whole files instead of differences
    #[arg(short = 'W', long, overrides_with = "no_whole_file")]
    pub(crate) whole_file: bool,
    /// Send differences (default)
    #[arg(long, alias = "no-W", overrides_with = "whole_file", hide = true)]
    pub(crate) no_whole_file: bool,
    /// Compare files in blocks of SIZE bytes (default: by the size of the file)
    #[arg(short = 'B', long, value_name = "SIZE", value_parser = size::block_len)]
    pub(crate) block_size: Option<u32>,
    /// Write into existing files instead of replacing them
    ///
    /// Needs less room, but a reader sees half-written files and an interrupted run leaves them.
    /// A file that has other names (hard links) is replaced all the same, as they would change
    /// with it.
    #[arg(long)]
    pub(crate) inplace: bool,
    /// Append to files that are shorter at the destination
    #[arg(long)]
    pub(crate) append: bool,
    /// The same as --append: the whole file is verified in either case
    #[arg(long)]
    pub(crate) append_verify: bool,
    /// Keep what arrived of a file when the run is interrupted
    #[arg(long)]
    pub(crate) partial: bool,
    /// The same as --partial --progress
    #[arg(short = 'P')]
    pub(crate) partial_progress: bool,
    /// Turn runs of zero bytes into holes
    #[arg(short = 'S', long)]
    pub(crate) sparse: bool,
    /// Flush everything to the disk before success is reported
    #[arg(long)]
    pub(crate) fsync: bool,
}
