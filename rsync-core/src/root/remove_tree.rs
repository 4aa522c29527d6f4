//! Removing a directory with everything below it.
//!
//! Every entry is reached from the held descriptor of its directory, never by a path, and no
//! link is followed. The stack is on the heap and keeps the nearest [`HELD_LEVELS`] directories
//! open: going further up leads through `..`, and only into the very directory that was left
//! (device and inode are compared). Mount points are not entered.
//!
//! What can not be removed is passed over, its directory stays, and the first such error is the
//! result.

use std::io;

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, FileType, Mode, fchmod, openat, unlinkat};
use rustix::io::Errno;

use super::dir::{DIRECTORY, Dir};
use super::error::{Context, Error};
use super::inspect::{Unfit, kind_of};
use super::metadata::{change_mode, mode_bits};
use super::stat::{Identity, Stat};
use super::system;
use crate::entry::Kind;
use crate::path::{FileName, RelPath};

/// Directories kept open on the way down.
const HELD_LEVELS: usize = 32;
/// What emptying a directory takes.
const OWNER_ALL: u32 = 0o700;
/// How often a directory that is not empty at its end is read again.
const MAX_PASSES: u32 = 8;

impl Dir {
    /// Removes the entry `name`, and everything below it if it is a directory. Calls
    /// `on_removed` after each entry that is gone, the deepest first.
    pub fn remove_tree(
        &self,
        name: &FileName,
        on_removed: &mut dyn FnMut(&RelPath, &Kind),
    ) -> Result<(), Error> {
        let mut removal = Removal {
            top: self,
            path: self.path().clone(),
            levels: Vec::new(),
            on_removed,
            first_error: None,
        };
        removal.remove_any(name);
        while !removal.levels.is_empty() {
            if let Some(next) = removal.next_name() {
                removal.remove_any(&next);
            } else {
                removal.leave()?;
            }
        }
        match removal.first_error {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}

struct Removal<'a> {
    top: &'a Dir,
    /// Where the deepest open level is.
    path: RelPath,
    levels: Vec<Level>,
    on_removed: &'a mut dyn FnMut(&RelPath, &Kind),
    first_error: Option<Error>,
}

impl Removal<'_> {
    /// The directory whose entries are being removed.
    fn current(&self) -> BorrowedFd<'_> {
        match self.levels.last().and_then(|level| level.fd.as_ref()) {
            Some(fd) => fd.as_fd(),
            None => self.top.fd(),
        }
    }

    /// Removes an entry of the current directory, or descends into it.
    fn remove_any(&mut self, name: &FileName) {
        match self.try_remove(name) {
            // Gone already, whoever did it.
            Ok(()) | Err(Unfit::Vanished) => {}
            Err(unfit) => {
                let (operation, source) = unfit.into_error();
                self.keep(operation, self.path.join(name), source);
            }
        }
    }

    fn try_remove(&mut self, name: &FileName) -> Result<(), Unfit> {
        let stat = Stat::at(self.current(), name.as_bytes())
            .map_err(|errno| Unfit::from_system("stat", errno))?;
        if stat.file_type == FileType::Directory {
            return self.enter(name, &stat);
        }
        let kind = kind_of(self.current(), name.as_bytes(), &stat)?;
        unlinkat(self.current(), name.as_bytes(), AtFlags::empty())
            .map_err(|errno| Unfit::from_system("remove", errno))?;
        let path = self.path.join(name);
        self.removed(&path, &kind);
        Ok(())
    }

    fn enter(&mut self, name: &FileName, stat: &Stat) -> Result<(), Unfit> {
        let fail = |errno| Unfit::from_system("open", errno);
        let mut opened = openat(self.current(), name.as_bytes(), DIRECTORY, Mode::empty());
        if matches!(opened, Err(Errno::ACCESS))
            && change_mode(self.current(), name, stat.mode | OWNER_ALL).is_ok()
        {
            opened = openat(self.current(), name.as_bytes(), DIRECTORY, Mode::empty());
        }
        let fd = opened.map_err(fail)?;
        let found = Stat::of(&fd).map_err(fail)?;
        let parent = match self.levels.last() {
            Some(level) => level.identity,
            None => Stat::of(self.top.fd()).map_err(fail)?.identity,
        };
        if found.identity.device != parent.device {
            return Err(Unfit::System("remove", Errno::XDEV));
        }
        if found.mode & OWNER_ALL != OWNER_ALL {
            // Whoever may not change it learns from the first entry that can not be removed.
            let _ = fchmod(&fd, mode_bits(found.mode | OWNER_ALL));
        }
        if let Some(far) = self.levels.len().checked_sub(HELD_LEVELS) {
            self.levels[far].fd = None;
        }
        self.path = self.path.join(name);
        self.levels
            .push(Level::new(name.clone(), found.identity, fd));
        Ok(())
    }

    /// The next entry of the deepest level to remove; nothing at its end.
    fn next_name(&mut self) -> Option<FileName> {
        loop {
            let level = self.levels.last_mut()?;
            if let Some(name) = level.pending.pop() {
                return Some(name);
            }
            if level.at_end {
                return None;
            }
            if let Err(errno) = level.read_names() {
                level.at_end = true;
                self.keep("list", self.path.clone(), errno.into());
            }
        }
    }

    /// Removes the deepest level, which has nothing left to deal with, and goes on above it.
    /// An error means that there is no safe way up.
    fn leave(&mut self) -> Result<(), Error> {
        let Some(mut level) = self.levels.pop() else {
            return Ok(());
        };
        let path = self.path.clone();
        self.path = path.parent().unwrap_or_default();
        if let Some(above) = self.levels.last_mut() {
            above.keeps |= level.keeps;
            above
                .reopen_from(&level)
                .context("go back to", || self.path.clone())?;
        }
        if level.keeps {
            return Ok(());
        }
        match unlinkat(self.current(), level.name.as_bytes(), AtFlags::REMOVEDIR) {
            Ok(()) => self.removed(&path, &Kind::Dir),
            Err(Errno::NOENT) => {}
            // Some file systems skip names when entries are removed between two reads.
            Err(Errno::NOTEMPTY | Errno::EXIST) if level.progress && level.passes < MAX_PASSES => {
                level.start_over().context("list", || path.clone())?;
                self.path = path;
                self.levels.push(level);
            }
            Err(errno) => self.keep("remove", path, errno.into()),
        }
        Ok(())
    }

    fn removed(&mut self, path: &RelPath, kind: &Kind) {
        if let Some(level) = self.levels.last_mut() {
            level.progress = true;
        }
        (self.on_removed)(path, kind);
    }

    /// Notes that an entry of the deepest level stays.
    fn keep(&mut self, operation: &'static str, path: RelPath, source: io::Error) {
        self.first_error.get_or_insert(Error {
            operation,
            path: path.into(),
            source,
        });
        if let Some(level) = self.levels.last_mut() {
            level.keeps = true;
        }
    }
}

