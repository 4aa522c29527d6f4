//! Measuring ksyncd beside other tools, over links of all kinds, on trees made from a seed.
//!
//! `suite` runs `tool`s on `workload`s and reports; `link` and `meter` are the remote shell that it
//! gives to all of them and what runs behind it. None of this is needed to use ksyncd.

pub mod content;
mod limit;
pub mod link;
pub mod machine;
pub mod meter;
mod processes;
pub mod random;
pub mod report;
pub mod run;
pub mod stats;
pub mod suite;
pub mod tool;
pub mod tree;
pub mod usage;
pub mod workload;
