//! Turns what the matcher finds into ops: joins what is adjacent, splits what is too long, and
//! finds runs of zeros in literal data.

use crate::checksum::BlockHash;
use crate::delta::digest::DeltaHasher;
use crate::delta::op::Op;
use crate::wire::limits::MAX_CONTENT_LEN;
use crate::zeros::{PAGE_LEN, is_zero};

/// Runs of zeros are looked for in units of this many bytes, aligned in the source.
pub(super) const ZERO_RUN_LEN: usize = PAGE_LEN;

/// A copy goes out once it has grown to this many bytes, so that the other end can start on it.
const COPY_TARGET_LEN: u64 = 16 << 20;

/// Where ops go, and the account of them.
pub(super) struct Output<F> {
    emit: F,
    /// A copy or zeros that may still grow.
    pending: Option<Op<'static>>,
    /// The digest of the delta, if that is what is wanted.
    pub(super) hasher: Option<DeltaHasher>,
    pub(super) literal_bytes: u64,
    pub(super) matched_bytes: u64,
    pub(super) zero_bytes: u64,
}

impl<E, F: FnMut(Op<'_>) -> Result<(), E>> Output<F> {
    pub(super) fn new(hasher: Option<DeltaHasher>, emit: F) -> Self {
        Self {
            emit,
            pending: None,
            hasher,
            literal_bytes: 0,
            matched_bytes: 0,
            zero_bytes: 0,
        }
    }

    /// Bytes that stand at `source_offset` in the source and are in no known block.
    pub(super) fn unmatched(&mut self, bytes: &[u8], source_offset: u64) -> Result<(), E> {
        let misaligned = (source_offset % ZERO_RUN_LEN as u64) as usize;
        let to_boundary = ((ZERO_RUN_LEN - misaligned) % ZERO_RUN_LEN).min(bytes.len());
        let (mut literal, mut at) = (0, to_boundary);
        while let Some(unit) = bytes.get(at..at + ZERO_RUN_LEN) {
            if is_zero(unit) {
                self.literal(&bytes[literal..at])?;
                self.zeros(ZERO_RUN_LEN as u64)?;
                literal = at + ZERO_RUN_LEN;
            }
            at += ZERO_RUN_LEN;
        }
        self.literal(&bytes[literal..])
    }

    fn literal(&mut self, bytes: &[u8]) -> Result<(), E> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.flush()?;
        self.literal_bytes += bytes.len() as u64;
        for piece in bytes.chunks(MAX_CONTENT_LEN) {
            if let Some(hasher) = &mut self.hasher {
                hasher.literal(piece);
            }
            (self.emit)(Op::Literal(piece))?;
        }
        Ok(())
    }

    /// So many zero bytes.
    pub(super) fn zeros(&mut self, more: u64) -> Result<(), E> {
        self.zero_bytes += more;
        if let Some(Op::Zeros(len)) = &mut self.pending {
            *len += more;
            return Ok(());
        }
        self.flush()?;
        self.pending = Some(Op::Zeros(more));
        Ok(())
    }

    /// A block of the basis, `more` bytes from `start` on.
    pub(super) fn copy(&mut self, start: u64, more: u64, hash: &BlockHash) -> Result<(), E> {
        self.matched_bytes += more;
        match &mut self.pending {
            Some(Op::Copy { offset, len }) if *offset + *len == start && *len < COPY_TARGET_LEN => {
                *len += more;
            }
            _ => {
                self.flush()?;
                self.pending = Some(Op::Copy {
                    offset: start,
                    len: more,
                });
            }
        }
        if let Some(hasher) = &mut self.hasher {
            hasher.block(hash);
        }
        Ok(())
    }

    /// Emits what may still have grown.
    pub(super) fn flush(&mut self) -> Result<(), E> {
        let Some(op) = self.pending.take() else {
            return Ok(());
        };
        match (&mut self.hasher, op) {
            (Some(hasher), Op::Copy { offset, len }) => hasher.copied(offset, len),
            (Some(hasher), Op::Zeros(len)) => hasher.zeros(len),
            _ => {}
        }
        (self.emit)(op)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::wire::message::DataOp;

    fn ops(
        run: impl FnOnce(&mut Output<&mut dyn FnMut(Op<'_>) -> Result<(), Infallible>>),
    ) -> Vec<DataOp> {
        let mut ops = Vec::new();
        let mut emit = |op: Op<'_>| {
            ops.push(op.into());
            Ok(())
        };
        let mut output = Output::new(
            None,
            &mut emit as &mut dyn FnMut(Op<'_>) -> Result<(), Infallible>,
        );
        run(&mut output);
        output.flush().unwrap();
        ops
    }

    #[test]
    fn adjacent_copies_become_one() {
        let ops = ops(|output| {
            let hash = BlockHash::from([0; 32]);
            output.copy(0, 10, &hash).unwrap();
            output.copy(10, 5, &hash).unwrap();
            output.copy(16, 5, &hash).unwrap();
        });
        assert_eq!(
            ops,
            [
                DataOp::Copy { offset: 0, len: 15 },
                DataOp::Copy { offset: 16, len: 5 }
            ]
        );
    }

    #[test]
    fn aligned_zeros_are_not_sent() {
        let mut bytes = vec![0; 5 * ZERO_RUN_LEN];
        bytes[10] = 1;
        let len = bytes.len();
        bytes[len - 1] = 1;
        let ops = ops(|output| output.unmatched(&bytes, ZERO_RUN_LEN as u64 - 100).unwrap());
        let [
            DataOp::Literal(head),
            DataOp::Zeros(zeros),
            DataOp::Literal(tail),
        ] = &ops[..]
        else {
            panic!("{ops:?}")
        };
        assert_eq!(head, &bytes[..100]);
        assert_eq!(*zeros, 4 * ZERO_RUN_LEN as u64);
        assert_eq!(tail, &bytes[100 + 4 * ZERO_RUN_LEN..]);
    }

    #[test]
    fn long_literals_are_split() {
        let bytes = vec![1; 2 * MAX_CONTENT_LEN + 1];
        let lens: Vec<_> = ops(|output| output.unmatched(&bytes, 0).unwrap())
            .iter()
            .map(|op| Op::from(op).output_len())
            .collect();
        assert_eq!(lens, [MAX_CONTENT_LEN as u64, MAX_CONTENT_LEN as u64, 1]);
    }
}
