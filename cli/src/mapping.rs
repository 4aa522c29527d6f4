//! From the command line to [`Options`], which steer both ends of a sync. The only place that
//! knows what rsync's flags mean; files are not read here.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use rsync_core::options::{
    Attributes, Backup, ChmodRule, Chown, Compare, Compression, Delete, DeleteWhen, FilterSpec,
    Links, Options, Skip, Write, chmod,
};
use rsync_core::path::RelPath;

use crate::args::{Change, Choose, Metadata, Sync};
use crate::errors::Failure;

/// Level of compression that `-z` asks for without a level: the default of zstd(1).
const DEFAULT_LEVEL: i32 = 3;

/// Which command was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    /// From there to here.
    Pull,
    /// From here to there.
    Push,
}

/// What the meaning of flags depends on beside the command line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct User {
    /// ksyncd runs as the superuser.
    pub(crate) root: bool,
    /// Permission bits that new files do not get.
    pub(crate) umask: u32,
}

impl User {
    /// Who runs this process. To be asked before there are threads: the system tells the umask
    /// only to those who change it.
    #[allow(clippy::useless_conversion, reason = "a mode has 16 bits on macOS")]
    pub(crate) fn of_process() -> Self {
        use rustix::fs::Mode;
        use rustix::process::{geteuid, umask};
        let mask = umask(Mode::RWXG | Mode::RWXO);
        umask(mask);
        Self {
            root: geteuid().is_root(),
            umask: mask.bits().into(),
        }
    }
}

/// True if every entry is shown somewhere.
fn tells_all(args: &Sync) -> bool {
    let essential = &args.essential;
    essential.verbose > 0
        || essential.itemize_changes > 0
        || args.output.json
        || args.output.log_file.is_some()
}

/// What the flags mean.
pub(crate) fn options(
    args: &Sync,
    filter: FilterSpec,
    verb: Verb,
    user: User,
) -> Result<Options, Failure> {
    let change = &args.change;
    if args.change.whole_file && (change.append || change.append_verify) {
        return Err(bad(
            "--append",
            "",
            "it contradicts --whole-file; leave out one of them",
        ));
    }
    Ok(Options {
        attributes: attributes(&args.metadata, verb, user)?,
        links: links(&args.metadata),
        compare: compare(&args.choose),
        skip: Skip {
            existing: args.choose.ignore_existing,
            missing: args.choose.existing,
            newer: args.choose.update,
            above_size: args.choose.max_size,
            below_size: args.choose.min_size,
        },
        delete: delete(args),
        write: Write {
            in_place: change.inplace,
            append: change.append || change.append_verify,
            partial: change.partial || change.partial_progress,
            sparse: change.sparse,
            durable: change.fsync,
        },
        backup: backup(change)?,
        filter,
        dry_run: args.essential.dry_run,
        tell_all: tells_all(args),
        whole_file: change.whole_file,
        block_len: change.block_size,
        bandwidth_limit: args.reach.bwlimit.unwrap_or(0),
        compression: compression(args),
    })
}

/// Owner and group are preserved as root without being asked for, as only root can give files
/// away. Special bits of files are kept when they go to a container, which has to trust its files
/// anyway, and not when they come out of one.
fn attributes(args: &Metadata, verb: Verb, user: User) -> Result<Attributes, Failure> {
    Ok(Attributes {
        permissions: !args.no_perms,
        times: !args.no_times,
        omit_dir_times: args.omit_dir_times,
        owner: args.owner || (user.root && !args.no_owner),
        group: args.group || (user.root && !args.no_group),
        numeric_ids: args.numeric_ids,
        chown: args.chown.as_deref().map(chown).transpose()?,
        acls: args.acls,
        xattrs: args.xattrs,
        hard_links: args.hard_links,
        devices: (args.devices || args.devices_specials) && !args.no_devices,
        specials: (args.specials || args.devices_specials) && !args.no_specials,
        chmod: chmod(&args.chmod, user.umask)?,
        special_bits: args.keep_special_bits || (verb == Verb::Push && !args.no_keep_special_bits),
    })
}

