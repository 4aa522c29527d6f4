//! Runs between this computer and a pod, through the program as it is delivered, every way into a
//! cluster, and a test server that is honest or lies.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "tests"
)]

mod honest;
mod images;
mod lies;
mod refusals;
mod site;
mod speed;
mod tree;
