//! Checksums: the rolling one that finds a block, the strong one that is sure of it, and the
//! digest that proves a whole file.

mod block;
mod digest;
mod rolling;

pub use block::{BlockHash, BlockKey, Strong};
pub use digest::{Digest, Hasher};
pub use rolling::{MAX_WINDOW_LEN, Rolling};
