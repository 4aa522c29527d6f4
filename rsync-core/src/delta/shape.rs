//! How a basis is cut into blocks.
//!
//! A [`Shape`] is proof that its numbers make sense: whoever holds one can compute with blocks
//! and offsets without checking again.

use std::ops::Range;

use crate::wire::message::{Basis, How};

/// Shortest block that a peer may ask for, in bytes.
pub const MIN_BLOCK_LEN: u32 = 512;
/// Longest block, in bytes.
pub const MAX_BLOCK_LEN: u32 = 1 << 20;
/// Bytes of a weak sum.
pub(super) const WEAK_LEN: usize = 4;
/// Most bytes of a strong sum that count.
const MAX_STRONG_LEN: u8 = 8;
/// Fewest bytes of a strong sum that count.
const MIN_STRONG_LEN: u8 = 4;
/// One in two to the power of so many files that have nothing in common with their basis may be
/// matched wrongly, and be sent twice.
const LUCK_BITS: u32 = 16;
/// Bits by which a weak sum tells blocks apart, cautiously.
const WEAK_BITS: u32 = 28;

/// Most blocks of one basis: 48 MiB of sums.
pub const MAX_BLOCKS: u64 = 1 << 22;

/// Shortest block that [`Shape::for_len`] takes: a page, which file systems can share or copy
/// without reading it.
const SHORTEST: u32 = 4096;

/// Shortest block of a basis longer than [`LONG`]: half as many sums to send and to look up as with blocks
/// of 8 KiB, for as much again to send of each edit. A gigabyte with a hundred edits takes a tenth more
/// bytes with them, one with ten a third less.
const SHORTEST_OF_LONG: u32 = 16 << 10;
/// Bytes from which on sums count for more than some edits that take longer blocks.
const LONG: u64 = 256 << 20;

/// Blocks become larger rather than more than this, if they are not too large yet.
const MANY_BLOCKS: u64 = 1 << 18;

/// Length of a basis, of its blocks and of their sums, and how what is made of it is proven. The last
/// block may be shorter than the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    basis_len: u64,
    block_len: u32,
    strong_len: u8,
    digest_of_delta: bool,
}

/// A basis that can not be cut like that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// The block length is out of range.
    #[error("block length {0} is not within {MIN_BLOCK_LEN} and {MAX_BLOCK_LEN}")]
    BlockLen(u32),
    /// There would be more than [`MAX_BLOCKS`] blocks.
    #[error("a basis of {basis_len} bytes has too many blocks of {block_len} bytes")]
    TooManyBlocks {
        /// Length of the basis in bytes.
        basis_len: u64,
        /// Length of a block in bytes.
        block_len: u32,
    },
}

impl Shape {
    /// A basis of `basis_len` bytes in blocks of `block_len` bytes.
    pub fn new(basis_len: u64, block_len: u32) -> Result<Self, ShapeError> {
        if !(MIN_BLOCK_LEN..=MAX_BLOCK_LEN).contains(&block_len) {
            return Err(ShapeError::BlockLen(block_len));
        }
        if basis_len.div_ceil(u64::from(block_len)) > MAX_BLOCKS {
            return Err(ShapeError::TooManyBlocks {
                basis_len,
                block_len,
            });
        }
        Ok(Self {
            basis_len,
            block_len,
            strong_len: MAX_STRONG_LEN,
            digest_of_delta: false,
        })
    }

    /// The shape of the basis of a file that is wanted like this, if it is wanted as a delta.
    ///
    /// # Errors
    /// The basis can not be cut like that.
    pub fn wanted(how: How) -> Result<Option<Self>, ShapeError> {
        match how {
            How::Delta(basis) => Self::try_from(basis).map(Some),
            How::ShortDelta(basis) => Ok(Some(Self::try_from(basis)?.with_short_sums())),
            How::Lengthened(basis) => Ok(Some(Self::try_from(basis)?.with_digest_of_delta())),
            How::Whole | How::From(_) | How::Digest => Ok(None),
        }
    }

    /// How a file is wanted as a delta against a basis of this shape.
    pub fn want(&self) -> How {
        let basis = self.basis();
        if *self == self.with_short_sums() {
            How::ShortDelta(basis)
        } else {
            How::Delta(basis)
        }
    }

    /// Bytes of all sums that follow if a file is wanted like this against a basis of this shape.
    pub fn sums_len(&self, how: How) -> u64 {
        match how {
            How::Delta(_) | How::ShortDelta(_) => self.signature_len(),
            How::Lengthened(_) => self.range_sums_len(),
            How::Whole | How::From(_) | How::Digest => 0,
        }
    }

