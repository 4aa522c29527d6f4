//! What both ends of a pass have to agree on before it is a success.

use crate::engine::error::Error;
use crate::wire::message::{ReceiverTotals, SenderTotals};

/// The two accounts of one pass have to agree on what was moved, and every entry has to have one
/// outcome.
pub(crate) fn settle(receiver: &ReceiverTotals, sender: &SenderTotals) -> Result<(), Error> {
    if receiver.files_received != sender.files_sent
        || receiver.content_digest != sender.content_digest
    {
        return Err(Error::AccountsDiffer {
            sent: sender.files_sent,
            received: receiver.files_received,
        });
    }
    if !receiver.receipt.adds_up() {
        return Err(Error::ReceiptDoesNotAddUp);
    }
    Ok(())
}
