//! Finds new files among what is about to be deleted, or is only here, by their content.
//!
//! A new file whose size and time are those of an extraneous file here is probably that file
//! under another name. Both ends compute its digest; if they agree nothing has to be sent. With
//! deletion asked for the file is renamed, otherwise it is copied.

use std::collections::HashMap;
use std::sync::Arc;

use crate::checksum::Digest;
use crate::engine::error::Error;
use crate::engine::receiver::content::{self, Job};
use crate::engine::receiver::delete;
use crate::engine::receiver::parent::Parent;
use crate::engine::receiver::pending::{Pending, Place};
use crate::engine::receiver::shared::Shared;
use crate::engine::receiver::want;
use crate::engine::tree::digest_of;
use crate::entry::{Entry, Timestamp};
use crate::monitor::{Change, Event, Update};
use crate::options::DeleteWhen;
use crate::path::{FileName, RelPath};
use crate::root::{self, Detail, Dir};
use crate::wire::limits::MAX_CONTENT_LEN;
use crate::wire::message::{FileFailure, FileId, How};

/// Most files that wait for the listing to be complete; the others are asked for at once.
const MAX_DEFERRED: usize = 200_000;
/// Most extraneous files that are considered.
const MAX_CANDIDATES: usize = 500_000;

/// Files that are not asked for before the listing is complete.
#[derive(Debug, Default)]
pub(super) struct Deferred {
    files: Vec<(FileId, bool)>,
}

impl Deferred {
    /// Puts a file aside, unless there are too many already.
    pub(super) fn add(&mut self, file: FileId, may_move: bool) -> bool {
        let room = self.files.len() < MAX_DEFERRED;
        if room {
            self.files.push((file, may_move));
        }
        room
    }
}

/// A file here that may hold what a new one holds.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    dir: Parent,
    path: RelPath,
    name: FileName,
    mtime: Timestamp,
}

/// Asks for everything that was put aside, or for its digest where it may be here already.
pub(super) fn resolve(shared: &Shared<'_>, deferred: Deferred) -> Result<(), Error> {
    let delete_first = shared.options.delete.when == DeleteWhen::Before;
    if delete_first {
        let mut late = shared.late();
        let extraneous = std::mem::take(&mut late.extraneous);
        delete::delete(
            shared,
            extraneous,
            late.not_deleted,
            late.listing_complete,
            late.source_is_empty,
        );
    }
    let any = deferred.files.iter().any(|&(_, may_move)| may_move);
    let mut candidates = if any && !delete_first {
        candidates(shared)
    } else {
        HashMap::new()
    };
    for (file, may_move) in deferred.files {
        let Some(Some((name, size, mtime))) = shared.pending.with(file, |pending| {
            let place = pending.place.as_ref()?;
            Some((
                place.entry.name.clone(),
                place.entry.file_size()?,
                place.entry.mtime,
            ))
        }) else {
            continue;
        };
        let candidate = may_move
            .then(|| choose(&mut candidates, size, mtime, &name))
            .flatten();
        match candidate {
            Some(candidate) => {
                shared.hand_over(file, Job::Candidate { file, candidate });
                shared.want(file, &name, How::Digest)?;
            }
            None => want::content(shared, file, &name)?,
        }
    }
    Ok(())
}

/// Takes the best candidate: same time and name, else same time, else same name.
fn choose(
    candidates: &mut HashMap<u64, Vec<Candidate>>,
    size: u64,
    mtime: Timestamp,
    name: &FileName,
) -> Option<Candidate> {
    let list = candidates.get_mut(&size)?;
    let score = |candidate: &Candidate| (candidate.mtime == mtime, candidate.name == *name);
    let (best, score) = list
        .iter()
        .map(score)
        .enumerate()
        .max_by_key(|&(_, score)| score)?;
    (score != (false, false)).then(|| list.swap_remove(best))
}

