//! Applies a delta.
//!
//! The ops come from the other end: [`Patch`] lets none through that leaves the basis, makes more
//! than was declared or makes nothing. What happens with them is up to a [`Target`];
//! [`Rebuild`] is one over any reader and writer.

use std::io::{self, Read, Seek, SeekFrom, Write};

use super::op::Op;
use crate::checksum::{Digest, Hasher};

/// Bytes copied at once.
const COPY_LEN: usize = 128 << 10;

/// Takes the checked pieces of a new file in order.
pub trait Target {
    /// What can go wrong.
    type Error;

    /// Next come these bytes.
    fn literal(&mut self, bytes: &[u8]) -> Result<(), Self::Error>;
    /// Next come `len` bytes of the basis from `offset` on; they are within the basis.
    fn copy(&mut self, offset: u64, len: u64) -> Result<(), Self::Error>;
    /// Next come `len` zero bytes.
    fn zeros(&mut self, len: u64) -> Result<(), Self::Error>;
}

/// Checks ops and passes them to a target.
#[derive(Debug)]
pub struct Patch<T> {
    target: T,
    basis_len: u64,
    ceiling: u64,
    made: Patched,
}

/// What a patch made so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Patched {
    /// Length of the new file in bytes; the sum of the next three.
    pub len: u64,
    /// Bytes from literal ops.
    pub literal_bytes: u64,
    /// Bytes from copy ops.
    pub matched_bytes: u64,
    /// Bytes from zeros ops.
    pub zero_bytes: u64,
}

/// An op that is not allowed, or that failed.
#[derive(Debug, thiserror::Error)]
pub enum PatchError<E> {
    /// A copy from outside of the basis.
    #[error("copy of {len} bytes at {offset} leaves the basis of {basis_len} bytes")]
    OutsideBasis {
        /// First byte in the basis.
        offset: u64,
        /// How many bytes.
        len: u64,
        /// Length of the basis in bytes.
        basis_len: u64,
    },
    /// The new file would be longer than was declared.
    #[error("content exceeds the declared {ceiling} bytes")]
    TooLong {
        /// Most bytes that the new file may have.
        ceiling: u64,
    },
    /// An op that makes nothing: an endless stream of these would be no progress.
    #[error("an op without content")]
    Empty,
    /// The target failed.
    #[error(transparent)]
    Target(E),
}

impl<T: Target> Patch<T> {
    /// A patch of a basis of `basis_len` bytes (0 without a basis) that makes at most `ceiling`
    /// bytes.
    pub fn new(target: T, basis_len: u64, ceiling: u64) -> Self {
        Self {
            target,
            basis_len,
            ceiling,
            made: Patched::default(),
        }
    }

    /// Applies the next op.
    ///
    /// # Errors
    /// If the op is not allowed (the target does not see it), or the target fails.
    pub fn apply(&mut self, op: Op<'_>) -> Result<(), PatchError<T::Error>> {
        let more = op.output_len();
        if more == 0 {
            return Err(PatchError::Empty);
        }
        let len = self
            .made
            .len
            .checked_add(more)
            .filter(|&len| len <= self.ceiling);
        let len = len.ok_or(PatchError::TooLong {
            ceiling: self.ceiling,
        })?;
        let (count, done) = match op {
            Op::Literal(bytes) => (&mut self.made.literal_bytes, self.target.literal(bytes)),
            Op::Copy { offset, len } => {
                if offset
                    .checked_add(len)
                    .is_none_or(|end| end > self.basis_len)
                {
                    let basis_len = self.basis_len;
                    return Err(PatchError::OutsideBasis {
                        offset,
                        len,
                        basis_len,
                    });
                }
                (&mut self.made.matched_bytes, self.target.copy(offset, len))
            }
            Op::Zeros(len) => (&mut self.made.zero_bytes, self.target.zeros(len)),
        };
        done.map_err(PatchError::Target)?;
        *count += more;
        self.made.len = len;
        Ok(())
    }

    /// What was made so far.
    pub fn made(&self) -> Patched {
        self.made
    }

    /// Gives the target back, with what was made in it.
    pub fn finish(self) -> (T, Patched) {
        (self.target, self.made)
    }
}

/// Writes the new file, reading what it copies from the basis, and computes its digest.
#[derive(Debug)]
pub struct Rebuild<B, W> {
    basis: B,
    output: W,
    digest: Hasher,
    buffer: Vec<u8>,
}

impl<B: Read + Seek, W: Write> Rebuild<B, W> {
    /// Writes to `output` from its current position on.
    pub fn new(basis: B, output: W) -> Self {
        Self {
            basis,
            output,
            digest: Hasher::new(),
            buffer: Vec::new(),
        }
    }

    /// Gives the output back, with the digest of everything written to it.
    pub fn finish(self) -> (W, Digest) {
        let digest = self.digest.digest();
        (self.output, digest)
    }
}

