//! The signature of a basis: two sums of each of its blocks.
//!
//! Made by [`sign`] or, for ranges of blocks that several threads share among them, by
//! [`sign_blocks`]; arrives at the other end in a [`Table`]. The encoding is [`Shape::sum_len`] bytes
//! a block, in order and without gaps: the weak sum (little-endian), then the strong one.

use std::io::{self, Read};
use std::ops::Range;

use super::shape::{Shape, WEAK_LEN};
use crate::checksum::{BlockHash, BlockKey, Rolling, Strong};
use crate::wire::limits::MAX_SIGNATURE_LEN;

/// A piece of the signature goes out after so many bytes of basis: the other end starts to match
/// while this one still reads.
const BASIS_PER_PIECE: usize = 4 << 20;
/// The basis is read in pieces of about this many bytes, which stay in the processor's cache.
const READ_LEN: usize = 256 << 10;

/// The sums of one block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BlockSum {
    /// Value of [`Rolling`].
    pub weak: u32,
    /// Keyed sum, as of [`BlockHash::strong`].
    pub strong: Strong,
}

impl BlockSum {
    /// The sums of `block`, which belongs to a basis of this shape.
    pub fn of(block: &[u8], shape: &Shape, key: &BlockKey) -> Self {
        Self::with(block, shape, &key.hash(block))
    }

    /// The sums of `block`, whose hash is known.
    fn with(block: &[u8], shape: &Shape, hash: &BlockHash) -> Self {
        Self {
            weak: Rolling::of(block).value(),
            strong: hash.strong(shape.strong_len()),
        }
    }

    /// Appends the encoded form, [`Shape::sum_len`] bytes.
    pub fn encode(&self, shape: &Shape, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.weak.to_le_bytes());
        out.extend_from_slice(&self.strong[..shape.strong_len()]);
    }

    /// Of an encoded form that is a weak sum and at most a whole strong one.
    fn decode(encoded: &[u8]) -> Self {
        let (weak, strong) = encoded.split_at(WEAK_LEN);
        let mut sum = Self {
            weak: weak
                .iter()
                .rfold(0, |sum, &byte| sum << 8 | u32::from(byte)),
            strong: Strong::default(),
        };
        sum.strong[..strong.len()].copy_from_slice(strong);
        sum
    }
}

/// Why a signature could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SignError<E> {
    /// The basis could not be read, or ended early (`UnexpectedEof`).
    #[error("reading the basis: {0}")]
    Read(io::Error),
    /// What takes the sums failed.
    #[error("passing on the signature: {0}")]
    Emit(E),
}

/// Signs a whole basis. `emit` takes the encoded sums, in pieces of whole sums that are at most
/// [`MAX_SIGNATURE_LEN`] bytes long.
///
/// # Errors
/// If reading fails, the basis is shorter than the shape says, or `emit` fails.
pub fn sign<E>(
    basis: impl Read,
    shape: Shape,
    key: &BlockKey,
    mut emit: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), SignError<E>> {
    sign_blocks(basis, shape, 0..shape.blocks(), key, |sums, _| emit(sums))
}

/// Signs the blocks `blocks` of a basis. `basis` stands at the first byte of the first of them.
/// Pieces of adjacent ranges, put together in order, are the signature of both. `emit` takes the
/// hashes of the same blocks too.
///
/// # Errors
/// As of [`sign`].
pub fn sign_blocks<E>(
    mut basis: impl Read,
    shape: Shape,
    blocks: Range<u64>,
    key: &BlockKey,
    mut emit: impl FnMut(&[u8], &[BlockHash]) -> Result<(), E>,
) -> Result<(), SignError<E>> {
    each_piece(&mut basis, shape, blocks, key, true, &mut emit)
}

/// Hashes the blocks `blocks` of a basis, as [`sign_blocks`] does without giving their sums.
///
/// # Errors
/// As of [`sign`].
pub fn hash_blocks<E>(
    mut basis: impl Read,
    shape: Shape,
    blocks: Range<u64>,
    key: &BlockKey,
    mut emit: impl FnMut(&[BlockHash]) -> Result<(), E>,
) -> Result<(), SignError<E>> {
    let mut emit = |_: &[u8], hashes: &[BlockHash]| emit(hashes);
    each_piece(&mut basis, shape, blocks, key, false, &mut emit)
}

