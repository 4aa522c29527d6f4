//! A regular file open for reading.

use std::io::{self, Read};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::buffer::spare_capacity;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{FileType, OFlags};
use rustix::io::{Errno, pread};

use super::dir::Dir;
use super::error::{Context, Error, NotAFile};
use super::list::Detail;
use super::stat::{Stamp, Stat};
use super::system;
use super::xattr::{self, Target};
use crate::entry::{Timestamp, Xattr};
use crate::path::{FileName, RelPath};
use crate::wire::message::Seen;

/// Longest time between two ticks of a file system's clock (10 ms with `CONFIG_HZ=100`), and as
/// much again for what lies between the clock and the file.
const TICK: Duration = Duration::from_millis(20);
/// Longest wait for a file that is written to.
const MAX_WAIT: Duration = Duration::from_millis(40);

impl Dir {
    /// Opens the regular file `name` for reading. Anything else is refused: pipes and devices are
    /// not waited for, links not followed unless this root follows them ([`Error::is_not_a_file`]).
    pub fn open_file(&self, name: &FileName) -> Result<SourceFile, Error> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let fd = system::open_for_reading(self.fd(), name.as_bytes(), flags)
            .or_else(|errno| self.open_followed_file(name, flags, errno))
            .map_err(not_a_file_if_so)
            .context("open", self.at(name))?;
        let (opened, allocated) = regular_stat(fd.as_fd())
            .map(|stat| (stat.stamp(), stat.allocated))
            .context("open", self.at(name))?;
        Ok(SourceFile {
            fd,
            path: self.path().join(name),
            opened,
            allocated,
            position: 0,
        })
    }
}

/// A link answers ELOOP to an open that does not follow, a socket or dead device ENXIO.
pub(super) fn not_a_file_if_so(errno: Errno) -> io::Error {
    match errno {
        Errno::LOOP | Errno::NXIO | Errno::NODEV | Errno::ISDIR => NotAFile.into(),
        errno => errno.into(),
    }
}

/// What an open regular file is; other kinds are an error.
pub(super) fn regular(fd: BorrowedFd<'_>) -> io::Result<Stamp> {
    regular_stat(fd).map(|stat| stat.stamp())
}

fn regular_stat(fd: BorrowedFd<'_>) -> io::Result<Stat> {
    let stat = Stat::of(fd)?;
    if stat.file_type == FileType::RegularFile {
        Ok(stat)
    } else {
        Err(NotAFile.into())
    }
}

/// A regular file open for reading.
///
/// [`Read`] goes from the start on and keeps its own position: [`SourceFile::read_at`] and
/// [`SourceFile::next_data`] do not disturb it and can be called from other threads.
#[derive(Debug)]
pub struct SourceFile {
    fd: OwnedFd,
    path: RelPath,
    opened: Stamp,
    /// Bytes of the disk that were its own when it was opened.
    allocated: u64,
    position: u64,
}

impl SourceFile {
    /// Where it was when it was opened.
    pub fn path(&self) -> &RelPath {
        &self.path
    }

    /// What it was when it was opened.
    pub fn opened(&self) -> &Stamp {
        &self.opened
    }

    /// What it is now. Equal to [`SourceFile::opened`] if nobody wrote in between.
    pub fn stamp(&self) -> Result<Stamp, Error> {
        Ok(Stat::of(&self.fd)
            .context("stat", || self.path.clone())?
            .stamp())
    }

    /// What it was when it was opened or is now, with a time that the next write will not leave as it
    /// is: waits where it was written to just now.
    ///
    /// File times of Linux before 6.13, and of most network file systems, move in ticks: of two
    /// writes within one the second leaves no trace but in the content. A file that is written to
    /// all the time is not waited for longer than a moment.
    pub fn settled_stamp(&self) -> Result<Stamp, Error> {
        if self.is_settled() {
            return Ok(self.opened);
        }
        let give_up = Instant::now() + MAX_WAIT;
        loop {
            let stamp = self.stamp()?;
            match fresh_for(stamp.ctime) {
                Some(wait) if Instant::now() < give_up => std::thread::sleep(wait),
                _ => return Ok(stamp),
            }
        }
    }

