//! Finds the blocks of a basis in a source and describes the source by them.
//!
//! One pass over the source, in bounded memory: a window of 512 KiB and the blocks that are looked at
//! together, which are two or a row of sixteen short ones. Work is
//! linear in the source whatever source and sums are (`Effort` counts it).

mod allowance;
mod index;
mod lengthened;
mod output;
mod run;
mod strongs;
mod window;

use std::convert::Infallible;
use std::io::{self, Read};

use super::digest::DeltaHasher;
use super::op::Op;
use super::shape::Shape;
use super::signature::{BlockSum, Table};
use crate::checksum::{BlockKey, Digest, Hasher};
use crate::wire::limits::MAX_CONTENT_LEN;
use index::Index;
use output::{Output, ZERO_RUN_LEN};
use window::Window;

/// Where the sums of a basis come from. They may still be on their way: a caller waits.
pub trait Sums {
    /// What can go wrong while waiting.
    type Error;

    /// The sum of one block, as soon as it is known. `None` if it will never be: there is no
    /// usable basis, and everything from here on is literal data.
    fn sum(&mut self, block: u64) -> Result<Option<BlockSum>, Self::Error>;

    /// All sums, once they are known. If the table is not complete there is no usable basis.
    fn table(&mut self) -> Result<&Table, Self::Error>;
}

/// A table that will not grow.
impl Sums for &Table {
    type Error = Infallible;

    fn sum(&mut self, block: u64) -> Result<Option<BlockSum>, Infallible> {
        Ok(self.get(block))
    }

    fn table(&mut self) -> Result<&Table, Infallible> {
        Ok(self)
    }
}

/// The account of a source that was matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Matched {
    /// Digest of the whole source, plain or [of the delta](Shape::with_digest_of_delta).
    pub digest: Digest,
    /// Length of the source in bytes; the sum of the next three.
    pub len: u64,
    /// Bytes in literal ops.
    pub literal_bytes: u64,
    /// Bytes in copy ops.
    pub matched_bytes: u64,
    /// Bytes in zeros ops.
    pub zero_bytes: u64,
    /// What it took.
    pub effort: Effort,
}

/// Counts of the work that depends on source and sums.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Effort {
    /// Bytes that the rolling checksum moved over or was computed of.
    pub rolled_bytes: u64,
    /// Bytes of which strong block sums were computed.
    pub strong_bytes: u64,
    /// Look-ups in the hash table, after the filter.
    pub lookups: u64,
    /// Sums that a look-up compared.
    pub candidates: u64,
}

/// Why a source could not be matched.
#[derive(Debug, thiserror::Error)]
pub enum MatchError<S, E> {
    /// The source could not be read.
    #[error("reading the source: {0}")]
    Read(io::Error),
    /// The sums could not be had.
    #[error("waiting for the signature: {0}")]
    Sums(S),
    /// What takes the ops failed.
    #[error("passing on the delta: {0}")]
    Emit(E),
}

/// Matches sources, one after the other. Keeps its window and its index from one to the next.
#[derive(Default)]
pub struct Matcher {
    buffer: Vec<u8>,
    index: Index,
    in_place: bool,
}

impl Matcher {
    /// A matcher. Takes memory with its first source.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same, for bases that are overwritten in place: what a basis held where the new version is
    /// written already can not be copied any more.
    #[must_use]
    pub fn in_place(self, in_place: bool) -> Self {
        Self { in_place, ..self }
    }

