//! Receivers that mean harm: they get what a listing shows and nothing else, keep nobody busy for
//! nothing, and can not talk a run into a success. Tests are named after the attack's number in
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
mod trees;
mod wishes;
