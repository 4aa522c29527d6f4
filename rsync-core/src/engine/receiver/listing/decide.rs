//! What one listed entry needs.

use std::sync::PoisonError;

use super::links::Member;
use super::look::Here;
use super::{Blocked, Listings, OWNER_BITS, OpenListing};
use crate::engine::error::Error;
use crate::engine::receiver::parent::Parent;
use crate::engine::receiver::pending::{Pending, Place};
use crate::engine::receiver::shared::Shared;
use crate::engine::receiver::want;
use crate::engine::sender::pushed_unasked;
use crate::entry::Entry;
use crate::monitor::{Change, SkipReason, Trouble, Update};
use crate::options::{Compare, DeleteWhen};
use crate::path::RelPath;
use crate::plan::{self, Verdict};
use crate::root::{self, Dir};
use crate::wire::message::{DirId, FileId};

impl Listings<'_, '_> {
    /// Decides about one entry of the source.
    pub(super) fn entry(
        &mut self,
        dir: DirId,
        open: &mut OpenListing,
        mut entry: Entry,
        here: Here,
    ) -> Result<(), Error> {
        let file = FileId {
            dir,
            index: open.index,
        };
        open.index = open.index.saturating_add(1);
        let path = open.path.join(&entry.name);
        if entry.is_dir() {
            self.admission.show(&path);
        }
        let unasked =
            open.content_follows && pushed_unasked(&entry, &open.path, self.shared.options);
        if let Some(size) = entry.file_size() {
            self.shared.account.count(|receipt| {
                receipt.files += 1;
                receipt.bytes = receipt.bytes.saturating_add(size);
            });
        }
        let wanted = self.wanted(open, &path, &mut entry, &here);
        let place = if wanted && self.respell(open, &path, &entry, &here) {
            self.place(open, path, entry, here.into_found())
        } else {
            None
        };
        match place {
            None if unasked => self.shared.pending.add(
                file,
                Pending {
                    place: None,
                    attempts: 1,
                },
            ),
            None => {}
            Some(place) => self.ask(file, place, unasked)?,
        }
        Ok(())
    }

    /// Leaves out what the run does not want, and accounts for it.
    fn wanted(
        &mut self,
        open: &OpenListing,
        path: &RelPath,
        entry: &mut Entry,
        here: &Here,
    ) -> bool {
        let found = here.found();
        let account = &self.shared.account;
        let options = self.shared.options;
        if let Some(blocked) = open.blocked {
            match blocked {
                Blocked::Failed => account.failed_silently(),
                Blocked::Refused => account.count(|receipt| receipt.refused += 1),
                Blocked::Skipped => account.count(|receipt| receipt.excluded += 1),
            }
            return false;
        }
        if let Some(reason) = plan::left_out(entry, &open.path, options) {
            account.skipped(path, reason);
            return false;
        }
        if root::is_own_name(entry.name.as_bytes()) {
            let reason = "its name is one of ksyncd's own temporaries";
            account.refused(path, &Trouble::Refused(reason.into()));
            self.block(path, entry, Blocked::Refused);
            return false;
        }
        // Only rules that are the client's own are known here; those in the source's merge files
        // are the sender's business.
        if self.shared.filter.merge_files().is_empty()
            && self
                .shared
                .filter
                .sender_hides(&self.scope, &open.path, &entry.name, entry.is_dir())
        {
            account.refused(path, &Trouble::Refused("the request excludes it".into()));
            self.block(path, entry, Blocked::Refused);
            return false;
        }
        self.adapt(entry, found);
        if self.guards(path, entry, found) {
            let reason = "programs run it, or obey it, by themselves; --trust-source takes it";
            account.refused(path, &Trouble::Refused(reason.into()));
            self.block(path, entry, Blocked::Refused);
            return false;
        }
        if matches!(here, Here::Taken) {
            account.refused(path, &Trouble::NameCollision);
            self.block(path, entry, Blocked::Refused);
            return false;
        }
        let newer = |found: &&Entry| {
            found.file_size().is_some() && entry.file_size().is_some() && found.mtime > entry.mtime
        };
        // As with rsync: what is of another kind exists too, and what would be below it is left out.
        let is_in_the_way = |found: &Entry| !(entry.is_dir() && found.is_dir());
        let reason = if options.skip.missing && found.is_none() {
            Some(SkipReason::Missing)
        } else if options.skip.existing && found.is_some_and(is_in_the_way) {
            Some(SkipReason::Exists)
        } else if options.skip.newer && found.filter(newer).is_some() {
            Some(SkipReason::Newer)
        } else {
            None
        };
        if let Some(reason) = reason {
            account.skipped(path, reason);
            self.block(path, entry, Blocked::Skipped);
        }
        reason.is_none()
    }

    /// True for what must not come from a source that is not trusted. What is here already may
    /// stay, and a directory that is here may be gone into.
    fn guards(&self, path: &RelPath, entry: &Entry, found: Option<&Entry>) -> bool {
        if !self.shared.guard.covers(path) {
            return false;
        }
        let both_are_directories = entry.is_dir() && found.is_some_and(Entry::is_dir);
        !both_are_directories
            && plan::verdict(entry, found, self.shared.options) != Verdict::Unchanged
    }

