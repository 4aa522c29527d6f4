//! Checksums: the rolling one that finds a block, the strong one that is sure of it, and the
//! digest that proves a whole file.

mod block;
mod by_blocks;
mod content;
mod digest;
mod rolling;

pub use block::{BlockHash, BlockKey, Strong};
pub use by_blocks::BlockHasher;
pub use content::ContentHasher;
pub use digest::{Digest, Hasher};
pub use rolling::{MAX_WINDOW_LEN, Rolling};
