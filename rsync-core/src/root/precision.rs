//! Finding out what the file system of a directory keeps.

use rustix::fd::{AsFd, BorrowedFd};
use rustix::fs::fchmod;
use rustix::io::Errno;

use super::dir::Dir;
use super::error::{Context, Error};
use super::metadata::{Metadata, apply, mode_bits};
use super::stat::Stat;
use super::system;
use crate::entry::Timestamp;
use crate::plan::{Modes, Precision};

/// A time that is different in every unit; in 2001, which every file system knows.
const TIME: (i64, u32) = (1_000_000_001, 987_654_321);
/// Two modes, neither of which all files have where none is kept.
const MODES: [u32; 2] = [0o640, 0o600];

impl Dir {
    /// Tries out what is kept, on a temporary file in this directory. Where that has to have a name for
    /// a moment the directory gets its old time back.
    pub fn precision(&self) -> Result<Precision, Error> {
        if let Ok(unnamed) = system::create_unnamed(self.fd()) {
            return kept(unnamed.as_fd()).context("try out", || self.path().clone());
        }
        let before = Stat::of(self.fd()).context("stat", || self.path().clone())?;
        let staged = self.stage()?;
        let kept = kept(staged.fd()).context("try out", || staged.path());
        staged.discard()?;
        self.set_own_metadata(&Metadata {
            mtime: Some(before.mtime),
            ..Metadata::default()
        })?;
        kept
    }
}

fn kept(file: BorrowedFd<'_>) -> rustix::io::Result<Precision> {
    let mut kept = Precision::FULL;
    // Any call may fail for once: only what fails both times is refused.
    let mut refused = 0;
    for mode in MODES {
        match fchmod(file, mode_bits(mode)) {
            Ok(()) if Stat::of(file)?.mode != mode => kept.modes = Modes::Lost,
            Err(Errno::PERM | Errno::NOSYS | Errno::OPNOTSUPP) => refused += 1,
            _ => {}
        }
    }
    if refused == MODES.len() {
        kept.modes = Modes::Refused;
    }
    let time = Timestamp::new(TIME.0, TIME.1);
    let timed = Metadata {
        mtime: Some(time),
        ..Metadata::default()
    };
    if apply(file, &timed).is_ok() {
        kept.time_unit = Precision::time_unit_of(time, Stat::of(file)?.mtime);
    }
    Ok(kept)
}