/// Extraneous files by size.
fn candidates(shared: &Shared<'_>) -> HashMap<u64, Vec<Candidate>> {
    let mut found: HashMap<u64, Vec<Candidate>> = HashMap::new();
    let (Some(tree), Some(handles)) = (shared.tree, &shared.handles) else {
        return found;
    };
    let extraneous = shared.late().extraneous.clone();
    let mut count = 0;
    let mut add = |dir: &Arc<Dir>, parent: &RelPath, entry: &Entry| {
        if let Some(size) = entry.file_size().filter(|&size| size > 0) {
            let candidate = Candidate {
                dir: Parent::of(dir),
                path: parent.join(&entry.name),
                name: entry.name.clone(),
                mtime: entry.mtime,
            };
            found.entry(size).or_default().push(candidate);
            count += 1;
        }
        count < MAX_CANDIDATES
    };
    for (parent, entry) in extraneous {
        let Ok(dir) = handles.get(&parent) else {
            continue;
        };
        if !entry.is_dir() {
            if !add(&dir, &parent, &entry) {
                break;
            }
            continue;
        }
        let Ok(scope) = tree.scope_at(&parent) else {
            continue;
        };
        let mut below = vec![(dir, parent, entry.name, scope)];
        while let Some((above, parent, name, scope)) = below.pop() {
            let path = parent.join(&name);
            let listed = above.open_dir(&name).and_then(|dir| {
                let scope = tree.enter(&scope, &dir, &path)?;
                let listing = tree.list_to_delete(&dir, &path, &scope)?;
                Ok((Arc::new(dir), scope, listing))
            });
            let Ok((dir, scope, listing)) = listed else {
                continue;
            };
            for entry in listing.entries {
                if entry.is_dir() {
                    below.push((Arc::clone(&dir), path.clone(), entry.name, scope.clone()));
                } else if !add(&dir, &path, &entry) {
                    return found;
                }
            }
        }
    }
    found
}

/// The sender's digest has come: uses the candidate if it holds the same, else asks for content.
/// `room` is for a piece of it, whatever is in there.
pub(super) fn compare(
    shared: &Shared<'_>,
    file: FileId,
    candidate: &Candidate,
    result: Result<Digest, FileFailure>,
    room: &mut Vec<u8>,
) {
    let Some(pending) = shared.pending.take(file) else {
        return;
    };
    let Some(place) = content::opened(shared, pending.place) else {
        return shared.pending.done();
    };
    room.resize(MAX_CONTENT_LEN, 0);
    let same = match result {
        Ok(digest) => {
            let dir = candidate.dir.open(shared).ok();
            dir.and_then(|dir| digest_of(&dir, &candidate.name, room).ok()) == Some(digest)
        }
        Err(failure) => {
            shared.account.source_failed(&place.path, failure);
            return shared.pending.done();
        }
    };
    if same && use_candidate(shared, &place, candidate).is_ok() {
        let change = Change {
            update: Update::Moved,
            ..place.change
        };
        let size = place.entry.file_size().unwrap_or(0);
        shared
            .account
            .count(|receipt| receipt.matched_bytes = receipt.matched_bytes.saturating_add(size));
        shared
            .account
            .transferred(&place.path, &place.entry, change);
        shared.account.tell(&Event::Progress {
            bytes: size,
            files: 1,
        });
        return shared.pending.done();
    }
    let name = place.entry.name.clone();
    shared.pending.put_back(
        file,
        Pending {
            place: Some(place.wait()),
            attempts: pending.attempts,
        },
    );
    // An error of the connection is seen by whoever receives.
    let _ = want::content(shared, file, &name);
    shared.outbox.flush();
}

fn use_candidate(
    shared: &Shared<'_>,
    place: &Place,
    candidate: &Candidate,
) -> Result<(), root::Error> {
    let metadata = shared.metadata(&place.entry, place.found.as_ref(), place.entry.mtime);
    let options = &shared.options.delete;
    let late = shared.late();
    let deletes =
        options.when != DeleteWhen::Never && (late.listing_complete || options.despite_errors);
    drop(late);
    let may_rename = deletes
        && !shared.source_is_new()
        && options.limit.is_none()
        && shared.options.backup.is_none();
    let dir = candidate.dir.open(shared)?;
    if may_rename && !has_other_names(&dir, &candidate.name)? {
        let (from, to) = (&candidate.name, &place.entry.name);
        if let Some(keeper) = shared.keeper() {
            keeper.rename(&dir, from, &place.dir, to);
        }
        if place.found.is_some() {
            dir.rename(from, &place.dir, to)?;
        } else {
            dir.rename_no_replace(from, &place.dir, to)?;
        }
        shared.account.deleted(&candidate.path, &place.entry.kind);
        return shared.set_metadata(&place.dir, to, &metadata);
    }
    let basis = dir.open_file(&candidate.name)?;
    let size = place.entry.file_size().unwrap_or(0);
    let mut staged = shared.stage(&place.dir)?;
    staged.copy_from(&basis, 0, 0, size)?;
    staged.set_metadata(&metadata)?;
    content::commit(shared, place, staged)
}

/// True if what is done to the candidate would be done to a file that stays.
fn has_other_names(dir: &Dir, name: &FileName) -> Result<bool, root::Error> {
    let detail = Detail {
        hard_links: true,
        ..Detail::default()
    };
    let found = dir.entry(name, &detail)?;
    Ok(found.is_some_and(|found| found.link.is_some()))
}
