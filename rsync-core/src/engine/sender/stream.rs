//! Sends a larger file piece by piece, as what it was when it was opened.
//!
//! A file that was changed meanwhile is asked for again. If it changes that time too it is read once
//! more, unless it became shorter: a log is written to all the time, and still holds what it held. What
//! is found twice is what the file was when the first reading ended; anything else is a mixture of two
//! versions, which the receiver must not take for one.

use std::convert::Infallible;
use std::io::Read as _;

use crate::checksum::{Digest, Hasher};
use crate::delta::{MatchError, Matched, Matcher, Op, RangeSums, Shape};
use crate::engine::connection::ConnectionError;
use crate::engine::sender::content::{Content, failure_of, system_failure};
use crate::engine::sender::requests::{ArrivedRanges, ArrivedSums};
use crate::path::FileName;
use crate::root::{Dir, SourceFile};
use crate::wire::limits::MAX_CONTENT_LEN;
use crate::wire::message::{DataOp, FileFailure, FileId, FromSender};

/// In which form a file is sent.
pub(super) enum Form<'a> {
    /// All of it.
    Whole,
    /// From this offset on.
    From(u64),
    /// As a delta against a basis of which these are the sums.
    Delta(ArrivedSums, Shape, &'a mut Matcher),
    /// As what comes behind a basis of which these are the sums of ranges.
    Lengthened(ArrivedRanges<'a>, Shape, &'a mut Matcher),
}

/// What came of reading a file once.
#[derive(PartialEq, Eq)]
struct Passed {
    digest: Digest,
    matched_bytes: u64,
}

/// Why a file is not sent.
enum Unsent {
    /// It does not begin with its basis.
    NotLengthened,
    Failed(FileFailure),
}

type Pass = Result<Result<Passed, Unsent>, ConnectionError>;
/// Where the pieces go.
type Emit<'e> = dyn FnMut(Op<'_>) -> Result<(), ConnectionError> + 'e;

impl Content<'_> {
    /// Sends a file in this form.
    pub(super) fn stream(
        &self,
        file: FileId,
        dir: &Dir,
        name: &FileName,
        mut form: Form<'_>,
    ) -> Result<(), ConnectionError> {
        let opened = dir
            .open_file(name)
            .and_then(|source| Ok((source.settled_stamp()?, source)));
        let (stamp, source) = match opened {
            Ok(opened) => opened,
            Err(error) => return self.failed(file, failure_of(error)),
        };
        let seen = stamp.seen();
        let not_lengthened = FromSender::NotLengthened { file };
        if let Form::Lengthened(sums, shape, _) = &mut form
            && (seen.size <= shape.basis_len() || !self.ends_alike(&source, *shape, sums))
        {
            return self.outbox.send(&not_lengthened);
        }
        self.outbox.send(&FromSender::Begin { file, seen })?;
        let mut sends = |op: Op<'_>| match op {
            Op::Literal(bytes) => self.literal(file, bytes),
            Op::Copy { .. } | Op::Zeros(_) => {
                let op = DataOp::from(op);
                self.outbox.send(&FromSender::Data { file, op })
            }
        };
        let first = self.pass(&source, seen.size, &mut form, &mut sends)?;
        let result = match first {
            Err(Unsent::NotLengthened) => return self.outbox.send(&not_lengthened),
            Err(Unsent::Failed(failure)) => Err(failure),
            Ok(passed) => match source.stamp() {
                Err(error) => Err(failure_of(error)),
                Ok(after) if after == stamp => Ok(passed),
                Ok(after) if after.size < seen.size || !self.changes_again(file) => {
                    Err(FileFailure::KeptChanging)
                }
                Ok(_) => match self.pass(&source, seen.size, &mut form, &mut |_| Ok(()))? {
                    Ok(again) if again == passed => Ok(passed),
                    _ => Err(FileFailure::KeptChanging),
                },
            },
        };
        self.end(file, result.map(|sent| (sent.digest, sent.matched_bytes)))
    }

    /// Reads the first `size` bytes of a file once, and gives the pieces to `emit`.
    fn pass(
        &self,
        source: &SourceFile,
        size: u64,
        form: &mut Form<'_>,
        emit: &mut Emit<'_>,
    ) -> Pass {
        let reader = source.reader().take(size);
        let matched = match form {
            Form::Whole => return from_offset(source, 0, size, emit),
            Form::From(offset) => return from_offset(source, *offset, size, emit),
            Form::Delta(sums, shape, matcher) => {
                matcher.delta(reader, *shape, self.key, sums, emit)
            }
            Form::Lengthened(sums, shape, matcher) => {
                let mut next = 0;
                let sums = || {
                    next += 1;
                    Ok(sums.get(next))
                };
                match matcher
                    .lengthened(reader, *shape, self.key, sums, emit)
                    .transpose()
                {
                    Some(matched) => matched,
                    None => return Ok(Err(Unsent::NotLengthened)),
                }
            }
        };
        made(matched, size)
    }

    /// True if where the basis ends the same stands in both. What can not be read is not the same:
    /// the receiver asks again, and is told then.
    fn ends_alike(&self, source: &SourceFile, shape: Shape, sums: &mut ArrivedRanges<'_>) -> bool {
        let last = source.reader_from(shape.last_range_start());
        let here = RangeSums::of_last(last, shape, self.key);
        here.is_ok_and(|here| here.is_some() && here == sums.get(0))
    }
}

/// What came of a delta.
fn made(matched: Result<Matched, MatchError<Infallible, ConnectionError>>, size: u64) -> Pass {
    match matched {
        Ok(matched) if matched.len == size => Ok(Ok(Passed {
            digest: matched.digest,
            matched_bytes: matched.matched_bytes,
        })),
        Ok(_) => Ok(Err(Unsent::Failed(FileFailure::KeptChanging))),
        Err(MatchError::Read(error)) => Ok(Err(Unsent::Failed(system_failure("read", &error)))),
        Err(MatchError::Emit(error)) => Err(error),
        Err(MatchError::Sums(never)) => match never {},
    }
}

/// Everything from `offset` on; the digest covers what is before it too.
fn from_offset(source: &SourceFile, offset: u64, size: u64, emit: &mut Emit<'_>) -> Pass {
    let mut hasher = Hasher::new();
    let mut buffer = vec![0; MAX_CONTENT_LEN];
    let mut position = 0;
    while position < size {
        let (data, end) = source.next_data(position, size);
        if data > position {
            hasher.update_zeros(data - position);
            let unsent = data.saturating_sub(position.max(offset));
            if unsent > 0 {
                emit(Op::Zeros(unsent))?;
            }
        }
        position = data;
        while position < end {
            let mut len = (end - position).min(MAX_CONTENT_LEN as u64);
            if position < offset {
                len = len.min(offset - position);
            }
            let piece = &mut buffer[..len as usize];
            let failure = match source.read_at(piece, position) {
                // The file is shorter than it was.
                Ok(0) => FileFailure::KeptChanging,
                Ok(read) => {
                    let piece = &piece[..read];
                    hasher.update(piece);
                    if position >= offset {
                        emit(Op::Literal(piece))?;
                    }
                    position += read as u64;
                    continue;
                }
                Err(error) => failure_of(error),
            };
            return Ok(Err(Unsent::Failed(failure)));
        }
    }
    Ok(Ok(Passed {
        digest: hasher.digest(),
        matched_bytes: 0,
    }))
}
