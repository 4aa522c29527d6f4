//! Reads and sends file content.
//!
//! A file that changes while it is read is read again; if it never holds still the receiver is
//! told so, and never gets a mixture of two versions that would pass for either.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::checksum::{BlockKey, Digest};
use crate::delta::Matcher;
use crate::engine::connection::{ConnectionError, Outbox};
use crate::engine::content_digest::ContentDigest;
use crate::engine::sender::directories::Directories;
use crate::engine::sender::interim::Interims;
use crate::engine::sender::requests::{ArrivedRanges, Request, Requests, Task};
use crate::engine::sender::small;
use crate::engine::sender::stream::Form;
use crate::engine::tree::Tree;
use crate::path::FileName;
use crate::root::{self, Dir};
use crate::wire::hello::Features;
use crate::wire::limits::MAX_CONTENT_LEN;
use crate::wire::message::{
    DataOp, FileFailure, FileId, FromSender, How, SenderTotals, SystemError,
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
    /// Files that changed while they were read.
    changing: Mutex<HashSet<FileId>>,
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
            changing: Mutex::default(),
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
                let (mut shape, matcher) = (signature.shape(), &mut room.matcher);
                if self.digests_of_deltas {
                    shape = shape.with_digest_of_delta();
                }
                let form = match request.how {
                    How::Lengthened(_) => {
                        Form::Lengthened(ArrivedRanges::of(signature), shape, matcher)
                    }
                    _ => Form::Delta(signature.arrived(), shape, matcher),
                };
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

    /// Remembers that a file changed while it was read; true if it did so before.
    pub(super) fn changes_again(&self, file: FileId) -> bool {
        let mut changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        !changing.insert(file)
    }

    /// Ends the content of a file that was streamed: with its digest and how much of it was matched.
    pub(super) fn end(
        &self,
        file: FileId,
        sent: Result<(Digest, u64), FileFailure>,
    ) -> Result<(), ConnectionError> {
        let result = sent.map(|(digest, matched_bytes)| {
            self.matched_bytes
                .fetch_add(matched_bytes, Ordering::Relaxed);
            self.complete(file, 1, &digest);
            digest
        });
        if result.is_err() {
            self.files_failed.fetch_add(1, Ordering::Relaxed);
        }
        self.outbox.send(&FromSender::End { file, result })
    }

    pub(super) fn sent_literally(&self, bytes: u64) {
        self.literal_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn literal(&self, file: FileId, bytes: &[u8]) -> Result<(), ConnectionError> {
        self.sent_literally(bytes.len() as u64);
        self.outbox.send(&FromSender::Data {
            file,
            op: DataOp::Literal(bytes.to_vec()),
        })
    }
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
