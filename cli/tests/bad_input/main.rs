//! Bad input and faults, through the program as it is delivered: one plain sentence with the path,
//! the cause and the next step, the right exit code, everything else copied where that is safe,
//! and nothing harmed that was there.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "tests"
)]

mod agent;
mod destination;
mod endings;
mod file_systems;
mod front_doors;
mod messages;
mod place;
mod source;
mod state;
mod stream;
mod trust;