    /// True if what it was when it was opened has a time that the next write will not leave as it
    /// is.
    pub fn is_settled(&self) -> bool {
        fresh_for(self.opened.ctime).is_none()
    }

    /// What it is now, as it travels.
    pub fn seen(&self) -> Result<Seen, Error> {
        Ok(self.stamp()?.seen())
    }

    /// Reads from `offset` until `buffer` is full or the file ends; returns how many bytes.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, Error> {
        read_full(self.fd.as_fd(), buffer, offset).context("read", || self.path.clone())
    }

    /// Reads on into the room that `buffer` has behind its content; returns how many bytes that
    /// were. Spares what [`Read`] asks for, to fill that room with zeros first.
    pub fn append_to(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        let len = pread(&self.fd, spare_capacity(buffer), self.position)?;
        self.position += len as u64;
        Ok(len)
    }

    /// False if it had as much of the disk as it is long when it was opened: then nothing of it was a
    /// hole.
    pub fn may_have_holes(&self) -> bool {
        self.allocated < self.opened.size
    }

    /// True if it is of a file system on which a file may end before its size says.
    pub fn has_no_true_size(&self) -> bool {
        system::has_no_true_sizes(self.fd())
    }

    /// The first stretch of data in `offset..end`, as start and end; empty and at `end` if only a
    /// hole is left. What is between two stretches is zeros. Where the file system can not tell,
    /// everything counts as data.
    pub fn next_data(&self, offset: u64, end: u64) -> (u64, u64) {
        if offset >= end {
            return (end, end);
        }
        match system::next_data(self.fd(), offset) {
            Ok(Some((start, stop))) => (start.clamp(offset, end), stop.clamp(offset, end)),
            Ok(None) => (end, end),
            Err(_) => (offset, end),
        }
    }

    /// Reads from the start on, without disturbing other readers.
    pub fn reader(&self) -> SourceReader<'_> {
        self.reader_from(0)
    }

    /// Reads from `position` on, as [`Self::reader`] does.
    pub fn reader_from(&self, position: u64) -> SourceReader<'_> {
        SourceReader {
            file: self,
            position,
        }
    }

    /// Its extended attributes, as far as `detail` asks for them.
    pub fn xattrs(&self, detail: &Detail) -> Result<Vec<Xattr>, Error> {
        let Some(namespaces) = detail.namespaces() else {
            return Ok(Vec::new());
        };
        xattr::read(Target::Open(self.fd.as_fd()), namespaces).or_else(|unfit| {
            let (operation, source) = unfit.into_error();
            Err(source).context(operation, || self.path.clone())
        })
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// How long from now on a write may leave a time as it is; nothing if none will. A time in the
/// future tells nothing: the clocks differ.
fn fresh_for(ctime: Timestamp) -> Option<Duration> {
    let since_epoch = Duration::new(u64::try_from(ctime.secs()).ok()?, ctime.nanos());
    let since = UNIX_EPOCH.checked_add(since_epoch)?;
    let age = SystemTime::now().duration_since(since).ok()?;
    TICK.checked_sub(age).filter(|left| !left.is_zero())
}

/// Reads a [`SourceFile`] from the start on.
#[derive(Debug)]
pub struct SourceReader<'a> {
    file: &'a SourceFile,
    position: u64,
}

impl Read for SourceReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = pread(&self.file.fd, buffer, self.position)?;
        self.position += len as u64;
        Ok(len)
    }
}

impl Read for SourceFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = pread(&self.fd, buffer, self.position)?;
        self.position += len as u64;
        Ok(len)
    }
}

/// Reads until `buffer` is full or the file ends.
pub(super) fn read_full(
    fd: BorrowedFd<'_>,
    buffer: &mut [u8],
    offset: u64,
) -> rustix::io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match pread(
            fd,
            &mut buffer[filled..],
            offset.saturating_add(filled as u64),
        ) {
            Ok(0) => break,
            Ok(len) => filled += len,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(filled)
}
