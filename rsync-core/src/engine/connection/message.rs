//! What an inbox and an outbox have to know about the messages in them.

use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::session::order::{FromReceiverOrder, FromSenderOrder, Ledger, OrderError};
use crate::wire::message::{FromReceiver, FromSender};

/// The messages of one direction and the rules they keep.
pub trait Message: Serialize + DeserializeOwned + Send + 'static {
    /// Checks the order of received messages.
    type Order: Default + Send;

    /// Called before a message of ours can reach the peer.
    fn note_sent(&self, ledger: &Mutex<Ledger>);

    /// May this received message come now?
    fn check(&self, order: &mut Self::Order, ledger: &Mutex<Ledger>) -> Result<(), OrderError>;

    /// True if `order` has seen the last message.
    fn is_finished(order: &Self::Order) -> bool;
}

impl Message for FromSender {
    type Order = FromSenderOrder;

    fn note_sent(&self, ledger: &Mutex<Ledger>) {
        // The lock is only worth taking for the few messages that the ledger is about.
        if matches!(self, Self::Listing(_) | Self::Expand(_) | Self::Listed(_)) {
            ledger
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .sending(self);
        }
    }

    fn check(&self, order: &mut FromSenderOrder, _: &Mutex<Ledger>) -> Result<(), OrderError> {
        order.check(self)
    }

    fn is_finished(order: &FromSenderOrder) -> bool {
        order.is_finished()
    }
}

impl Message for FromReceiver {
    type Order = FromReceiverOrder;

    fn note_sent(&self, _: &Mutex<Ledger>) {}

    fn check(
        &self,
        order: &mut FromReceiverOrder,
        ledger: &Mutex<Ledger>,
    ) -> Result<(), OrderError> {
        order.check(self, &ledger.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn is_finished(order: &FromReceiverOrder) -> bool {
        order.is_finished()
    }
}
