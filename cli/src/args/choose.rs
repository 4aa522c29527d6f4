//! Flags that say which entries take part, and which files are left alone.

use std::ffi::OsString;

use clap::Args;

use super::size;

/// Which entries take part.
#[derive(Debug, Args)]
#[command(next_help_heading = "Choosing files")]
pub(crate) struct Choose {
    /// Do not leave out what matches PATTERN
    #[arg(long, value_name = "PATTERN", allow_hyphen_values = true)]
    pub(crate) include: Vec<OsString>,
    /// Read patterns to leave out from FILE, - for standard input
    #[arg(long, value_name = "FILE", allow_hyphen_values = true, value_hint = clap::ValueHint::FilePath)]
    pub(crate) exclude_from: Vec<OsString>,
    /// Read patterns not to leave out from FILE, - for standard input
    #[arg(long, value_name = "FILE", allow_hyphen_values = true, value_hint = clap::ValueHint::FilePath)]
    pub(crate) include_from: Vec<OsString>,
    /// Add a filter rule in rsync's language: '- *.o', 'P cache/', '. rules.txt', ':C'
    #[arg(short, long, value_name = "RULE", allow_hyphen_values = true)]
    pub(crate) filter: Vec<OsString>,
    /// Read rules from .rsync-filter in every directory; twice: and leave these files out
    #[arg(short = 'F', num_args = 0, default_missing_value = "", action = clap::ArgAction::Append)]
    pub(crate) per_directory: Vec<String>,
    /// Leave out what CVS ignores: backups, objects, version control directories
    ///
    /// Adds the list of cvs(1), ~/.cvsignore, $CVSIGNORE and each directory's .cvsignore, after all
    /// other rules.
    #[arg(short = 'C', long)]
    pub(crate) cvs_exclude: bool,
    /// Leave out what the .gitignore files at the source name
    #[arg(long)]
    pub(crate) gitignore: bool,
    /// Take only the paths listed in FILE, - for standard input
    ///
    /// They are relative to SOURCE, one a line. Directories are taken without what they hold unless
    /// -r is given.
    #[arg(long, value_name = "FILE", allow_hyphen_values = true, value_hint = clap::ValueHint::FilePath)]
    pub(crate) files_from: Option<OsString>,
    /// Lists read from files end their items with a zero byte, not a newline
    #[arg(short = '0', long)]
    pub(crate) from0: bool,
    /// Go into directories (default)
    #[arg(short, long, overrides_with_all = ["no_recursive", "dirs"])]
    pub(crate) recursive: bool,
    /// Do not go into directories
    #[arg(long, alias = "no-r", overrides_with = "recursive")]
    pub(crate) no_recursive: bool,
    /// Take directories without what they hold; the same as --no-recursive
    #[arg(short, long, overrides_with = "recursive")]
    pub(crate) dirs: bool,

    /// Compare content by checksum instead of size and time
    #[arg(short, long)]
    pub(crate) checksum: bool,
    /// Transfer files even if size and time are the same
    #[arg(short = 'I', long)]
    pub(crate) ignore_times: bool,
    /// Take files of the same size for equal
    #[arg(long)]
    pub(crate) size_only: bool,
    /// Leave alone what exists at the destination
    #[arg(long)]
    pub(crate) ignore_existing: bool,
    /// Leave out what does not exist at the destination
    #[arg(long, visible_alias = "ignore-non-existing")]
    pub(crate) existing: bool,
    /// Leave alone what is newer at the destination
    #[arg(short, long)]
    pub(crate) update: bool,
    /// Leave out files larger than SIZE: 1.5M, 10k, 2GB
    #[arg(long, value_name = "SIZE", value_parser = size::bytes)]
    pub(crate) max_size: Option<u64>,
    /// Leave out files smaller than SIZE
    #[arg(long, value_name = "SIZE", value_parser = size::bytes)]
    pub(crate) min_size: Option<u64>,
}
