//! What a delta consists of.

use crate::wire::message::DataOp;

/// Next piece of a file, borrowed; [`DataOp`] is its owned form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op<'a> {
    /// These bytes.
    Literal(&'a [u8]),
    /// `len` bytes of the basis from `offset` on.
    Copy {
        /// First byte in the basis.
        offset: u64,
        /// How many.
        len: u64,
    },
    /// So many zero bytes.
    Zeros(u64),
}

impl Op<'_> {
    /// How many bytes of the file this makes.
    pub fn output_len(&self) -> u64 {
        match *self {
            Op::Literal(bytes) => bytes.len() as u64,
            Op::Copy { len, .. } | Op::Zeros(len) => len,
        }
    }
}

impl<'a> From<&'a DataOp> for Op<'a> {
    fn from(op: &'a DataOp) -> Self {
        match *op {
            DataOp::Literal(ref bytes) => Self::Literal(bytes),
            DataOp::Copy { offset, len } => Self::Copy { offset, len },
            DataOp::Zeros(len) => Self::Zeros(len),
        }
    }
}

impl From<Op<'_>> for DataOp {
    fn from(op: Op<'_>) -> Self {
        match op {
            Op::Literal(bytes) => Self::Literal(bytes.to_vec()),
            Op::Copy { offset, len } => Self::Copy { offset, len },
            Op::Zeros(len) => Self::Zeros(len),
        }
    }
}
