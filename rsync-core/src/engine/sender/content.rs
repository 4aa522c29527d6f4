//! Reads and sends file content.
//!
//! A file that changes while it is read is read again; if it never holds still the receiver is
//! told so, and never gets a mixture of two versions that would pass for either.

use std::convert::Infallible;
use std::io::Read as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::checksum::{BlockKey, Digest, Hasher};
use crate::delta::{MatchError, Matched, Matcher, Op};
use crate::engine::connection::{ConnectionError, Outbox};
use crate::engine::content_digest::ContentDigest;
use crate::engine::sender::directories::Directories;
use crate::engine::sender::interim::Interims;
use crate::engine::sender::requests::{Request, Requests, Signature, Task};
use crate::engine::sender::small;
use crate::engine::tree::Tree;
use crate::path::FileName;
use crate::root::{self, Dir, SourceFile, Stamp};
use crate::wire::hello::Features;
use crate::wire::limits::MAX_CONTENT_LEN;
use crate::wire::message::{
    DataOp, FileFailure, FileId, FromSender, How, Seen, SenderTotals, SystemError,
};

/// Serves content of one tree.
pub(super) struct Content<'a> {
    tree: &'a Tree<'a>,
    pub(super) key: &'a BlockKey,
    directories: &'a Directories<'a>,
    requests: &'a Requests,
    pub(super) outbox: &'a Outbox<FromSender>,
    /// The receiver can take bundles.
    pub(super) bundles: bool,
    /// The receiver expects digests of what deltas consist of.
    digests_of_deltas: bool,
    files_sent: AtomicU64,
    files_failed: AtomicU64,
    literal_bytes: AtomicU64,
    matched_bytes: AtomicU64,
    content_digest: Mutex<ContentDigest>,
}

impl<'a> Content<'a> {
    /// Nothing is sent yet.
    pub(super) fn new(
        tree: &'a Tree<'a>,
        key: &'a BlockKey,
        directories: &'a Directories<'a>,
        requests: &'a Requests,
        outbox: &'a Outbox<FromSender>,
        features: Features,
    ) -> Self {
        Self {
            tree,
            key,
            directories,
            requests,
            outbox,
            bundles: features.contains(Features::BUNDLES),
            digests_of_deltas: features.contains(Features::DIGESTS_OF_DELTAS),
            files_sent: AtomicU64::new(0),
            files_failed: AtomicU64::new(0),
            literal_bytes: AtomicU64::new(0),
            matched_bytes: AtomicU64::new(0),
            content_digest: Mutex::new(ContentDigest::default()),
        }
    }

    /// The sender's account so far.
    pub(super) fn totals(&self) -> SenderTotals {
        SenderTotals {
            files_sent: self.files_sent.load(Ordering::Relaxed),
            files_failed: self.files_failed.load(Ordering::Relaxed),
            literal_bytes: self.literal_bytes.load(Ordering::Relaxed),
            matched_bytes: self.matched_bytes.load(Ordering::Relaxed),
            content_digest: self
                .content_digest
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .value(),
        }
    }

    /// Answers requests until there will be no more, or the connection fails. Says how the account
    /// stands when that is due.
    pub(super) fn serve(&self, interims: &Interims<'_>) {
        let mut room = Room {
            matcher: Matcher::new().in_place(self.tree.options.write.in_place),
            ..Room::default()
        };
        while let Some(task) = self.requests.pop() {
            let outcome = match task {
                Task::Answer(request) => {
                    let outcome = self.answer(&request, &mut room);
                    self.requests.answered(&request);
                    outcome
                }
                Task::Interim => interims.say(),
            };
            if outcome.is_err() {
                return;
            }
        }
    }

