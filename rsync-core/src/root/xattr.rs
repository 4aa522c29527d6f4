//! Extended attributes: those of users and, separately, access control lists.
//!
//! Only `user.*` and `system.posix_acl_*` are ever read, written or removed. `security.*` and
//! `trusted.*` grant privileges (file capabilities, labels) and do not travel.

use rustix::fd::{AsFd, BorrowedFd};
use rustix::fs::{self, Mode, OFlags, XattrFlags};
use rustix::io::Errno;

use super::inspect::Unfit;
use super::list::Detail;
use super::system;
use crate::entry::{MAX_XATTR_BYTES, MAX_XATTRS, Xattr};
use crate::path::FileName;

/// Longest list of attribute names that the kernel gives (Linux `XATTR_LIST_MAX`).
const MAX_NAME_LIST_LEN: usize = 65536;
/// First guess at the length of a list or value.
const USUAL_LEN: usize = 1024;
const READ: &str = "read attributes of";

/// Which attributes take part.
#[derive(Debug, Clone, Copy)]
pub(super) struct Namespaces {
    /// `user.*`.
    pub(super) user: bool,
    /// `system.posix_acl_access` and `system.posix_acl_default`.
    pub(super) acls: bool,
}

impl Namespaces {
    pub(super) fn contain(self, name: &[u8]) -> bool {
        (self.user && name.starts_with(b"user."))
            || (self.acls
                && matches!(
                    name,
                    b"system.posix_acl_access" | b"system.posix_acl_default"
                ))
    }
}

impl Detail {
    /// The attributes to read, if any.
    pub(super) fn namespaces(&self) -> Option<Namespaces> {
        (self.xattrs || self.acls).then_some(Namespaces {
            user: self.xattrs,
            acls: self.acls,
        })
    }
}

