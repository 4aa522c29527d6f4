//! What arrived of a large file before a run was cut, and how the next run goes on from there.
//!
//! A large file is written under a temporary name that follows from its own. Cut at any time, it
//! is found there by the next run, which takes it as the basis of a delta: its blocks are compared
//! like those of any old version, so nothing rests on what lies there. Where there is an old version
//! too, its tail is put after what arrived. While the run goes on the basis has a second such name;
//! cut again, the next run puts the two together.

use std::sync::Arc;

use crate::engine::receiver::shared::Shared;
use crate::entry::Entry;
use crate::path::FileName;
use crate::root::{self, Detail, Dir, StagedFile, is_private_file, temporary_name_for};

/// Smaller files start anew.
const MIN_LEN: u64 = 1 << 20;
/// Kinds of temporary names.
const ARRIVED: &[u8] = b"arrived";
const BASIS: &[u8] = b"basis";

/// The basis that an earlier run left.
#[derive(Debug, Clone)]
pub(super) struct Basis {
    /// Its name.
    pub(super) name: FileName,
    /// Its length in bytes.
    pub(super) len: u64,
}

/// True if so many bytes are worth being kept, or looked for.
pub(super) fn applies(size: u64) -> bool {
    size >= MIN_LEN
}

/// True if an earlier run left something of the file `name` in `dir`.
pub(super) fn is_there(dir: &Dir, name: &FileName) -> bool {
    [ARRIVED, BASIS]
        .iter()
        .any(|kind| matches!(dir.stamp(&temporary_name_for(name, kind)), Ok(Some(_))))
}

/// True if files are written so that what arrived of them can be a basis later.
pub(super) fn may_follow(shared: &Shared<'_>) -> bool {
    let options = &shared.options;
    !(options.write.in_place || options.write.append || options.whole_file)
}

/// Makes one basis of what earlier runs left of a file that will have `size` bytes, and of the old
/// version.
pub(super) fn find(
    shared: &Shared<'_>,
    dir: &Arc<Dir>,
    name: &FileName,
    found: Option<&Entry>,
    size: u64,
) -> Option<Basis> {
    if !applies(size) || !may_follow(shared) || !is_there(dir, name) {
        return None;
    }
    let (arrived, basis) = (
        temporary_name_for(name, ARRIVED),
        temporary_name_for(name, BASIS),
    );
    shared.announce_change_of(dir);
    // Best effort: without it only this transfer takes longer.
    let _ = append_tail(dir, &basis, &arrived, size);
    if matches!(dir.stamp(&arrived), Ok(Some(_))) {
        dir.rename(&arrived, dir, &basis).ok()?;
    }
    if found.is_some_and(|found| found.file_size().is_some()) {
        let _ = append_tail(dir, name, &basis, size);
    }
    let len = dir.open_file(&basis).ok()?.opened().size;
    Some(Basis { name: basis, len })
}

/// Adds to `to` what `from` has beyond its length, up to `size`. Only to a file that nobody else
/// can read: what `from` holds may be meant for few.
fn append_tail(dir: &Dir, from: &FileName, to: &FileName, size: u64) -> Result<(), root::Error> {
    if dir.entry(from, &Detail::default())?.is_none() || !is_private_file(dir, to)? {
        return Ok(());
    }
    let source = dir.open_file(from)?;
    let mut file = dir.open_in_place(to)?;
    let (start, end) = (file.len(), source.opened().size.min(size));
    if start < end {
        file.copy_from(&source, start, start, end - start)?;
    }
    Ok(())
}

/// Creates the temporary for a file of `size` bytes.
pub(super) fn stage(
    shared: &Shared<'_>,
    dir: &Dir,
    name: &FileName,
    size: u64,
) -> Result<StagedFile, root::Error> {
    if !applies(size) {
        return shared.stage(dir);
    }
    shared.announce_change_of(dir);
    match dir.stage_as(temporary_name_for(name, ARRIVED)) {
        Err(error) if error.is_already_there() => dir.stage(),
        staged => staged,
    }
}

/// The run ends before the file is complete: what arrived of it stays, if it is worth it.
pub(super) fn leave(staged: StagedFile, name: &FileName, arrived: u64) {
    if applies(arrived) && staged.has_name(&temporary_name_for(name, ARRIVED)) {
        staged.leave();
    }
}

/// The file is in place: its basis is not needed any more.
pub(super) fn done(dir: &Dir, basis: Option<&Basis>) {
    if let Some(basis) = basis {
        // If that fails the next run removes it as a left-over.
        let _ = dir.remove_file(&basis.name);
    }
}
