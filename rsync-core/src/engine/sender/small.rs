//! Small files: read whole, and several sent in one message.
//!
//! Among them are those of which the system tells no size, or a wrong one: the kernel's own, as below
//! `/proc` and `/sys/fs/cgroup` (proc(5)). What these hold is what can be read.

use std::cmp::Ordering;

use crate::checksum::Digest;
use crate::engine::connection::ConnectionError;
use crate::engine::sender::content::{Content, failure_of, system_failure};
use crate::path::FileName;
use crate::root::Dir;
use crate::wire::limits::{MAX_BUNDLE_LEN, MAX_BUNDLED_FILES, SMALL_FILE_LEN};
use crate::wire::message::{
    Bundle, Bundled, DirId, FileFailure, FileId, FromSender, Seen, SystemError,
};

/// How often a small file is read again because it changed meanwhile.
const READ_ATTEMPTS: u32 = 4;
/// Holes in smaller files save next to nothing.
const MIN_SPARSE_LEN: u64 = 8192;
/// A bundle of this many bytes is full: one more file fits in any case.
const FULL_LEN: usize = MAX_BUNDLE_LEN - SMALL_FILE_LEN as usize;

/// Sends the files of one directory that nobody asked for, the small ones in bundles.
pub(super) struct Bundler<'c, 'a> {
    content: &'c Content<'a>,
    dir: DirId,
    files: Vec<Bundled>,
    bytes: Vec<u8>,
}

impl<'c, 'a> Bundler<'c, 'a> {
    /// Nothing is in it yet. `room` is room for content, whatever is in it.
    pub(super) fn new(content: &'c Content<'a>, dir: DirId, mut room: Vec<u8>) -> Self {
        room.clear();
        Self {
            content,
            dir,
            files: Vec::new(),
            bytes: room,
        }
    }

    /// Adds the file `name` of `dir`, and sends what is complete. A large file is sent at once.
    pub(super) fn add(
        &mut self,
        index: u32,
        dir: &Dir,
        name: &FileName,
    ) -> Result<(), ConnectionError> {
        let file = FileId {
            dir: self.dir,
            index,
        };
        match read(dir, name, &mut self.bytes) {
            Err(failure) => self.content.failed(file, failure),
            Ok(None) => {
                self.send()?;
                self.content.stream_whole(file, dir, name)
            }
            Ok(Some(seen)) => {
                self.files.push(Bundled { index, seen });
                let is_full = self.bytes.len() >= FULL_LEN || self.files.len() >= MAX_BUNDLED_FILES;
                if is_full || !self.content.bundles {
                    self.send()?;
                }
                Ok(())
            }
        }
    }

    /// Sends what is left, and gives the room back.
    pub(super) fn finish(mut self) -> Result<Vec<u8>, ConnectionError> {
        self.send()?;
        Ok(self.bytes)
    }

    fn send(&mut self) -> Result<(), ConnectionError> {
        let Some(&first) = self.files.first() else {
            return Ok(());
        };
        let bundle = Bundle {
            dir: self.dir,
            digest: Digest::of(&self.bytes),
            files: std::mem::take(&mut self.files),
            content: std::mem::take(&mut self.bytes),
        };
        let file = bundle.id(&first);
        self.content
            .complete(file, bundle.files.len() as u64, &bundle.digest);
        self.content.sent_literally(bundle.content.len() as u64);
        let message = if self.content.bundles {
            FromSender::Bundle(bundle)
        } else {
            FromSender::File {
                file,
                seen: first.seen,
                digest: bundle.digest,
                content: bundle.content,
            }
        };
        let said = self.content.outbox.push(&message);
        if let FromSender::Bundle(Bundle { content, .. }) | FromSender::File { content, .. } =
            message
        {
            self.bytes = content;
            self.bytes.clear();
        }
        said
    }
}

/// Reads a file of at most [`SMALL_FILE_LEN`] bytes to the end of `content`; nothing if it is larger,
/// or has holes that are worth keeping.
pub(super) fn read(
    dir: &Dir,
    name: &FileName,
    content: &mut Vec<u8>,
) -> Result<Option<Seen>, FileFailure> {
    let start = content.len();
    for _ in 0..READ_ATTEMPTS {
        let read = read_once(dir, name, content);
        if !matches!(read, Ok(Attempt::Whole(_))) {
            content.truncate(start);
        }
        match read? {
            Attempt::Whole(seen) => return Ok(Some(seen)),
            Attempt::NotSmall => return Ok(None),
            Attempt::Changed => {}
        }
    }
    Err(FileFailure::KeptChanging)
}

/// What came of reading a file once.
enum Attempt {
    Whole(Seen),
    NotSmall,
    /// It changed meanwhile.
    Changed,
}

/// Whatever was added to `content` counts only if it is all of the file.
fn read_once(dir: &Dir, name: &FileName, content: &mut Vec<u8>) -> Result<Attempt, FileFailure> {
    let mut source = dir.open_file(name).map_err(failure_of)?;
    let stamp = source.settled_stamp().map_err(failure_of)?;
    let size = stamp.seen().size;
    let may_have_holes = size >= MIN_SPARSE_LEN && source.may_have_holes();
    if size > SMALL_FILE_LEN || (may_have_holes && source.next_data(0, size) != (0, size)) {
        return Ok(Attempt::NotSmall);
    }
    let start = content.len();
    let end = start + size as usize;
    let has_size = size > 0;
    // Room for one byte more than there should be shows that a file grew without another call.
    content.reserve(size as usize + 1);
    let is_too_large = |content: &Vec<u8>| content.len() - start > SMALL_FILE_LEN as usize;
    while content.len() < end || !(has_size || is_too_large(content)) {
        content.reserve(1);
        match source.append_to(content) {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(system_failure("read", &error)),
        }
    }
    let is_whole = match content.len().cmp(&end) {
        Ordering::Less => source.has_no_true_size(),
        Ordering::Equal => true,
        Ordering::Greater => !has_size,
    };
    if source.stamp().map_err(failure_of)? != stamp || !is_whole {
        return Ok(Attempt::Changed);
    }
    if is_too_large(content) {
        return Err(too_large());
    }
    Ok(Attempt::Whole(Seen {
        size: (content.len() - start) as u64,
        ..stamp.seen()
    }))
}

/// More comes of a file without a size than is read at once.
fn too_large() -> FileFailure {
    FileFailure::System(SystemError {
        operation: "read".into(),
        code: rustix::io::Errno::FBIG.raw_os_error(),
    })
}
