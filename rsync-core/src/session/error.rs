//! Why a conversation ends before it is over.

use std::time::Duration;

use crate::path::escape;
use crate::wire::frame::{FrameError, FrameType};
use crate::wire::hello::HelloError;

/// Why a conversation can not go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// Not a frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The two ends can not talk to each other.
    #[error(transparent)]
    Hello(#[from] HelloError),
    /// A frame that the state does not allow.
    #[error("{frame:?} frame {state}")]
    OutOfPlace {
        /// The frame's type.
        frame: FrameType,
        /// The state it came in.
        state: &'static str,
    },
    /// More messages than credit.
    #[error("the peer sends {len} bytes without credit for them")]
    CreditExceeded {
        /// Length of the frame's payload in bytes.
        len: usize,
    },
    /// More credit than anyone may have.
    #[error("the peer grants {granted} bytes, more than anyone may have")]
    CreditOverflow {
        /// What it grants.
        granted: u32,
    },
    /// A pong for no ping.
    #[error("the peer answers ping {number}, which was never sent")]
    UnexpectedPong {
        /// The ping's number.
        number: u64,
    },
    /// The peer gave up.
    #[error("the other end gave up: {}", escape(text.as_bytes()))]
    Aborted {
        /// The exit code of rsync(1) that fits best.
        code: u16,
        /// The peer's words; untrusted.
        text: String,
    },
    /// The connection did not open in time.
    #[error("no answer within {} s", after.as_secs())]
    HandshakeTimeout {
        /// The time that was allowed.
        after: Duration,
    },
    /// Nothing was heard for too long.
    #[error("the other end has been silent for {} s", after.as_secs())]
    Silent {
        /// The time that was allowed.
        after: Duration,
    },
    /// A frame has begun and does not end.
    #[error("the other end sends {len} bytes slower than any link is")]
    Dripping {
        /// Length of the frame's payload in bytes.
        len: usize,
    },
    /// Nothing but signs of life came for too long.
    #[error("the other end is alive, but nothing came of it for {} s", after.as_secs())]
    NoProgress {
        /// The time that was allowed.
        after: Duration,
    },
    /// Too little came for too long.
    #[error("the other end is alive, but too little came of it for {} s", after.as_secs())]
    TooSlow {
        /// The time that was allowed.
        after: Duration,
    },
    /// The peer takes nothing off the stream.
    #[error("the other end has not read for {} s", after.as_secs())]
    Stalled {
        /// The time that was allowed.
        after: Duration,
    },
}
