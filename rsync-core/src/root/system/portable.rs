//! What every Unix can do: the twin of what Linux does better.

use std::ffi::CStr;

use rustix::fd::{BorrowedFd, OwnedFd};
use rustix::fs::{Dir, FileType, Mode, OFlags, openat};
use rustix::io::Errno;

use super::{EachName, EntryFd, is_dot_name};
use crate::entry::Device;
use crate::path::{FileName, RelPath};
use crate::root::dir::DIRECTORY;
use crate::root::list::Detail;
use crate::root::stat::Stat;

/// Opens a directory on the way.
pub(in crate::root) const STEP: OFlags = DIRECTORY;

/// There is no call that resolves a whole path beneath a directory.
pub(in crate::root) fn open_beneath(
    _: BorrowedFd<'_>,
    _: &RelPath,
) -> Option<rustix::io::Result<OwnedFd>> {
    None
}

/// Reads all names; false: nothing is left to read.
pub(in crate::root) fn read_names(
    dir: BorrowedFd<'_>,
    each: &mut EachName<'_>,
) -> rustix::io::Result<bool> {
    for entry in Dir::read_from(dir)? {
        let entry = entry?;
        if !is_dot_name(entry.file_name()) {
            each(entry.file_name(), entry.file_type());
        }
    }
    Ok(false)
}

/// Nothing is known to help here.
pub(in crate::root) fn let_go(_file: BorrowedFd<'_>, _offset: u64, _len: u64) {}

/// Writing is not begun early here, see [`let_go`].
pub(in crate::root) fn may_write_before_rename(_file: BorrowedFd<'_>) -> bool {
    false
}

/// No such file system is known here.
pub(in crate::root) fn has_no_true_sizes(_file: BorrowedFd<'_>) -> bool {
    false
}

/// Every file has a name here.
pub(in crate::root) fn create_unnamed(_dir: BorrowedFd<'_>) -> rustix::io::Result<OwnedFd> {
    Err(Errno::OPNOTSUPP)
}

/// Every [`read_names`] begins with the first name anyway.
pub(in crate::root) fn rewind(_: BorrowedFd<'_>) -> rustix::io::Result<()> {
    Ok(())
}

/// What a listing needs to know of an entry.
pub(in crate::root) fn stat_for_listing(
    dir: BorrowedFd<'_>,
    name: &CStr,
    _: &Detail,
) -> rustix::io::Result<Stat> {
    Stat::at(dir, name)
}

/// Opens for reading.
pub(in crate::root) fn open_for_reading(
    dir: BorrowedFd<'_>,
    name: &[u8],
    flags: OFlags,
) -> rustix::io::Result<OwnedFd> {
    openat(dir, name, flags, Mode::empty())
}

/// Opens a regular file or directory for changing its metadata; other kinds can not be opened
/// without a side effect.
pub(in crate::root) fn open_entry(
    dir: BorrowedFd<'_>,
    name: &FileName,
) -> rustix::io::Result<EntryFd> {
    match Stat::at(dir, name.as_bytes())?.file_type {
        FileType::RegularFile | FileType::Directory => {
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
            let fd = openat(dir, name.as_bytes(), flags, Mode::empty())?;
            Ok(EntryFd { fd, by_path: false })
        }
        _ => Err(Errno::OPNOTSUPP),
    }
}

/// Never asked for: [`open_entry`] gives no descriptor that needs it.
pub(in crate::root) fn path_of(_: BorrowedFd<'_>) -> String {
    String::new()
}

/// Entries have no path that is bound to the held directory.
pub(in crate::root) fn path_of_entry(_: BorrowedFd<'_>, _: &[u8]) -> Option<Vec<u8>> {
    None
}

/// Pipes, sockets and devices are not created here.
pub(in crate::root) fn make_node(
    _: BorrowedFd<'_>,
    _: &[u8],
    _: FileType,
    _: Device,
    _: Mode,
) -> rustix::io::Result<()> {
    Err(Errno::OPNOTSUPP)
}

/// Nobody tells where the holes are.
pub(in crate::root) fn next_data(
    _: BorrowedFd<'_>,
    _: u64,
) -> rustix::io::Result<Option<(u64, u64)>> {
    Err(Errno::OPNOTSUPP)
}

/// Nothing is copied inside the kernel.
pub(in crate::root) fn copy_range(
    _: BorrowedFd<'_>,
    _: u64,
    _: BorrowedFd<'_>,
    _: u64,
    _: u64,
) -> Option<rustix::io::Result<u64>> {
    None
}

/// No blocks are shared.
#[cfg(feature = "keep")]
pub(in crate::root) fn share_blocks(
    _: BorrowedFd<'_>,
    _: BorrowedFd<'_>,
) -> rustix::io::Result<()> {
    Err(Errno::OPNOTSUPP)
}

/// Holes are written as zeros.
pub(in crate::root) fn punch_hole(_: BorrowedFd<'_>, _: u64, _: u64) -> rustix::io::Result<bool> {
    Ok(false)
}

/// Writes everything to the disk, of all file systems.
pub(in crate::root) fn sync_file_system(_: BorrowedFd<'_>) -> rustix::io::Result<()> {
    rustix::fs::sync();
    Ok(())
}

/// Writes a file to the disk.
pub(in crate::root) fn sync_data(file: BorrowedFd<'_>) -> rustix::io::Result<()> {
    rustix::fs::fsync(file)
}
