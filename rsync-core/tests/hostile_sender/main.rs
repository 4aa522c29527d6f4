//! Senders that mean harm: nothing outside the destination changes, nothing in it is lost, and
//! no run that went wrong calls itself a success. Tests are named after the attack's number in
//! the project's list of attacks, where it has one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "tests"
)]

#[path = "../common/mod.rs"]
mod common;
#[path = "../hostile/mod.rs"]
mod hostile;

mod accounts;
mod basis;
mod content;
mod grown;
mod kept;
mod kinds;
mod meanwhile;
mod names;
mod order;
mod trees;
