//! The connection as a whole: how it ends, and what went over it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::ConnectionError;
use super::shared::Shared;

/// Bytes that went over a connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes sent, everything included.
    pub sent: u64,
    /// Bytes received, everything included.
    pub received: u64,
    /// Bytes of messages sent, before they were packed.
    pub sent_unpacked: u64,
    /// Bytes of messages received, after they were unpacked.
    pub received_unpacked: u64,
}

/// Holds a connection open and ends it.
///
/// Dropped without [`Self::close`], the connection fails for everyone who still uses it, at both
/// ends.
#[derive(Debug)]
pub struct Link {
    shared: Arc<Shared>,
    timeout: Duration,
    closed: bool,
}

impl Link {
    pub(super) fn new(shared: Arc<Shared>, timeout: Duration) -> Self {
        Self {
            shared,
            timeout,
            closed: false,
        }
    }

    /// What went over the connection so far.
    pub fn traffic(&self) -> Traffic {
        Traffic {
            received: self.shared.received.load(Ordering::Relaxed),
            ..self.shared.lock().traffic
        }
    }

    /// Ends the connection in agreement: sends everything that is queued, exchanges goodbyes and
    /// waits for the last byte to be written. Only after this is the pass known to be complete at
    /// both ends, or at this one if it [leaves](super::Outbox::leave) first.
    ///
    /// # Errors
    ///
    /// The connection has failed, the peer does not say goodbye within the timeout, or it has sent
    /// messages that were not received.
    pub fn close(mut self) -> Result<Traffic, ConnectionError> {
        self.closed = true;
        let shared = Arc::clone(&self.shared);
        let until = shared.now() + self.timeout;
        let mut state = shared.lock();
        state.closing = true;
        state.outgoing.flush();
        shared.wake_writer(&mut state);
        loop {
            if let Err(error) = state.alive() {
                drop(state);
                shared.say_last_words();
                return Err(error);
            }
            if state.session.is_over() && state.writer_done {
                let everything_was_heard = state.incoming.is_empty() || state.leaves;
                drop(state);
                return if everything_was_heard {
                    Ok(self.traffic())
                } else {
                    Err(ConnectionError::Unheard)
                };
            }
            if shared.now() >= until {
                let after = self.timeout;
                shared.fail(&mut state, ConnectionError::CloseTimeout { after });
                continue;
            }
            state = shared.wait(&shared.arrived, state, until);
        }
    }

    /// Ends the connection in failure and tells the peer why. `code` is the exit code of rsync(1)
    /// that fits best; `text` is one sentence.
    pub fn abort(mut self, code: u16, text: &str) {
        self.closed = true;
        self.shared.abort(code, text);
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if !self.closed {
            let error = ConnectionError::Closed("the connection was given up".to_owned());
            self.shared.fail(&mut self.shared.lock(), error);
        }
    }
}
