//! What the system tells about one entry, in one shape for every platform.

use rustix::fd::AsFd;
use rustix::fs::{AtFlags, FileType, fstat, statat};
use rustix::path::Arg;

use crate::entry::{Device, Owner, PERMISSION_BITS, Timestamp};
use crate::wire::message::Seen;

/// Bytes in a unit of `st_blocks`, whatever the file system's own blocks are; stat(2).
pub(super) const BLOCK_LEN: u64 = 512;

/// Tells one file or directory from every other of this machine, as long as it exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity {
    /// Device it is on.
    pub device: u64,
    /// Inode number there.
    pub inode: u64,
}

/// What an open file was at one moment. Two equal stamps around a read mean that nobody wrote
/// in between, as far as the file system's clock can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Which file.
    pub identity: Identity,
    /// Length in bytes.
    pub size: u64,
    /// Time of the last modification of its content.
    pub mtime: Timestamp,
    /// Time of the last change of its content or metadata; no program can set it.
    pub ctime: Timestamp,
    /// Permission bits.
    pub mode: u32,
}

impl Stamp {
    /// The part that travels.
    pub fn seen(&self) -> Seen {
        Seen {
            size: self.size,
            mtime: self.mtime,
            mode: self.mode,
        }
    }
}

/// What the system tells about one entry. A listing fills only what it asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stat {
    pub(super) identity: Identity,
    pub(super) file_type: FileType,
    pub(super) mode: u32,
    pub(super) size: u64,
    pub(super) mtime: Timestamp,
    pub(super) ctime: Timestamp,
    pub(super) owner: Owner,
    /// How many names it has.
    pub(super) names: u64,
    /// Bytes of the disk that are its own, as far as it is written there yet.
    pub(super) allocated: u64,
    /// What a device file stands for.
    pub(super) device: Device,
}

impl Stat {
    /// The entry `name` of `dir`; a link is not followed.
    pub(super) fn at(dir: impl AsFd, name: impl Arg) -> rustix::io::Result<Self> {
        statat(dir, name, AtFlags::SYMLINK_NOFOLLOW).map(|stat| Self::from(&stat))
    }

    /// What the link `name` of `dir` points to, or the entry itself if it is no link.
    pub(super) fn at_target(dir: impl AsFd, name: impl Arg) -> rustix::io::Result<Self> {
        statat(dir, name, AtFlags::empty()).map(|stat| Self::from(&stat))
    }

    /// What the descriptor stands for.
    pub(super) fn of(fd: impl AsFd) -> rustix::io::Result<Self> {
        fstat(fd).map(|stat| Self::from(&stat))
    }

    pub(super) fn stamp(&self) -> Stamp {
        Stamp {
            identity: self.identity,
            size: self.size,
            mtime: self.mtime,
            ctime: self.ctime,
            mode: self.mode,
        }
    }
}

impl From<&rustix::fs::Stat> for Stat {
    // The fields differ in width and sign from platform to platform.
    #[allow(clippy::unnecessary_cast)]
    fn from(stat: &rustix::fs::Stat) -> Self {
        let number = stat.st_rdev as _;
        Self {
            identity: Identity {
                device: stat.st_dev as u64,
                inode: stat.st_ino as u64,
            },
            file_type: FileType::from_raw_mode(stat.st_mode as _),
            mode: stat.st_mode as u32 & PERMISSION_BITS,
            size: stat.st_size as u64,
            mtime: Timestamp::new(stat.st_mtime as i64, stat.st_mtime_nsec as u32),
            ctime: Timestamp::new(stat.st_ctime as i64, stat.st_ctime_nsec as u32),
            owner: Owner {
                uid: stat.st_uid,
                gid: stat.st_gid,
            },
            names: stat.st_nlink as u64,
            allocated: (stat.st_blocks as u64).saturating_mul(BLOCK_LEN),
            device: Device {
                major: rustix::fs::major(number) as u32,
                minor: rustix::fs::minor(number) as u32,
            },
        }
    }
}
