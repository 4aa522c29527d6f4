//! Keeping what a run replaces, deletes or changes, and undoing runs.
//!
//! A [`Keeping`] is the [`Keeper`](crate::engine::keeper::Keeper) of one run. It writes a
//! [journal](Journal) line before each change, and puts old versions aside under numbers: by a
//! further name for the same file where something replaces it, by a rename where it is deleted,
//! by a copy where the two are on different file systems, by the parts that are overwritten and its
//! length where it is changed in place. [`undo()`] goes through a journal backwards, and is kept like any
//! other run.
//!
//! Invariants:
//! - a line is written (not flushed to the disk) before what it tells of happens, so a run that is
//!   killed has a journal that tells at least what it did;
//! - each step of an undo looks whether the entry is still what the run left there; what somebody
//!   else changed since is reported and stays;
//! - an undo notes what it took back, so that the next one, if it is cut, takes back the rest;
//! - a keeper never stops a run: what it could not keep is counted and named in the journal. A journal
//!   that could not be written any more tells so, and an undo takes no file for complete that it may
//!   know only in part.
//!
//! What it is not: a backup. A power cut may lose the last lines, and old runs are given up for
//! the sake of room by whoever owns the directory.

mod copy;
mod journal;
mod keeping;
mod manifest;
mod overwriting;
mod record;
mod step;
mod trash;
mod undo;

pub use journal::{Journal, JournalError};
pub use keeping::{Budget, Keeping, Kept};
pub use manifest::manifest;
pub use record::{Loss, Part, Record};
pub use undo::{Conflict, Undone, forget_progress, undo};
