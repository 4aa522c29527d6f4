//! What a held directory is itself, and who may write in it.

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::Root;
use super::dir::Dir;
use super::error::{Context, Error};
use super::list::Detail;
use super::stat::Stat;
use super::xattr::{self, Target};
use crate::entry::{Entry, Kind};
use crate::path::FileName;

impl Dir {
    /// Describes the directory itself. The top directory, which has no name, is called `root`.
    pub fn own_entry(&self, detail: &Detail) -> Result<Entry, Error> {
        let stat = Stat::of(self.fd()).context("stat", || self.path().clone())?;
        let name = match self.path().file_name() {
            Some(name) => name,
            None => FileName::new(b"root")
                .map_err(|_| std::io::Error::from(std::io::ErrorKind::InvalidFilename))
                .context("name", || self.path().clone())?,
        };
        let xattrs = match detail.namespaces() {
            Some(namespaces) => {
                xattr::read(Target::Open(self.fd()), namespaces).or_else(|unfit| {
                    let (operation, source) = unfit.into_error();
                    Err(source).context(operation, || self.path().clone())
                })?
            }
            None => Vec::new(),
        };
        Ok(Entry {
            name,
            kind: Kind::Dir,
            mode: stat.mode,
            mtime: stat.mtime,
            owner: detail.owner.then_some(stat.owner),
            link: None,
            xattrs,
            digest: None,
        })
    }
}

impl Root {
    /// Takes the right to write beneath this root, which ends with the last descriptor of it;
    /// false if another process has it (flock(2)). File systems without locks grant it always.
    pub fn lock(&self) -> Result<bool, Error> {
        match flock(self.top().fd(), FlockOperation::NonBlockingLockExclusive) {
            Ok(()) | Err(Errno::NOSYS | Errno::OPNOTSUPP | Errno::NOLCK) => Ok(true),
            Err(Errno::WOULDBLOCK) => Ok(false),
            Err(errno) => Err(errno).context("lock", || self.top().path().clone()),
        }
    }
}
