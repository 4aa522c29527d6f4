//! The hashes of the blocks ahead.

use std::io::{self, Read};

use super::window::Window;
use crate::checksum::{BlockHash, BlockKey, LANES};
use crate::delta::shape::Shape;

/// Hashes blocks, each once, although several ways to match it ask for the same sum and its digest for
/// the same hash.
///
/// Where one block after the other is asked for, those that follow are hashed [side by
/// side](BlockKey::hash_each) with it. They are in vain once everything has moved, so it takes a row of
/// blocks that go on to begin again with that: at most one block is hashed in vain for one that passed.
pub(super) struct Strongs<'a> {
    key: &'a BlockKey,
    block_len: usize,
    row_len: usize,
    /// The last two by offset in the source and length.
    memo: [Option<(u64, usize, BlockHash)>; 2],
    /// Of blocks of full length that follow one another, and the offset of the first.
    row: Vec<BlockHash>,
    row_at: u64,
    /// Blocks that went on since everything moved.
    gone_on: usize,
    bytes: u64,
}

/// Bytes of a row of blocks of this shape; none if they are hashed as quickly one by one.
pub(super) fn row_len(shape: Shape) -> usize {
    let block_len = shape.block_len() as usize;
    if BlockKey::hashes_side_by_side(block_len) {
        LANES * block_len
    } else {
        0
    }
}

impl<'a> Strongs<'a> {
    /// Hashes with `key` what may be blocks of `shape`. Expects the source to begin as its basis does.
    pub(super) fn new(key: &'a BlockKey, shape: Shape) -> Self {
        Self {
            key,
            block_len: shape.block_len() as usize,
            row_len: row_len(shape),
            memo: [None; 2],
            row: Vec::new(),
            row_at: 0,
            gone_on: LANES,
            bytes: 0,
        }
    }

    /// Bytes that were hashed.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The block at the position goes on where the last one ended.
    pub(super) fn went_on(&mut self) {
        self.gone_on += 1;
    }

    /// What follows is not where it was expected.
    pub(super) fn moved(&mut self) {
        self.gone_on = 0;
    }

    /// Reads until at least `len` bytes are ahead, or the source ends. Where the block at the position is
    /// expected to go on and is not known, hashes a row that begins with it.
    pub(super) fn fill<R: Read>(
        &mut self,
        window: &mut Window<'_, R>,
        len: usize,
    ) -> io::Result<()> {
        let at = window.offset();
        let goes_on = self.gone_on >= LANES && self.known(self.block_len, at).is_none();
        let row_len = if goes_on { self.row_len } else { 0 };
        window.fill(len.max(row_len))?;
        if row_len > 0 {
            self.look_ahead(&window.ahead()[..row_len.min(window.ahead().len())], at);
        }
        Ok(())
    }

    /// Hashes the whole blocks of `content`, which stands at offset `at` of the source.
    fn look_ahead(&mut self, content: &[u8], at: u64) {
        let whole_blocks = content.len() / self.block_len * self.block_len;
        self.row.clear();
        self.key
            .hash_each(&content[..whole_blocks], self.block_len, &mut self.row);
        self.row_at = at;
        self.bytes += whole_blocks as u64;
    }

    /// Hash of `content`, which stands at offset `at` of the source.
    pub(super) fn of(&mut self, content: &[u8], at: u64) -> BlockHash {
        if let Some(known) = self.known(content.len(), at) {
            return known;
        }
        let hash = self.key.hash(content);
        self.bytes += content.len() as u64;
        self.memo = [Some((at, content.len(), hash)), self.memo[0]];
        hash
    }

    fn known(&self, len: usize, at: u64) -> Option<BlockHash> {
        let of_row = || {
            let passed = usize::try_from(at.checked_sub(self.row_at)?).ok()?;
            let is_block = len == self.block_len && passed.is_multiple_of(len);
            self.row.get(passed / len).filter(|_| is_block).copied()
        };
        let is_same = |memo: &&(u64, usize, BlockHash)| (memo.0, memo.1) == (at, len);
        let of_memo = || self.memo.iter().flatten().find(is_same);
        of_row().or_else(|| of_memo().map(|memo| memo.2))
    }
}
