//! Why a connection failed.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::session::SessionError;
use crate::session::order::OrderError;
use crate::wire::batch::BatchError;
use crate::wire::compress::CompressError;
use crate::wire::hello::HelloError;
use crate::wire::preamble::PreambleError;
use crate::words;

/// Why a connection failed. Everyone who uses the connection gets the same one.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionError {
    /// No agent at the other side of the stream.
    #[error(transparent)]
    Preamble(#[from] PreambleError),
    /// The peer broke the rules of the connection, fell silent or gave up.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The peer sent a message that its state does not allow.
    #[error("protocol violation: {0}")]
    Order(#[from] OrderError),
    /// The peer sent something that is no message, or a message of ours is too large.
    #[error(transparent)]
    Batch(#[from] BatchError),
    /// A frame could not be packed or unpacked.
    #[error(transparent)]
    Compress(#[from] CompressError),
    /// The stream failed.
    #[error("cannot {operation} the stream: {}", words::of(source))]
    Io {
        /// What was tried: `read from`, `write to`.
        operation: &'static str,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// The stream ended before everything was said.
    #[error("the stream ended before the other end had said everything")]
    Truncated,
    /// The peer said goodbye although something was left to say.
    #[error("the other end left before everything was said")]
    LeftEarly,
    /// Messages have arrived that nobody has received, and the connection is to be closed.
    #[error("the other end has said more than this end has heard")]
    Unheard,
    /// The peer did not say goodbye in time.
    #[error("the other end did not finish within {} s", after.as_secs())]
    CloseTimeout {
        /// The time that was allowed.
        after: Duration,
    },
    /// This end has closed the connection or given it up.
    #[error("{0}")]
    Closed(String),
    /// This end asked for the other role's messages.
    #[error("this end of the connection has the other role")]
    WrongRole,
    /// The agent has been asked for something else before there was a stream.
    #[error("the other end was asked for something else at first")]
    OtherOpening,
    /// The system did not give randomness or a thread.
    #[error("the connection can not be started: {}", words::of(.0))]
    Start(Arc<io::Error>),
}

impl ConnectionError {
    /// The exit code of rsync(1) that fits best; goes to the peer with the abort frame.
    pub fn code(&self) -> u16 {
        const PROTOCOL_INCOMPATIBILITY: u16 = 2;
        const START: u16 = 5;
        const SOCKET_IO: u16 = 10;
        const PROTOCOL_STREAM: u16 = 12;
        const SIGNAL: u16 = 20;
        const TIMEOUT: u16 = 30;
        const CONNECT_TIMEOUT: u16 = 35;
        match self {
            Self::Session(SessionError::Hello(
                HelloError::WeAreOlder { .. } | HelloError::TheyAreOlder { .. },
            )) => PROTOCOL_INCOMPATIBILITY,
            Self::Session(SessionError::Aborted { code, .. }) => *code,
            Self::Session(SessionError::HandshakeTimeout { .. }) => CONNECT_TIMEOUT,
            Self::Session(
                SessionError::Silent { .. }
                | SessionError::Stalled { .. }
                | SessionError::Dripping { .. }
                | SessionError::NoProgress { .. }
                | SessionError::TooSlow { .. },
            )
            | Self::CloseTimeout { .. } => TIMEOUT,
            Self::Io { .. } => SOCKET_IO,
            Self::Preamble(_) | Self::Start(_) => START,
            Self::Closed(_) => SIGNAL,
            Self::Session(_)
            | Self::Order(_)
            | Self::Batch(_)
            | Self::Compress(_)
            | Self::Truncated
            | Self::LeftEarly
            | Self::Unheard
            | Self::WrongRole
            | Self::OtherOpening => PROTOCOL_STREAM,
        }
    }

    pub(super) fn read(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Truncated,
            _ => Self::Io {
                operation: "read from",
                source: Arc::new(error),
            },
        }
    }

    pub(super) fn write(error: io::Error) -> Self {
        Self::Io {
            operation: "write to",
            source: Arc::new(error),
        }
    }

    pub(super) fn start(error: io::Error) -> Self {
        Self::Start(Arc::new(error))
    }
}