    /// Describes `source` by the blocks of a basis of which `sums` are known, and by literal data.
    ///
    /// The ops depend on the source and the sums alone, not on when the sums arrive: the same
    /// block further on in the file needs one sum, all are waited for at the first change that is
    /// more than one block overwritten in place.
    ///
    /// # Errors
    /// If reading, `sums` or `emit` fails.
    pub fn delta<R: Read, S: Sums, E>(
        &mut self,
        source: R,
        shape: Shape,
        key: &BlockKey,
        sums: &mut S,
        emit: impl FnMut(Op<'_>) -> Result<(), E>,
    ) -> Result<Matched, MatchError<S::Error, E>> {
        let (plain, of_delta) = if shape.has_digest_of_delta() {
            (None, Some(DeltaHasher::new(key, shape)))
        } else {
            (Some(Hasher::new()), None)
        };
        let max_ahead = max_ahead(shape);
        let window = Window::new(source, plain, &mut self.buffer, MAX_CONTENT_LEN, max_ahead);
        let output = Output::new(of_delta, emit);
        let spare = &mut self.index;
        run::Run::new(window, output, shape, key, sums, spare, self.in_place).run()
    }

    /// Describes `source` without a basis: literal data and zeros.
    ///
    /// # Errors
    /// If reading or `emit` fails.
    pub fn whole<R: Read, E>(
        &mut self,
        source: R,
        emit: impl FnMut(Op<'_>) -> Result<(), E>,
    ) -> Result<Matched, MatchError<Infallible, E>> {
        let mut window = self.window(source, Some(Hasher::new()), 1);
        let mut output = Output::new(None, emit);
        rest(&mut window, &mut output)?;
        finish(window, output, Effort::default())
    }

    fn window<R: Read>(
        &mut self,
        source: R,
        hasher: Option<Hasher>,
        max_ahead: usize,
    ) -> Window<'_, R> {
        Window::new(source, hasher, &mut self.buffer, MAX_CONTENT_LEN, max_ahead)
    }
}

/// Bytes ahead of the position that are looked at together.
fn max_ahead(shape: Shape) -> usize {
    (2 * shape.block_len() as usize).max(strongs::row_len(shape))
}

/// Passes all that is left of the source as unmatched.
fn rest<R: Read, S, E>(
    window: &mut Window<'_, R>,
    output: &mut Output<impl FnMut(Op<'_>) -> Result<(), E>>,
) -> Result<(), MatchError<S, E>> {
    loop {
        window.fill(1).map_err(MatchError::Read)?;
        if window.ahead().is_empty() {
            return Ok(());
        }
        window.advance(window.ahead().len());
        trim_gap(window, output)?;
    }
}

/// Emits of the gap what exceeds a message, up to a place where a unit of zeros may start.
fn trim_gap<R: Read, S, E>(
    window: &mut Window<'_, R>,
    output: &mut Output<impl FnMut(Op<'_>) -> Result<(), E>>,
) -> Result<(), MatchError<S, E>> {
    let gap = window.gap().len();
    if gap < MAX_CONTENT_LEN {
        return Ok(());
    }
    let start = window.offset() - gap as u64;
    let whole = gap - gap % MAX_CONTENT_LEN;
    let misaligned = (start % ZERO_RUN_LEN as u64) as usize;
    emit_gap(window, output, whole - misaligned)
}

/// Emits all of the gap.
fn flush_gap<R: Read, S, E>(
    window: &mut Window<'_, R>,
    output: &mut Output<impl FnMut(Op<'_>) -> Result<(), E>>,
) -> Result<(), MatchError<S, E>> {
    emit_gap(window, output, window.gap().len())
}

fn emit_gap<R: Read, S, E>(
    window: &mut Window<'_, R>,
    output: &mut Output<impl FnMut(Op<'_>) -> Result<(), E>>,
    len: usize,
) -> Result<(), MatchError<S, E>> {
    let gap = window.gap();
    let start = window.offset() - gap.len() as u64;
    output
        .unmatched(&gap[..len], start)
        .map_err(MatchError::Emit)?;
    window.sent(len);
    Ok(())
}

/// Emits what is left and closes the account.
fn finish<R: Read, S, E>(
    mut window: Window<'_, R>,
    mut output: Output<impl FnMut(Op<'_>) -> Result<(), E>>,
    effort: Effort,
) -> Result<Matched, MatchError<S, E>> {
    flush_gap(&mut window, &mut output)?;
    output.flush().map_err(MatchError::Emit)?;
    let digest = match &output.hasher {
        Some(hasher) => hasher.digest(),
        None => window.digest().unwrap_or_else(|| Hasher::new().digest()),
    };
    Ok(Matched {
        digest,
        len: window.offset(),
        literal_bytes: output.literal_bytes,
        matched_bytes: output.matched_bytes,
        zero_bytes: output.zero_bytes,
        effort,
    })
}
