//! What one entry of a tree is: its name, kind and metadata.

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::checksum::Digest;
use crate::path::{FileName, escape};

/// Permission bits of a mode: `rwxrwxrwx` with set-uid, set-gid and sticky.
pub const PERMISSION_BITS: u32 = 0o7777;
/// Longest symbolic link target, in bytes (Linux `PATH_MAX` without its terminating zero).
pub const MAX_LINK_TARGET_LEN: usize = 4095;
/// Most extended attributes carried for one entry; more are reported, not truncated.
pub const MAX_XATTRS: usize = 256;
/// Longest name of an extended attribute, in bytes (Linux `XATTR_NAME_MAX`).
pub const MAX_XATTR_NAME_LEN: usize = 255;
/// Most bytes of extended attribute values for one entry (Linux `XATTR_SIZE_MAX`).
pub const MAX_XATTR_BYTES: usize = 65536;

/// One entry of a directory, as the sender lists it and as the receiver finds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The name inside its directory.
    pub name: FileName,
    /// What it is, with what only that kind has.
    pub kind: Kind,
    /// Permission bits, at most [`PERMISSION_BITS`].
    pub mode: u32,
    /// Time of the last modification.
    pub mtime: Timestamp,
    /// User and group, if the sync preserves either.
    pub owner: Option<Owner>,
    /// Set if the entry has several names and the sync preserves hard links.
    pub link: Option<Box<LinkId>>,
    /// Extended attributes (with POSIX ACLs as `system.posix_acl_*`), if the sync preserves
    /// them and there are any; sorted by name.
    pub xattrs: Vec<Xattr>,
    /// Digest of a regular file's content, if the sync compares by checksum.
    pub digest: Option<Box<Digest>>,
}

// As long as compilers move without a call of `memcpy`, of which there is more than one an entry in
// each walk: what only few entries have is elsewhere.
const _: () = assert!(size_of::<Entry>() <= 128);

impl Entry {
    /// True for a directory.
    pub fn is_dir(&self) -> bool {
        matches!(self.kind, Kind::Dir)
    }

    /// Which names are the same file as this one, if that is known.
    pub fn link_id(&self) -> Option<LinkId> {
        self.link.as_deref().copied()
    }

    /// Size of a regular file in bytes; nothing for other kinds.
    pub fn file_size(&self) -> Option<u64> {
        match self.kind {
            Kind::File { size } => Some(size),
            _ => None,
        }
    }
}

/// The kinds of entry a Unix tree can hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// A regular file of `size` bytes.
    File {
        /// Length in bytes when it was listed.
        size: u64,
    },
    /// A directory.
    Dir,
    /// A symbolic link.
    Symlink {
        /// What it points to: bytes, never resolved by ksyncd.
        target: LinkTarget,
    },
    /// A named pipe.
    Fifo,
    /// A Unix domain socket.
    Socket,
    /// A character device.
    CharDevice {
        /// Major and minor number.
        device: Device,
    },
    /// A block device.
    BlockDevice {
        /// Major and minor number.
        device: Device,
    },
}

impl Kind {
    /// One letter as in rsync's `--itemize-changes`: `f`, `d`, `L`, `D` or `S`.
    pub fn letter(&self) -> char {
        match self {
            Self::File { .. } => 'f',
            Self::Dir => 'd',
            Self::Symlink { .. } => 'L',
            Self::CharDevice { .. } | Self::BlockDevice { .. } => 'D',
            Self::Fifo | Self::Socket => 'S',
        }
    }
}

/// A device number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Which driver.
    pub major: u32,
    /// Which of the driver's devices.
    pub minor: u32,
}

/// Seconds and nanoseconds since 1970-01-01 UTC; seconds may be negative.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(try_from = "(i64, u32)", into = "(i64, u32)")]
pub struct Timestamp {
    secs: i64,
    nanos: u32,
}

impl Timestamp {
    /// A point in time; `nanos` of a second or more are cut to the last nanosecond of `secs`.
    pub fn new(secs: i64, nanos: u32) -> Self {
        Self {
            secs,
            nanos: nanos.min(999_999_999),
        }
    }

    /// Whole seconds since the epoch.
    pub fn secs(self) -> i64 {
        self.secs
    }

    /// Nanoseconds within the second, 0 to 999,999,999.
    pub fn nanos(self) -> u32 {
        self.nanos
    }
}

impl TryFrom<(i64, u32)> for Timestamp {
    type Error = &'static str;
    fn try_from((secs, nanos): (i64, u32)) -> Result<Self, Self::Error> {
        if nanos < 1_000_000_000 {
            Ok(Self { secs, nanos })
        } else {
            Err("nanoseconds of a second or more")
        }
    }
}

impl From<Timestamp> for (i64, u32) {
    fn from(time: Timestamp) -> Self {
        (time.secs, time.nanos)
    }
}

/// Numeric user and group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// User number.
    pub uid: u32,
    /// Group number.
    pub gid: u32,
}

/// Tells which names are the same file: equal ids within one listing are hard links of each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LinkId {
    /// Device the file is on.
    pub device: u64,
    /// Inode number there.
    pub inode: u64,
}

/// Target of a symbolic link: 1 to [`MAX_LINK_TARGET_LEN`] bytes without a zero byte.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "ByteBuf")]
pub struct LinkTarget(#[serde(with = "serde_bytes")] Box<[u8]>);

impl LinkTarget {
    /// Checks `bytes` and keeps a copy; nothing if they can not be a link's target.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        (!bytes.is_empty() && bytes.len() <= MAX_LINK_TARGET_LEN && !bytes.contains(&0))
            .then(|| Self(bytes.into()))
    }

    /// The target's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl TryFrom<ByteBuf> for LinkTarget {
    type Error = &'static str;
    fn try_from(bytes: ByteBuf) -> Result<Self, Self::Error> {
        Self::new(&bytes).ok_or("not a symbolic link's target")
    }
}

impl std::fmt::Debug for LinkTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

impl std::fmt::Display for LinkTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&escape(&self.0))
    }
}

/// One extended attribute.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Xattr {
    /// Full name with its name space: `user.comment`, `system.posix_acl_access`.
    #[serde(with = "serde_bytes")]
    pub name: Vec<u8>,
    /// The value as the kernel gives it.
    #[serde(with = "serde_bytes")]
    pub value: Vec<u8>,
}

impl Xattr {
    /// True if name and value are within the limits of this module and the name holds no zero byte.
    pub fn is_valid(&self) -> bool {
        !self.name.is_empty()
            && self.name.len() <= MAX_XATTR_NAME_LEN
            && !self.name.contains(&0)
            && self.value.len() <= MAX_XATTR_BYTES
    }

    /// True for the POSIX access control list that goes together with the permission bits.
    pub fn is_access_list(&self) -> bool {
        self.name == b"system.posix_acl_access"
    }

    /// True for a POSIX access control list.
    pub fn is_acl(&self) -> bool {
        self.name.starts_with(b"system.posix_acl_")
    }
}