impl<B: Read + Seek, W: Write> Target for Rebuild<B, W> {
    type Error = io::Error;

    fn literal(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.digest.update(bytes);
        self.output.write_all(bytes)
    }

    /// Fails with `UnexpectedEof` if the basis has shrunk.
    fn copy(&mut self, offset: u64, len: u64) -> io::Result<()> {
        self.basis.seek(SeekFrom::Start(offset))?;
        self.buffer.resize(COPY_LEN, 0);
        let mut left = len;
        while left > 0 {
            let piece = &mut self.buffer[..left.min(COPY_LEN as u64) as usize];
            self.basis.read_exact(piece)?;
            self.digest.update(piece);
            self.output.write_all(piece)?;
            left -= piece.len() as u64;
        }
        Ok(())
    }

    fn zeros(&mut self, len: u64) -> io::Result<()> {
        self.digest.update_zeros(len);
        let copied = io::copy(&mut io::repeat(0).take(len), &mut self.output)?;
        if copied < len {
            Err(io::ErrorKind::WriteZero.into())
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::io::Cursor;

    use super::*;

    /// Counts what reaches it.
    #[derive(Default)]
    struct Reached(u32);

    impl Target for Reached {
        type Error = Infallible;
        fn literal(&mut self, _: &[u8]) -> Result<(), Infallible> {
            self.0 += 1;
            Ok(())
        }
        fn copy(&mut self, _: u64, _: u64) -> Result<(), Infallible> {
            self.0 += 1;
            Ok(())
        }
        fn zeros(&mut self, _: u64) -> Result<(), Infallible> {
            self.0 += 1;
            Ok(())
        }
    }

    #[test]
    fn x3_copies_from_outside_of_the_basis_are_refused() {
        let mut patch = Patch::new(Reached::default(), 100, u64::MAX);
        for (offset, len) in [(0, 101), (100, 1), (99, 2), (u64::MAX, 1), (1, u64::MAX)] {
            let result = patch.apply(Op::Copy { offset, len });
            assert!(
                matches!(result, Err(PatchError::OutsideBasis { .. })),
                "{offset}+{len}"
            );
        }
        patch.apply(Op::Copy { offset: 99, len: 1 }).unwrap();
        patch
            .apply(Op::Copy {
                offset: 0,
                len: 100,
            })
            .unwrap();
        assert_eq!(patch.finish().0.0, 2);
    }

    #[test]
    fn m6_content_beyond_the_declared_size_is_refused() {
        let bytes = [1; 11];
        for op in [
            Op::Literal(&bytes),
            Op::Copy { offset: 0, len: 11 },
            Op::Zeros(11),
        ] {
            let mut patch = Patch::new(Reached::default(), 100, 10);
            assert!(matches!(
                patch.apply(op),
                Err(PatchError::TooLong { ceiling: 10 })
            ));
            patch.apply(Op::Zeros(10)).unwrap();
            assert!(matches!(
                patch.apply(Op::Zeros(u64::MAX)),
                Err(PatchError::TooLong { .. })
            ));
            assert!(matches!(
                patch.apply(Op::Zeros(1)),
                Err(PatchError::TooLong { .. })
            ));
            assert_eq!(patch.finish().0.0, 1);
        }
    }

    #[test]
    fn x8_ops_without_content_are_refused() {
        let mut patch = Patch::new(Reached::default(), 100, 10);
        for op in [
            Op::Literal(&[]),
            Op::Copy { offset: 0, len: 0 },
            Op::Zeros(0),
        ] {
            assert!(matches!(patch.apply(op), Err(PatchError::Empty)));
        }
        assert_eq!(patch.finish().0.0, 0);
    }

    #[test]
    fn ops_are_put_together_and_counted() {
        let rebuild = Rebuild::new(Cursor::new(b"0123456789"), Vec::new());
        let mut patch = Patch::new(rebuild, 10, 100);
        patch.apply(Op::Copy { offset: 7, len: 3 }).unwrap();
        patch.apply(Op::Literal(b"ab")).unwrap();
        patch.apply(Op::Zeros(4)).unwrap();
        patch.apply(Op::Copy { offset: 0, len: 1 }).unwrap();
        let (rebuild, made) = patch.finish();
        let expected = Patched {
            len: 10,
            literal_bytes: 2,
            matched_bytes: 4,
            zero_bytes: 4,
        };
        assert_eq!(made, expected);
        let (output, digest) = rebuild.finish();
        assert_eq!(output, b"789ab\0\0\0\x000");
        assert_eq!(digest, Digest::of(&output));
    }

    #[test]
    fn a_basis_that_shrank_is_an_error() {
        let mut patch = Patch::new(Rebuild::new(Cursor::new([0; 9]), Vec::new()), 10, 10);
        let result = patch.apply(Op::Copy { offset: 0, len: 10 });
        assert!(
            matches!(result, Err(PatchError::Target(e)) if e.kind() == io::ErrorKind::UnexpectedEof)
        );
    }
}
