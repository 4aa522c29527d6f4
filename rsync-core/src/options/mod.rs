//! What the client asks for: everything that steers a sync, as plain data.
//!
//! The client builds one [`Options`] and sends it in its request; both ends act on the same
//! value. The names are rsync's (rsync(1)).

pub mod chmod;

use serde::{Deserialize, Serialize};

/// Everything that steers one sync.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// Which metadata takes part.
    pub attributes: Attributes,
    /// What happens to symbolic links.
    pub links: Links,
    /// When two regular files count as equal.
    pub compare: Compare,
    /// Which files are left alone whatever they hold.
    pub skip: Skip,
    /// When and what to delete.
    pub delete: Delete,
    /// How file content is written.
    pub write: Write,
    /// What happens to an old version.
    pub backup: Option<Backup>,
    /// Which paths take part, in rsync's filter language, in order (first match wins).
    pub filter: FilterSpec,
    /// Report what would be done and change nothing.
    pub dry_run: bool,
    /// The receiver tells the sender about every entry, not only about trouble and progress.
    pub tell_all: bool,
    /// Send whole files instead of deltas.
    pub whole_file: bool,
    /// Block length of signatures in bytes; chosen from the file's size if absent.
    pub block_len: Option<u32>,
    /// Most bytes a second that the sender puts on the wire; 0 is no limit.
    pub bandwidth_limit: u64,
    /// Whether and how hard to compress.
    pub compression: Compression,
}

/// Which metadata takes part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attributes {
    /// Permission bits (`-p`).
    pub permissions: bool,
    /// Modification times (`-t`).
    pub times: bool,
    /// Leave the times of directories alone (`-O`).
    pub omit_dir_times: bool,
    /// User (`-o`).
    pub owner: bool,
    /// Group (`-g`).
    pub group: bool,
    /// Compare owners by number, not by name.
    pub numeric_ids: bool,
    /// Owner and group that replace the sender's (`--chown`), each a name or a number.
    pub chown: Option<Chown>,
    /// Access control lists (`-A`).
    pub acls: bool,
    /// Extended attributes (`-X`).
    pub xattrs: bool,
    /// Hard links (`-H`).
    pub hard_links: bool,
    /// Device files (`--devices`).
    pub devices: bool,
    /// Named pipes and sockets (`--specials`).
    pub specials: bool,
    /// Changes to permission bits on the way (`--chmod`), applied in order by the sender.
    pub chmod: Vec<ChmodRule>,
    /// Keep set-uid, set-gid and sticky bits of files; without it they are cleared.
    pub special_bits: bool,
}

impl Default for Attributes {
    fn default() -> Self {
        Self {
            permissions: true,
            times: true,
            omit_dir_times: false,
            owner: false,
            group: false,
            numeric_ids: false,
            chown: None,
            acls: false,
            xattrs: false,
            hard_links: false,
            devices: false,
            specials: false,
            chmod: Vec::new(),
            special_bits: false,
        }
    }
}

/// Owner and group that replace the sender's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chown {
    /// User name or number.
    pub user: Option<String>,
    /// Group name or number.
    pub group: Option<String>,
}

/// One clause of `--chmod`: `mode = (mode & keep) | set`, and `X` where asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChmodRule {
    /// What it applies to.
    pub target: ChmodTarget,
    /// Bits that stay.
    pub keep: u32,
    /// Bits that are set.
    pub set: u32,
    /// Execute bits set only on directories and on files that somebody may execute (`X`).
    pub set_if_executable: u32,
    /// Bits that depend on those of one class of users (`g=u`).
    pub copy: Option<ChmodCopy>,
}

/// The part of a `--chmod` clause that copies one class's `rwx` to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChmodCopy {
    /// Whose bits, as they were before the clause.
    pub from: ChmodClass,
    /// Which bits may be touched: `0o070` for the group.
    pub to: u32,
    /// Clear them where the source has them (`g-o`) instead of setting them.
    pub remove: bool,
}

