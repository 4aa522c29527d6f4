//! A connection: one byte stream, the session's rules and two queues of typed messages.
//!
//! Two threads belong to each connection. The **reader** takes every frame off the stream at
//! once, answers control frames and queues the rest; the peer's credit bounds that queue, so the
//! reader never waits for a consumer and the stream is always drained. The **writer** sends
//! control frames first, then batches of messages as credit allows. Neither ever waits for the
//! other, so no pattern of traffic can block both ends.
//!
//! [`Outbox::send`] encodes straight into the batch that goes out next. The writer takes that
//! batch as soon as it is idle, however little it holds: nothing is delayed to make it fuller,
//! and under load batches fill by themselves. [`Inbox::recv`] unpacks and decodes in the
//! consumer's thread.
//!
//! The first failure, wherever it happens, wakes everyone who waits and is what everyone gets
//! from then on; the peer is told with an abort frame. A stream that ends without the exchange
//! of goodbyes has failed. Whoever waits also watches the clock, so a peer that falls silent is
//! noticed even while a thread is stuck in a system call.
//!
//! Shutdown: [`Link::close`] for success, [`Link::abort`] or dropping the [`Link`] for failure.
//! Both end the writer; the reader ends with the stream. A read from a pipe can not be
//! interrupted: whoever owns the child process at the other side ends that.

mod error;
mod inbox;
mod link;
mod message;
mod open;
mod opening;
mod outbox;
mod outgoing;
mod reader;
mod shared;
#[cfg(test)]
mod tests;
mod writer;

use std::io::{Read, Write};
use std::time::Duration;

use crate::wire::hello::Features;

pub use error::ConnectionError;
pub use inbox::Inbox;
pub use link::{Link, Traffic};
pub use message::Message;
pub use open::{Connection, Ends, accept, connect, connect_after};
pub use opening::Opening;
pub use outbox::Outbox;

/// Both directions of a byte stream. They may block, and must not depend on each other.
pub struct Stream {
    /// What the peer sends.
    pub reader: Box<dyn Read + Send>,
    /// What the peer gets. Flushed after every frame or group of frames.
    pub writer: Box<dyn Write + Send>,
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stream")
    }
}

/// The longest that a client may have its agent wait: a day, as long as anybody waits for a run.
pub const MAX_TIMEOUT: Duration = Duration::from_secs(86_400);

/// What an end decides for itself. Compression and the bandwidth limit come with the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Silence after which the peer counts as dead.
    pub timeout: Duration,
    /// Most time until the connection is open.
    pub handshake_timeout: Duration,
    /// Version of this program, for the other end's error messages.
    pub version: String,
    /// Gives up every right that is not needed once the root of what is served is open. For a
    /// process that serves one client: there is no way back.
    pub confined: bool,
    /// What this end can do; less than all of it makes an end of another age, for tests.
    pub features: Features,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(60),
            handshake_timeout: Duration::from_secs(30),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            confined: false,
            features: Features::of_this_build(),
        }
    }
}
