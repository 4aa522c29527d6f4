//! Signs two neighbouring ranges of a long basis at the same time: as long as the sender has no sums
//! it has nothing to do, and leaves a processor idle.

use std::convert::Infallible;
use std::io::{self, Read};
use std::ops::Range;
use std::thread;

use super::Form;
use crate::checksum::{BlockHash, BlockKey};
use crate::delta::{self, Shape, SignError, TakeSums};
use crate::engine::threads::threads_that_wait;

/// Bytes of a basis that are signed while those before them are. Their sums and hashes wait in
/// memory: at most a tenth of a megabyte of blocks of 4 KiB.
const RANGE_LEN: u64 = 8 << 20;

/// Takes the sums of blocks of a basis of `shape`, or nothing of them but their hashes. `open` gives a
/// reader that stands at an offset in bytes.
///
/// # Errors
/// As of [`delta::sign_blocks`].
pub(super) fn sign<R: Read, E>(
    open: impl Fn(u64) -> R + Sync,
    shape: Shape,
    form: Form,
    key: &BlockKey,
    emit: &mut TakeSums<'_, E>,
) -> Result<(), SignError<E>> {
    let end = shape.blocks();
    let step = (RANGE_LEN / u64::from(shape.block_len())).max(1);
    let read = |blocks: Range<u64>| Reading {
        basis: open(shape.range(blocks.start).start),
        blocks,
        shape,
        form,
        key,
    };
    if end <= step || threads_that_wait(2) < 2 {
        return read(0..end).each(emit);
    }
    let mut start = 0;
    while start < end {
        let middle = end.min(start + step);
        let next = end.min(middle + step);
        let pieces = thread::scope(|scope| {
            let collect = || read(middle..next).collect();
            let beside = thread::Builder::new().spawn_scoped(scope, collect);
            read(start..middle).each(emit)?;
            let pieces = match beside {
                Ok(thread) => thread
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
                Err(_) => collect(),
            };
            pieces.map_err(SignError::Read)
        })?;
        for (sums, hashes) in pieces {
            emit(&sums, &hashes).map_err(SignError::Emit)?;
        }
        start = next;
    }
    Ok(())
}

/// Some blocks of a basis that are about to be read.
struct Reading<'k, R> {
    /// Stands at the first of them.
    basis: R,
    blocks: Range<u64>,
    shape: Shape,
    form: Form,
    key: &'k BlockKey,
}

impl<R: Read> Reading<'_, R> {
    fn each<E>(self, emit: &mut TakeSums<'_, E>) -> Result<(), SignError<E>> {
        let (basis, blocks, shape, key) = (self.basis, self.blocks, self.shape, self.key);
        match self.form {
            Form::Blocks => delta::sign_blocks(basis, shape, blocks, key, emit),
            Form::Ranges => {
                delta::hash_blocks(basis, shape, blocks, key, |hashes| emit(&[], hashes))
            }
        }
    }

    fn collect(self) -> io::Result<Vec<(Vec<u8>, Vec<BlockHash>)>> {
        let mut pieces = Vec::new();
        let signed = self.each(&mut |sums: &[u8], hashes: &[BlockHash]| {
            pieces.push((sums.to_vec(), hashes.to_vec()));
            Ok::<_, Infallible>(())
        });
        match signed {
            Ok(()) => Ok(pieces),
            Err(SignError::Read(error)) => Err(error),
            Err(SignError::Emit(never)) => match never {},
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes of a basis, and where reading them fails.
    struct Basis {
        bytes: Vec<u8>,
        good: usize,
    }

    impl Basis {
        fn new(len: usize) -> Self {
            let bytes = (0..len as u64).map(|at| ((at * at) >> 7) as u8).collect();
            Self { bytes, good: len }
        }

        fn from(&self, offset: u64) -> impl Read + '_ {
            let offset = offset as usize;
            let readable = &self.bytes[offset.min(self.good)..self.good];
            readable.chain(Broken(self.good < self.bytes.len()))
        }
    }

    struct Broken(bool);

    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            if self.0 {
                Err(io::Error::other("broken"))
            } else {
                Ok(0)
            }
        }
    }

    fn signed(basis: &Basis, shape: Shape, form: Form) -> Result<Vec<u8>, SignError<Infallible>> {
        let mut sums = Vec::new();
        let key = BlockKey::from([7; 32]);
        let mut hashes = Vec::new();
        sign(
            |offset| basis.from(offset),
            shape,
            form,
            &key,
            &mut |piece: &[u8], of_piece: &[BlockHash]| {
                sums.extend_from_slice(piece);
                hashes.extend_from_slice(of_piece);
                Ok(())
            },
        )?;
        let blocks = basis.bytes.chunks(shape.block_len() as usize);
        assert!(hashes.into_iter().eq(blocks.map(|block| key.hash(block))));
        Ok(sums)
    }

    #[test]
    fn a_signature_in_ranges_is_the_same_as_one_in_a_row() {
        let range = RANGE_LEN as usize;
        for len in [0, 1, range, range + 1, 3 * range + 4097] {
            let basis = Basis::new(len);
            for block_len in [4096, 5000, 1 << 20] {
                let shape = Shape::new(len as u64, block_len).unwrap();
                let mut in_a_row = Vec::new();
                let key = BlockKey::from([7; 32]);
                delta::sign(&basis.bytes[..], shape, &key, |piece| {
                    in_a_row.extend_from_slice(piece);
                    Ok::<_, Infallible>(())
                })
                .unwrap();
                let in_ranges = signed(&basis, shape, Form::Blocks).unwrap();
                assert!(in_ranges == in_a_row, "{len}, {block_len}");
                assert!(signed(&basis, shape, Form::Ranges).unwrap().is_empty());
            }
        }
    }

    #[test]
    fn a_basis_that_can_not_be_read_is_told_wherever_that_is() {
        let range = RANGE_LEN as usize;
        let mut basis = Basis::new(3 * range);
        let shape = Shape::new(3 * RANGE_LEN, 4096).unwrap();
        for good in [0, range / 2, range, 2 * range - 1, 3 * range - 1] {
            basis.good = good;
            for form in [Form::Blocks, Form::Ranges] {
                let signed = signed(&basis, shape, form);
                assert!(matches!(signed, Err(SignError::Read(_))), "{good}");
            }
        }
    }

    #[test]
    fn what_takes_no_more_sums_ends_the_signing() {
        let basis = Basis::new(4 * RANGE_LEN as usize);
        let shape = Shape::new(4 * RANGE_LEN, 4096).unwrap();
        let key = BlockKey::from([7; 32]);
        for most in 0..3 {
            let mut taken = 0;
            let ended = sign(
                |offset| basis.from(offset),
                shape,
                Form::Blocks,
                &key,
                &mut |_: &[u8], _: &[BlockHash]| {
                    taken += 1;
                    if taken > most { Err(taken) } else { Ok(()) }
                },
            );
            assert!(matches!(ended, Err(SignError::Emit(at)) if at == most + 1));
        }
    }
}