/// `USER:GROUP`, `USER`, `USER:` or `:GROUP` (rsync(1), `--chown`).
fn chown(text: &str) -> Result<Chown, Failure> {
    let (user, group) = text.split_once(':').unwrap_or((text, ""));
    let named = |name: &str| (!name.is_empty()).then(|| name.to_owned());
    match (named(user), named(group)) {
        (None, None) => Err(bad("--chown", text, "write USER:GROUP, USER or :GROUP")),
        _ if group.contains(':') => Err(bad("--chown", text, "there is more than one colon")),
        (user, group) => Ok(Chown { user, group }),
    }
}

/// Several `--chmod` options apply one after the other, as one list.
fn chmod(texts: &[String], umask: u32) -> Result<Vec<ChmodRule>, Failure> {
    let mut rules = Vec::new();
    for text in texts {
        let parsed = chmod::parse(text, umask).map_err(|error| bad("--chmod", text, error))?;
        rules.extend(parsed);
    }
    Ok(rules)
}

fn links(args: &Metadata) -> Links {
    if args.copy_links {
        Links::Follow
    } else if args.copy_unsafe_links {
        Links::FollowUnsafe
    } else if args.copy_dirlinks {
        Links::FollowDirectories
    } else if args.no_links {
        Links::Skip
    } else if args.safe_links {
        Links::Safe
    } else {
        Links::Preserve
    }
}

/// Where several are given, rsync's order decides: the checksum, then the size, then nothing.
fn compare(args: &Choose) -> Compare {
    if args.checksum {
        Compare::Checksum
    } else if args.size_only {
        Compare::SizeOnly
    } else if args.ignore_times {
        Compare::Never
    } else {
        Compare::QuickCheck
    }
}

fn delete(args: &Sync) -> Delete {
    let change = &args.change;
    let after = args.essential.delete
        || change.delete_during
        || change.delete_delay
        || change.delete_after
        || change.delete_excluded;
    Delete {
        when: match (change.delete_before, after) {
            (true, _) => DeleteWhen::Before,
            (false, true) => DeleteWhen::After,
            (false, false) => DeleteWhen::Never,
        },
        excluded: change.delete_excluded,
        limit: change.max_delete,
        despite_errors: change.ignore_errors,
        when_source_is_empty: change.delete_from_empty,
    }
}

/// A backup directory has to lie below the destination: one elsewhere would be a way out of it.
fn backup(args: &Change) -> Result<Option<Backup>, Failure> {
    if !args.backup && args.backup_dir.is_none() {
        return Ok(None);
    }
    let directory = args
        .backup_dir
        .as_deref()
        .map(below_destination)
        .transpose()?;
    let suffix = match (&args.suffix, &directory) {
        (Some(suffix), _) => suffix.as_bytes().to_vec(),
        (None, Some(_)) => Vec::new(),
        (None, None) => b"~".to_vec(),
    };
    if suffix.contains(&b'/') || (suffix.is_empty() && directory.is_none()) {
        let value = args.suffix.as_deref().unwrap_or_default();
        let reason =
            "a suffix is not empty and has no slash; directories are named with --backup-dir";
        return Err(bad("--suffix", value, reason));
    }
    Ok(Some(Backup { directory, suffix }))
}

fn below_destination(dir: &OsStr) -> Result<RelPath, Failure> {
    let bytes = dir.as_bytes();
    let bytes = bytes.strip_prefix(b"./").unwrap_or(bytes);
    let bytes = bytes.strip_suffix(b"/").unwrap_or(bytes);
    match RelPath::new(bytes) {
        Ok(path) if !path.is_root() => Ok(path),
        _ => Err(bad(
            "--backup-dir",
            dir,
            "it has to be a directory below DEST, written relative to DEST",
        )),
    }
}

fn compression(args: &Sync) -> Compression {
    match (args.reach.no_compress, args.reach.compress_level) {
        (true, _) | (_, Some(0)) => Compression::Off,
        (_, Some(level)) => Compression::Level(level),
        (_, None) if args.reach.compress => Compression::Level(DEFAULT_LEVEL),
        (_, None) => Compression::Auto,
    }
}

fn bad(option: &'static str, value: impl AsRef<OsStr>, reason: impl ToString) -> Failure {
    Failure::BadValue {
        option,
        value: value.as_ref().to_owned(),
        reason: reason.to_string(),
    }
}

#[cfg(test)]
mod tests;