/// A class of users in a mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChmodClass {
    /// The owner (`u`).
    User,
    /// The group (`g`).
    Group,
    /// Everybody else (`o`).
    Others,
}

/// What a clause of `--chmod` applies to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChmodTarget {
    /// Directories and everything else.
    All,
    /// Directories only (`D`).
    Directories,
    /// Everything but directories (`F`).
    Files,
}

/// What happens to symbolic links.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Links {
    /// Copied as links (`-l`).
    #[default]
    Preserve,
    /// Left out (`--no-links`).
    Skip,
    /// Links that point out of the tree are left out (`--safe-links`).
    Safe,
    /// What a link points to is copied in its place (`-L`).
    Follow,
    /// Only what is behind links that point out of the tree (`--copy-unsafe-links`).
    FollowUnsafe,
    /// Only directories behind links (`-k`).
    FollowDirectories,
}

/// When two regular files count as equal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Compare {
    /// Same size and modification time (rsync's quick check).
    #[default]
    QuickCheck,
    /// Same size (`--size-only`).
    SizeOnly,
    /// Same size and content digest (`-c`).
    Checksum,
    /// Never (`-I`).
    Never,
}

/// Which files are left alone whatever they hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skip {
    /// Files that exist at the destination (`--ignore-existing`).
    pub existing: bool,
    /// Files that do not exist at the destination (`--existing`).
    pub missing: bool,
    /// Files that are newer at the destination (`-u`).
    pub newer: bool,
    /// Files larger than this many bytes (`--max-size`).
    pub above_size: Option<u64>,
    /// Files smaller than this many bytes (`--min-size`).
    pub below_size: Option<u64>,
}

/// When and what to delete at the destination.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delete {
    /// When, if at all.
    pub when: DeleteWhen,
    /// Excluded entries too (`--delete-excluded`).
    pub excluded: bool,
    /// Stop deleting after this many entries (`--max-delete`).
    pub limit: Option<u64>,
    /// Delete although some of the source could not be read (`--ignore-errors`).
    pub despite_errors: bool,
    /// Delete although the source is empty.
    pub when_source_is_empty: bool,
}

/// When extraneous entries are deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeleteWhen {
    /// Never.
    #[default]
    Never,
    /// As soon as the listing is known to be complete, before file content is fetched
    /// (`--delete-before`).
    Before,
    /// After everything else has been committed (`--delete`, `--delete-delay`, `--delete-after`).
    After,
}

/// How file content is written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Write {
    /// Update files in place instead of by rename (`--inplace`).
    pub in_place: bool,
    /// Only append to files that grew, without checking what is there (`--append`).
    pub append: bool,
    /// Keep what arrived of an interrupted file (`--partial`).
    pub partial: bool,
    /// Turn runs of zeros into holes (`-S`). Holes of the source are holes at the destination
    /// in any case.
    pub sparse: bool,
    /// Flush everything to the disk before success is reported (`--fsync`).
    pub durable: bool,
}

/// What happens to an old version that is replaced or deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backup {
    /// Directory below the destination root that takes the old versions, under their own paths.
    pub directory: Option<crate::path::RelPath>,
    /// Appended to the name; rsync's default is `~` without a directory and nothing with one.
    pub suffix: Vec<u8>,
}

/// Which paths take part.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilterSpec {
    /// Rules in rsync's language with their prefix: `- *.o`, `+ /keep/***`, `P cache/`, `:C`.
    pub rules: Vec<Vec<u8>>,
    /// Only these paths and, for directories if `recurse_into_listed`, what is below them
    /// (`--files-from`).
    pub only: Option<Vec<crate::path::RelPath>>,
    /// Take what is below a directory named in `only` too.
    pub recurse_into_listed: bool,
    /// Honour `.gitignore` files (`--gitignore`).
    pub gitignore: bool,
}

/// Whether and how hard to compress what travels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Compression {
    /// Where the link is slower than the compressor and the data shrinks.
    #[default]
    Auto,
    /// Never (`--no-compress`).
    Off,
    /// At this level (`-z`, `--compress-level`), except data that does not shrink.
    Level(i32),
}
