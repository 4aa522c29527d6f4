//! One directory whose listing begins: what is there, and whether anything can be done in it.

use std::sync::{Arc, PoisonError};

use super::Listings;
use super::look::Spellings;
use crate::engine::error::Error;
use crate::engine::tree::{DirListing, path_item};
use crate::entry::Entry;
use crate::filter::Scope;
use crate::monitor::Trouble;
use crate::path::RelPath;
use crate::plan::{Condenser, Merge};
use crate::root::{Detail, Dir, Metadata, is_superuser};
use crate::wire::message::{Listing, ProblemKind};

/// What a directory's owner needs to change what is in it.
pub(in crate::engine::receiver) const OWNER_BITS: u32 = 0o700;

/// Why nothing can be done below a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Blocked {
    /// It could not be made or opened.
    Failed,
    /// The run does not want it.
    Skipped,
    /// It is not allowed here.
    Refused,
}

/// A directory whose listing is being merged.
pub(super) struct OpenListing {
    pub(super) path: RelPath,
    /// The directory at the destination; nothing if a dry run would make it.
    pub(super) dir: Option<Arc<Dir>>,
    /// Filter rules in force in it.
    pub(super) scope: Scope,
    pub(super) merge: Merge,
    /// What is merged was listed when it was condensed.
    pub(super) is_kept: bool,
    /// It was made by this run, or would be.
    pub(super) is_fresh: bool,
    /// What only the destination has, as far as its names come before those not yet listed;
    /// nothing in the place of what the source calls otherwise.
    pub(super) extraneous: Vec<Option<Entry>>,
    pub(super) spellings: Option<Spellings>,
    pub(super) index: u32,
    /// Names in it that could not be described, and that the source was not found to have.
    pub(super) undescribed: Vec<(Vec<u8>, ProblemKind)>,
    /// Nothing in it may be deleted.
    pub(super) incomplete: bool,
    pub(super) blocked: Option<Blocked>,
    pub(super) content_follows: bool,
    /// Over its entries: what this end has where that is as the source says, what that says
    /// elsewhere.
    pub(super) condenser: Condenser,
}

impl Listings<'_, '_> {
    /// Admits a directory and opens what the destination has of it.
    pub(super) fn begin(&mut self, listing: &Listing) -> Result<OpenListing, Error> {
        let path = listing.path.clone();
        if let Some(reason) = self.admission.admit(&path)? {
            self.has_problems = true;
            self.shared
                .account
                .unlisted(&path, &Trouble::Refused(reason.into()));
            self.blocked.insert(path.clone(), Blocked::Refused);
        }
        let mut open = OpenListing {
            path: path.clone(),
            dir: None,
            scope: self.scope.clone(),
            merge: Merge::new(Vec::new()),
            is_kept: false,
            is_fresh: self.fresh.contains(&path),
            extraneous: Vec::new(),
            spellings: None,
            index: 0,
            undescribed: Vec::new(),
            incomplete: !listing.complete,
            blocked: self.blocked_above(&path),
            content_follows: listing.content_follows,
            condenser: Condenser::default(),
        };
        let (Some(tree), Some(handles)) = (self.shared.tree, &self.shared.handles) else {
            return Ok(open);
        };
        if open.blocked.is_some() {
            return Ok(open);
        }
        if open.is_fresh && self.shared.options.dry_run {
            return Ok(open);
        }
        match handles.get(&path) {
            Ok(dir) => {
                if !open.is_fresh {
                    self.prepare(&path, &dir);
                    let kept = self.kept(&path);
                    open.is_kept = kept.is_some();
                    let listed = tree.scope_at(&path).and_then(|scope| {
                        let listing =
                            kept.map_or_else(|| tree.list(&dir, &path, &scope), Result::Ok)?;
                        Ok((listing, scope))
                    });
                    match listed {
                        Ok((found, scope)) => {
                            open.merge = Merge::new(found.entries);
                            open.undescribed = found.problems;
                            open.scope = scope;
                        }
                        Err(error) => {
                            self.report_unlisted(&path, error);
                            open.incomplete = true;
                        }
                    }
                }
                open.dir = Some(dir);
            }
            Err(error) => {
                self.report_unlisted(&path, error);
                self.blocked.insert(path, Blocked::Failed);
                open.blocked = Some(Blocked::Failed);
            }
        }
        Ok(open)
    }

    /// What is in a directory, as it was condensed.
    fn kept(&self, path: &RelPath) -> Option<DirListing> {
        let summary = self.shared.summary?;
        summary.listing(summary.find(path_item(path))?)
    }

    /// Changing what is in a directory changes its times, and may need a permission that it does
    /// not give: both are put back at the end, unless the source has others.
    fn prepare(&self, path: &RelPath, dir: &Dir) {
        if self.shared.options.dry_run {
            return;
        }
        let attributes = &self.shared.options.attributes;
        let entry = match dir.own_entry(&Detail::default()) {
            Ok(entry) => entry,
            Err(error) => {
                self.shared
                    .account
                    .count(|receipt| receipt.metadata_failed += 1);
                self.shared.account.trouble(path, error);
                return;
            }
        };
        let mut kept = Metadata::default();
        if attributes.times && !attributes.omit_dir_times {
            kept.mtime = Some(entry.mtime);
        }
        let closed = entry.mode & OWNER_BITS != OWNER_BITS && !is_superuser();
        if closed {
            let opened = Metadata {
                mode: Some(entry.mode | OWNER_BITS),
                ..Metadata::default()
            };
            // If this fails so will what needs it, which is reported then.
            let _ = self.shared.set_own_metadata(dir, &opened);
            kept.mode = Some(entry.mode);
        }
        let mut directories = self
            .shared
            .directories
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        directories.entry(path.clone()).or_insert(kept);
    }

    fn blocked_above(&self, path: &RelPath) -> Option<Blocked> {
        if self.blocked.is_empty() {
            return None;
        }
        std::iter::successors(Some(path.clone()), RelPath::parent)
            .find_map(|path| self.blocked.get(&path).copied())
    }
}
