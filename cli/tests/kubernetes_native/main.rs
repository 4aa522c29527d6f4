//! The program's own Kubernetes client against a server that real clients get into.
//!
//! Without root or a static busybox there are no containers: the tests say so and pass.

#![cfg(feature = "kube")]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

mod bench;
mod choosing;
mod examining;
mod faults;
mod getting_in;
mod refusals;
