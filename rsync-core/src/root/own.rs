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

    /// The process that has this right, where the system tells: Linux does, of processes that this
    /// one can see.
    #[cfg(target_os = "linux")]
    pub fn lock_holder(&self) -> Option<u32> {
        let super::Identity { device, inode } = self.identity().ok()?;
        let locks = std::fs::read_to_string("/proc/locks").ok()?;
        holder(&locks, device, inode)
    }

    /// The process that has this right, which this system does not tell.
    #[cfg(not(target_os = "linux"))]
    pub fn lock_holder(&self) -> Option<u32> {
        None
    }
}

/// Who holds the flock(2) of a file, according to proc_locks(5). A process elsewhere has number 0.
#[cfg(target_os = "linux")]
fn holder(locks: &str, device: u64, inode: u64) -> Option<u32> {
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    let file = format!("{major:02x}:{minor:02x}:{inode}");
    let of_line = |line: &str| {
        let mut words = line.split_ascii_whitespace().skip(1);
        let is_flock = words.next()? == "FLOCK";
        let holder = words.nth(2)?.parse().ok()?;
        let is_here = words.next()? == file && holder != 0;
        (is_flock && is_here).then_some(holder)
    };
    locks.lines().find_map(of_line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_has_the_lock_is_known() {
        let place = tempfile::tempdir().unwrap();
        let (one, other) = (Root::open(place.path()), Root::open(place.path()));
        let (one, other) = (one.unwrap(), other.unwrap());
        assert_eq!(other.lock_holder(), None);
        assert!(one.lock().unwrap() && !other.lock().unwrap());
        if cfg!(target_os = "linux") {
            assert_eq!(other.lock_holder(), Some(std::process::id()));
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn who_waits_has_no_lock_and_who_is_elsewhere_has_no_number() {
        let locks = "1: POSIX  ADVISORY  WRITE 11 fe:00:7 0 EOF
2: -> FLOCK  ADVISORY  WRITE 12 fe:00:7 0 EOF
3: FLOCK  ADVISORY  WRITE 13 fe:00:77 0 EOF
4: FLOCK  ADVISORY  WRITE 0 fe:00:7 0 EOF
5: FLOCK  ADVISORY  WRITE 14 fe:00:8 0 EOF
nonsense";
        let device = rustix::fs::makedev(0xfe, 0);
        assert_eq!(holder(locks, device, 7), None);
        assert_eq!(holder(locks, device, 8), Some(14));
        assert_eq!(holder("", device, 8), None);
    }
}
