//! A basis that the new version may begin with, as a log does that grew.
//!
//! Then no block has to be looked for, and a sum for each of them says more than anybody asks: one
//! [`Digest`] over the hashes of all blocks of a range, about 4 MiB, tells as well whether the same
//! stands in the same place. 512 MiB are 128 of them, 4 KiB, where the sums of their blocks are 256 KiB.
//!
//! They are encoded as 32 bytes each: first that of the last range, because that is where a file shows
//! that it did not just grow, and then those of all ranges in order.

use std::convert::Infallible;
use std::io::{self, Read};
use std::ops::Range;

use super::digest::DeltaHasher;
use super::shape::Shape;
use super::signature::{SignError, hash_blocks};
use crate::checksum::{BlockHash, BlockKey, Digest};

/// Bytes of a range, or a block less.
const RANGE_LEN: u64 = 4 << 20;
/// Bytes of an encoded sum of a range.
pub const RANGE_SUM_LEN: usize = 32;

impl Shape {
    /// Number of ranges of a basis.
    pub fn ranges(&self) -> u64 {
        self.blocks().div_ceil(self.blocks_per_range())
    }

    /// Bytes of the encoded sums of all ranges, with that of the last one twice.
    pub fn range_sums_len(&self) -> u64 {
        match self.ranges() {
            0 => 0,
            ranges => (ranges + 1) * RANGE_SUM_LEN as u64,
        }
    }

    /// The blocks of the last range.
    fn last_range(&self) -> Range<u64> {
        self.ranges().saturating_sub(1) * self.blocks_per_range()..self.blocks()
    }

    /// Where the last range begins, in bytes.
    pub fn last_range_start(&self) -> u64 {
        self.range(self.last_range().start).start
    }

    /// At least four, of the longest blocks.
    fn blocks_per_range(&self) -> u64 {
        RANGE_LEN / u64::from(self.block_len())
    }
}

/// Computes the sums of ranges from the hashes of their blocks.
pub struct RangeSums<'k> {
    key: &'k BlockKey,
    shape: Shape,
    /// The blocks of the range that are still to come.
    left: Range<u64>,
    start: u64,
    hasher: DeltaHasher,
}

impl<'k> RangeSums<'k> {
    /// Starts with the first range of a basis of this shape.
    pub fn new(key: &'k BlockKey, shape: Shape) -> Self {
        Self::from_block(key, shape, 0)
    }

    fn from_block(key: &'k BlockKey, shape: Shape, first: u64) -> Self {
        Self {
            key,
            shape,
            left: first..shape.blocks().min(first + shape.blocks_per_range()),
            start: first,
            hasher: DeltaHasher::new(key, shape),
        }
    }

    /// Adds the hash of the next block. Gives the sum of the range that it ends.
    pub fn add(&mut self, hash: &BlockHash) -> Option<Digest> {
        self.hasher.block(hash);
        self.left.next()?;
        if !self.left.is_empty() {
            return None;
        }
        let (start, end) = (
            self.shape.range(self.start).start,
            self.shape.range(self.left.end).start,
        );
        self.hasher.copied(start, end - start);
        let sum = self.hasher.digest();
        *self = Self::from_block(self.key, self.shape, self.left.end);
        Some(sum)
    }

    /// The sum of the last range of a basis; `basis` stands at [its
    /// start](Shape::last_range_start). Nothing if there is no range.
    ///
    /// # Errors
    /// It can not be read, or ends early (`UnexpectedEof`).
    pub fn of_last(basis: impl Read, shape: Shape, key: &BlockKey) -> io::Result<Option<Digest>> {
        let last = shape.last_range();
        let mut sums = RangeSums::from_block(key, shape, last.start);
        let mut sum = None;
        let hashed = hash_blocks(basis, shape, last, key, |hashes| {
            for hash in hashes {
                sum = sums.add(hash).or(sum);
            }
            Ok::<(), Infallible>(())
        });
        match hashed {
            Ok(()) => Ok(sum),
            Err(SignError::Read(error)) => Err(error),
            Err(SignError::Emit(never)) => match never {},
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> BlockKey {
        BlockKey::from([3; 32])
    }

    fn sums(content: &[u8], block_len: u32) -> (Shape, Vec<Digest>) {
        let shape = Shape::new(content.len() as u64, block_len).unwrap();
        let key = key();
        let mut sums = RangeSums::new(&key, shape);
        let blocks = content.chunks(block_len as usize);
        let sums = blocks.filter_map(|block| sums.add(&key.hash(block)));
        (shape, sums.collect())
    }

    fn content(len: usize) -> Vec<u8> {
        (0..len as u64).map(|at| ((at * at) >> 9) as u8).collect()
    }

    #[test]
    fn every_range_has_a_sum_and_the_last_is_the_same_by_itself() {
        let range = RANGE_LEN as usize;
        for len in [1, 5000, range - 1, range, range + 1, 3 * range + 4097] {
            for block_len in [512, 5000, 16 << 10, 1 << 20] {
                let content = content(len);
                let (shape, sums) = sums(&content, block_len);
                assert_eq!(sums.len() as u64, shape.ranges(), "{len} {block_len}");
                assert_eq!(shape.range_sums_len(), 32 * (sums.len() as u64 + 1));
                let from = &content[shape.last_range_start() as usize..];
                let last = RangeSums::of_last(from, shape, &key()).unwrap();
                assert_eq!(last, sums.last().copied(), "{len} {block_len}");
            }
        }
    }

    #[test]
    fn a_basis_of_nothing_has_no_range() {
        let shape = Shape::new(0, 4096).unwrap();
        assert_eq!((shape.ranges(), shape.range_sums_len()), (0, 0));
        assert_eq!(RangeSums::of_last(&[][..], shape, &key()).unwrap(), None);
    }

    #[test]
    fn a_byte_anywhere_changes_the_sum_of_its_range_alone() {
        let range = RANGE_LEN as usize;
        let mut changed = content(3 * range);
        let (_, before) = sums(&changed, 4096);
        for (at, number) in [(0, 0), (range - 1, 0), (range, 1), (3 * range - 1, 2)] {
            changed[at] ^= 1;
            let (_, after) = sums(&changed, 4096);
            changed[at] ^= 1;
            for (other, sum) in before.iter().enumerate() {
                assert_eq!(after[other] == *sum, other != number, "{at}");
            }
        }
    }

    #[test]
    fn the_same_content_elsewhere_has_another_sum() {
        let range = RANGE_LEN as usize;
        let (_, sums) = sums(&vec![5; 3 * range], 4096);
        assert!(sums[0] != sums[1] && sums[1] != sums[2]);
    }

    #[test]
    fn a_basis_that_ends_early_is_told() {
        let shape = Shape::new(10_000, 4096).unwrap();
        let short = RangeSums::of_last(&[0; 9999][..], shape, &key());
        assert_eq!(short.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
