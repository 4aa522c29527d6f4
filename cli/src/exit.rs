//! Every exit code, in one place.
//!
//! The numbers and their meanings are rsync's (rsync(1), EXIT VALUES), so that scripts written for
//! rsync keep working. ksyncd has no codes of its own: what rsync does not know maps to the nearest
//! of these, and the message says the rest.

use std::process::ExitCode;

use rsync_core::receipt::Receipt;

/// How a run of the program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Everything that was asked for was done.
    Success = 0,
    /// The command line can not be understood.
    Usage = 1,
    /// The two ends have no protocol version in common.
    Incompatible = 2,
    /// The source or the destination named on the command line can not be used.
    FileSelection = 3,
    /// An option or action that this program, or the other end, does not support.
    Unsupported = 4,
    /// The conversation could not be started: the agent did not start or did not answer.
    Startup = 5,
    /// The log file can not be appended to.
    LogFile = 6,
    /// The network or the connection's program failed.
    Socket = 10,
    /// A file that ksyncd itself needs, or the destination as a whole, can not be read or written.
    FileIo = 11,
    /// The other end broke the protocol, or the connection ended in the middle.
    Protocol = 12,
    /// Standard output could not be written.
    Diagnostics = 13,
    /// A program that ksyncd started could not be talked to.
    Ipc = 14,
    /// The run was interrupted by a signal.
    Interrupted = 20,
    /// The state of a program that ksyncd started is not known.
    Wait = 21,
    /// Memory could not be allocated, or a limit on it was reached.
    Memory = 22,
    /// Some entries were not transferred, were refused, or could not be deleted.
    Partial = 23,
    /// Some entries vanished at the source while they were transferred; all others are there.
    Vanished = 24,
    /// Deletions that were due did not happen: --max-delete, an empty or another source, or too
    /// large a part of the destination.
    DeletesWithheld = 25,
    /// The other end was silent for too long.
    Timeout = 30,
    /// The other end could not be reached in time.
    ConnectTimeout = 35,
}

impl Exit {
    /// Every code, in order.
    pub(crate) const ALL: [Self; 20] = [
        Self::Success,
        Self::Usage,
        Self::Incompatible,
        Self::FileSelection,
        Self::Unsupported,
        Self::Startup,
        Self::LogFile,
        Self::Socket,
        Self::FileIo,
        Self::Protocol,
        Self::Diagnostics,
        Self::Ipc,
        Self::Interrupted,
        Self::Wait,
        Self::Memory,
        Self::Partial,
        Self::Vanished,
        Self::DeletesWithheld,
        Self::Timeout,
        Self::ConnectTimeout,
    ];

    /// The number that the shell sees.
    pub(crate) fn code(self) -> u8 {
        self as u8
    }