    /// Does what can be done at once. Gives back a file whose content is needed.
    fn place(
        &mut self,
        open: &OpenListing,
        path: RelPath,
        entry: Entry,
        found: Option<Entry>,
    ) -> Option<Place<Parent>> {
        let (mut entry, mut found) = (entry, found);
        let link = entry
            .link_id()
            .filter(|_| self.shared.options.attributes.hard_links && !entry.is_dir());
        if let Some(id) = link {
            let member = self.links.add(
                id,
                Member {
                    path: path.clone(),
                    entry,
                    found,
                },
            )?;
            (entry, found) = (member.entry, member.found);
        }
        let verdict = plan::verdict(&entry, found.as_ref(), self.shared.options);
        let verdict = self
            .links
            .part(verdict, &entry, found.as_ref(), link.is_some());
        if verdict != Verdict::Unchanged {
            self.shared.precision();
        }
        match verdict {
            Verdict::Unchanged => {
                if let Some(id) = link {
                    self.links
                        .leader_stays(id, found.as_ref().and_then(Entry::link_id));
                }
                self.shared.account.unchanged(&path, &entry);
                None
            }
            Verdict::Metadata(change) => {
                if let (Some(id), Some(found)) = (link, &found) {
                    self.links.leader_stays(id, found.link_id());
                }
                self.change_metadata(open, &path, &entry, found.as_ref(), change);
                None
            }
            Verdict::Create(change) => {
                self.create(open, path, entry, found, change);
                None
            }
            Verdict::Content(change) => {
                // As with rsync: what is as long here, or longer, is not appended to.
                let found_len = found.as_ref().and_then(Entry::file_size);
                let is_to_grow = change.update == Update::Transfer;
                if self.shared.options.write.append && is_to_grow && found_len >= entry.file_size()
                {
                    self.shared.account.skipped(&path, SkipReason::Exists);
                    if let Some(id) = link {
                        self.links.leader_is_skipped(id);
                    }
                    return None;
                }
                if self.shared.options.dry_run {
                    self.would_put(open, path, entry, found, change);
                    return None;
                }
                let Some(dir) = &open.dir else {
                    self.shared.account.failed_silently();
                    return None;
                };
                Some(Place {
                    dir: Parent::of(dir),
                    path,
                    entry,
                    found,
                    change,
                    kept: false,
                    basis: None,
                    is_changing: false,
                    has_not_grown: false,
                })
            }
        }
    }

    fn change_metadata(
        &mut self,
        open: &OpenListing,
        path: &RelPath,
        entry: &Entry,
        found: Option<&Entry>,
        change: Change,
    ) {
        let metadata = self.shared.metadata(entry, found, entry.mtime);
        if self.shared.options.dry_run {
            self.shared.account.transferred(path, entry, change);
            return;
        }
        let Some(dir) = &open.dir else {
            return self.shared.account.failed_silently();
        };
        let done = if entry.is_dir() {
            // What is written below changes its time once more: that comes at the end.
            self.finish_directory(path.clone(), metadata);
            make_writable(self.shared, dir, entry, found)
        } else {
            self.shared.set_metadata(dir, &entry.name, &metadata)
        };
        match done {
            Ok(()) => self.shared.account.transferred(path, entry, change),
            Err(error) => self.shared.account.destination_failed(path, error),
        }
    }

    pub(super) fn block(&mut self, path: &RelPath, entry: &Entry, blocked: Blocked) {
        if entry.is_dir() {
            self.blocked.insert(path.clone(), blocked);
        }
    }

    /// Asks for content, now or once it is known that it can not be found here.
    fn ask(&mut self, file: FileId, place: Place<Parent>, unasked: bool) -> Result<(), Error> {
        let is_new = place.change.created;
        let size = place.entry.file_size().unwrap_or(0);
        {
            let mut wanted = self
                .shared
                .wanted
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            wanted.files += 1;
            wanted.bytes = wanted.bytes.saturating_add(size);
        }
        let may_move = is_new && size > 0 && self.shared.options.compare != Compare::Never;
        let name = place.entry.name.clone();
        let pending = Pending {
            place: Some(place),
            attempts: 1,
        };
        if unasked {
            self.shared.pending.add(file, pending);
            return Ok(());
        }
        let delete_first = self.shared.options.delete.when == DeleteWhen::Before;
        self.shared.pending.add(file, pending);
        if (may_move || delete_first) && self.deferred.add(file, may_move) {
            return Ok(());
        }
        want::content(self.shared, file, &name)
    }
}

/// What is below a directory may have to be changed although the source lets nobody: it gets its
/// mode at the end.
fn make_writable(
    shared: &Shared<'_>,
    dir: &Dir,
    entry: &Entry,
    found: Option<&Entry>,
) -> Result<(), crate::root::Error> {
    let Some(found) = found.filter(|found| found.mode & OWNER_BITS != OWNER_BITS) else {
        return Ok(());
    };
    let metadata = crate::root::Metadata {
        mode: Some(found.mode | OWNER_BITS),
        ..crate::root::Metadata::default()
    };
    shared.set_metadata(dir, &entry.name, &metadata)
}
