//! Nothing is lost when something fails: every system call of a run that touches files fails in
//! turn, and either end is killed at any of them. The program is traced for that (`tracer`); where
//! that is not permitted the tests say so and pass.
//!
//! In a usual test run points are a sample spread over the run. `KSYNCD_FAULTS=all` takes every
//! call with every error that a file system gives for it, and 200 moments for each victim.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    missing_docs,
    reason = "tests"
)]

mod calls;
mod failing;
mod killing;
mod memory;
#[path = "../keeping/place.rs"]
#[allow(dead_code, reason = "made for others as well")]
mod place;
mod points;
mod starting;
mod tracer;
mod tree;
mod undoing;
