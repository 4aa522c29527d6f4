//! The order of what a receiver says.
//!
//! `Holdings` first and once more for each question, `Finished` last and only after the sender's
//! `Listed`, as are `Enough` and `Tree`. Content is wanted for listed files only. Block sums follow a `Want` with a basis,
//! and are as many as its shape allows or fewer, if the basis can not be read after all.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::from_sender::at_most;
use super::{Ledger, OrderError, Violation};
use crate::delta::Shape;
use crate::wire::limits::{BLOCK_SUM_LEN, MAX_DIGESTS, MAX_OPEN_SIGNATURES, MAX_SIGNATURE_LEN};
use crate::wire::message::{Basis, FileId, FromReceiver, Holdings, How};

/// Checks a receiver's messages one by one.
#[derive(Debug, Default)]
pub struct FromReceiverOrder {
    stage: Stage,
    /// How often it has told what it has.
    holdings: u64,
    /// Bytes of sums that may still come, for each file whose signature is incomplete.
    owed_sums: BTreeMap<FileId, u64>,
    has_told_tree: bool,
    has_enough: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Stage {
    #[default]
    Start,
    Wanting,
    Finished,
}

impl FromReceiverOrder {
    /// May `message` come now, after what `ledger` says was listed? After an error the
    /// conversation is over.
    pub fn check(&mut self, message: &FromReceiver, ledger: &Ledger) -> Result<(), OrderError> {
        self.judge(message, ledger).map_err(|violation| OrderError {
            message: message.name(),
            violation,
        })
    }

    /// True once the receiver has given its account.
    pub fn is_finished(&self) -> bool {
        self.stage == Stage::Finished
    }

    fn judge(&mut self, message: &FromReceiver, ledger: &Ledger) -> Result<(), Violation> {
        match (self.stage, message) {
            (Stage::Start, FromReceiver::Holdings(_)) => self.stage = Stage::Wanting,
            (Stage::Start, _) => return Err(Violation::OutOfPlace("before Holdings")),
            (Stage::Finished, _) => return Err(Violation::OutOfPlace("after Finished")),
            (Stage::Wanting, _) => {}
        }
        match message {
            FromReceiver::Holdings(holdings) => {
                self.holdings = self.holdings.saturating_add(1);
                if self.holdings > ledger.holdings_due() {
                    return Err(Violation::OutOfPlace("without being asked for"));
                }
                match holdings {
                    Holdings::Digests(digests) => at_most(digests.len(), MAX_DIGESTS, "digests"),
                    Holdings::Nothing | Holdings::Unknown => Ok(()),
                }
            }
            FromReceiver::Want { file, how, .. } => {
                ledger.check(*file)?;
                match how {
                    How::Delta(basis) => {
                        let len = signature_len(*basis).ok_or(Violation::BadBasis)?;
                        self.expect_sums(*file, len)
                    }
                    How::ShortDelta(_) | How::Lengthened(_) => {
                        let shape = Shape::wanted(*how).map_err(|_| Violation::BadBasis)?;
                        self.expect_sums(*file, shape.map_or(0, |shape| shape.sums_len(*how)))
                    }
                    How::Whole | How::From(_) | How::Digest => Ok(()),
                }
            }
            FromReceiver::Signature { file, sums } => {
                at_most(sums.len(), MAX_SIGNATURE_LEN, "bytes of sums")?;
                self.take_sums(*file, sums.len() as u64)
            }
            FromReceiver::NoBasis { file } => match self.owed_sums.remove(file) {
                Some(_) => Ok(()),
                None => Err(Violation::UnannouncedSums(*file)),
            },
            FromReceiver::Told(_) => Ok(()),
            FromReceiver::Enough | FromReceiver::Tree(_) | FromReceiver::Finished(_)
                if !ledger.is_complete() =>
            {
                Err(Violation::OutOfPlace("before Listed"))
            }
            FromReceiver::Enough => {
                if std::mem::replace(&mut self.has_enough, true) {
                    return Err(Violation::OutOfPlace("for the second time"));
                }
                Ok(())
            }
            FromReceiver::Tree(_) => {
                if std::mem::replace(&mut self.has_told_tree, true) {
                    return Err(Violation::OutOfPlace("for the second time"));
                }
                Ok(())
            }
            FromReceiver::Finished(_) if !self.owed_sums.is_empty() => {
                Err(Violation::OutOfPlace("inside a signature"))
            }
            FromReceiver::Finished(_) => {
                self.stage = Stage::Finished;
                Ok(())
            }
        }
    }

    fn expect_sums(&mut self, file: FileId, sums: u64) -> Result<(), Violation> {
        if sums == 0 {
            return Ok(());
        }
        match self.owed_sums.entry(file) {
            Entry::Occupied(_) => return Err(Violation::BegunTwice(file)),
            Entry::Vacant(entry) => drop(entry.insert(sums)),
        }
        at_most(
            self.owed_sums.len(),
            MAX_OPEN_SIGNATURES,
            "signatures under way",
        )
    }

    fn take_sums(&mut self, file: FileId, len: u64) -> Result<(), Violation> {
        let Entry::Occupied(mut owed) = self.owed_sums.entry(file) else {
            return Err(Violation::UnannouncedSums(file));
        };
        match owed.get().checked_sub(len) {
            Some(0) => drop(owed.remove()),
            Some(left) => drop(owed.insert(left)),
            None => return Err(Violation::UnannouncedSums(file)),
        }
        Ok(())
    }
}

/// Bytes of a signature with whole sums. A basis that is only too large is refused later, without
/// an end of the conversation.
fn signature_len(basis: Basis) -> Option<u64> {
    let block_len = u64::from(basis.block_len);
    (block_len > 0)
        .then(|| basis.len.div_ceil(block_len))?
        .checked_mul(BLOCK_SUM_LEN)
}

#[cfg(test)]
mod tests;
