//! Makes what needs no content, or tells what would be made.

use std::sync::Arc;

use super::{Blocked, Listings, OpenListing};
use crate::engine::receiver::finish::Replacement;
use crate::engine::receiver::parent::Parent;
use crate::engine::receiver::{backup, content, delete};
use crate::entry::{Entry, Kind};
use crate::monitor::Change;
use crate::path::RelPath;
use crate::root::Dir;

impl Listings<'_, '_> {
    /// Makes an entry that has no content to be fetched.
    pub(super) fn create(
        &mut self,
        open: &OpenListing,
        path: RelPath,
        entry: Entry,
        found: Option<Entry>,
        change: Change,
    ) {
        if entry.is_dir() {
            self.fresh.insert(path.clone());
        }
        if self.shared.options.dry_run {
            return self.would_put(open, path, entry, found, change);
        }
        let Some(dir) = &open.dir else {
            return self.shared.account.failed_silently();
        };
        if found.as_ref().is_some_and(Entry::is_dir) {
            return self.replace_directory(dir, path, entry, found, change);
        }
        let metadata = self.shared.metadata(&entry, found.as_ref(), entry.mtime);
        let made = match &entry.kind {
            Kind::Dir => self.create_directory(dir, &path, &entry, found.as_ref()),
            _ => backup::keep(self.shared, &path, found.as_ref()).and_then(|()| {
                content::put_special(self.shared, dir, &entry, found.as_ref(), &metadata)
            }),
        };
        match made {
            Ok(()) => {
                if entry.is_dir() {
                    self.finish_directory(path.clone(), metadata);
                }
                self.shared.account.transferred(&path, &entry, change);
            }
            Err(error) => {
                self.block(&path, &entry, Blocked::Failed);
                content::not_put(self.shared, &path, found.as_ref(), error);
            }
        }
    }

    /// Tells what a run would do that is not dry.
    pub(super) fn would_put(
        &self,
        open: &OpenListing,
        path: RelPath,
        entry: Entry,
        found: Option<Entry>,
        change: Change,
    ) {
        match &open.dir {
            Some(dir) if found.as_ref().is_some_and(Entry::is_dir) => {
                self.replace_directory(dir, path, entry, found, change);
            }
            _ => self.shared.account.transferred(&path, &entry, change),
        }
    }

    /// A whole directory has to go first, which is a deletion: that comes last.
    fn replace_directory(
        &self,
        dir: &Arc<Dir>,
        path: RelPath,
        entry: Entry,
        found: Option<Entry>,
        change: Change,
    ) {
        let metadata = self.shared.metadata(&entry, found.as_ref(), entry.mtime);
        let replacement = Replacement {
            dir: Parent::of(dir),
            path,
            entry,
            found,
            change,
            metadata,
            staged: None,
        };
        self.shared.late().replacements.push(replacement);
    }

    fn create_directory(
        &self,
        dir: &Arc<Dir>,
        path: &RelPath,
        entry: &Entry,
        found: Option<&Entry>,
    ) -> Result<(), crate::root::Error> {
        if found.is_some() {
            backup::keep(self.shared, path, found)?;
            match delete::remove_one(self.shared, dir, &entry.name) {
                // Kept under another name.
                Err(error) if error.is_not_found() => {}
                removed => removed?,
            }
        }
        if let Some(keeper) = self.shared.keeper() {
            keeper.make_dir(dir, &entry.name);
        }
        dir.create_dir(&entry.name, 0o700)
    }
}