    /// How a file is wanted that may begin with a basis of this shape.
    pub fn want_lengthened(&self) -> How {
        How::Lengthened(self.basis())
    }

    fn basis(&self) -> Basis {
        Basis {
            len: self.basis_len,
            block_len: self.block_len,
        }
    }

    /// The same, with strong sums no longer than they have to be. Both ends have to agree on that.
    ///
    /// A search compares the blocks of a basis with as many places of the source, and does so by
    /// both sums. As in rsync (`sum_sizes_sqroot` of its `generator.c`) they get longer with the
    /// product of the two.
    #[must_use]
    pub fn with_short_sums(self) -> Self {
        let bits_of = |number: u64| u64::BITS - number.leading_zeros();
        let compared = bits_of(self.basis_len) + bits_of(self.blocks());
        let bits = (compared + LUCK_BITS).saturating_sub(WEAK_BITS);
        // At most 16.
        let bytes = bits.div_ceil(8) as u8;
        Self {
            strong_len: bytes.clamp(MIN_STRONG_LEN, MAX_STRONG_LEN),
            ..self
        }
    }

    /// The same, with the digest of the new file taken over [what the delta consists
    /// of](super::DeltaHasher) instead of plainly. Both ends have to agree on that.
    #[must_use]
    pub fn with_digest_of_delta(self) -> Self {
        Self {
            digest_of_delta: true,
            ..self
        }
    }

    /// True if the digest of the new file is taken over what the delta consists of.
    pub fn has_digest_of_delta(&self) -> bool {
        self.digest_of_delta
    }

    /// A good shape for a basis of `basis_len` bytes.
    ///
    /// With `e` edits in a file of `n` bytes, sums of `s` bytes and blocks of `b` bytes, about
    /// `s * n / b + e * b` bytes travel (thesis, section 3.4), least with `b` at the square root of
    /// `n * s / e`. A quarter of the square root of the length suits some two hundred edits, half of
    /// it fifty: 256 MiB are cut into blocks of 4 KiB, 1 GiB into blocks of 16 KiB. Longer ones get
    /// blocks of up to the square root, so that the sender has room for their sums. Powers of two
    /// suit file systems that copy whole pages.
    ///
    /// # Errors
    /// If the basis is longer than 4 TiB.
    pub fn for_len(basis_len: u64) -> Result<Self, ShapeError> {
        let bits = u64::BITS - basis_len.saturating_sub(1).leading_zeros();
        let root = bits.div_ceil(2);
        let shortest = if basis_len > LONG {
            SHORTEST_OF_LONG
        } else {
            SHORTEST
        };
        let power = root
            .saturating_sub(2)
            .max(root.min(bits.saturating_sub(MANY_BLOCKS.ilog2())))
            .clamp(shortest.ilog2(), MAX_BLOCK_LEN.ilog2());
        Self::new(basis_len, 1 << power)
    }

    /// Length of the basis in bytes.
    pub fn basis_len(&self) -> u64 {
        self.basis_len
    }

    /// Length of every block but the last, in bytes.
    pub fn block_len(&self) -> u32 {
        self.block_len
    }

    /// Bytes of each strong sum that count, at most 8.
    pub fn strong_len(&self) -> usize {
        usize::from(self.strong_len)
    }

    /// Bytes of a block's encoded sums.
    pub fn sum_len(&self) -> usize {
        WEAK_LEN + self.strong_len()
    }

    /// Bytes of the whole signature.
    pub fn signature_len(&self) -> u64 {
        self.blocks().saturating_mul(self.sum_len() as u64)
    }

    /// Number of blocks, at most [`MAX_BLOCKS`].
    pub fn blocks(&self) -> u64 {
        self.basis_len.div_ceil(u64::from(self.block_len))
    }

    /// Where block `block` lies in the basis. Empty behind the last block.
    pub fn range(&self, block: u64) -> Range<u64> {
        let block_len = u64::from(self.block_len);
        let start = block.saturating_mul(block_len).min(self.basis_len);
        start..start.saturating_add(block_len).min(self.basis_len)
    }

    /// The blocks that `len` bytes of the basis from `offset` on consist of; nothing if they do not
    /// begin and end with a block.
    pub fn blocks_of(&self, offset: u64, len: u64) -> Option<Range<u64>> {
        let block_len = u64::from(self.block_len);
        let end = offset.checked_add(len)?;
        let is_whole = offset.is_multiple_of(block_len)
            && (end.is_multiple_of(block_len) || end == self.basis_len)
            && end <= self.basis_len;
        is_whole.then(|| offset / block_len..end.div_ceil(block_len))
    }

    /// Length of block `block` in bytes; 0 behind the last block.
    pub(super) fn len_of(&self, block: u64) -> usize {
        let range = self.range(block);
        // At most MAX_BLOCK_LEN.
        (range.end - range.start) as usize
    }
}

