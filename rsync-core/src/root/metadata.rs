//! Setting an entry's metadata, never through a link.
//!
//! Order: owner (which clears set-uid and set-gid), attributes, mode, access control list, times
//! last. Everything happens on one descriptor; only owner and times, which have calls that do
//! not follow links, may go by name.

use rustix::fd::{AsFd, BorrowedFd};
use rustix::fs::{
    AtFlags, CWD, FileType, Gid, Mode, Timespec, Timestamps, UTIME_OMIT, Uid, chmodat, chownat,
    fchmod, fchown, futimens, utimensat,
};
use rustix::io::Errno;

use super::acl::{ACCESS, acl_under_mode};
use super::dir::Dir;
use super::error::{CHANGE_MODE, CHANGE_OWNER, Error};
use super::stat::Stat;
use super::system;
use super::xattr::{self, Namespaces, Target};
use crate::entry::{Owner, PERMISSION_BITS, Timestamp, Xattr};
use crate::path::FileName;

const CHANGE_TIME: &str = "change time of";
const CHANGE_XATTRS: &str = "change attributes of";
/// Attributes of users can be written to files that are writable, even by their owner.
const OWNER_WRITE: u32 = 0o200;
/// Permission bits that writing does not clear.
const PLAIN_BITS: u32 = 0o777;

/// Metadata to set; what is `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    /// Permission bits. Not attempted on symbolic links.
    pub mode: Option<u32>,
    /// Time of the last modification. The access time stays.
    pub mtime: Option<Timestamp>,
    /// User number.
    pub uid: Option<u32>,
    /// Group number.
    pub gid: Option<u32>,
    /// Extended attributes. Not attempted on symbolic links.
    pub xattrs: Option<XattrChange>,
}

impl Metadata {
    /// What of it an entry still lacks that has this mode and, as far as is known, this owner.
    pub fn lacking(&self, mode: u32, owner: Option<Owner>) -> Self {
        let mut lacking = self.clone();
        // Attributes are set with an eye on the mode.
        if self.xattrs.is_some() {
            return lacking;
        }
        if let Some(owner) = owner {
            lacking.uid = self.uid.filter(|&uid| uid != owner.uid);
            lacking.gid = self.gid.filter(|&gid| gid != owner.gid);
        }
        // A change of the owner changes the mode as well.
        if lacking.uid.is_none() && lacking.gid.is_none() {
            lacking.mode = self.mode.filter(|&wanted| wanted != mode);
        }
        lacking
    }

    fn sets_owner(&self) -> bool {
        self.uid.is_some() || self.gid.is_some()
    }

    /// True if what belongs to `present` need not get another owner.
    fn is_owner(&self, present: Owner) -> bool {
        self.uid.is_none_or(|uid| uid == present.uid)
            && self.gid.is_none_or(|gid| gid == present.gid)
    }

    /// The mode with which a file may be created that is to have this metadata: nothing if it
    /// has to be private until it has the rest.
    pub(super) fn mode_from_the_start(&self) -> Option<u32> {
        self.mode
            .filter(|mode| mode & !PLAIN_BITS == 0 && self.xattrs.is_none())
    }
}

/// Extended attributes to have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct XattrChange {
    /// What there shall be. Attributes that do not take part are ignored.
    pub desired: Vec<Xattr>,
    /// Attributes of users (`user.*`) take part: others than desired are removed.
    pub xattrs: bool,
    /// Access control lists (`system.posix_acl_*`) take part: others than desired are removed.
    pub acls: bool,
}

impl Dir {
    /// Sets the metadata of the entry `name`: a directory, a link or a file that is in place.
    pub fn set_metadata(&self, name: &FileName, metadata: &Metadata) -> Result<(), Error> {
        let result = if metadata.mode.is_some() || metadata.xattrs.is_some() {
            self.set_all(name, metadata)
        } else {
            self.set_owner_and_time(name, metadata)
        };
        result.map_err(|failure| failure.at(self.path().join(name).into()))
    }

    /// Sets the metadata of this directory itself.
    pub fn set_own_metadata(&self, metadata: &Metadata) -> Result<(), Error> {
        apply(self.fd(), metadata).map_err(|failure| failure.at(self.path().clone().into()))
    }

