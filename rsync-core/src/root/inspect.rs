//! From a name to an [`Entry`]: what it is, without following or opening it.

use std::io;
use std::mem::MaybeUninit;

use rustix::fd::BorrowedFd;
use rustix::fs::{FileType, readlinkat_raw};
use rustix::io::Errno;

use super::dir::Dir;
use super::error::{Context, Error};
use super::list::Detail;
use super::stat::Stat;
use super::xattr;
use crate::entry::{Entry, Kind, LinkId, LinkTarget, MAX_LINK_TARGET_LEN, Xattr};
use crate::path::FileName;
use crate::wire::message::{ProblemKind, SystemError};

/// A link's permissions mean nothing, can not be set on Linux, and are the same everywhere.
const LINK_MODE: u32 = 0o777;

impl Dir {
    /// Describes the entry `name`; nothing if there is none.
    pub fn entry(&self, name: &FileName, detail: &Detail) -> Result<Option<Entry>, Error> {
        let found = Stat::at(self.fd(), name.as_bytes())
            .map_err(|errno| Unfit::from_system("stat", errno))
            .and_then(|stat| describe(self.fd(), name.clone(), &stat, detail))
            .and_then(|entry| self.followed(entry, detail));
        match found {
            Ok(entry) => Ok(Some(entry)),
            Err(Unfit::Vanished) => Ok(None),
            Err(unfit) => {
                let (operation, source) = unfit.into_error();
                Err(source).context(operation, self.at(name))
            }
        }
    }
}

/// Why an entry can not be described.
#[derive(Debug)]
pub(super) enum Unfit {
    Vanished,
    System(&'static str, Errno),
    BadTarget,
    TooManyXattrs,
}

impl Unfit {
    pub(super) fn from_system(operation: &'static str, errno: Errno) -> Self {
        if errno == Errno::NOENT {
            Self::Vanished
        } else {
            Self::System(operation, errno)
        }
    }

    pub(super) fn into_problem(self) -> Option<ProblemKind> {
        match self {
            Self::Vanished => None,
            Self::System(operation, errno) => Some(ProblemKind::System(SystemError {
                operation: operation.to_owned(),
                code: errno.raw_os_error(),
            })),
            Self::BadTarget => Some(ProblemKind::BadName),
            Self::TooManyXattrs => Some(ProblemKind::TooManyXattrs),
        }
    }

    pub(super) fn into_error(self) -> (&'static str, io::Error) {
        match self {
            Self::Vanished => ("stat", Errno::NOENT.into()),
            Self::System(operation, errno) => (operation, errno.into()),
            Self::BadTarget => (
                "read link",
                io::Error::other("the target is longer than the system allows"),
            ),
            Self::TooManyXattrs => (
                "read attributes of",
                io::Error::other("more extended attributes than are carried"),
            ),
        }
    }
}

pub(super) fn describe(
    dir: BorrowedFd<'_>,
    name: FileName,
    stat: &Stat,
    detail: &Detail,
) -> Result<Entry, Unfit> {
    let kind = kind_of(dir, name.as_bytes(), stat)?;
    let xattrs = match detail.namespaces() {
        // The kernel allows a link neither user attributes nor access control lists.
        Some(namespaces) if stat.file_type != FileType::Symlink => {
            xattr::of_entry(dir, &name, namespaces)?
        }
        _ => Vec::new(),
    };
    Ok(entry_of(name, kind, stat, xattrs, detail))
}

/// Puts together what was found out about an entry.
pub(super) fn entry_of(
    name: FileName,
    kind: Kind,
    stat: &Stat,
    xattrs: Vec<Xattr>,
    detail: &Detail,
) -> Entry {
    let is_link = matches!(kind, Kind::Symlink { .. });
    let is_dir = matches!(kind, Kind::Dir);
    Entry {
        name,
        kind,
        mode: if is_link { LINK_MODE } else { stat.mode },
        mtime: stat.mtime,
        owner: detail.owner.then_some(stat.owner),
        link: (detail.hard_links && stat.names > 1 && !is_dir).then(|| {
            Box::new(LinkId {
                device: stat.identity.device,
                inode: stat.identity.inode,
            })
        }),
        xattrs,
        digest: None,
    }
}

/// The kind of an entry; a link's target is read, not followed.
pub(super) fn kind_of(dir: BorrowedFd<'_>, name: &[u8], stat: &Stat) -> Result<Kind, Unfit> {
    Ok(match stat.file_type {
        FileType::RegularFile => Kind::File { size: stat.size },
        FileType::Directory => Kind::Dir,
        FileType::Symlink => Kind::Symlink {
            target: read_link(dir, name)?,
        },
        FileType::Fifo => Kind::Fifo,
        FileType::Socket => Kind::Socket,
        FileType::CharacterDevice => Kind::CharDevice {
            device: stat.device,
        },
        FileType::BlockDevice => Kind::BlockDevice {
            device: stat.device,
        },
        FileType::Unknown => return Err(Unfit::System("stat", Errno::OPNOTSUPP)),
    })
}

pub(super) fn read_link(dir: BorrowedFd<'_>, name: &[u8]) -> Result<LinkTarget, Unfit> {
    let mut buffer = [MaybeUninit::uninit(); MAX_LINK_TARGET_LEN + 1];
    match readlinkat_raw(dir, name, &mut buffer) {
        // A target that fills the buffer may have been cut; it is too long for a LinkTarget then.
        Ok((target, _)) => LinkTarget::new(target).ok_or(Unfit::BadTarget),
        // No longer a link: whoever lists again sees what it is now.
        Err(Errno::INVAL) => Err(Unfit::Vanished),
        Err(errno) => Err(Unfit::from_system("read link", errno)),
    }
}
