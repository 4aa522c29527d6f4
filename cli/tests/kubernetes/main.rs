//! Runs between this computer and a pod, through the program as it is delivered, every way into a
//! cluster, and a test server that is honest or lies.
//!
//! Without root or a static busybox there are no containers: the tests say so and pass.

#![cfg(feature = "kube")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "tests"
)]

// What tests work with.
mod ended;
mod site;
mod skipped;
mod tree;

// Which pod, and how to get in.
mod choosing;
mod examining;
mod getting_in;
mod images;
mod refusals;

// What comes of it.
mod honest;
mod leaving;
mod lies;
mod matrix;
mod speed;