/// What takes the encoded sums and the hashes of some blocks.
pub(crate) type TakeSums<'e, E> = dyn FnMut(&[u8], &[BlockHash]) -> Result<(), E> + 'e;

/// Goes through some blocks of a basis. Without sums `emit` gets none of them.
fn each_piece<E>(
    basis: &mut dyn Read,
    shape: Shape,
    blocks: Range<u64>,
    key: &BlockKey,
    has_sums: bool,
    emit: &mut TakeSums<'_, E>,
) -> Result<(), SignError<E>> {
    let block_len = shape.block_len() as usize;
    let end = shape.range(blocks.end).start;
    let mut left = end.saturating_sub(shape.range(blocks.start).start);
    let buffer_len = (READ_LEN / block_len).max(1) * block_len;
    let mut buffer = vec![0; left.min(buffer_len as u64) as usize];
    let at_a_time = (BASIS_PER_PIECE / block_len).min(MAX_SIGNATURE_LEN / shape.sum_len());
    let mut sums = Vec::new();
    let mut hashes = Vec::with_capacity(at_a_time);
    while left > 0 {
        let len = left.min(buffer.len() as u64) as usize;
        basis
            .read_exact(&mut buffer[..len])
            .map_err(SignError::Read)?;
        left -= len as u64;
        let hashed = hashes.len();
        key.hash_each(&buffer[..len], block_len, &mut hashes);
        if has_sums {
            for (block, hash) in buffer[..len].chunks(block_len).zip(&hashes[hashed..]) {
                BlockSum::with(block, &shape, hash).encode(&shape, &mut sums);
            }
        }
        if hashes.len() + buffer_len / block_len > at_a_time {
            emit(&sums, &hashes).map_err(SignError::Emit)?;
            sums.clear();
            hashes.clear();
        }
    }
    if !hashes.is_empty() {
        emit(&sums, &hashes).map_err(SignError::Emit)?;
    }
    Ok(())
}

/// The sums of a basis as far as they have arrived.
#[derive(Debug, Clone)]
pub struct Table {
    shape: Shape,
    sums: Vec<BlockSum>,
}

/// Encoded sums that do not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// Not a whole number of sums.
    #[error("{0} bytes are not a whole number of block sums")]
    Ragged(usize),
    /// More sums than the basis has blocks.
    #[error("more block sums than the {0} blocks of the basis")]
    TooMany(u64),
}

impl Table {
    /// A table with no sum yet. Takes no memory for those to come.
    pub fn new(shape: Shape) -> Self {
        Self {
            shape,
            sums: Vec::new(),
        }
    }

    /// Adds the next encoded sums. After an error the table is as before.
    ///
    /// # Errors
    /// If these are not whole sums, or more than there are blocks.
    pub fn extend(&mut self, encoded: &[u8]) -> Result<(), TableError> {
        let sums = encoded.chunks_exact(self.shape.sum_len());
        if !sums.remainder().is_empty() {
            return Err(TableError::Ragged(encoded.len()));
        }
        if (self.sums.len() + sums.len()) as u64 > self.shape.blocks() {
            return Err(TableError::TooMany(self.shape.blocks()));
        }
        self.sums.extend(sums.map(BlockSum::decode));
        Ok(())
    }

    /// The shape of the basis.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// How many sums there are so far: those of the blocks `0..len`.
    pub fn len(&self) -> u64 {
        self.sums.len() as u64
    }

    /// True if there is no sum yet.
    pub fn is_empty(&self) -> bool {
        self.sums.is_empty()
    }

    /// True if the sums of all blocks are there.
    pub fn is_complete(&self) -> bool {
        self.len() == self.shape.blocks()
    }

    /// The sum of one block, if it is there.
    pub fn get(&self, block: u64) -> Option<BlockSum> {
        self.sums.get(usize::try_from(block).ok()?).copied()
    }

