//! Merges the sender's listings with what is at the destination.
//!
//! Each listing brings its directory's listing at the destination along; the two are merged by
//! name, and every pair is decided on the spot. A listing that was kept since it was condensed tells
//! what stays as it is; all else is looked at again (`look`). What can be done at once is done (directories,
//! links, metadata); content is asked for; what must come last is put aside.

mod admission;
mod decide;
mod directory;
mod links;
mod look;
mod make;
mod undescribed;

use std::collections::{HashMap, HashSet};
use std::mem;
use std::sync::PoisonError;

use crate::engine::error::Error;
use crate::engine::receiver::Opening;
use crate::engine::receiver::metadata::Desired;
use crate::engine::receiver::moves::Deferred;
use crate::engine::receiver::shared::Shared;
use crate::engine::tree::{DirectorySum, Summary, Tree};
use crate::entry::Entry;
use crate::filter::Scope;
use crate::monitor::{Event, Trouble};
use crate::path::{FileName, RelPath};
use crate::plan::{self, Merge, Pair, Verdict};
use crate::root::Metadata;
use crate::wire::hello::Features;
use crate::wire::message::{DirId, Listed, Listing, Owners, Problem};

pub(super) use directory::OWNER_BITS;
pub(super) use links::Group;

use admission::Admission;
use directory::{Blocked, OpenListing};
use links::Links;

/// Everything known about the listings so far.
pub(super) struct Listings<'s, 'a> {
    shared: &'s Shared<'a>,
    desired: Desired<'s>,
    open: HashMap<DirId, OpenListing>,
    admission: Admission<'s>,
    /// Directories that were made by this run, or would be: there is nothing in them.
    fresh: HashSet<RelPath>,
    /// Directories below which nothing can be done, and whether that is a failure.
    blocked: HashMap<RelPath, Blocked>,
    links: Links,
    deferred: Deferred,
    /// Filter rules in force in the root.
    scope: Scope,
    /// The only entry that the root may list.
    only: Option<FileName>,
    /// Name that the source's single entry gets here.
    renamed: Option<FileName>,
    /// The source told of something that it could not list.
    has_problems: bool,
    /// Over the directories whose listing has come to its end.
    sum: DirectorySum,
}

impl<'s, 'a> Listings<'s, 'a> {
    /// Nothing is listed yet.
    pub(super) fn new(
        shared: &'s Shared<'a>,
        opening: &Opening,
        desired: Desired<'s>,
        summary: Option<&'s Summary>,
    ) -> Self {
        let source = &opening.source;
        Self {
            shared,
            desired,
            open: HashMap::new(),
            admission: Admission::new(summary, shared.filter),
            fresh: HashSet::new(),
            blocked: HashMap::new(),
            links: Links::new(shared.options.attributes.hard_links),
            deferred: Deferred::default(),
            scope: shared.filter.root_scope(),
            only: source.only_one.then(|| source.root.name.clone()),
            renamed: opening.renamed.clone(),
            has_problems: false,
            sum: DirectorySum::default(),
        }
    }

    /// Takes what the source's root is: a directory gets its metadata at the end.
    pub(super) fn root(&mut self, opening: &Opening) {
        let Opening {
            source, created, ..
        } = opening;
        if source.only_one || !source.root.is_dir() {
            return;
        }
        let mut entry = source.root.clone();
        let tree = self.shared.tree;
        let found = tree.and_then(|tree| tree.root.top().own_entry(&tree.detail()).ok());
        self.adapt(&mut entry, found.as_ref());
        let found_before = found.as_ref().filter(|_| !*created);
        match plan::verdict(&entry, found_before, self.shared.options) {
            Verdict::Metadata(change) | Verdict::Create(change) => {
                let path = RelPath::root();
                self.shared.account.tell(&Event::Item {
                    path: &path,
                    entry: &entry,
                    change,
                });
                let metadata = self.shared.metadata(&entry, found_before, entry.mtime);
                self.finish_directory(path, metadata);
            }
            Verdict::Unchanged | Verdict::Content(_) => {}
        }
    }

    /// Changes `entry` from what it is at the source to what it can be here.
    fn adapt(&self, entry: &mut Entry, found: Option<&Entry>) {
        self.desired.adapt(entry, found);
        if let Some(found) = found {
            self.shared.overlook(entry, found);
        }
    }

    /// Learns names of users and groups.
    pub(super) fn learn(&mut self, owners: &Owners) -> Result<(), Error> {
        self.desired.learn(owners)
    }

    /// A part of the source could not be listed.
    pub(super) fn problem(&mut self, problem: Problem) {
        self.has_problems = true;
        let Problem { path, kind } = problem;
        self.shared
            .account
            .unlisted(&path, &Trouble::Unlisted(kind));
    }

