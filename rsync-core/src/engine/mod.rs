//! The threads and bounded channels that join the rooms of this crate into a running sync.

pub mod connection;

pub use crate::monitor;
