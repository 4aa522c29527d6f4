//! Copying one entry from one directory to another, with everything that can be put back.

use crate::entry::{Entry, Kind};
use crate::path::FileName;
use crate::root::{Detail, Dir, Error, Metadata, SourceFile, StagedFile};

use super::record::{Before, EVERYTHING};

/// Copies the entry `name` of `from`, which is not a directory, to `to_name` in `to`, where nothing
/// may be unless it `replaces`.
pub(super) fn copy(
    from: &Dir,
    name: &FileName,
    to: &Dir,
    to_name: &FileName,
    replaces: bool,
) -> Result<(), Error> {
    let entry = described(from, name)?;
    let metadata = Before::of(&entry).against(&bare(&entry));
    match &entry.kind {
        Kind::File { .. } => {
            let copy = copy_file(from, name, to, &metadata, |copy, old| {
                copy.copy_from(old, 0, 0, old.opened().size)
            })?;
            if replaces {
                copy.commit(to, to_name)
            } else {
                copy.commit_new(to, to_name)
            }
        }
        Kind::Dir => Err(Error {
            operation: "copy",
            path: name.as_bytes().to_vec(),
            source: std::io::ErrorKind::IsADirectory.into(),
        }),
        special => {
            let staged = match special {
                Kind::Symlink { target } => to.stage_symlink(target, &metadata)?,
                kind => to.stage_node(kind, &metadata)?,
            };
            if replaces {
                staged.commit(to, to_name)
            } else {
                staged.commit_new(to, to_name)
            }
        }
    }
}

/// Copies the file `name` of `from` to `to_name` in `to`, where nothing may be, if the file system can
/// share its blocks.
pub(super) fn share(
    from: &Dir,
    name: &FileName,
    to: &Dir,
    to_name: &FileName,
) -> Result<(), Error> {
    let entry = described(from, name)?;
    let metadata = Before::of(&entry).against(&bare(&entry));
    copy_file(from, name, to, &metadata, StagedFile::share_blocks_of)?.commit_new(to, to_name)
}

fn copy_file(
    from: &Dir,
    name: &FileName,
    to: &Dir,
    metadata: &Metadata,
    fill: impl FnOnce(&mut StagedFile, &SourceFile) -> Result<(), Error>,
) -> Result<StagedFile, Error> {
    let old = from.open_file(name)?;
    let mut copy = to.stage()?;
    fill(&mut copy, &old)?;
    copy.set_metadata(metadata)?;
    Ok(copy)
}

/// Brings the content of the file `name` of `from` into the file `to_name` of `to`, which stays
/// the same file.
pub(super) fn copy_into(
    from: &Dir,
    name: &FileName,
    to: &Dir,
    to_name: &FileName,
) -> Result<(), Error> {
    let entry = described(from, name)?;
    let old = from.open_file(name)?;
    let mut file = to.open_in_place(to_name)?;
    file.set_len(0)?;
    file.copy_from(&old, 0, 0, old.opened().size)?;
    file.set_len(old.opened().size)?;
    let now = to.entry(to_name, &EVERYTHING)?.unwrap_or(bare(&entry));
    file.set_metadata(&Before::of(&entry).against(&now))
}

/// A new entry of this process: owned by it, with nothing else set.
pub(super) fn bare(entry: &Entry) -> Entry {
    Entry {
        owner: own(),
        xattrs: Vec::new(),
        ..entry.clone()
    }
}

/// Whom a new file belongs to, unless the directory has it otherwise; naming an owner that is
/// right already costs nothing as root, and is not allowed otherwise.
fn own() -> Option<crate::entry::Owner> {
    (!crate::root::is_superuser()).then(|| crate::entry::Owner {
        uid: rustix::process::geteuid().as_raw(),
        gid: rustix::process::getegid().as_raw(),
    })
}

/// Everything about the entry `name` of `dir`, which is an error where there is none.
fn described(dir: &Dir, name: &FileName) -> Result<Entry, Error> {
    dir.entry(name, &EVERYTHING)?.ok_or_else(|| Error {
        operation: "copy",
        path: name.as_bytes().to_vec(),
        source: std::io::ErrorKind::NotFound.into(),
    })
}

/// True if `one` and `other` hold an entry of the same kind, size, time and mode.
pub(super) fn are_alike(one: (&Dir, &FileName), other: (&Dir, &FileName)) -> Result<bool, Error> {
    let describe = |(dir, name): (&Dir, &FileName)| dir.entry(name, &Detail::default());
    let (Some(one), Some(other)) = (describe(one)?, describe(other)?) else {
        return Ok(false);
    };
    Ok(one.kind == other.kind && one.mtime == other.mtime && one.mode == other.mode)
}
