//! Deletes what the source does not have.
//!
//! Only entries found beside a complete listing get here, only after all content is in place
//! (or, with `--delete-before`, after the whole listing is known), and never if the source
//! could not be read completely or is empty.

use std::collections::HashMap;
use std::mem;
use std::sync::Arc;

use crate::engine::receiver::listing::OWNER_BITS;
use crate::engine::receiver::shared::Shared;
use crate::engine::receiver::{backup, withhold};
use crate::engine::tree::Tree;
use crate::entry::Entry;
use crate::filter::Scope;
use crate::monitor::WithheldReason;
use crate::options::DeleteWhen;
use crate::path::{FileName, RelPath};
use crate::root::{self, Detail, Dir, Metadata, is_superuser};

/// Deletes `extraneous` entries, each with its directory, as far as the run allows.
pub(super) fn delete(
    shared: &Shared<'_>,
    mut extraneous: Vec<(RelPath, Entry)>,
    not_deleted: u64,
    complete: bool,
    source_is_empty: bool,
) {
    let options = &shared.options.delete;
    if options.when == DeleteWhen::Never {
        return;
    }
    let scopes = spare_protected(shared, &mut extraneous);
    let count = extraneous.len() as u64;
    if !complete && !options.despite_errors {
        if count + not_deleted > 0 {
            shared
                .account
                .withheld(count + not_deleted, WithheldReason::IncompleteListing);
        }
        return;
    }
    if source_is_empty && count > 0 && !options.when_source_is_empty {
        shared.account.withheld(count, WithheldReason::EmptySource);
        return;
    }
    if let Some(reason) = withhold::forbids(shared, &extraneous) {
        if count > 0 {
            shared.account.withheld(count, reason);
        }
        return;
    }
    let (Some(tree), Some(handles)) = (shared.tree, &shared.handles) else {
        return;
    };
    let mut deleting = Deleting {
        shared,
        tree,
        withheld: 0,
    };
    for (path, entry) in extraneous {
        let scope = match scopes.get(&path) {
            Some(scope) => Ok(scope.clone()),
            None => tree.scope_at(&path),
        };
        let opened = scope.and_then(|scope| Ok((scope, handles.get(&path)?)));
        match opened {
            Ok((scope, dir)) => {
                if entry.is_dir() {
                    handles.forget(&path.join(&entry.name));
                }
                deleting.remove(&dir, &path, &entry, &scope);
            }
            Err(error) => deleting.failed(&path, error),
        }
    }
    if deleting.withheld > 0 {
        shared
            .account
            .withheld(deleting.withheld, WithheldReason::Limit);
    }
}

/// Takes out what merge files protect that came with this run: the source does not send what they
/// exclude, so it looked extraneous. Gives the rules of each directory, as merge files may be
/// among what is deleted.
fn spare_protected(
    shared: &Shared<'_>,
    extraneous: &mut Vec<(RelPath, Entry)>,
) -> HashMap<RelPath, Scope> {
    let mut scopes = HashMap::new();
    let Some(tree) = shared.tree else {
        return scopes;
    };
    if tree.filter.merge_files().is_empty() {
        return scopes;
    }
    extraneous.retain(|(path, entry)| {
        if !scopes.contains_key(path) {
            // What can not be read is told when it is the turn of what is in the directory.
            match tree.scope_at(path) {
                Ok(scope) => scopes.insert(path.clone(), scope),
                Err(_) => return true,
            };
        }
        let protects = |scope| tree.protects(scope, path, &entry.name, entry.is_dir());
        !scopes.get(path).is_some_and(protects)
    });
    scopes
}

/// Removes an entry that is not a directory with something in it.
pub(super) fn remove_one(
    shared: &Shared<'_>,
    dir: &Dir,
    name: &FileName,
) -> Result<(), root::Error> {
    match remove_file(shared, dir, name) {
        Err(error) if error.is_a_directory() => remove_dir(shared, dir, name),
        outcome => outcome,
    }
}

fn remove_file(shared: &Shared<'_>, dir: &Dir, name: &FileName) -> Result<(), root::Error> {
    match shared.keeper() {
        Some(keeper) => keeper.remove(dir, name),
        None => dir.remove_file(name),
    }
}