    /// All sums that are there, in order.
    pub(super) fn sums(&self) -> &[BlockSum] {
        &self.sums
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    fn key() -> BlockKey {
        BlockKey::derive(&[1; 16], &[2; 16])
    }

    fn signature(basis: &[u8], shape: Shape, blocks: Range<u64>) -> Vec<u8> {
        let mut all = Vec::new();
        let from = &basis[shape.range(blocks.start).start as usize..];
        sign_blocks(from, shape, blocks, &key(), |piece, hashes| {
            assert!(!piece.is_empty() && piece.len() <= MAX_SIGNATURE_LEN);
            let sums = piece.chunks(shape.sum_len()).map(BlockSum::decode);
            let begins = hashes.iter().map(|hash| hash.strong(shape.strong_len()));
            assert!(sums.map(|sum| sum.strong).eq(begins));
            all.extend_from_slice(piece);
            Ok::<(), Infallible>(())
        })
        .unwrap();
        all
    }

    fn bytes(len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        blake3::Hasher::new().finalize_xof().fill(&mut bytes);
        bytes
    }

    #[test]
    fn a_signature_is_the_sums_of_all_blocks_in_order() {
        let basis = bytes(300 << 10 | 77);
        let long = Shape::new(basis.len() as u64, 700).unwrap();
        for shape in [long, long.with_short_sums()] {
            all_sums_arrive(&basis, shape);
        }
    }

    fn all_sums_arrive(basis: &[u8], shape: Shape) {
        let mut table = Table::new(shape);
        table
            .extend(&signature(basis, shape, 0..shape.blocks()))
            .unwrap();
        assert!(table.is_complete());
        for (block, content) in basis.chunks(700).enumerate() {
            assert_eq!(
                table.get(block as u64),
                Some(BlockSum::of(content, &shape, &key()))
            );
        }
        assert_eq!(table.get(shape.blocks()), None);
    }

    #[test]
    fn ranges_signed_apart_make_the_same_signature() {
        let basis = bytes(100_000);
        let shape = Shape::new(basis.len() as u64, 1024).unwrap();
        let mut joined = signature(&basis, shape, 0..40);
        joined.extend(signature(&basis, shape, 40..41));
        joined.extend(signature(&basis, shape, 41..shape.blocks()));
        assert_eq!(joined, signature(&basis, shape, 0..shape.blocks()));
    }

    #[test]
    fn long_signatures_come_in_bounded_pieces() {
        let basis = vec![0; 24 << 20];
        let shape = Shape::new(basis.len() as u64, 512).unwrap();
        let mut pieces = 0;
        sign(&basis[..], shape, &key(), |piece| {
            assert!(piece.len() <= MAX_SIGNATURE_LEN);
            pieces += 1;
            Ok::<(), Infallible>(())
        })
        .unwrap();
        assert!(pieces > 1);
    }

    #[test]
    fn a_basis_that_shrank_is_an_error() {
        let shape = Shape::new(5000, 512).unwrap();
        let result = sign(&[0; 4999][..], shape, &key(), |_| Ok::<(), Infallible>(()));
        assert!(
            matches!(result, Err(SignError::Read(e)) if e.kind() == io::ErrorKind::UnexpectedEof)
        );
    }

    #[test]
    fn x1_more_sums_than_blocks_are_refused() {
        let shape = Shape::new(1024, 512).unwrap();
        let mut table = Table::new(shape);
        table.extend(&[0; 12]).unwrap();
        assert_eq!(table.extend(&[0; 24]), Err(TableError::TooMany(2)));
        assert_eq!(table.len(), 1);
        table.extend(&[0; 12]).unwrap();
        assert_eq!(table.extend(&[0; 12]), Err(TableError::TooMany(2)));
    }

    #[test]
    fn x1_half_a_sum_is_refused() {
        let mut table = Table::new(Shape::new(1 << 20, 512).unwrap());
        assert_eq!(table.extend(&[0; 13]), Err(TableError::Ragged(13)));
        assert!(table.is_empty());
    }
}
