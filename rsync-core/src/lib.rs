//! The rsync algorithm as a library.
//!
//! A sync has a **sender**, which owns the source tree, and a **receiver**, which owns the
//! destination. Both run over any pair of byte streams.

pub mod change;
pub mod checksum;
pub mod delta;
#[cfg(feature = "fs")]
pub mod engine;
pub mod entry;
pub mod filter;
#[cfg(feature = "keep")]
pub mod keep;
pub mod monitor;
pub mod options;
pub mod path;
pub mod plan;
pub mod receipt;
#[cfg(feature = "fs")]
pub mod root;
pub mod session;
pub mod wire;
pub mod words;
mod zeros;
