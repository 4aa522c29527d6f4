//! Bytes to typed messages and back, both ways, bounded.

pub mod limits;
pub mod message;
