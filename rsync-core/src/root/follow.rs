//! Following the links of a source, where its user asks for what they point to (`-L`, `-k`,
//! `--copy-unsafe-links` of rsync(1), SYMBOLIC LINKS).
//!
//! Only reading follows. A directory that a link leads to is refused if it is above the link:
//! rsync goes round such a circle until the system stops it.

use std::io;
use std::sync::Arc;

use rustix::fd::OwnedFd;
use rustix::fs::{FileType, Mode, OFlags, openat};
use rustix::io::Errno;

use super::Root;
use super::dir::{DIRECTORY, Dir};
use super::error::{Context, Error};
use super::inspect::{Unfit, entry_of, kind_of, read_link};
use super::list::Detail;
use super::stat::{Identity, Stat};
use super::system;
use super::xattr;
use crate::entry::{Entry, Kind};
use crate::options::Links;
use crate::path::{FileName, RelPath};
use crate::plan;

/// Which links are followed below a root, and the way down to one of its directories.
#[derive(Debug, Clone)]
pub(super) struct Following {
    links: Links,
    way: Arc<Way>,
}

/// A directory and those above it.
#[derive(Debug)]
struct Way {
    identity: Identity,
    above: Option<Arc<Way>>,
}

impl Way {
    fn leads_through(&self, identity: Identity) -> bool {
        std::iter::successors(Some(self), |way| way.above.as_deref())
            .any(|way| way.identity == identity)
    }
}

impl Root {
    /// The same root, whose links are followed as `links` says. For a source only: nothing may be
    /// written through it.
    pub fn following(self, links: Links) -> Result<Self, Error> {
        let follows = match links {
            Links::Preserve | Links::Skip | Links::Safe => false,
            Links::Follow | Links::FollowUnsafe | Links::FollowDirectories => true,
        };
        if !follows {
            return Ok(self);
        }
        let way = Arc::new(Way {
            identity: self.identity()?,
            above: None,
        });
        let fd = openat(self.top().fd(), c".", DIRECTORY, Mode::empty())
            .context("open", RelPath::root)?;
        let following = Following { links, way };
        Ok(Self {
            top: Dir::new(fd, RelPath::root(), Some(following)),
            path: self.path,
        })
    }
}

impl Following {
    /// True if the link `name` in `dir` is followed. A name that is no link is none.
    fn wants(&self, dir: &Dir, name: &FileName) -> bool {
        match self.links {
            Links::Preserve | Links::Skip | Links::Safe => false,
            Links::Follow => true,
            Links::FollowUnsafe => read_link(dir.fd(), name.as_bytes())
                .is_ok_and(|target| plan::leaves_tree(target.as_bytes(), dir.path())),
            Links::FollowDirectories => Stat::at_target(dir.fd(), name.as_bytes())
                .is_ok_and(|target| target.file_type == FileType::Directory),
        }
    }

    /// Opens a directory, or the one that a link leads to, and notes the way there.
    pub(super) fn open_dir(
        &self,
        dir: &Dir,
        name: &FileName,
    ) -> rustix::io::Result<(OwnedFd, Self)> {
        let (fd, by_link) = match openat(dir.fd(), name.as_bytes(), DIRECTORY, Mode::empty()) {
            Err(Errno::NOTDIR | Errno::LOOP) if self.wants(dir, name) => {
                let flags = DIRECTORY.difference(OFlags::NOFOLLOW);
                let fd = openat(dir.fd(), name.as_bytes(), flags, Mode::empty())?;
                (fd, true)
            }
            result => (result?, false),
        };
        let identity = Stat::of(&fd)?.identity;
        if by_link && self.way.leads_through(identity) {
            return Err(Errno::LOOP);
        }
        let below = Self {
            links: self.links,
            way: Arc::new(Way {
                identity,
                above: Some(Arc::clone(&self.way)),
            }),
        };
        Ok((fd, below))
    }
}

/// True if this is the system's error for a link whose target is missing, or the link itself.
pub(crate) fn leads_nowhere(code: i32) -> bool {
    [Errno::NOENT, Errno::LOOP]
        .map(Errno::raw_os_error)
        .contains(&code)
}

impl Dir {
    /// What stands in a listing for `entry`: itself, or what it points to if it is followed.
    pub(super) fn followed(&self, entry: Entry, detail: &Detail) -> Result<Entry, Unfit> {
        let Some(following) = self.following() else {
            return Ok(entry);
        };
        let is_link = matches!(entry.kind, Kind::Symlink { .. });
        if !is_link || !following.wants(self, &entry.name) {
            return Ok(entry);
        }
        // A link to nothing must not pass for an entry that vanished.
        let stat = Stat::at_target(self.fd(), entry.name.as_bytes())
            .map_err(|errno| Unfit::System("follow", errno))?;
        let kind = kind_of(self.fd(), entry.name.as_bytes(), &stat)?;
        let xattrs = match detail.namespaces() {
            Some(namespaces) => xattr::of_target(self.fd(), &entry.name, namespaces)?,
            None => Vec::new(),
        };
        Ok(entry_of(entry.name, kind, &stat, xattrs, detail))
    }

    /// Opens the directory at `path` below this one, step by step.
    pub(super) fn open_following(&self, path: &RelPath) -> Result<Self, Error> {
        let mut at = self.clone();
        for name in path.components() {
            let name = FileName::new(name)
                .map_err(io::Error::other)
                .context("open", || path.clone())?;
            at = at.open_dir(&name)?;
        }
        Ok(at)
    }

    /// Opens the regular file that the link `name` leads to, if it is one to be followed; else
    /// the refusal stands.
    pub(super) fn open_followed_file(
        &self,
        name: &FileName,
        flags: OFlags,
        refusal: Errno,
    ) -> rustix::io::Result<OwnedFd> {
        let is_followed = self
            .following()
            .is_some_and(|following| refusal == Errno::LOOP && following.wants(self, name));
        if !is_followed {
            return Err(refusal);
        }
        // Opening a device can do something, even where nothing is read.
        if Stat::at_target(self.fd(), name.as_bytes())?.file_type != FileType::RegularFile {
            return Err(refusal);
        }
        let flags = flags.difference(OFlags::NOFOLLOW);
        system::open_for_reading(self.fd(), name.as_bytes(), flags)
    }
}
