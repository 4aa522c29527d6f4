//! One source against one basis: the search itself.
//!
//! At every position the cheapest likely answer is tried first:
//!
//! 1. **Continue.** The block after the last match, or the block at the same offset: one strong
//!    sum, no rolling, and only that block's sum has to be known. Unchanged data ends here.
//! 2. **Overwritten in place.** If the next block continues, this one alone was changed: it is
//!    literal data. (If all sums are known it is looked up first: it may be another block.)
//! 3. **Search.** Roll byte by byte until a weak sum is in the index and its strong sum agrees.
//!
//! # Why it is linear
//!
//! Steps 1 and 2 hash at most two blocks per block that is passed. In step 3 a byte costs one
//! roll; look-ups and strong sums that turn out to be in vain are paid from an allowance that
//! grows with the bytes passed. Sums made to collide exhaust it, and then nothing is looked up
//! until it has grown again.

use std::io::Read;
use std::mem;

use super::allowance::Allowance;
use super::index::Index;
use super::output::Output;
use super::strongs::Strongs;
use super::window::Window;
use super::{Effort, MatchError, Matched, Sums, finish, flush_gap, rest, trim_gap};
use crate::checksum::{BlockHash, BlockKey, Rolling, Strong};
use crate::delta::op::Op;
use crate::delta::shape::Shape;
use crate::zeros::is_zero;

/// A run of the matcher.
pub(super) struct Run<'a, 'b, R, S, F> {
    window: Window<'b, R>,
    output: Output<F>,
    shape: Shape,
    sums: &'a mut S,
    in_place: bool,
    /// There once all sums were needed.
    index: Option<Index>,
    /// What it is made of.
    spare: &'b mut Index,
    /// Block after the last match, and the offset in the source where it is due.
    next: u64,
    next_at: u64,
    strongs: Strongs<'a>,
    allowance: Allowance,
    effort: Effort,
}

