//! Signature, matcher and patch together: what must hold for any two files, and the work it may take.

#![allow(clippy::unwrap_used, reason = "tests")]

mod files;
mod properties;
mod work;
