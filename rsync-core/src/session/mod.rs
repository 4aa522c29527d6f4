//! The rules of a conversation, as state machines without input, output or a clock.
//!
//! Goals: every rule that two ends have to keep for each other is written down here once, can be
//! tried in virtual time, and is kept against a hostile peer: which frame may come when, how many
//! bytes may be in flight ([`credit`]), who has to be heard when ([`heartbeat`]) and to get anywhere
//! ([`progress`]), how fast may be sent ([`throttle`]), and which message may follow which ([`order`]).
//!
//! Not here: threads and streams (`engine::connection`) and what a message *means* (the engine).
//!
//! Invariants: time is an argument ([`Time`], since the connection began) and never runs
//! backwards; what is remembered does not grow with the number of files, only by four bytes for
//! each listed directory; every violation is an error that names what came and in which state.

pub mod credit;
mod error;
pub mod heartbeat;
pub mod machine;
pub mod order;
pub mod progress;
mod terms;
pub mod throttle;

pub use error::SessionError;
pub use machine::{Event, Session};
pub use terms::{Agreed, Config, End};

/// Time since the connection began.
pub type Time = std::time::Duration;

#[cfg(test)]
mod simulation;
