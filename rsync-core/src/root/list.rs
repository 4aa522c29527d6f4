//! Listing a directory: one open, two `getdents64`, one `statx` for each entry.
//!
//! A listing is sorted by name. Entries that vanish while it is made are left out; entries that
//! can not be described are named with the reason, so that nobody takes them for deleted.

use std::cell::Cell;
use std::ffi::CStr;

use rustix::fs::FileType;

use super::dir::Dir;
use super::error::{Context, Error};
use super::inspect::{Unfit, describe};
use super::system;
use crate::entry::Entry;
use crate::path::FileName;
use crate::wire::message::ProblemKind;

/// What to find out about an entry beside its kind, mode and modification time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Detail {
    /// User and group.
    pub owner: bool,
    /// Extended attributes of users (`user.*`).
    pub xattrs: bool,
    /// Access control lists (`system.posix_acl_*`).
    pub acls: bool,
    /// Which names are the same file.
    pub hard_links: bool,
}

/// What a directory holds.
#[derive(Debug, Default)]
pub struct Listed {
    /// Its entries, sorted by name.
    pub entries: Vec<Entry>,
    /// Names of entries that are there and can not be described, and why.
    pub problems: Vec<(Vec<u8>, ProblemKind)>,
}

impl Listed {
    /// True if there is nothing.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.problems.is_empty()
    }
}

/// Room for more entries than this is not kept.
const MAX_KEPT_ROOM: usize = 1024;

thread_local! {
    /// Room for the entries of the next directory that this thread lists.
    static ROOM: Cell<Vec<Entry>> = const { Cell::new(Vec::new()) };
}

/// Gives the entries of a listing back, of which nobody wants to know any more: to allocate room for
/// each directory anew costs more than to fill it.
pub(crate) fn give_back(mut entries: Vec<Entry>) {
    if entries.capacity() <= MAX_KEPT_ROOM {
        entries.clear();
        ROOM.set(entries);
    }
}

impl Dir {
    /// Lists all entries.
    pub fn list(&self, detail: &Detail) -> Result<Listed, Error> {
        self.list_with(detail, &mut |_, _| true)
    }

    /// Lists the entries that `keep` wants. It is asked before anything is found out about the
    /// entry, and told whether that is a directory where the file system says so for free. It
    /// must not list the same directory.
    pub fn list_with(
        &self,
        detail: &Detail,
        keep: &mut dyn FnMut(&FileName, Option<bool>) -> bool,
    ) -> Result<Listed, Error> {
        let mut listed = Listed {
            entries: ROOM.take(),
            problems: Vec::new(),
        };
        self.read_from_start(&mut |raw: &CStr, file_type| {
            let Ok(name) = FileName::new(raw.to_bytes()) else {
                listed
                    .problems
                    .push((raw.to_bytes().to_vec(), ProblemKind::BadName));
                return;
            };
            let is_dir = match file_type {
                FileType::Unknown => None,
                FileType::Symlink if self.following().is_some() => None,
                file_type => Some(file_type == FileType::Directory),
            };
            if !keep(&name, is_dir) {
                return;
            }
            let found = system::stat_for_listing(self.fd(), raw, detail)
                .map_err(|errno| Unfit::from_system("stat", errno))
                .and_then(|stat| describe(self.fd(), name, &stat, detail))
                .and_then(|entry| self.followed(entry, detail));
            match found {
                Ok(entry) => listed.entries.push(entry),
                Err(Unfit::Vanished) => {}
                Err(unfit) => listed.problems.extend(
                    unfit
                        .into_problem()
                        .map(|kind| (raw.to_bytes().to_vec(), kind)),
                ),
            }
        })
        .context("list", || self.path().clone())?;
        listed.entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        // A name that is replaced while the directory is read may come up twice.
        listed
            .entries
            .dedup_by(|later, earlier| later.name == earlier.name);
        Ok(listed)
    }
}
