//! What Linux does better.

use std::cell::Cell;
use std::ffi::CStr;
use std::num::NonZeroU64;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fd::{AsRawFd, BorrowedFd, OwnedFd};
use rustix::fs::{
    Advice, AtFlags, CWD, FallocateFlags, FileType, Mode, OFlags, PROC_SUPER_MAGIC, RawDir,
    ResolveFlags, SeekFrom, StatxFlags, fadvise, fallocate, fstatfs, makedev, mknodat, openat,
    openat2, seek, statx, syncfs,
};
use rustix::io::Errno;

use super::{EachName, EntryFd, is_dot_name};
use crate::entry::{Device, Owner, PERMISSION_BITS, Timestamp};
use crate::path::{FileName, RelPath};
use crate::root::dir::DIRECTORY;
use crate::root::list::Detail;
use crate::root::stat::{BLOCK_LEN, Identity, Stat};

/// Opens a directory on the way: passing through needs no permission to read it.
pub(in crate::root) const STEP: OFlags = OFlags::PATH
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// Bytes of the buffer that one `getdents64` fills: some 8,000 names of ordinary length.
const NAMES_BUFFER_LEN: usize = 256 * 1024;
/// A scoped `openat2` asks to be repeated when anything is renamed meanwhile; so often it is.
const RESOLVE_ATTEMPTS: usize = 4;
/// Most bytes that one system call copies, so that a copy can be interrupted.
const COPY_LEN: u64 = 256 * 1024 * 1024;

/// Something that a kernel, its sandbox or the process's rights may not allow: tried until the
/// first refusal, then not again.
struct Capability(AtomicBool);

impl Capability {
    const fn new() -> Self {
        Self(AtomicBool::new(true))
    }

