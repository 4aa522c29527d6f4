//! The account of a run: every source entry ends in exactly one of five outcomes.
//!
//! A run that reports success has a receipt whose counts add up; see [`Receipt::adds_up`].

use serde::{Deserialize, Serialize};

/// Counts of a run, as known to the receiver.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Source entries: listed, agreed by digest, excluded by filters or skipped by kind.
    pub entries: u64,
    /// Source entries created, changed or given other metadata.
    pub transferred: u64,
    /// Source entries that were already there as they should be.
    pub unchanged: u64,
    /// Source entries left out by filters, by an option or because of their kind.
    pub excluded: u64,
    /// Source entries that policy or the destination's file system does not allow.
    pub refused: u64,
    /// Source entries that could not be read, written or verified.
    pub failed: u64,

    /// Of `transferred`: entries that did not exist before.
    pub created: u64,
    /// Of `transferred`: regular files whose content arrived.
    pub files_transferred: u64,
    /// Of `transferred`: files that were moved or copied from elsewhere at the destination.
    pub moved: u64,
    /// Regular files at the source, as far as listed or agreed.
    pub files: u64,
    /// Bytes in the regular files at the source.
    pub bytes: u64,
    /// Bytes in the files whose content arrived.
    pub transferred_bytes: u64,
    /// Bytes that arrived as literal data.
    pub literal_bytes: u64,
    /// Bytes that were taken from what the destination had.
    pub matched_bytes: u64,
    /// Entries deleted at the destination.
    pub deleted: u64,
    /// Entries that should have been deleted and were kept (limit reached, listing incomplete).
    pub deletes_withheld: u64,
    /// Entries of the destination that could not be deleted.
    pub deletes_failed: u64,
    /// Source entries that vanished or kept changing; part of `failed`.
    pub vanished: u64,
    /// Places of the source that could not be listed at all.
    pub unlisted: u64,
    /// Directories whose metadata could not be set once everything in them was done.
    pub metadata_failed: u64,
}

impl Receipt {
    /// True if every source entry ended in exactly one outcome.
    pub fn adds_up(&self) -> bool {
        let outcomes = [
            self.transferred,
            self.unchanged,
            self.excluded,
            self.refused,
            self.failed,
        ];
        outcomes
            .iter()
            .try_fold(0u64, |sum, &count| sum.checked_add(count))
            == Some(self.entries)
    }

    /// True if everything at the source is at the destination, and everything asked for was done.
    pub fn is_complete(&self) -> bool {
        self.adds_up()
            && self.refused == 0
            && self.failed == 0
            && self.unlisted == 0
            && self.metadata_failed == 0
            && self.deletes_withheld == 0
            && self.deletes_failed == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_that_lost_an_entry_does_not_add_up() {
        let receipt = Receipt {
            entries: 3,
            transferred: 1,
            unchanged: 1,
            ..Receipt::default()
        };
        assert!(!receipt.adds_up());
        assert!(
            Receipt {
                excluded: 1,
                ..receipt
            }
            .adds_up()
        );
    }

    #[test]
    fn counts_that_overflow_do_not_add_up() {
        let receipt = Receipt {
            entries: 1,
            transferred: u64::MAX,
            failed: 2,
            ..Receipt::default()
        };
        assert!(!receipt.adds_up());
    }
}
