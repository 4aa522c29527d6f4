//! Which directories a sender may list.
//!
//! The root; a directory that its parent's listing shows; or, where the parent was left out of
//! the listings because both ends agree on it, one that this end has itself. Each of them once.
//! So nothing is read, written or deleted in a place that the sender just names: a link, a
//! directory that filters keep out of the run, or one that was listed before.

use std::collections::HashMap;

use crate::engine::error::Error;
use crate::engine::tree::{DirectorySum, Summary, path_item};
use crate::filter::{Filter, Scope};
use crate::path::RelPath;

/// What is known of the source's directories. A path is kept as its hash: a false hit needs a
/// second preimage of 64 bits of BLAKE3 and gains nothing but a listing that is taken or refused.
pub(super) struct Admission<'a> {
    known: HashMap<u64, Known>,
    /// What this end has.
    summary: Option<&'a Summary>,
    filter: &'a Filter,
    /// Filter rules in force in the root.
    scope: Scope,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    /// Its parent's listing shows it.
    Shown,
    /// It was listed.
    Listed,
}

impl<'a> Admission<'a> {
    /// Nothing is listed yet.
    pub(super) fn new(summary: Option<&'a Summary>, filter: &'a Filter) -> Self {
        Self {
            known: HashMap::new(),
            summary,
            filter,
            scope: filter.root_scope(),
        }
    }

    /// A listing shows the directory at `path`.
    pub(super) fn show(&mut self, path: &RelPath) {
        self.known.entry(path_item(path)).or_insert(Known::Shown);
    }

    /// The directory at `path` is listed. Says why it may not be, if so; the run can go on then,
    /// because the source may have changed between two listings.
    ///
    /// # Errors
    /// It was listed before, which no source does.
    pub(super) fn admit(&mut self, path: &RelPath) -> Result<Option<&'static str>, Error> {
        let before = self.known.insert(path_item(path), Known::Listed);
        match before {
            Some(Known::Listed) => Err(Error::Protocol(format!("{path} was listed twice"))),
            Some(Known::Shown) => Ok(None),
            None if path.is_root() => Ok(None),
            None => Ok(self.unshown(path)),
        }
    }

    /// Adds what this end has of the source that was not listed, because both ends agree on it, to
    /// the digest of the tree. Gives the number of these entries.
    pub(super) fn add_agreed(&self, sum: &mut DirectorySum) -> u64 {
        let Some(summary) = self.summary else {
            return 0;
        };
        let mut entries = 0u64;
        let mut below = vec![0];
        while let Some(number) = below.pop() {
            let Some(node) = summary.nodes.get(number as usize) else {
                continue;
            };
            let was_listed = self.is_listed(&node.path);
            if !was_listed {
                summary.add_listing(number, sum);
                entries = entries.saturating_add(node.counts.entries);
            }
            // Where a listing shows no directory, this end alone has it.
            let is_there = |child: &&u32| {
                let child = summary.nodes.get(**child as usize);
                !was_listed
                    || child.is_some_and(|child| self.known.contains_key(&path_item(&child.path)))
            };
            below.extend(node.children.iter().filter(is_there));
        }
        entries
    }

    fn is_listed(&self, path: &RelPath) -> bool {
        !self.known.is_empty() && self.known.get(&path_item(path)) == Some(&Known::Listed)
    }

    /// Judges a directory whose parent's listing did not show it.
    fn unshown(&self, path: &RelPath) -> Option<&'static str> {
        const NOT_SHOWN: Option<&str> = Some("the directory that it lies in does not have it");
        let mut at = path.clone();
        while let (Some(parent), Some(name)) = (at.parent(), at.file_name()) {
            if self.is_listed(&parent) {
                return NOT_SHOWN;
            }
            if self.filter.merge_files().is_empty()
                && self.filter.sender_hides(&self.scope, &parent, &name, true)
            {
                return Some("the request excludes it");
            }
            if self.known.contains_key(&path_item(&parent)) {
                break;
            }
            at = parent;
        }
        match self
            .summary
            .and_then(|summary| summary.find(path_item(path)))
        {
            Some(_) => None,
            None => NOT_SHOWN,
        }
    }
}