    fn is_there(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn is_missing(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// Opens a directory beneath `dir`; nothing if the kernel can not do that in one call.
pub(in crate::root) fn open_beneath(
    dir: BorrowedFd<'_>,
    path: &RelPath,
) -> Option<rustix::io::Result<OwnedFd>> {
    static OPENAT2: Capability = Capability::new();
    if !OPENAT2.is_there() {
        return None;
    }
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    for _ in 0..RESOLVE_ATTEMPTS {
        match openat2(dir, path.as_bytes(), DIRECTORY, Mode::empty(), resolve) {
            Err(Errno::AGAIN) => {}
            // gVisor and old kernels lack it; seccomp profiles that do not know it say EPERM.
            Err(Errno::NOSYS | Errno::PERM) => {
                OPENAT2.is_missing();
                return None;
            }
            result => return Some(result),
        }
    }
    None
}

/// Reads the next batch of names; false at the end of the directory.
pub(in crate::root) fn read_names(
    dir: BorrowedFd<'_>,
    each: &mut EachName<'_>,
) -> rustix::io::Result<bool> {
    thread_local! {
        static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    }
    // Taken, not borrowed: a nested call gets a buffer of its own.
    let mut buffer = BUFFER.take();
    buffer.reserve_exact(NAMES_BUFFER_LEN);
    let mut names = RawDir::new(dir, buffer.spare_capacity_mut());
    let mut batch_begun = false;
    let result = loop {
        if batch_begun && names.is_buffer_empty() {
            break Ok(true);
        }
        match names.next() {
            None => break Ok(false),
            Some(Err(errno)) => break Err(errno),
            Some(Ok(entry)) => {
                batch_begun = true;
                if !is_dot_name(entry.file_name()) {
                    each(entry.file_name(), entry.file_type());
                }
            }
        }
    };
    BUFFER.set(buffer);
    result
}

/// Begins to write this part of a file to the disk, and lets go of what is there already.
pub(in crate::root) fn let_go(file: BorrowedFd<'_>, offset: u64, len: u64) {
    // Advice: whatever comes of it, the file is what it is.
    let _ = fadvise(file, offset, NonZeroU64::new(len), Advice::DontNeed);
}

/// False if it is known that content may still be unwritten when a file takes the place of another.
pub(in crate::root) fn may_write_before_rename(file: BorrowedFd<'_>) -> bool {
    // XFS_SUPER_MAGIC of linux/magic.h; rustix has no name for it.
    fstatfs(file).map_or(true, |found| found.f_type as u64 != 0x5846_5342)
}

/// True for file systems of the kernel's own, where a file may end before its size says: proc, sysfs,
/// both versions of cgroups, and those for debugging, tracing and security (linux/magic.h).
pub(in crate::root) fn has_no_true_sizes(file: BorrowedFd<'_>) -> bool {
    const MAGIC: [u64; 7] = [
        0x9fa0,
        0x6265_6572,
        0x0027_e0eb,
        0x6367_7270,
        0x6462_6720,
        0x7472_6163,
        0x7363_6673,
    ];
    fstatfs(file).is_ok_and(|found| MAGIC.contains(&(found.f_type as u64)))
}

/// Creates a private file in `dir` that has no name, and is gone with its descriptor: `O_TMPFILE`.
pub(in crate::root) fn create_unnamed(dir: BorrowedFd<'_>) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    openat(dir, c".", flags, Mode::RUSR | Mode::WUSR)
}

/// Lets the next [`read_names`] begin with the first name.
pub(in crate::root) fn rewind(dir: BorrowedFd<'_>) -> rustix::io::Result<()> {
    seek(dir, SeekFrom::Start(0)).map(drop)
}

/// What a listing needs to know of an entry. Takes a network file system's cached answer, as
/// the listing itself does.
pub(in crate::root) fn stat_for_listing(
    dir: BorrowedFd<'_>,
    name: &CStr,
    detail: &Detail,
) -> rustix::io::Result<Stat> {
    let mut mask = StatxFlags::TYPE | StatxFlags::MODE | StatxFlags::SIZE | StatxFlags::MTIME;
    mask.set(StatxFlags::UID | StatxFlags::GID, detail.owner);
    mask.set(StatxFlags::INO | StatxFlags::NLINK, detail.hard_links);
    // AT_STATX_DONT_SYNC of statx(2); rustix has no name for it.
    let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::from_bits_retain(0x4000);
    let found = match statx(dir, name, flags, mask) {
        Err(Errno::NOSYS) => return Stat::at(dir, name),
        result => result?,
    };
    Ok(Stat {
        identity: Identity {
            device: makedev(found.stx_dev_major, found.stx_dev_minor),
            inode: found.stx_ino,
        },
        file_type: FileType::from_raw_mode(found.stx_mode.into()),
        mode: u32::from(found.stx_mode) & PERMISSION_BITS,
        size: found.stx_size,
        mtime: Timestamp::new(found.stx_mtime.tv_sec, found.stx_mtime.tv_nsec),
        ctime: Timestamp::new(found.stx_ctime.tv_sec, found.stx_ctime.tv_nsec),
        owner: Owner {
            uid: found.stx_uid,
            gid: found.stx_gid,
        },
        names: found.stx_nlink.into(),
        allocated: found.stx_blocks.saturating_mul(BLOCK_LEN),
        device: Device {
            major: found.stx_rdev_major,
            minor: found.stx_rdev_minor,
        },
    })
}

/// Opens for reading without a trace in the access time, where the process may.
pub(in crate::root) fn open_for_reading(
    dir: BorrowedFd<'_>,
    name: &[u8],
    flags: OFlags,
) -> rustix::io::Result<OwnedFd> {
    // Only a file's owner and root may; others are told EPERM and not asked again.
    static NO_ATIME: Capability = Capability::new();
    if NO_ATIME.is_there() {
        match openat(dir, name, flags | OFlags::NOATIME, Mode::empty()) {
            Err(Errno::PERM) => NO_ATIME.is_missing(),
            result => return result,
        }
    }
    openat(dir, name, flags, Mode::empty())
}

/// Opens an entry of any kind for changing its metadata. Gives no access to the content, so a
/// pipe or device does not notice.
pub(in crate::root) fn open_entry(
    dir: BorrowedFd<'_>,
    name: &FileName,
) -> rustix::io::Result<EntryFd> {
    let flags = OFlags::NOFOLLOW | OFlags::CLOEXEC;
    if is_proc_mounted() {
        let fd = openat(dir, name.as_bytes(), flags | OFlags::PATH, Mode::empty())?;
        return Ok(EntryFd { fd, by_path: true });
    }
    match Stat::at(dir, name.as_bytes())?.file_type {
        FileType::RegularFile | FileType::Directory => {
            let fd = openat(
                dir,
                name.as_bytes(),
                flags | OFlags::RDONLY | OFlags::NONBLOCK,
                Mode::empty(),
            )?;
            Ok(EntryFd { fd, by_path: false })
        }
        _ => Err(Errno::OPNOTSUPP),
    }
}

/// The path that leads to what `fd` stands for, following one magic link and nothing else.
pub(in crate::root) fn path_of(fd: BorrowedFd<'_>) -> String {
    format!("/proc/self/fd/{}", fd.as_raw_fd())
}

/// A path of an entry that calls without an `*at` form can take; they must not follow it.
/// Nothing if `/proc` is not there.
pub(in crate::root) fn path_of_entry(dir: BorrowedFd<'_>, name: &[u8]) -> Option<Vec<u8>> {
    is_proc_mounted().then(|| {
        let mut path = path_of(dir).into_bytes();
        path.push(b'/');
        path.extend_from_slice(name);
        path
    })
}

/// True if `/proc/self/fd` is the kernel's: an image can hold a directory of that name.
fn is_proc_mounted() -> bool {
    static MOUNTED: OnceLock<bool> = OnceLock::new();
    *MOUNTED.get_or_init(|| {
        openat(
            CWD,
            c"/proc/self/fd",
            OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
            Mode::empty(),
        )
        .and_then(fstatfs)
        .is_ok_and(|found| found.f_type as u64 == PROC_SUPER_MAGIC as u64)
    })
}

/// Creates a pipe, socket or device.
pub(in crate::root) fn make_node(
    dir: BorrowedFd<'_>,
    name: &[u8],
    file_type: FileType,
    device: Device,
    mode: Mode,
) -> rustix::io::Result<()> {
    mknodat(
        dir,
        name,
        file_type,
        mode,
        makedev(device.major, device.minor),
    )
}

/// The first stretch of data at or after `offset`, as start and end; nothing if only a hole follows.
pub(in crate::root) fn next_data(
    file: BorrowedFd<'_>,
    offset: u64,
) -> rustix::io::Result<Option<(u64, u64)>> {
    match seek(file, SeekFrom::Data(offset)) {
        Ok(start) => Ok(Some((start, seek(file, SeekFrom::Hole(start))?))),
        Err(Errno::NXIO) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// Copies inside the kernel, sharing blocks where the file system can; returns how many bytes.
/// Nothing if this pair of files can not be copied so.
pub(in crate::root) fn copy_range(
    from: BorrowedFd<'_>,
    mut from_offset: u64,
    to: BorrowedFd<'_>,
    mut to_offset: u64,
    len: u64,
) -> Option<rustix::io::Result<u64>> {
    // copy_file_range(2) tries FICLONERANGE by itself on file systems that have it.
    let len = usize::try_from(len.min(COPY_LEN)).unwrap_or(usize::MAX);
    match rustix::fs::copy_file_range(from, Some(&mut from_offset), to, Some(&mut to_offset), len) {
        // Some file systems say "end of file" where they mean "not here"; reading tells.
        Ok(0) => None,
        Ok(copied) => Some(Ok(copied as u64)),
        Err(
            Errno::NOSYS
            | Errno::XDEV
            | Errno::INVAL
            | Errno::OPNOTSUPP
            | Errno::PERM
            | Errno::BADF
            | Errno::TXTBSY,
        ) => None,
        Err(errno) => Some(Err(errno)),
    }
}

/// Gives the empty file `to` the content of `from` by sharing its blocks, FICLONE in ioctl_ficlone(2).
#[cfg(feature = "keep")]
pub(in crate::root) fn share_blocks(
    from: BorrowedFd<'_>,
    to: BorrowedFd<'_>,
) -> rustix::io::Result<()> {
    rustix::fs::ioctl_ficlone(to, from)
}

/// Makes a hole; false if the file system can not.
pub(in crate::root) fn punch_hole(
    file: BorrowedFd<'_>,
    offset: u64,
    len: u64,
) -> rustix::io::Result<bool> {
    match fallocate(
        file,
        FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE,
        offset,
        len,
    ) {
        Ok(()) => Ok(true),
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// Writes everything of the file system that `dir` is on to the disk.
pub(in crate::root) fn sync_file_system(dir: BorrowedFd<'_>) -> rustix::io::Result<()> {
    syncfs(dir)
}

/// Writes a file's content to the disk.
pub(in crate::root) fn sync_data(file: BorrowedFd<'_>) -> rustix::io::Result<()> {
    rustix::fs::fdatasync(file)
}
