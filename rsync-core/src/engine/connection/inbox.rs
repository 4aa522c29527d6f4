//! The way in: frames are unpacked, decoded and checked in the consumer's thread.

use std::sync::{Arc, Mutex};

use super::shared::{Incoming, Shared};
use super::{ConnectionError, Message};
use crate::session::Time;
use crate::session::order::Ledger;
use crate::wire::batch;
use crate::wire::compress::Unpacker;

/// Receives the peer's messages, each checked against everything before it.
///
/// As an iterator it ends after the last message of the pass, or after an error.
pub struct Inbox<M: Message> {
    shared: Arc<Shared>,
    ledger: Arc<Mutex<Ledger>>,
    order: M::Order,
    unpacker: Unpacker,
    /// The batch that is being decoded, and how far.
    batch: Vec<u8>,
    position: usize,
    failed: bool,
}

impl<M: Message> Inbox<M> {
    pub(super) fn new(shared: Arc<Shared>, ledger: Arc<Mutex<Ledger>>, unpacker: Unpacker) -> Self {
        Self {
            shared,
            ledger,
            order: M::Order::default(),
            unpacker,
            batch: Vec::new(),
            position: 0,
            failed: false,
        }
    }

    /// The next message; waits for it.
    ///
    /// # Errors
    ///
    /// The connection has failed, or the peer left before its last message, or it has sent its
    /// last message already.
    pub fn recv(&mut self) -> Result<M, ConnectionError> {
        loop {
            if let Some(message) = self.decode()? {
                return Ok(message);
            }
            self.fetch(true)?;
        }
    }

    /// The next message, if it has arrived.
    ///
    /// # Errors
    ///
    /// As for [`Self::recv`].
    pub fn try_recv(&mut self) -> Result<Option<M>, ConnectionError> {
        if let Some(message) = self.decode()? {
            return Ok(Some(message));
        }
        if self.fetch(false)? {
            self.decode()
        } else {
            Ok(None)
        }
    }

    /// True once the peer's last message was received.
    pub fn is_finished(&self) -> bool {
        M::is_finished(&self.order)
    }

    fn decode(&mut self) -> Result<Option<M>, ConnectionError> {
        if self.position >= self.batch.len() {
            return Ok(None);
        }
        let result = self.decode_next();
        result.map(Some).map_err(|error| self.fail(error))
    }

    fn decode_next(&mut self) -> Result<M, ConnectionError> {
        let (message, rest) = batch::take::<M>(&self.batch[self.position..])?;
        self.position = self.batch.len() - rest.len();
        message.check(&mut self.order, &self.ledger)?;
        if self.is_finished() && !rest.is_empty() {
            // Nobody will ask for what comes after the last message: judge it now.
            batch::take::<M>(rest)?
                .0
                .check(&mut self.order, &self.ledger)?;
        }
        Ok(message)
    }

    /// Gets the next frame; false if there is none yet and `wait` is false.
    fn fetch(&mut self, wait: bool) -> Result<bool, ConnectionError> {
        let Some(frame) = self.next_frame(wait)? else {
            return Ok(false);
        };
        let Incoming {
            payload,
            compressed,
        } = frame;
        self.position = 0;
        let unused = if compressed {
            let unpacked = self.unpacker.unpack(&payload, &mut self.batch);
            if let Err(error) = unpacked {
                self.batch.clear();
                return Err(self.fail(error.into()));
            }
            payload
        } else {
            std::mem::replace(&mut self.batch, payload)
        };
        let mut state = self.shared.lock();
        state.recycle(unused);
        state.traffic.received_unpacked += self.batch.len() as u64;
        Ok(true)
    }

    fn next_frame(&mut self, wait: bool) -> Result<Option<Incoming>, ConnectionError> {
        let mut state = self.shared.lock();
        loop {
            state.alive()?;
            if state.leaves {
                return Err(ConnectionError::Closed("this end has left".to_owned()));
            }
            if let Some(frame) = state.incoming.pop_front() {
                state
                    .session
                    .consumed_messages(self.shared.now(), frame.payload.len());
                self.shared.wake_writer(&mut state);
                return Ok(Some(frame));
            }
            if M::is_finished(&self.order) {
                return Err(ConnectionError::Closed(
                    "the other end has sent its last message".to_owned(),
                ));
            }
            if state.session.peer_has_left() {
                let error = ConnectionError::LeftEarly;
                self.shared.fail(&mut state, error.clone());
                return Err(error);
            }
            if !wait {
                return Ok(None);
            }
            state = self.shared.wait(&self.shared.arrived, state, Time::MAX);
        }
    }

    /// What is wrong with a message is everyone's failure.
    fn fail(&mut self, error: ConnectionError) -> ConnectionError {
        self.position = self.batch.len();
        let mut state = self.shared.lock();
        self.shared.fail(&mut state, error.clone());
        state.failure.clone().unwrap_or(error)
    }
}

impl<M: Message> Iterator for Inbox<M> {
    type Item = Result<M, ConnectionError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed || self.is_finished() {
            return None;
        }
        let result = self.recv();
        self.failed = result.is_err();
        Some(result)
    }
}

impl<M: Message> std::fmt::Debug for Inbox<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Inbox")
    }
}
