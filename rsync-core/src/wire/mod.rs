//! Bytes to typed messages and back, both ways, bounded.
//!
//! The layers, from the outside in: a [`preamble`] that finds the start of the stream, [`frame`]s
//! with a type and a capped length, a [`hello`] in which both ends agree on a version, and
//! batches ([`batch`]) of [`message`]s, [`compress`]ed where that gains something.
//!
//! Nothing here reads, writes or waits; which frame may follow which is [`crate::session`]'s.

pub mod batch;
mod bundle;
pub mod compress;
mod content;
pub mod frame;
pub mod hello;
pub mod limits;
pub mod message;
pub mod preamble;
mod problem;
mod told;
mod totals;
