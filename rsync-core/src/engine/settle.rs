//! What both ends of a pass have to agree on before it is a success.

use crate::engine::error::Error;
use crate::receipt::Receipt;
use crate::wire::hello::Features;
use crate::wire::message::{Interim, ReceiverTotals, SenderTotals, TreeDigest};

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

/// True if the receiver's account, with what it says of its tree, agrees with how the sender's
/// stands. Both ends come to the same answer, and then nothing is left to be said.
pub(crate) fn is_settled(
    receiver: &ReceiverTotals,
    tree: Option<TreeDigest>,
    interim: &Interim,
    features: Features,
) -> bool {
    settle(receiver, &interim.totals).is_ok()
        && settle_trees(features, tree, Some(interim.tree), &receiver.receipt).is_ok()
}

/// What an end says of its tree: nothing if it did not say, or could not.
pub(crate) type Said = Option<Option<TreeDigest>>;

/// The digest of the tree on which both ends agree; nothing if an end is too old to give one, or if
/// not all of the source could be listed, which the receipt says.
pub(crate) fn settle_trees(
    features: Features,
    ours: Option<TreeDigest>,
    theirs: Said,
    receipt: &Receipt,
) -> Result<Option<TreeDigest>, Error> {
    if !features.contains(Features::TREES) {
        return Ok(None);
    }
    let Some(theirs) = theirs else {
        return Err(Error::Protocol("it gives no digest of its tree".into()));
    };
    match (ours, theirs) {
        (Some(ours), Some(theirs)) if ours == theirs => Ok(Some(ours)),
        (Some(_), Some(_)) => Err(Error::TreesDiffer),
        _ if receipt.unlisted > 0 => Ok(None),
        _ => {
            let reason = "it has no digest of a tree of which everything was listed";
            Err(Error::Protocol(reason.into()))
        }
    }
}