    fn answer(&self, request: &Request, room: &mut Room) -> Result<(), ConnectionError> {
        let file = request.file;
        // The peer may only have what was listed: the name is looked up in the listing's own terms.
        let allowed = request.dir.as_ref().and_then(|path| {
            let dir = self.directories.open(path).ok()?;
            self.tree.may_serve(path, &request.name).then_some(dir)
        });
        let Some(dir) = allowed else {
            return self.failed(file, FileFailure::Refused);
        };
        match request.how {
            How::Whole => self.whole(file, &dir, &request.name, &mut room.content),
            How::From(offset) => self.stream(file, &dir, &request.name, Form::From(offset)),
            How::Digest => {
                room.pieces.resize(MAX_CONTENT_LEN, 0);
                let result = crate::engine::tree::digest_of(&dir, &request.name, &mut room.pieces);
                let result = result.map_err(|error| system_failure("read", &error));
                self.outbox.send(&FromSender::Digested { file, result })
            }
            How::Delta(_) | How::ShortDelta(_) | How::Lengthened(_) => {
                // A basis that can not be cut like that has no signature.
                let Some(signature) = &request.signature else {
                    return self.failed(file, FileFailure::Refused);
                };
                let matcher = &mut room.matcher;
                if matches!(request.how, How::Lengthened(_)) {
                    return self.lengthened(file, &dir, &request.name, signature, matcher);
                }
                let form = Form::Delta(signature, matcher);
                self.stream(file, &dir, &request.name, form)
            }
        }
    }

    pub(super) fn failed(&self, file: FileId, failure: FileFailure) -> Result<(), ConnectionError> {
        self.files_failed.fetch_add(1, Ordering::Relaxed);
        self.outbox.send(&FromSender::Failed { file, failure })
    }

    /// So many files are sent, for which `file` stands, and what they hold has this digest.
    pub(super) fn complete(&self, file: FileId, files: u64, digest: &Digest) {
        self.files_sent.fetch_add(files, Ordering::Relaxed);
        self.content_digest
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .add(file, digest);
    }

    /// Sends a whole file. `buffer` is room for content, whatever is in it.
    fn whole(
        &self,
        file: FileId,
        dir: &Dir,
        name: &FileName,
        buffer: &mut Vec<u8>,
    ) -> Result<(), ConnectionError> {
        buffer.clear();
        match small::read(dir, name, buffer) {
            Err(failure) => self.failed(file, failure),
            Ok(None) => self.stream_whole(file, dir, name),
            Ok(Some(seen)) => {
                let content = std::mem::take(buffer);
                let digest = Digest::of(&content);
                self.complete(file, 1, &digest);
                self.sent_literally(content.len() as u64);
                let message = FromSender::File {
                    file,
                    seen,
                    digest,
                    content,
                };
                let said = self.outbox.send(&message);
                if let FromSender::File { content, .. } = message {
                    *buffer = content;
                }
                said
            }
        }
    }

    /// Sends a whole file piece by piece.
    pub(super) fn stream_whole(
        &self,
        file: FileId,
        dir: &Dir,
        name: &FileName,
    ) -> Result<(), ConnectionError> {
        self.stream(file, dir, name, Form::Whole)
    }

    fn stream(
        &self,
        file: FileId,
        dir: &Dir,
        name: &FileName,
        form: Form<'_>,
    ) -> Result<(), ConnectionError> {
        let (stamp, source) = match Self::open(dir, name) {
            Ok(opened) => opened,
            Err(failure) => return self.failed(file, failure),
        };
        self.outbox.send(&FromSender::Begin {
            file,
            seen: stamp.seen(),
        })?;
        let sent = match form {
            Form::Whole => self.send_from(file, &source, 0, stamp.seen().size)?,
            Form::From(offset) => self.send_from(file, &source, offset, stamp.seen().size)?,
            Form::Delta(signature, matcher) => {
                self.send_delta(file, &source, stamp.seen(), signature, matcher)?
            }
        };
        self.end(file, &source, stamp, sent)
    }

    /// Opens a file to be sent, and tells what it is.
    pub(super) fn open(dir: &Dir, name: &FileName) -> Result<(Stamp, SourceFile), FileFailure> {
        dir.open_file(name)
            .and_then(|source| Ok((source.settled_stamp()?, source)))
            .map_err(failure_of)
    }

    /// Ends the content of a file that was `stamp` when it began.
    pub(super) fn end(
        &self,
        file: FileId,
        source: &SourceFile,
        stamp: Stamp,
        sent: Result<Digest, FileFailure>,
    ) -> Result<(), ConnectionError> {
        let result = sent.and_then(|digest| match source.stamp() {
            Ok(after) if after == stamp => Ok(digest),
            Ok(_) => Err(FileFailure::KeptChanging),
            Err(error) => Err(failure_of(error)),
        });
        match &result {
            Ok(digest) => self.complete(file, 1, digest),
            Err(_) => drop(self.files_failed.fetch_add(1, Ordering::Relaxed)),
        }
        self.outbox.send(&FromSender::End { file, result })
    }