fn remove_dir(shared: &Shared<'_>, dir: &Dir, name: &FileName) -> Result<(), root::Error> {
    if let Some(keeper) = shared.keeper() {
        keeper.remove_dir(dir, name);
    }
    dir.remove_dir(name)
}

/// Removes a directory, to make way, as far as the rules let it; an error if something stays, or
/// would stay. It does not count as deleted itself, as what it makes way for replaces it.
pub(super) fn clear(
    shared: &Shared<'_>,
    dir: &Arc<Dir>,
    parent: &RelPath,
    entry: &Entry,
) -> Result<(), root::Error> {
    let is_dry = shared.options.dry_run;
    if shared.options.delete.when == DeleteWhen::Never || shared.source_is_new() {
        return if is_dry {
            insist_on_emptiness(dir, &entry.name)
        } else {
            remove_dir(shared, dir, &entry.name)
        };
    }
    let Some(tree) = shared.tree else {
        return Ok(());
    };
    if let Some(handles) = &shared.handles {
        handles.forget(&parent.join(&entry.name));
    }
    let mut deleting = Deleting {
        shared,
        tree,
        withheld: 0,
    };
    let emptied = deleting.empty(dir, parent, entry, &tree.scope_at(parent)?);
    match emptied {
        _ if !is_dry => remove_dir(shared, dir, &entry.name),
        Some(level) if !level.stays => Ok(()),
        _ => Err(root::Error::not_empty(&parent.join(&entry.name))),
    }
}

/// The error that removing the directory would end with if it holds something.
fn insist_on_emptiness(dir: &Dir, name: &FileName) -> Result<(), root::Error> {
    let below = dir.open_dir(name)?;
    let mut is_empty = true;
    below.list_with(&Detail::default(), &mut |_, _| {
        is_empty = false;
        false
    })?;
    if is_empty {
        Ok(())
    } else {
        Err(root::Error::not_empty(below.path()))
    }
}

struct Deleting<'s, 'a> {
    shared: &'s Shared<'a>,
    tree: &'a Tree<'a>,
    withheld: u64,
}

/// A directory on the way down and back up.
struct Level {
    path: RelPath,
    scope: Scope,
    /// What is still to be removed from it.
    entries: Vec<Entry>,
    /// Its own entry in the directory above.
    own: Entry,
    /// Something in it stays.
    stays: bool,
}

impl Deleting<'_, '_> {
    /// Removes one entry with everything in it that the rules do not protect.
    fn remove(&mut self, dir: &Arc<Dir>, parent: &RelPath, entry: &Entry, scope: &Scope) {
        if !entry.is_dir() {
            self.remove_leaf(dir, &parent.join(&entry.name), entry);
            return;
        }
        if let Some(emptied) = self.empty(dir, parent, entry, scope)
            && !emptied.stays
        {
            self.remove_directory(dir, &emptied);
        }
    }

    /// Removes everything in a directory that the rules do not protect; nothing if that can not
    /// be opened.
    fn empty(
        &mut self,
        dir: &Arc<Dir>,
        parent: &RelPath,
        entry: &Entry,
        scope: &Scope,
    ) -> Option<Level> {
        // An old version that is kept in the directory keeps that.
        let backup = self.shared.options.backup.as_ref();
        let keeps_beside = backup.is_some_and(|backup| backup.directory.is_none());
        // With their directories, as far as there are descriptors for them.
        let mut above: Vec<(Level, Option<Arc<Dir>>)> = Vec::new();
        let (mut level, mut here) = self.level(dir, parent, entry, scope)?;
        loop {
            match level.entries.pop() {
                Some(entry) if entry.is_dir() => {
                    match self.level(&here, &level.path, &entry, &level.scope) {
                        Some((below, dir)) => {
                            let left = mem::replace(&mut here, dir);
                            let held = root::may_hold_more().then_some(left);
                            above.push((mem::replace(&mut level, below), held));
                        }
                        None => level.stays = true,
                    }
                }
                Some(entry) => {
                    let path = level.path.join(&entry.name);
                    let removed = self.remove_leaf(&here, &path, &entry);
                    level.stays |= !removed || keeps_beside;
                }
                None => {
                    let Some((next, held)) = above.pop() else {
                        return Some(level);
                    };
                    let done = mem::replace(&mut level, next);
                    match self.reopened(&level, held) {
                        Ok(dir) => {
                            here = dir;
                            let removed = !done.stays && self.remove_directory(&here, &done);
                            level.stays |= !removed;
                        }
                        Err(error) => {
                            self.failed(&level.path, error);
                            level.entries.clear();
                            level.stays = true;
                        }
                    }
                }
            }
        }
    }