impl<'a, 'b, R, S, F, E> Run<'a, 'b, R, S, F>
where
    R: Read,
    S: Sums,
    F: FnMut(Op<'_>) -> Result<(), E>,
{
    pub(super) fn new(
        window: Window<'b, R>,
        output: Output<F>,
        shape: Shape,
        key: &'a BlockKey,
        sums: &'a mut S,
        spare: &'b mut Index,
        in_place: bool,
    ) -> Self {
        Self {
            window,
            output,
            shape,
            sums,
            in_place,
            index: None,
            spare,
            next: 0,
            next_at: 0,
            strongs: Strongs::new(key, shape),
            allowance: Allowance::new(shape),
            effort: Effort::default(),
        }
    }

    pub(super) fn run(mut self) -> Result<Matched, MatchError<S::Error, E>> {
        while self.shape.blocks() > 0 {
            let block_len = self.block_len();
            self.strongs
                .fill(&mut self.window, block_len)
                .map_err(MatchError::Read)?;
            let goes_on = if self.window.ahead().is_empty() {
                break;
            } else if let Some(block) = self.continuation()? {
                self.copy(block)?
            } else if self.window.ahead().len() < self.block_len() {
                self.tail()?
            } else {
                self.gap()?
            };
            if goes_on == Next::NoBasis {
                break;
            }
        }
        if let Some(index) = self.index.take().filter(Index::is_small) {
            *self.spare = index;
        }
        rest(&mut self.window, &mut self.output)?;
        let effort = Effort {
            strong_bytes: self.strongs.bytes(),
            ..self.effort
        };
        finish(self.window, self.output, effort)
    }

    /// The block that goes on where the last match ended, or that lies at the same offset.
    fn continuation(&mut self) -> Result<Option<u64>, MatchError<S::Error, E>> {
        let at = self.window.offset();
        for block in [self.due(at), self.at_same_offset(at)]
            .into_iter()
            .flatten()
        {
            let len = self.shape.len_of(block);
            if self.window.ahead().len() < len {
                continue;
            }
            let sum = self.sum(block)?;
            if sum.is_some_and(|sum| self.strong(0, len) == sum) {
                return Ok(Some(block));
            }
        }
        Ok(None)
    }

    /// The block that is due at `at` if the source goes on as it did with the last match.
    fn due(&self, at: u64) -> Option<u64> {
        let block_len = u64::from(self.shape.block_len());
        let passed = at.checked_sub(self.next_at)?;
        let block = self.next.checked_add(passed / block_len)?;
        (passed.is_multiple_of(block_len) && block < self.shape.blocks()).then_some(block)
    }

    /// The block at the same offset of the basis. Until the index exists this is always the one
    /// that is due.
    fn at_same_offset(&self, at: u64) -> Option<u64> {
        let block_len = u64::from(self.shape.block_len());
        let block = at / block_len;
        let other = self.index.is_some() && self.due(at) != Some(block);
        (other && at.is_multiple_of(block_len) && block < self.shape.blocks()).then_some(block)
    }

    /// What stands here does not go on: it was overwritten, or everything moved.
    fn gap(&mut self) -> Result<Next, MatchError<S::Error, E>> {
        let knew_all = self.index.is_some();
        if knew_all && let Some(found) = self.find_here()? {
            return self.take(found);
        }
        if self.next_block_continues()? {
            return self.pass(self.block_len());
        }
        if !knew_all {
            let table = self.sums.table().map_err(MatchError::Sums)?;
            if !table.is_complete() {
                return Ok(Next::NoBasis);
            }
            let full_blocks = self.shape.basis_len() / u64::from(self.shape.block_len());
            let mut index = mem::take(self.spare);
            index.fill(table, full_blocks);
            self.index = Some(index);
            if let Some(found) = self.find_here()? {
                return self.take(found);
            }
        }
        self.search()
    }

    /// True if only the block at the position was overwritten.
    fn next_block_continues(&mut self) -> Result<bool, MatchError<S::Error, E>> {
        let block_len = self.block_len();
        self.fill(2 * block_len)?;
        let Some(block) = self.due(self.window.offset() + u64::from(self.shape.block_len())) else {
            return Ok(false);
        };
        let len = self.shape.len_of(block);
        if self.window.ahead().len() < block_len + len {
            return Ok(false);
        }
        let sum = self.sum(block)?;
        Ok(sum.is_some_and(|sum| self.strong(block_len, len) == sum))
    }

    /// Rolls on from the position, which holds no block, to the next block or the end.
    fn search(&mut self) -> Result<Next, MatchError<S::Error, E>> {
        let block_len = self.block_len();
        let mut rolling = self.weak_here();
        self.strongs.moved();
        loop {
            self.fill(block_len + 1)?;
            let ahead = self.window.ahead();
            let (Some(index), true) = (&self.index, ahead.len() > block_len) else {
                return self.tail();
            };
            let blind = self
                .allowance
                .bytes_until_affordable()
                .min(ahead.len() - block_len);
            let passed = index
                .filter()
                .roll_to_alarm(ahead, block_len, blind, &mut rolling);
            self.effort.rolled_bytes += passed as u64;
            self.pass(passed)?;
            if let Some(found) = self.find(rolling.value())? {
                return self.take(found);
            }
        }
    }

    fn weak_here(&mut self) -> Rolling {
        let block_len = self.block_len();
        self.effort.rolled_bytes += block_len as u64;
        Rolling::of(&self.window.ahead()[..block_len])
    }

    fn find_here(&mut self) -> Result<Option<Found>, MatchError<S::Error, E>> {
        let weak = self.weak_here().value();
        self.find(weak)
    }

    /// The block of full length that stands at the position and has the weak sum `weak`.
    fn find(&mut self, weak: u32) -> Result<Option<Found>, MatchError<S::Error, E>> {
        let block_len = self.block_len();
        let at = self.window.offset();
        let likely = [self.due(at), self.at_same_offset(at)];
        let Some(index) = self
            .index
            .as_ref()
            .filter(|index| index.filter().may_hold(weak))
        else {
            return Ok(None);
        };
        self.effort.lookups += 1;
        self.allowance.spend_lookup();
        let table = self.sums.table().map_err(MatchError::Sums)?;
        let mut candidates = index.candidates(table, weak).peekable();
        if candidates.peek().is_none() {
            return Ok(None);
        }
        let content = &self.window.ahead()[..block_len];
        let strong = self.strongs.of(content, at).strong(self.shape.strong_len());
        let mut compared = 0;
        let found = candidates
            .inspect(|_| compared += 1)
            .find(|(_, other)| *other == strong);
        self.effort.candidates += compared;
        let Some((first, _)) = found else {
            self.allowance.spend_mismatch(compared);
            return Ok(None);
        };
        // Of equal blocks, one that continues makes longer copies and better guesses.
        let same = |block: &u64| {
            self.shape.len_of(*block) == block_len
                && table.get(*block).is_some_and(|sum| sum.strong == strong)
        };
        Ok(Some(match likely.into_iter().flatten().find(same) {
            Some(block) => Found::Block(block),
            None if is_zero(content) => Found::Zeros,
            None => Found::Block(first),
        }))
    }

    fn take(&mut self, found: Found) -> Result<Next, MatchError<S::Error, E>> {
        match found {
            Found::Block(block) => self.copy(block),
            Found::Zeros => self.zeros(),
        }
    }

    /// The source's last bytes, fewer than a block: they may end with the basis's short block.
    fn tail(&mut self) -> Result<Next, MatchError<S::Error, E>> {
        let left = self.window.ahead().len();
        let last = self.shape.blocks() - 1;
        let len = self.shape.len_of(last);
        if len < self.block_len() && len <= left {
            let Some(sum) = self.sum(last)? else {
                return Ok(Next::NoBasis);
            };
            if self.strong(left - len, len) == sum {
                self.pass(left - len)?;
                return self.copy(last);
            }
        }
        self.pass(left)
    }

    /// Passes `len` bytes as unmatched.
    fn pass(&mut self, len: usize) -> Result<Next, MatchError<S::Error, E>> {
        self.advance(len);
        trim_gap(&mut self.window, &mut self.output)?;
        Ok(Next::Goes)
    }

    /// Passes the block at the position as a copy of `block`.
    fn copy(&mut self, block: u64) -> Result<Next, MatchError<S::Error, E>> {
        let range = self.shape.range(block);
        let len = (range.end - range.start) as usize;
        if self.in_place && range.start < self.window.offset() {
            self.pass(len)?;
        } else {
            let hash = self.hash(0, len);
            flush_gap(&mut self.window, &mut self.output)?;
            self.output
                .copy(range.start, len as u64, &hash)
                .map_err(MatchError::Emit)?;
            self.skip(len);
        }
        self.strongs.went_on();
        self.next = block + 1;
        self.next_at = self.window.offset();
        Ok(Next::Goes)
    }

    /// Passes the block at the position as zeros. Copies of one block of zeros could not be
    /// joined, and guesses go on as before.
    fn zeros(&mut self) -> Result<Next, MatchError<S::Error, E>> {
        flush_gap(&mut self.window, &mut self.output)?;
        self.output
            .zeros(u64::from(self.shape.block_len()))
            .map_err(MatchError::Emit)?;
        self.skip(self.block_len());
        Ok(Next::Goes)
    }

    fn skip(&mut self, len: usize) {
        self.advance(len);
        self.window.sent(len);
    }

    fn advance(&mut self, len: usize) {
        self.window.advance(len);
        self.allowance.grant(len);
    }

    fn block_len(&self) -> usize {
        self.shape.block_len() as usize
    }

    fn fill(&mut self, ahead: usize) -> Result<(), MatchError<S::Error, E>> {
        self.window.fill(ahead).map_err(MatchError::Read)
    }

    fn sum(&mut self, block: u64) -> Result<Option<Strong>, MatchError<S::Error, E>> {
        Ok(self
            .sums
            .sum(block)
            .map_err(MatchError::Sums)?
            .map(|sum| sum.strong))
    }

    /// Strong sum of `len` bytes that begin `skip` bytes ahead of the position.
    fn strong(&mut self, skip: usize, len: usize) -> Strong {
        let strong_len = self.shape.strong_len();
        self.hash(skip, len).strong(strong_len)
    }

    /// Hash of the same.
    fn hash(&mut self, skip: usize, len: usize) -> BlockHash {
        let at = self.window.offset() + skip as u64;
        let content = &self.window.ahead()[skip..skip + len];
        self.strongs.of(content, at)
    }
}

/// How a step ends.
#[derive(PartialEq, Eq)]
enum Next {
    /// The position moved on.
    Goes,
    /// There is no usable basis.
    NoBasis,
}

/// What stands at a position.
enum Found {
    Block(u64),
    /// A block that is all zeros and is not the one that was due.
    Zeros,
}