    fn set_owner_and_time(&self, name: &FileName, metadata: &Metadata) -> Result<(), Failure> {
        let owned = || Ok::<_, Failure>(Stat::at(self.fd(), name.as_bytes()).during("stat")?.owner);
        if metadata.sets_owner() && !metadata.is_owner(owned()?) {
            let (user, group) = owner(metadata).during(CHANGE_OWNER)?;
            chownat(
                self.fd(),
                name.as_bytes(),
                user,
                group,
                AtFlags::SYMLINK_NOFOLLOW,
            )
            .during(CHANGE_OWNER)?;
        }
        if let Some(mtime) = metadata.mtime {
            let (name, times) = (name.as_bytes(), times(mtime));
            match utimensat(self.fd(), name, &times, AtFlags::SYMLINK_NOFOLLOW) {
                // Not every file system can set the time of a link, and some take it for that of what the
                // link points to, which may not be there. rsync does without as well.
                Err(Errno::NOSYS | Errno::OPNOTSUPP | Errno::NOENT) if self.is_link(name) => {}
                result => result.during(CHANGE_TIME)?,
            }
        }
        Ok(())
    }

    fn is_link(&self, name: &[u8]) -> bool {
        Stat::at(self.fd(), name).is_ok_and(|found| found.file_type == FileType::Symlink)
    }

    fn set_all(&self, name: &FileName, metadata: &Metadata) -> Result<(), Failure> {
        let is_link = Stat::at(self.fd(), name.as_bytes())
            .during("stat")?
            .file_type
            == FileType::Symlink;
        if is_link {
            return self.set_owner_and_time(name, metadata);
        }
        let entry = system::open_entry(self.fd(), name).during("open")?;
        let magic = entry.magic_path();
        Subject {
            fd: entry.fd.as_fd(),
            magic: magic.as_deref(),
        }
        .apply(metadata)
    }
}

/// Sets the metadata of an open file or directory.
pub(super) fn apply(fd: BorrowedFd<'_>, metadata: &Metadata) -> Result<(), Failure> {
    Subject { fd, magic: None }.apply(metadata)
}

/// Sets the mode of an entry; a link is refused.
pub(super) fn change_mode(
    dir: BorrowedFd<'_>,
    name: &FileName,
    mode: u32,
) -> rustix::io::Result<()> {
    let entry = system::open_entry(dir, name)?;
    let magic = entry.magic_path();
    Subject {
        fd: entry.fd.as_fd(),
        magic: magic.as_deref(),
    }
    .set_mode(mode)
}

/// What failed, without where.
#[derive(Debug)]
pub(super) struct Failure {
    operation: &'static str,
    source: std::io::Error,
}

impl Failure {
    pub(super) fn at(self, path: Vec<u8>) -> Error {
        Error {
            operation: self.operation,
            path,
            source: self.source,
        }
    }
}

trait During<T> {
    fn during(self, operation: &'static str) -> Result<T, Failure>;
}

impl<T, E: Into<std::io::Error>> During<T> for Result<T, E> {
    fn during(self, operation: &'static str) -> Result<T, Failure> {
        self.map_err(|source| Failure {
            operation,
            source: source.into(),
        })
    }
}

/// An entry whose metadata is set: open, or held by `O_PATH` and reached by its magic link.
#[derive(Clone, Copy)]
struct Subject<'a> {
    fd: BorrowedFd<'a>,
    magic: Option<&'a str>,
}