    /// Sends everything from `offset` on; the digest covers what is before it too.
    fn send_from(
        &self,
        file: FileId,
        source: &SourceFile,
        offset: u64,
        size: u64,
    ) -> Result<Result<Digest, FileFailure>, ConnectionError> {
        let mut hasher = Hasher::new();
        let mut buffer = vec![0; MAX_CONTENT_LEN];
        let mut position = 0;
        while position < size {
            let (data, end) = source.next_data(position, size);
            if data > position {
                hasher.update_zeros(data - position);
                let unsent = data.saturating_sub(position.max(offset));
                if unsent > 0 {
                    self.outbox.send(&FromSender::Data {
                        file,
                        op: DataOp::Zeros(unsent),
                    })?;
                }
            }
            position = data;
            while position < end {
                let mut len = (end - position).min(MAX_CONTENT_LEN as u64);
                if position < offset {
                    len = len.min(offset - position);
                }
                let piece = &mut buffer[..len as usize];
                match source.read_at(piece, position) {
                    // The file is shorter than it was.
                    Ok(0) => return Ok(Err(FileFailure::KeptChanging)),
                    Ok(read) => {
                        let piece = &piece[..read];
                        hasher.update(piece);
                        if position >= offset {
                            self.literal(file, piece)?;
                        }
                        position += read as u64;
                    }
                    Err(error) => return Ok(Err(failure_of(error))),
                }
            }
        }
        Ok(Ok(hasher.digest()))
    }

    fn send_delta(
        &self,
        file: FileId,
        source: &SourceFile,
        seen: Seen,
        signature: &Arc<Signature>,
        matcher: &mut Matcher,
    ) -> Result<Result<Digest, FileFailure>, ConnectionError> {
        let mut shape = signature.shape();
        if self.digests_of_deltas {
            shape = shape.with_digest_of_delta();
        }
        let mut sums = signature.arrived();
        let reader = source.reader().take(seen.size);
        let matched = matcher.delta(reader, shape, self.key, &mut sums, self.sends(file));
        self.made(matched, seen)
    }

    /// What sends the pieces of a delta.
    pub(super) fn sends(
        &self,
        file: FileId,
    ) -> impl FnMut(Op<'_>) -> Result<(), ConnectionError> + '_ {
        move |op| match op {
            Op::Literal(bytes) => self.literal(file, bytes),
            Op::Copy { .. } | Op::Zeros(_) => {
                let op = DataOp::from(op);
                self.outbox.send(&FromSender::Data { file, op })
            }
        }
    }

    /// The digest of a file of which a delta was made.
    pub(super) fn made(
        &self,
        matched: Result<Matched, MatchError<Infallible, ConnectionError>>,
        seen: Seen,
    ) -> Result<Result<Digest, FileFailure>, ConnectionError> {
        match matched {
            Ok(matched) if matched.len == seen.size => {
                self.matched_bytes
                    .fetch_add(matched.matched_bytes, Ordering::Relaxed);
                Ok(Ok(matched.digest))
            }
            Ok(_) => Ok(Err(FileFailure::KeptChanging)),
            Err(MatchError::Read(error)) => Ok(Err(system_failure("read", &error))),
            Err(MatchError::Emit(error)) => Err(error),
            Err(MatchError::Sums(never)) => match never {},
        }
    }

    pub(super) fn sent_literally(&self, bytes: u64) {
        self.literal_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    fn literal(&self, file: FileId, bytes: &[u8]) -> Result<(), ConnectionError> {
        self.sent_literally(bytes.len() as u64);
        self.outbox.send(&FromSender::Data {
            file,
            op: DataOp::Literal(bytes.to_vec()),
        })
    }
}

enum Form<'a> {
    Whole,
    From(u64),
    Delta(&'a Arc<Signature>, &'a mut Matcher),
}

/// What a worker keeps from one request to the next, as making it costs more than most answers.
#[derive(Default)]
struct Room {
    /// Room for content, whatever is in it.
    content: Vec<u8>,
    /// Room for a piece of a file that is only hashed.
    pieces: Vec<u8>,
    matcher: Matcher,
}

pub(super) fn failure_of(error: root::Error) -> FileFailure {
    FileFailure::from(&error)
}

pub(super) fn system_failure(operation: &str, error: &std::io::Error) -> FileFailure {
    FileFailure::System(SystemError {
        operation: operation.into(),
        code: error.raw_os_error().unwrap_or(0),
    })
}
