//! Nothing is lost: what runs replace and delete is kept, and comes back. rsync judges whether a
//! tree is what it was.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    missing_docs,
    reason = "tests"
)]

mod again;
mod guards;
mod place;
mod proof;
mod pushing;
mod resume;
mod undo;
mod undo_conflicts;
mod undo_cut;
mod undo_in_place;