    /// Takes (part of) a listing.
    pub(super) fn part(&mut self, mut listing: Listing) -> Result<(), Error> {
        if let Some(only) = self.only.as_ref().filter(|_| listing.path.is_root())
            && listing.entries.iter().any(|entry| entry.name != *only)
        {
            return Err(Error::Protocol(format!(
                "it lists more than {only}, which is all that was asked for"
            )));
        }
        // Condensed is what the source calls it.
        let mut as_listed = None;
        if let Some(renamed) = &self.renamed
            && let [entry] = listing.entries.as_mut_slice()
        {
            as_listed = Some(entry.clone());
            let listed = std::mem::replace(&mut entry.name, renamed.clone());
            *self
                .shared
                .listed_name
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = Some(listed);
        }
        let mut open = match self.open.remove(&listing.dir) {
            Some(open) => open,
            None => self.begin(&listing)?,
        };
        self.shared
            .received
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .listed += listing.entries.len() as u64;
        open.content_follows = listing.content_follows;
        if let Some(entry) = &as_listed {
            self.condense(&mut open, entry, None);
        }
        let mut pairs = Vec::with_capacity(listing.entries.len());
        // The merge is lent out while what it pairs is sorted.
        let mut merge = mem::replace(&mut open.merge, Merge::new(Vec::new()));
        let mut sort = |pair| match pair {
            Pair::Source(entry) => pairs.push((entry, None)),
            Pair::Both(entry, found) => pairs.push((entry, Some(found))),
            Pair::Destination(found) => open.extraneous.push(Some(found)),
        };
        merge.part(listing.entries, &mut sort);
        if listing.more {
            open.merge = merge;
        } else {
            merge.rest().map(Pair::Destination).for_each(sort);
        }
        for (entry, found) in pairs {
            let was_listed = found.is_some();
            let here = self.look(&mut open, &entry, found);
            if as_listed.is_none() {
                self.condense(&mut open, &entry, here.found());
            }
            if !was_listed {
                open.undescribed
                    .retain(|(name, _)| name != entry.name.as_bytes());
            }
            self.entry(listing.dir, &mut open, entry, here)?;
        }
        if listing.more {
            // There may be more then that only the destination has.
            open.spellings = None;
            self.open.insert(listing.dir, open);
        } else {
            for found in mem::take(&mut open.extraneous).into_iter().flatten() {
                if let Some(found) = self.still_here(&open, found) {
                    self.extraneous(&open, found);
                }
            }
            self.report_undescribed(&open);
            self.fresh.remove(&open.path);
            self.sum
                .add(&open.path, &open.condenser.fingerprint().digest);
        }
        Ok(())
    }

    /// Adds one entry to the digest of its directory: as this end has it, where nothing has to
    /// happen to it.
    fn condense(&self, open: &mut OpenListing, entry: &Entry, found: Option<&Entry>) {
        let options = self.shared.options;
        if plan::left_out(entry, &open.path, options).is_some() {
            return;
        }
        let is_unchanged =
            |found: &&Entry| plan::verdict(entry, Some(found), options) == Verdict::Unchanged;
        open.condenser
            .add(found.filter(is_unchanged).unwrap_or(entry), options);
    }

    /// The listing is complete; what is left is what waited for that.
    ///
    /// # Errors
    /// The sender calls more or less agreed than this end has left of what was not listed.
    pub(super) fn finish(&mut self, listed: &Listed) -> Result<Deferred, Error> {
        if let Some(summary) = self.shared.summary {
            summary.forget_listings();
        }
        let is_complete = listed.complete && !self.has_problems;
        if is_complete && self.shared.features.contains(Features::TREES) {
            let agreed = self.admission.add_agreed(&mut self.sum);
            if agreed != listed.agreed {
                return Err(Error::Protocol(format!(
                    "it calls {} entries agreed that it does not list, and here are {agreed}",
                    listed.agreed
                )));
            }
            *self
                .shared
                .tree_digest
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = Some(self.sum.value());
        }
        let mut late = self.shared.late();
        late.links = self.links.take();
        late.listing_complete = is_complete;
        late.source_is_empty = listed.listed == 0 && listed.agreed == 0;
        Ok(std::mem::take(&mut self.deferred))
    }

    fn finish_directory(&self, path: RelPath, metadata: Metadata) {
        if !self.shared.options.dry_run {
            self.shared
                .directories
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(path, metadata);
        }
    }

    /// Something that only the destination has.
    fn extraneous(&mut self, open: &OpenListing, found: Entry) {
        let protects =
            |tree: &Tree<'_>| tree.protects(&open.scope, &open.path, &found.name, found.is_dir());
        if open.blocked.is_some() || self.shared.tree.is_some_and(protects) {
            return;
        }
        let mut late = self.shared.late();
        if open.incomplete {
            late.not_deleted += 1;
        } else {
            late.extraneous.push((open.path.clone(), found));
        }
    }
}
