//! The real kubectl, in all versions that are installed, against the server.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    missing_docs,
    reason = "tests"
)]

mod bench;
mod honest;
mod lies;
