//! Small files, whose content comes whole: those that are new get their names together.

use std::sync::Arc;

use super::{Files, again, not_put, open_old, opened, put, transferred, wanted_metadata};
use crate::engine::receiver::pending::{Pending, Place};
use crate::engine::receiver::shared::Shared;
use crate::root::{self, Metadata, StagedFile, Stamp};
use crate::wire::message::{FileId, Seen};

/// Most files that wait, complete, for their names: they are kept open.
const TOGETHER: usize = 32;

/// New files of one directory that are complete but for their names.
///
/// What keeps old versions is told of all of them at once, which is a lock and a line less for each.
#[derive(Default)]
struct Complete(Vec<(Place, Seen, StagedFile, Stamp)>);

/// Puts the files of a bundle in their places. Those that get no right content are asked for again.
pub(super) fn bundle(shared: &Shared<'_>, files: Files, mut content: Option<&[u8]>) {
    let mut complete = Complete::default();
    for (file, pending, seen) in files {
        if shared.is_closed() {
            return;
        }
        let len = usize::try_from(seen.size).unwrap_or(usize::MAX);
        let piece = content.as_mut().and_then(|rest| rest.split_off(..len));
        one(shared, &mut complete, (file, pending, seen), piece);
    }
    complete.put(shared);
}

/// Puts one small file in its place. Without the right content it is asked for again.
pub(super) fn small(shared: &Shared<'_>, file: (FileId, Pending, Seen), content: Option<&[u8]>) {
    let mut complete = Complete::default();
    one(shared, &mut complete, file, content);
    complete.put(shared);
}

fn one(
    shared: &Shared<'_>,
    complete: &mut Complete,
    (file, pending, seen): (FileId, Pending, Seen),
    content: Option<&[u8]>,
) {
    let Some(mut place) = opened(shared, pending.place) else {
        return shared.pending.done();
    };
    let Some(content) = content.filter(|content| content.len() as u64 == seen.size) else {
        return again(shared, file, place, pending.attempts, None);
    };
    shared.account.count(|receipt| {
        receipt.literal_bytes = receipt.literal_bytes.saturating_add(content.len() as u64)
    });
    if place.found.is_none() {
        return complete.add(shared, place, seen, content);
    }
    let opened = open_old(shared, &mut place, false).and_then(|old| match old {
        Some(old) => {
            if let Some(keeper) = shared.keeper() {
                keeper.rewrite(&place.dir, &place.entry.name);
            }
            Ok(old)
        }
        None => {
            shared.announce_change_of(&place.dir);
            let metadata = wanted_metadata(shared, &mut place, seen);
            place.dir.stage_for(&metadata)
        }
    });
    match opened.and_then(|staged| fill(shared, staged, content)) {
        Ok(staged) => put(shared, place, staged, seen, 0),
        Err(error) => shared.account.destination_failed(&place.path, error),
    }
    shared.pending.done();
}

impl Complete {
    fn add(&mut self, shared: &Shared<'_>, mut place: Place, seen: Seen, content: &[u8]) {
        let is_elsewhere = |(other, ..): &(Place, _, _, _)| !Arc::ptr_eq(&other.dir, &place.dir);
        if self.0.len() >= TOGETHER || self.0.last().is_some_and(is_elsewhere) {
            self.put(shared);
        }
        if self.0.is_empty() {
            shared.announce_change_of(&place.dir);
        }
        let metadata = wanted_metadata(shared, &mut place, seen);
        let made = make(shared, &place, &metadata, content).or_else(|error| {
            if self.0.is_empty() {
                return Err(error);
            }
            // What is open already may have been too much.
            self.put(shared);
            make(shared, &place, &metadata, content)
        });
        match made {
            Ok((staged, stamp)) => self.0.push((place, seen, staged, stamp)),
            Err(error) => {
                shared.account.destination_failed(&place.path, error);
                shared.pending.done();
            }
        }
    }

    /// Gives them their names.
    fn put(&mut self, shared: &Shared<'_>) {
        if let (Some(keeper), Some((first, ..))) = (shared.keeper(), self.0.first()) {
            let files: Vec<_> = self
                .0
                .iter()
                .map(|(place, _, _, stamp)| (&place.entry.name, *stamp))
                .collect();
            keeper.put_new(&first.dir, &files);
        }
        for (place, seen, staged, _) in self.0.drain(..) {
            match staged.commit_new(&place.dir, &place.entry.name) {
                Ok(()) => transferred(shared, &place, seen, 0),
                Err(error) => not_put(shared, &place.path, None, error),
            }
            shared.pending.done();
        }
    }
}

fn make(
    shared: &Shared<'_>,
    place: &Place,
    metadata: &Metadata,
    content: &[u8],
) -> Result<(StagedFile, Stamp), root::Error> {
    let staged = fill(shared, place.dir.stage_for(metadata)?, content)?;
    staged.set_metadata(metadata)?;
    let stamp = staged.stamp()?;
    Ok((staged, stamp))
}

fn fill(
    shared: &Shared<'_>,
    mut staged: StagedFile,
    content: &[u8],
) -> Result<StagedFile, root::Error> {
    staged.write_content_at(content, 0, shared.options.write.sparse)?;
    staged.set_len(content.len() as u64)?;
    Ok(staged)
}
