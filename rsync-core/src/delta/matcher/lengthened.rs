//! A source that may begin with its basis: compared in place, range by range.

use std::io::Read;

use super::output::Output;
use super::strongs::Strongs;
use super::{Effort, MatchError, Matched, Matcher, finish, max_ahead, rest};
use crate::checksum::{BlockKey, Digest};
use crate::delta::digest::DeltaHasher;
use crate::delta::lengthened::RangeSums;
use crate::delta::op::Op;
use crate::delta::shape::Shape;

impl Matcher {
    /// Describes `source` by its whole basis and what stands behind it. `sums` gives the [sums of the
    /// basis's ranges](RangeSums) in order, as soon as they are known, and nothing if they will never be.
    ///
    /// Nothing is given back if the source does not begin with the basis: what was emitted is void,
    /// which are copies and no literal data. The digest is that [of the
    /// delta](Shape::with_digest_of_delta).
    ///
    /// # Errors
    /// If reading, `sums` or `emit` fails.
    pub fn lengthened<R: Read, S, E>(
        &mut self,
        source: R,
        shape: Shape,
        key: &BlockKey,
        mut sums: impl FnMut() -> Result<Option<Digest>, S>,
        emit: impl FnMut(Op<'_>) -> Result<(), E>,
    ) -> Result<Option<Matched>, MatchError<S, E>> {
        let mut window = self.window(source, None, max_ahead(shape));
        let mut output = Output::new(Some(DeltaHasher::new(key, shape)), emit);
        let mut ranges = RangeSums::new(key, shape);
        let mut strongs = Strongs::new(key, shape);
        let mut hashes = Vec::new();
        let mut copied = 0;
        for block in 0..shape.blocks() {
            let len = shape.len_of(block);
            let at = window.offset();
            strongs.fill(&mut window, len).map_err(MatchError::Read)?;
            let Some(content) = window.ahead().get(..len) else {
                return Ok(None);
            };
            let hash = strongs.of(content, at);
            window.advance(len);
            window.sent(len);
            hashes.push(hash);
            let Some(sum) = ranges.add(&hash) else {
                continue;
            };
            if sums().map_err(MatchError::Sums)? != Some(sum) {
                return Ok(None);
            }
            for hash in hashes.drain(..) {
                let range = shape.range(copied);
                copied += 1;
                output
                    .copy(range.start, range.end - range.start, &hash)
                    .map_err(MatchError::Emit)?;
            }
        }
        rest(&mut window, &mut output)?;
        let effort = Effort {
            strong_bytes: strongs.bytes(),
            ..Effort::default()
        };
        finish(window, output, effort).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::wire::message::DataOp;

    fn key() -> BlockKey {
        BlockKey::from([4; 32])
    }

    fn content(len: usize) -> Vec<u8> {
        (0..len as u64).map(|at| ((at * at) >> 7) as u8).collect()
    }

    /// What comes of it, and the ops.
    fn matched(basis: &[u8], source: &[u8], block_len: u32) -> (Option<Matched>, Vec<DataOp>) {
        let shape = Shape::new(basis.len() as u64, block_len).unwrap();
        let key = key();
        let mut ranges = RangeSums::new(&key, shape);
        let blocks = basis.chunks(block_len as usize);
        let mut sums = blocks.filter_map(|block| ranges.add(&key.hash(block)));
        let mut ops = Vec::new();
        let matched = Matcher::new()
            .lengthened(
                source,
                shape,
                &key,
                || Ok::<_, Infallible>(sums.next()),
                |op| {
                    ops.push(DataOp::from(op));
                    Ok::<_, Infallible>(())
                },
            )
            .unwrap();
        (matched, ops)
    }

    #[test]
    fn what_grew_is_its_basis_and_what_is_new() {
        for len in [1, 4096, 100_001, (4 << 20) + 1, 20 << 20] {
            let basis = content(len);
            for more in [0, 1, 300_000] {
                let mut source = basis.clone();
                source.extend(std::iter::repeat_n(b'x', more));
                let (matched, ops) = matched(&basis, &source, 4096);
                let matched = matched.unwrap();
                assert_eq!(matched.len, source.len() as u64);
                assert_eq!(matched.matched_bytes, len as u64);
                assert_eq!(matched.literal_bytes, more as u64);
                let mut made = Vec::new();
                let mut hasher = DeltaHasher::new(&key(), Shape::new(len as u64, 4096).unwrap());
                for op in &ops {
                    match op {
                        DataOp::Literal(bytes) => {
                            hasher.literal(bytes);
                            made.extend_from_slice(bytes);
                        }
                        DataOp::Copy { offset, len } => {
                            let copied = &basis[*offset as usize..(*offset + *len) as usize];
                            copied.chunks(4096).for_each(|block| hasher.block_of(block));
                            hasher.copied(*offset, *len);
                            made.extend_from_slice(copied);
                        }
                        DataOp::Zeros(_) => panic!("there are none"),
                    }
                }
                assert!(made == source && hasher.digest() == matched.digest);
            }
        }
    }

    #[test]
    fn zeros_behind_the_basis_are_not_sent() {
        let basis = content(5000);
        let mut source = basis.clone();
        source.resize(5000 + (1 << 20), 0);
        let (matched, _) = matched(&basis, &source, 512);
        assert!(matched.unwrap().literal_bytes < 2 * 4096);
    }

    #[test]
    fn what_does_not_begin_with_its_basis_is_told_without_literal_data() {
        let basis = content(9 << 20);
        let mut inserted = basis.clone();
        inserted.insert(5 << 20, b'x');
        let mut changed = basis.clone();
        changed[8 << 20] ^= 1;
        changed.push(b'x');
        for source in [&inserted[..], &changed, &basis[..basis.len() - 1], &[]] {
            let (matched, ops) = matched(&basis, source, 4096);
            assert_eq!(matched, None);
            assert!(!ops.iter().any(|op| matches!(op, DataOp::Literal(_))));
        }
    }

    #[test]
    fn sums_that_never_come_are_no_agreement() {
        let basis = content(10_000);
        let shape = Shape::new(10_000, 4096).unwrap();
        let sums = || Ok::<_, Infallible>(None);
        let emit = |_: Op<'_>| Ok::<_, Infallible>(());
        let outcome = Matcher::new().lengthened(&basis[..], shape, &key(), sums, emit);
        assert_eq!(outcome.unwrap(), None);
    }
}