    /// What the code means, as one line of the manual.
    pub(crate) fn meaning(self) -> &'static str {
        match self {
            Self::Success => "Everything that was asked for was done",
            Self::Usage => "The command line can not be understood",
            Self::Incompatible => "The two ends have no protocol version in common",
            Self::FileSelection => "The source or the destination can not be used",
            Self::Unsupported => "An option or action is not supported",
            Self::Startup => "The agent at the other end did not start or did not answer",
            Self::LogFile => "The log file can not be appended to",
            Self::Socket => "The network or the connection failed",
            Self::FileIo => "A file, or the destination as a whole, can not be read or written",
            Self::Protocol => "The connection broke, or the other end broke the protocol",
            Self::Diagnostics => "Standard output could not be written",
            Self::Ipc => "A program that ksyncd started could not be talked to",
            Self::Interrupted => "Interrupted by a signal",
            Self::Wait => "The state of a program that ksyncd started is not known",
            Self::Memory => "Memory could not be allocated, or a limit on it was reached",
            Self::Partial => "Some entries were not transferred or not deleted",
            Self::Vanished => "Some entries vanished at the source; all others are there",
            Self::DeletesWithheld => {
                "Deletions were withheld: --max-delete, an empty or new source, or too many"
            }
            Self::Timeout => "The other end was silent for too long",
            Self::ConnectTimeout => "The other end could not be reached in time",
        }
    }

    /// How a run with this account ended.
    ///
    /// The graver outcome wins, in rsync's order: 23, then 24, then 25.
    pub(crate) fn of_receipt(receipt: &Receipt) -> Self {
        let lost = receipt.failed.saturating_sub(receipt.vanished);
        let troubles = [
            lost,
            receipt.refused,
            receipt.unlisted,
            receipt.metadata_failed,
            receipt.deletes_failed,
        ];
        if !receipt.adds_up() || troubles.iter().any(|&count| count > 0) {
            Self::Partial
        } else if receipt.vanished > 0 {
            Self::Vanished
        } else if receipt.deletes_withheld > 0 {
            Self::DeletesWithheld
        } else if receipt.is_complete() {
            Self::Success
        } else {
            // A count that this function does not know says that something is missing.
            Self::Partial
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn codes_are_those_of_rsync() {
        let codes: Vec<u8> = Exit::ALL.iter().map(|exit| exit.code()).collect();
        assert_eq!(
            codes,
            [
                0, 1, 2, 3, 4, 5, 6, 10, 11, 12, 13, 14, 20, 21, 22, 23, 24, 25, 30, 35
            ]
        );
    }

    #[test]
    fn a_run_that_left_something_undone_is_no_success() {
        let done = Receipt {
            entries: 2,
            transferred: 1,
            unchanged: 1,
            ..Receipt::default()
        };
        assert_eq!(Exit::of_receipt(&done), Exit::Success);

        let one_more = |change: fn(&mut Receipt)| {
            let mut receipt = Receipt { entries: 3, ..done };
            change(&mut receipt);
            Exit::of_receipt(&receipt)
        };
        assert_eq!(one_more(|receipt| receipt.failed = 1), Exit::Partial);
        assert_eq!(one_more(|receipt| receipt.refused = 1), Exit::Partial);
        assert_eq!(
            one_more(|_| ()),
            Exit::Partial,
            "an entry is unaccounted for"
        );
        assert_eq!(
            one_more(|receipt| (receipt.failed, receipt.vanished) = (1, 1)),
            Exit::Vanished
        );

        assert_eq!(
            Exit::of_receipt(&Receipt {
                unlisted: 1,
                ..done
            }),
            Exit::Partial
        );
        assert_eq!(
            Exit::of_receipt(&Receipt {
                deletes_failed: 1,
                ..done
            }),
            Exit::Partial
        );
        assert_eq!(
            Exit::of_receipt(&Receipt {
                deletes_withheld: 1,
                ..done
            }),
            Exit::DeletesWithheld
        );
    }

    #[test]
    fn the_graver_outcome_decides() {
        let receipt = Receipt {
            entries: 2,
            failed: 2,
            vanished: 1,
            deletes_withheld: 1,
            ..Receipt::default()
        };
        assert_eq!(Exit::of_receipt(&receipt), Exit::Partial);
        let receipt = Receipt {
            vanished: 2,
            ..receipt
        };
        assert_eq!(Exit::of_receipt(&receipt), Exit::Vanished);
    }

    prop_compose! {
        fn receipts()(
            counts in prop::array::uniform11(0u64..2), surplus in 0u64..2,
        ) -> Receipt {
            let [transferred, unchanged, excluded, refused, failed, vanished, unlisted, metadata_failed, withheld,
                 deletes_failed, deleted] = counts;
            Receipt {
                entries: transferred + unchanged + excluded + refused + failed + surplus,
                transferred, unchanged, excluded, refused, failed, unlisted, metadata_failed, deletes_failed, deleted,
                vanished: vanished.min(failed), deletes_withheld: withheld,
                ..Receipt::default()
            }
        }
    }

    proptest! {
        #[test]
        fn a_run_is_a_success_exactly_when_its_account_is_complete(receipt in receipts()) {
            prop_assert_eq!(receipt.is_complete(), Exit::of_receipt(&receipt) == Exit::Success);
        }
    }
}
