//! Checksums: the rolling one that finds a block, the strong one that is sure of it, and the
//! digest that proves a whole file.

mod block;
mod digest;
mod rolling;
mod side_by_side;

pub use block::{BlockHash, BlockKey, Strong};
pub use digest::{Digest, Hasher};
pub use rolling::{MAX_WINDOW_LEN, Rolling};
pub(crate) use side_by_side::LANES;
