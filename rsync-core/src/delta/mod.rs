//! The rsync algorithm: one file as the difference to another.
//!
//! The end that has an old version, the *basis*, makes its [`signature`] (sums of blocks of one
//! length, its [`Shape`]). The end that has the new version looks for those blocks in it with a
//! [`Matcher`] and answers with [`Op`]s: copy this range, take these literal bytes. [`Patch`]
//! applies them. (Tridgell and Mackerras, *The rsync algorithm*, TR-CS-96-05; Tridgell's thesis,
//! 1999, chapters 3 and 4.)
//!
//! A file that only grew needs no search: [`RangeSums`] of its old version tell that it did, and
//! [`Matcher::lengthened`] describes it by all of that and what comes behind it.
//!
//! Nothing here does I/O but through the readers and writers it is given, and everything that a
//! peer sends is checked before it is used.
//!
//! ```
//! use std::convert::Infallible;
//! use std::io::Cursor;
//!
//! use rsync_core::checksum::{BlockKey, Digest};
//! use rsync_core::delta::{Matcher, Patch, Rebuild, Shape, Table, sign};
//! use rsync_core::wire::message::DataOp;
//!
//! let old = vec![7; 100_000];
//! let mut new = old.clone();
//! new.splice(5000..5001, *b"inserted");
//!
//! // Where the old version is: its signature.
//! let key = BlockKey::derive(&[1; 16], &[2; 16]);
//! let shape = Shape::for_len(old.len() as u64)?;
//! let mut table = Table::new(shape);
//! sign(&old[..], shape, &key, |sums| table.extend(sums))?;
//!
//! // Where the new version is: the difference.
//! let mut ops = Vec::new();
//! let matched = Matcher::new().delta(&new[..], shape, &key, &mut &table, |op| {
//!     ops.push(DataOp::from(op));
//!     Ok::<(), Infallible>(())
//! })?;
//! assert!(matched.literal_bytes < 5000);
//!
//! // Where the old version is: the new one, proven by its digest.
//! let mut patch = Patch::new(Rebuild::new(Cursor::new(&old), Vec::new()), old.len() as u64, 200_000);
//! for op in &ops {
//!     patch.apply(op.into())?;
//! }
//! let (rebuild, _) = patch.finish();
//! let (rebuilt, digest) = rebuild.finish();
//! assert_eq!(digest, matched.digest);
//! assert!(rebuilt == new && digest == Digest::of(&new));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod digest;
mod lengthened;
pub mod matcher;
mod op;
pub mod patch;
mod shape;
pub mod signature;

pub use digest::DeltaHasher;
pub use lengthened::{RANGE_SUM_LEN, RangeSums};
pub use matcher::{Effort, MatchError, Matched, Matcher, Sums};
pub use op::Op;
pub use patch::{Patch, PatchError, Patched, Rebuild, Target};
pub use shape::{MAX_BLOCK_LEN, MAX_BLOCKS, MIN_BLOCK_LEN, Shape, ShapeError};
#[cfg(feature = "fs")]
pub(crate) use signature::TakeSums;
pub use signature::{BlockSum, SignError, Table, TableError, hash_blocks, sign, sign_blocks};
