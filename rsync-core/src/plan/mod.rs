//! From two ordered listings to what has to happen. Pure: no system call, no clock.
//!
//! [`Merge`] pairs the entries of two sorted listings, [`verdict`] says what a pair means, and
//! [`fingerprint`] condenses a listing into a digest such that two listings with the same
//! digest would yield nothing but [`Verdict::Unchanged`].

mod agreement;
mod executed;
mod merge;
mod precision;
mod takes;

pub use agreement::{Condenser, Fingerprint, fingerprint, verdict};
pub use executed::{Guard, runs_by_itself};
pub use merge::{Merge, Pair};
pub use precision::{Modes, Precision};
pub use takes::{leaves_tree, left_out};

use crate::change::Change;

/// What has to happen to make the destination's entry like the source's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing.
    Unchanged,
    /// Only metadata differs.
    Metadata(Change),
    /// A regular file whose content has to be fetched; there is a basis if the destination has
    /// a regular file under that name.
    Content(Change),
    /// It has to be made anew: missing, of another kind, or a link or device that differs.
    Create(Change),
}
