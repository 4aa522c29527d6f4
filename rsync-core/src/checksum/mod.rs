//! Checksums: the rolling one that finds a block, the strong one that is sure of it, and the
//! digest that proves a whole file.

mod digest;

pub use digest::{Digest, Hasher};
