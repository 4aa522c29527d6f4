//! Which message may follow which, checked by the end that receives them.
//!
//! [`FromSenderOrder`] runs at the receiver, [`FromReceiverOrder`] at the sender; both rest on a
//! [`Ledger`] of what was listed. The table in [`crate::wire::message`] is what they enforce,
//! with the caps of [`crate::wire::limits`].

mod from_receiver;
mod from_sender;
mod ledger;

pub use from_receiver::FromReceiverOrder;
pub use from_sender::FromSenderOrder;
pub use ledger::Ledger;

use crate::wire::message::{DirId, FileId};

/// A message that breaks the rules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} message: {violation}")]
pub struct OrderError {
    /// The message's name.
    pub message: &'static str,
    /// What is wrong with it.
    pub violation: Violation,
}

/// What can be wrong with a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// It comes too early or too late.
    #[error("{0}")]
    OutOfPlace(&'static str),
    /// It names a file that was not listed.
    #[error("file {} of directory {} was not listed", .0.index, .0.dir.0)]
    NotListed(FileId),
    /// It belongs to a file whose content has not begun.
    #[error("file {} of directory {} has not begun", .0.index, .0.dir.0)]
    NotBegun(FileId),
    /// It begins a file whose content has begun already.
    #[error("file {} of directory {} has begun already", .0.index, .0.dir.0)]
    BegunTwice(FileId),
    /// It carries sums that nobody announced, or more than were announced.
    #[error("sums beyond what was announced for file {} of directory {}", .0.index, .0.dir.0)]
    UnannouncedSums(FileId),
    /// A directory's number is not the next one, or its parts are torn apart.
    #[error("directory {} where directory {} has to come", got.0, expected.0)]
    WrongDirectory {
        /// The number it has.
        got: DirId,
        /// The number that has to come.
        expected: DirId,
    },
    /// Names are not in strictly ascending order.
    #[error("names are not in ascending order")]
    Unsorted,
    /// Two parts of one directory's listing give it different paths.
    #[error("two parts of one listing have different paths")]
    PathChanged,
    /// More of something than allowed.
    #[error("too many or too much: {0}")]
    TooMuch(&'static str),
    /// The files of a bundle are not in order, or do not hold its content.
    #[error("its files are not in order, or do not hold its content")]
    BadBundle,
    /// The shape of a basis makes no sense.
    #[error("impossible basis")]
    BadBasis,
}