/// What the attributes belong to.
#[derive(Debug, Clone, Copy)]
pub(super) enum Target<'a> {
    /// An open file or directory.
    Open(BorrowedFd<'a>),
    /// A magic link in `/proc/self/fd`, which leads to one entry only.
    Magic(&'a str),
    /// A name below a magic link; not followed.
    Entry(&'a [u8]),
    /// A name below a magic link; followed.
    Followed(&'a [u8]),
}

impl Target<'_> {
    fn names(self, buffer: &mut [u8]) -> rustix::io::Result<usize> {
        match self {
            Self::Open(fd) => fs::flistxattr(fd, buffer),
            Self::Magic(path) => fs::listxattr(path, buffer),
            Self::Entry(path) => fs::llistxattr(path, buffer),
            Self::Followed(path) => fs::listxattr(path, buffer),
        }
    }

    fn value(self, name: &[u8], buffer: &mut [u8]) -> rustix::io::Result<usize> {
        match self {
            Self::Open(fd) => fs::fgetxattr(fd, name, buffer),
            Self::Magic(path) => fs::getxattr(path, name, buffer),
            Self::Entry(path) => fs::lgetxattr(path, name, buffer),
            Self::Followed(path) => fs::getxattr(path, name, buffer),
        }
    }

    pub(super) fn set(self, attribute: &Xattr) -> rustix::io::Result<()> {
        let (name, value, flags) = (
            attribute.name.as_slice(),
            attribute.value.as_slice(),
            XattrFlags::empty(),
        );
        match self {
            Self::Open(fd) => fs::fsetxattr(fd, name, value, flags),
            Self::Magic(path) => fs::setxattr(path, name, value, flags),
            Self::Entry(path) => fs::lsetxattr(path, name, value, flags),
            Self::Followed(path) => fs::setxattr(path, name, value, flags),
        }
    }

    pub(super) fn remove(self, name: &[u8]) -> rustix::io::Result<()> {
        let removed = match self {
            Self::Open(fd) => fs::fremovexattr(fd, name),
            Self::Magic(path) => fs::removexattr(path, name),
            Self::Entry(path) => fs::lremovexattr(path, name),
            Self::Followed(path) => fs::removexattr(path, name),
        };
        removed.or_else(|errno| {
            if is_no_attribute(errno) {
                Ok(())
            } else {
                Err(errno)
            }
        })
    }
}

/// The attributes of an entry that need not be open.
pub(super) fn of_entry(
    dir: BorrowedFd<'_>,
    name: &FileName,
    namespaces: Namespaces,
) -> Result<Vec<Xattr>, Unfit> {
    if let Some(path) = system::path_of_entry(dir, name.as_bytes()) {
        return read(Target::Entry(&path), namespaces);
    }
    match system::open_entry(dir, name) {
        Ok(entry) => read(Target::Open(entry.fd.as_fd()), namespaces),
        // A pipe or device can not be asked here without opening it.
        Err(Errno::OPNOTSUPP) => Ok(Vec::new()),
        Err(errno) => Err(Unfit::from_system(READ, errno)),
    }
}

/// The attributes of what the link `name` points to.
pub(super) fn of_target(
    dir: BorrowedFd<'_>,
    name: &FileName,
    namespaces: Namespaces,
) -> Result<Vec<Xattr>, Unfit> {
    if let Some(path) = system::path_of_entry(dir, name.as_bytes()) {
        return read(Target::Followed(&path), namespaces);
    }
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    match fs::openat(dir, name.as_bytes(), flags, Mode::empty()) {
        Ok(fd) => read(Target::Open(fd.as_fd()), namespaces),
        Err(errno) => Err(Unfit::from_system(READ, errno)),
    }
}

/// The attributes of `target` in `namespaces`, sorted by name.
pub(super) fn read(target: Target<'_>, namespaces: Namespaces) -> Result<Vec<Xattr>, Unfit> {
    let names = match sized(MAX_NAME_LIST_LEN, |buffer| target.names(buffer)) {
        Ok(Some(names)) => names,
        Ok(None) => return Err(Unfit::TooManyXattrs),
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => return Ok(Vec::new()),
        Err(errno) => return Err(Unfit::from_system(READ, errno)),
    };
    let mut found = Vec::new();
    let mut total = 0;
    for name in names
        .split(|&byte| byte == 0)
        .filter(|name| namespaces.contain(name))
    {
        let value = match sized(MAX_XATTR_BYTES, |buffer| target.value(name, buffer)) {
            Ok(Some(value)) => value,
            Ok(None) => return Err(Unfit::TooManyXattrs),
            Err(errno) if is_no_attribute(errno) => continue,
            Err(errno) => return Err(Unfit::from_system(READ, errno)),
        };
        total += value.len();
        if found.len() == MAX_XATTRS || total > MAX_XATTR_BYTES {
            return Err(Unfit::TooManyXattrs);
        }
        found.push(Xattr {
            name: name.to_vec(),
            value,
        });
    }
    found.sort_unstable();
    Ok(found)
}

/// Calls `read` with a small buffer, then with the largest; nothing if that is too small too.
fn sized(
    max_len: usize,
    mut read: impl FnMut(&mut [u8]) -> rustix::io::Result<usize>,
) -> rustix::io::Result<Option<Vec<u8>>> {
    let mut small = [0; USUAL_LEN];
    match read(&mut small) {
        Ok(len) => return Ok(Some(small[..len].to_vec())),
        Err(Errno::RANGE) => {}
        Err(errno) => return Err(errno),
    }
    let mut large = vec![0; max_len];
    match read(&mut large) {
        Ok(len) => {
            large.truncate(len);
            Ok(Some(large))
        }
        Err(Errno::RANGE | Errno::TOOBIG) => Ok(None),
        Err(errno) => Err(errno),
    }
}

fn is_no_attribute(errno: Errno) -> bool {
    #[cfg(target_os = "linux")]
    let missing = Errno::NODATA;
    #[cfg(not(target_os = "linux"))]
    let missing = Errno::NOATTR;
    errno == missing
}
