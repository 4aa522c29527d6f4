//! The way out: messages are encoded straight into the batch that goes out next.

use std::marker::PhantomData;
use std::sync::{Arc, Mutex};

use super::shared::Shared;
use super::{ConnectionError, Message};
use crate::session::Time;
use crate::session::order::Ledger;

/// Sends messages to the peer. Clones share one queue and may send at the same time.
pub struct Outbox<M> {
    shared: Arc<Shared>,
    ledger: Arc<Mutex<Ledger>>,
    messages: PhantomData<fn(M)>,
}

impl<M: Message> Outbox<M> {
    pub(super) fn new(shared: Arc<Shared>, ledger: Arc<Mutex<Ledger>>) -> Self {
        Self {
            shared,
            ledger,
            messages: PhantomData,
        }
    }

    /// Queues a message, which goes out as soon as the stream takes it. Waits while too much is
    /// queued.
    ///
    /// # Errors
    ///
    /// The connection has failed or is closed, or the message is larger than a frame; in the last
    /// case nothing was sent and the connection goes on.
    pub fn send(&self, message: &M) -> Result<(), ConnectionError> {
        self.put(message, true)
    }

    /// As [`Self::send`], for one of many: it goes out once they fill a frame or some milliseconds
    /// have passed, or [`Self::flush`] or [`Self::send`] is called. What is pushed last and not
    /// flushed may wait for ever.
    ///
    /// # Errors
    ///
    /// As for [`Self::send`].
    pub fn push(&self, message: &M) -> Result<(), ConnectionError> {
        self.put(message, false)
    }

    /// Fails the connection for everyone at both ends; see [`super::Link::abort`].
    pub fn abort(&self, code: u16, text: &str) {
        self.shared.abort(code, text);
    }

    /// All that matters was said and heard: nothing more is sent but what is queued and a goodbye,
    /// and who waits for a message waits no longer. For a client that [leaves
    /// first](crate::wire::hello::Features::INTERIM).
    pub fn leave(&self) {
        let mut state = self.shared.lock();
        state.closing = true;
        state.leaves = true;
        state.outgoing.flush();
        self.shared.wake_writer(&mut state);
        self.shared.arrived.notify_all();
    }

    /// Sees to it that everything pushed so far goes out; does not wait for it.
    pub fn flush(&self) {
        let mut state = self.shared.lock();
        state.outgoing.flush();
        self.shared.wake_writer_for_messages(&mut state);
    }

    fn put(&self, message: &M, wake: bool) -> Result<(), ConnectionError> {
        message.note_sent(&self.ledger);
        let mut state = self.shared.lock();
        loop {
            state.alive()?;
            if state.closing {
                return Err(ConnectionError::Closed(
                    "the connection was closed".to_owned(),
                ));
            }
            if state.session.peer_has_left() {
                return Err(ConnectionError::LeftEarly);
            }
            if state.outgoing.has_room() {
                break;
            }
            state.senders_waiting += 1;
            state = self.shared.wait(&self.shared.room, state, Time::MAX);
            state.senders_waiting -= 1;
        }
        state.outgoing.append(message, self.shared.now())?;
        if wake {
            state.outgoing.flush();
        }
        self.shared.wake_writer_for_messages(&mut state);
        Ok(())
    }
}

impl<M> Clone for Outbox<M> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            ledger: Arc::clone(&self.ledger),
            messages: PhantomData,
        }
    }
}

impl<M> std::fmt::Debug for Outbox<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Outbox")
    }
}