/// A directory being emptied.
struct Level {
    /// Its name in the level above.
    name: FileName,
    identity: Identity,
    /// Nothing while it is too far up to be kept open.
    fd: Option<OwnedFd>,
    /// Names read and not yet dealt with.
    pending: Vec<FileName>,
    /// True if the last name was read.
    at_end: bool,
    /// How often names were read from the first on.
    passes: u32,
    /// True if something went in this pass.
    progress: bool,
    /// True if something in it stays.
    keeps: bool,
}

impl Level {
    fn new(name: FileName, identity: Identity, fd: OwnedFd) -> Self {
        Self {
            name,
            identity,
            fd: Some(fd),
            pending: Vec::new(),
            at_end: false,
            passes: 1,
            progress: false,
            keeps: false,
        }
    }

    fn read_names(&mut self) -> rustix::io::Result<()> {
        let fd = self.fd.as_ref().ok_or(Errno::BADF)?;
        let mut unknown = false;
        let more = system::read_names(
            fd.as_fd(),
            &mut |raw, _| match FileName::new(raw.to_bytes()) {
                Ok(name) => self.pending.push(name),
                Err(_) => unknown = true,
            },
        )?;
        self.at_end = !more;
        if unknown {
            Err(Errno::NAMETOOLONG)
        } else {
            Ok(())
        }
    }

    fn start_over(&mut self) -> rustix::io::Result<()> {
        system::rewind(self.fd.as_ref().ok_or(Errno::BADF)?.as_fd())?;
        (self.at_end, self.progress) = (false, false);
        self.passes += 1;
        Ok(())
    }

    /// Opens it again through `..` of a level below, if it was too far up to be kept open.
    fn reopen_from(&mut self, below: &Self) -> rustix::io::Result<()> {
        if self.fd.is_some() {
            return Ok(());
        }
        let below = below.fd.as_ref().ok_or(Errno::BADF)?;
        let fd = openat(below, c"..", DIRECTORY, Mode::empty())?;
        if Stat::of(&fd)?.identity != self.identity {
            // Somebody moved the directory meanwhile: this is not where it was entered.
            return Err(Errno::XDEV);
        }
        self.fd = Some(fd);
        // The new descriptor reads from the first name on: what stays would come up for ever.
        self.at_end |= self.keeps;
        Ok(())
    }
}