impl Subject<'_> {
    fn apply(self, metadata: &Metadata) -> Result<(), Failure> {
        if metadata.sets_owner() {
            self.set_owner(metadata).during(CHANGE_OWNER)?;
        }
        if let Some(change) = metadata.xattrs.as_ref().filter(|change| change.xattrs) {
            self.set_user_xattrs(change, metadata.mode)?;
        }
        if let Some(mode) = metadata.mode {
            self.set_mode(mode).during(CHANGE_MODE)?;
        }
        if let Some(change) = metadata.xattrs.as_ref().filter(|change| change.acls) {
            self.set_acls(change, metadata.mode)?;
        }
        if let Some(mtime) = metadata.mtime {
            self.set_times(&times(mtime)).during(CHANGE_TIME)?;
        }
        Ok(())
    }

    /// Writing needs a writable file, which it may be neither before nor afterwards.
    fn set_user_xattrs(self, change: &XattrChange, mode: Option<u32>) -> Result<(), Failure> {
        let namespaces = Namespaces {
            user: true,
            acls: false,
        };
        let denied = match self.make_equal(&change.desired, namespaces) {
            Err(failure) if failure.source.kind() == std::io::ErrorKind::PermissionDenied => {
                failure
            }
            result => return result,
        };
        let before = Stat::of(self.fd).during("stat")?.mode;
        if self.set_mode(before | OWNER_WRITE).is_err() {
            return Err(denied);
        }
        let result = self.make_equal(&change.desired, namespaces);
        if mode.is_none() || result.is_err() {
            self.set_mode(before).during(CHANGE_MODE)?;
        }
        result
    }

    /// Comes after the mode and must not change it: a list that disagrees is made to agree.
    fn set_acls(self, change: &XattrChange, mode: Option<u32>) -> Result<(), Failure> {
        let namespaces = Namespaces {
            user: false,
            acls: true,
        };
        let Some(mode) = mode else {
            return self.make_equal(&change.desired, namespaces);
        };
        let agreeing: Vec<Xattr> = change
            .desired
            .iter()
            .map(|attribute| under_mode(attribute, mode))
            .collect();
        self.make_equal(&agreeing, namespaces)?;
        // Writing or removing a list may change the mode, which file systems do differently.
        if Stat::of(self.fd).during("stat")?.mode != mode & PERMISSION_BITS {
            self.set_mode(mode).during(CHANGE_MODE)?;
        }
        Ok(())
    }

    fn make_equal(self, desired: &[Xattr], namespaces: Namespaces) -> Result<(), Failure> {
        let target = match self.magic {
            Some(path) => Target::Magic(path),
            None => Target::Open(self.fd),
        };
        let present = xattr::read(target, namespaces).map_err(|unfit| {
            let (operation, source) = unfit.into_error();
            Failure { operation, source }
        })?;
        for attribute in desired
            .iter()
            .filter(|attribute| namespaces.contain(&attribute.name))
        {
            if !attribute.is_valid() {
                return Err(std::io::Error::from(std::io::ErrorKind::InvalidInput))
                    .during(CHANGE_XATTRS);
            }
            if !present.contains(attribute) {
                target.set(attribute).during(CHANGE_XATTRS)?;
            }
        }
        for attribute in present
            .iter()
            .filter(|present| desired.iter().all(|wanted| wanted.name != present.name))
        {
            target.remove(&attribute.name).during(CHANGE_XATTRS)?;
        }
        Ok(())
    }

    /// Most entries belong to whom they should already. To set that again costs a transaction of
    /// the file system, to look does not.
    fn set_owner(self, metadata: &Metadata) -> rustix::io::Result<()> {
        let (user, group) = owner(metadata)?;
        if metadata.is_owner(Stat::of(self.fd)?.owner) {
            return Ok(());
        }
        match self.magic {
            Some(path) => chownat(CWD, path, user, group, AtFlags::empty()),
            None => fchown(self.fd, user, group),
        }
    }

    fn set_mode(self, mode: u32) -> rustix::io::Result<()> {
        let mode = mode_bits(mode);
        match self.magic {
            Some(path) => chmodat(CWD, path, mode, AtFlags::empty()),
            None => fchmod(self.fd, mode),
        }
    }

    fn set_times(self, times: &Timestamps) -> rustix::io::Result<()> {
        match self.magic {
            Some(path) => utimensat(CWD, path, times, AtFlags::empty()),
            None => futimens(self.fd, times),
        }
    }
}

fn under_mode(attribute: &Xattr, mode: u32) -> Xattr {
    if attribute.name != ACCESS {
        return attribute.clone();
    }
    Xattr {
        name: attribute.name.clone(),
        value: acl_under_mode(&attribute.value, mode),
    }
}

/// Permission bits in the width of the platform.
#[allow(clippy::unnecessary_cast)]
pub(super) fn mode_bits(mode: u32) -> Mode {
    Mode::from_raw_mode((mode & PERMISSION_BITS) as _)
}

/// The all-ones number means "leave alone" to the system: it is refused rather than ignored.
fn owner(metadata: &Metadata) -> rustix::io::Result<(Option<Uid>, Option<Gid>)> {
    if metadata.uid == Some(u32::MAX) || metadata.gid == Some(u32::MAX) {
        return Err(Errno::INVAL);
    }
    Ok((
        metadata.uid.map(Uid::from_raw),
        metadata.gid.map(Gid::from_raw),
    ))
}

fn times(mtime: Timestamp) -> Timestamps {
    Timestamps {
        last_access: Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_OMIT,
        },
        last_modification: Timespec {
            tv_sec: mtime.secs(),
            tv_nsec: mtime.nanos().into(),
        },
    }
}
