//! A name that is to disappear again unless something is put in place.

use std::mem;

use rustix::fs::{AtFlags, renameat, unlinkat};
use rustix::io::Errno;

use super::dir::Dir;
use super::rename::rename_new;
use crate::path::FileName;

/// An entry that was created and is not in place yet; removed when dropped.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) dir: Dir,
    pub(super) name: FileName,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Under a temporary name.
    Temporary,
    /// New, under its final name.
    New,
    /// Stays whatever happens.
    Settled,
}

impl Pending {
    pub(super) fn new(dir: &Dir, name: FileName, state: State) -> Self {
        Self {
            dir: dir.clone(),
            name,
            state,
        }
    }

    /// Renames what has a temporary name; everything else is where it belongs.
    pub(super) fn put(&mut self, dir: &Dir, name: &FileName) -> rustix::io::Result<()> {
        if self.state == State::Temporary {
            renameat(
                self.dir.fd(),
                self.name.as_bytes(),
                dir.fd(),
                name.as_bytes(),
            )?;
        }
        self.state = State::Settled;
        Ok(())
    }

    /// As [`Self::put`], but nothing may have the name.
    pub(super) fn put_new(&mut self, dir: &Dir, name: &FileName) -> rustix::io::Result<()> {
        if self.state == State::Temporary {
            rename_new(&self.dir, self.name.as_bytes(), dir, name.as_bytes())?;
        }
        self.state = State::Settled;
        Ok(())
    }

    /// Lets it stay under the name that it has.
    pub(super) fn settle(&mut self) {
        self.state = State::Settled;
    }

    /// True if it stays whatever happens.
    pub(super) fn is_settled(&self) -> bool {
        self.state == State::Settled
    }

    pub(super) fn remove(&mut self) -> rustix::io::Result<()> {
        match mem::replace(&mut self.state, State::Settled) {
            State::Temporary | State::New => {
                match unlinkat(self.dir.fd(), self.name.as_bytes(), AtFlags::empty()) {
                    Err(Errno::NOENT) => Ok(()),
                    result => result,
                }
            }
            State::Settled => Ok(()),
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        // There is nobody to tell; a leftover is recognised by its name.
        let _ = self.remove();
    }
}
