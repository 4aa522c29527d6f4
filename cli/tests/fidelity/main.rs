//! Whole runs of the built program, in both directions, with the agent of this machine and with
//! the one that is delivered into an image. Other programs judge what they did: rsync, diff, find,
//! getfattr, getfacl, du.
//!
//! What needs root or a program that is missing is skipped, and says so. `KSYNCD_PROGRAM` names
//! another build of the program to be tested.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    missing_docs,
    reason = "tests"
)]

mod attributes;
mod awkward;
mod choosing;
mod deleting;
mod following;
mod itemized;
mod judge;
mod links;
mod memory;
mod naming;
mod place;
mod races;
mod sparse;
mod stale;
mod trees;
mod writing;
