//! The rsync algorithm as a library.
//!
//! A sync has a **sender**, which owns the source tree, and a **receiver**, which owns the
//! destination. Both run over any pair of byte streams.

pub mod checksum;
#[cfg(feature = "fs")]
pub mod engine;
pub mod entry;
<<<<<<< HEAD
pub mod monitor;
=======
pub mod filter;
>>>>>>> e1a3ac0 (Add the filter room: rsync's rules, gitignore files and lists of paths)
pub mod options;
pub mod path;
pub mod plan;
pub mod receipt;
pub mod wire;