    /// The directory of a level that is gone back to.
    fn reopened(&self, level: &Level, held: Option<Arc<Dir>>) -> Result<Arc<Dir>, root::Error> {
        match held {
            Some(dir) => Ok(dir),
            None => {
                let dir = self.tree.root.top().open_beneath(&level.path)?;
                Ok(Arc::new(dir))
            }
        }
    }

    fn level(
        &mut self,
        dir: &Arc<Dir>,
        parent: &RelPath,
        own: &Entry,
        scope: &Scope,
    ) -> Option<(Level, Arc<Dir>)> {
        let path = parent.join(&own.name);
        if let Some(keeper) = self
            .shared
            .keeper()
            .filter(|_| !self.shared.options.dry_run)
        {
            keeper.change(dir, &own.name, &Metadata::default());
        }
        if own.mode & OWNER_BITS != OWNER_BITS && !self.shared.options.dry_run && !is_superuser() {
            let mode = Some(own.mode | OWNER_BITS);
            // If this fails so will what needs it, which is reported then.
            let _ = dir.set_metadata(
                &own.name,
                &Metadata {
                    mode,
                    ..Metadata::default()
                },
            );
        }
        let opened = dir.open_dir(&own.name).and_then(|below| {
            let scope = self.tree.enter(scope, &below, &path)?;
            let listing = self.tree.list_to_delete(&below, &path, &scope)?;
            Ok((below, scope, listing))
        });
        match opened {
            Ok((below, scope, listing)) => {
                let mut entries = listing.entries;
                // The last is popped first: names come in order.
                entries.reverse();
                if !listing.problems.is_empty() {
                    let reason = "it holds what can not be looked at, or lies too deep";
                    self.failed(
                        &path,
                        root::Error {
                            operation: "delete",
                            path: path.as_bytes().to_vec(),
                            source: std::io::Error::other(reason),
                        },
                    );
                }
                // What is protected stays, and with it the directory.
                let stays = listing.excluded > 0 || !listing.problems.is_empty();
                let level = Level {
                    path,
                    scope,
                    entries,
                    own: own.clone(),
                    stays,
                };
                Some((level, Arc::new(below)))
            }
            Err(error) if error.is_not_found() => None,
            Err(error) => {
                self.failed(&path, error);
                None
            }
        }
    }

    fn remove_leaf(&mut self, dir: &Dir, path: &RelPath, entry: &Entry) -> bool {
        if !self.may_delete() {
            return false;
        }
        let removed = if self.shared.options.dry_run {
            Ok(())
        } else if self.shared.options.backup.is_some() {
            backup::keep(self.shared, path, Some(entry))
        } else {
            remove_file(self.shared, dir, &entry.name)
        };
        self.account(path, entry, removed)
    }

    fn remove_directory(&mut self, above: &Dir, level: &Level) -> bool {
        if !self.may_delete() {
            return false;
        }
        let removed = if self.shared.options.dry_run {
            Ok(())
        } else {
            remove_dir(self.shared, above, &level.own.name)
        };
        self.account(&level.path, &level.own, removed)
    }

    fn account(&self, path: &RelPath, entry: &Entry, removed: Result<(), root::Error>) -> bool {
        match removed {
            Ok(()) => self.shared.account.deleted(path, &entry.kind),
            // Moved to where the source has it now, or gone by another hand.
            Err(error) if error.is_not_found() => {}
            Err(error) => {
                self.failed(path, error);
                return false;
            }
        }
        true
    }

    fn may_delete(&mut self) -> bool {
        let limit = self.shared.options.delete.limit;
        let may = limit.is_none_or(|limit| self.shared.account.receipt().deleted < limit);
        self.withheld += u64::from(!may);
        may
    }

    fn failed(&self, path: &RelPath, error: root::Error) {
        self.shared
            .account
            .count(|receipt| receipt.deletes_failed += 1);
        self.shared.account.trouble(path, error);
    }
}