impl TryFrom<Basis> for Shape {
    type Error = ShapeError;

    fn try_from(basis: Basis) -> Result<Self, ShapeError> {
        Self::new(basis.len, basis.block_len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x3_impossible_blocks_are_refused() {
        for block_len in [0, 1, 511, (1 << 20) + 1, u32::MAX] {
            assert_eq!(
                Shape::try_from(Basis { len: 0, block_len }),
                Err(ShapeError::BlockLen(block_len))
            );
        }
    }

    #[test]
    fn x3_more_blocks_than_memory_should_hold_are_refused() {
        assert!(Shape::new(512 * MAX_BLOCKS, 512).is_ok());
        for (basis_len, block_len) in [(512 * MAX_BLOCKS + 1, 512), (u64::MAX, 1 << 20)] {
            assert_eq!(
                Shape::new(basis_len, block_len),
                Err(ShapeError::TooManyBlocks {
                    basis_len,
                    block_len
                })
            );
        }
    }

    #[test]
    fn blocks_cover_the_basis_without_gaps() {
        for basis_len in [0, 1, 511, 512, 513, 5120, 5121] {
            let shape = Shape::new(basis_len, 512).unwrap();
            let mut covered = 0;
            for block in 0..shape.blocks() {
                let range = shape.range(block);
                assert_eq!(range.start, covered);
                assert!(!range.is_empty() && shape.len_of(block) <= 512);
                covered = range.end;
            }
            assert_eq!(covered, basis_len);
            assert!(shape.range(shape.blocks()).is_empty());
            assert!(shape.range(u64::MAX).is_empty());
        }
    }

    #[test]
    fn what_begins_and_ends_with_a_block_is_whole_blocks() {
        let shape = Shape::new(1100, 512).unwrap();
        for (offset, len, blocks) in [
            (0, 0, Some(0..0)),
            (0, 512, Some(0..1)),
            (0, 1100, Some(0..3)),
            (512, 588, Some(1..3)),
            (1024, 76, Some(2..3)),
            (1024, 75, None),
            (1024, 77, None),
            (1024, 512, None),
            (1, 511, None),
            (0, 511, None),
            (512, u64::MAX, None),
            (1536, 512, None),
        ] {
            assert_eq!(shape.blocks_of(offset, len), blocks, "{offset} {len}");
        }
    }

    #[test]
    fn signatures_stay_small() {
        for len in [
            0,
            1,
            65_537,
            1 << 20,
            (1 << 30) - 1,
            1 << 30,
            1 << 34,
            1 << 36,
            1 << 40,
            1 << 42,
        ] {
            let shape = Shape::for_len(len).unwrap();
            assert!(shape.block_len().is_power_of_two());
            let signature = shape.signature_len();
            assert!(
                signature <= 3 << 20 || len > 1 << 36,
                "{signature} bytes for {len}"
            );
            assert!(signature <= 12 + len / 128, "{signature} bytes for {len}");
        }
        let block_len = |len| Shape::for_len(len).unwrap().block_len();
        assert_eq!(block_len(256 << 20), 4 << 10);
        assert_eq!(block_len((256 << 20) + 1), 16 << 10);
        assert_eq!(block_len(1 << 30), 16 << 10);
        assert!(Shape::for_len((1 << 42) + 1).is_err());
        assert!(Shape::for_len(u64::MAX).is_err());
    }

    #[test]
    fn a_delta_is_wanted_with_the_sums_that_its_shape_has() {
        let long = Shape::new(1 << 20, 4096).unwrap();
        for shape in [long, long.with_short_sums()] {
            assert_eq!(Shape::wanted(shape.want()), Ok(Some(shape)));
        }
        assert_ne!(long.want(), long.with_short_sums().want());
        assert_eq!(Shape::wanted(How::Whole), Ok(None));
    }

    #[test]
    fn short_sums_get_longer_with_what_is_compared() {
        let strong_len = |len| {
            let shape = Shape::for_len(len).unwrap();
            assert_eq!(shape.strong_len(), 8);
            shape.with_short_sums().strong_len()
        };
        for (len, bytes) in [
            (0, 4),
            (1 << 20, 4),
            (64 << 20, 4),
            (1 << 30, 5),
            (1 << 36, 6),
        ] {
            assert_eq!(strong_len(len), bytes, "{len} bytes");
        }
        assert_eq!(strong_len(1 << 42), 7);
        let short = Shape::new(1 << 20, 512).unwrap().with_short_sums();
        assert_eq!((short.sum_len(), short.signature_len()), (8, 8 << 11));
    }
}
