//! Asking for content: in which form a file promises to cause least traffic.

use crate::delta::Shape;
use crate::engine::error::Error;
use crate::engine::receiver::partial;
use crate::engine::receiver::shared::Shared;
use crate::engine::receiver::signing::{Form, Task};
use crate::entry::Entry;
use crate::path::FileName;
use crate::wire::hello::Features;
use crate::wire::message::{FileId, How};

/// Smaller files travel whole: all of them would be one block.
const MIN_DELTA_LEN: u64 = 4096;
/// Sums of smaller bases are so few that to ask first whether the file grew, which takes a round trip if
/// it did not, saves nothing.
const MIN_GROWN_LEN: u64 = 4 << 20;

/// Asks for a pending file's content, in the form that promises least traffic, once the outbox is
/// flushed.
pub(super) fn content(shared: &Shared<'_>, file: FileId, name: &FileName) -> Result<(), Error> {
    let write = &shared.options.write;
    find_partial(shared, file);
    let how = shared.pending.with(file, |pending| {
        let place = pending.place.as_ref()?;
        let size = place.entry.file_size()?;
        let (basis, basis_name) = match &place.basis {
            Some(basis) => (basis.len, &basis.name),
            None => (place.found.as_ref().and_then(Entry::file_size)?, name),
        };
        if pending.attempts > 2 || shared.options.whole_file {
            return None;
        }
        if write.append && basis < size && pending.attempts == 1 {
            return Some(Plan::From(basis));
        }
        let worth_it = basis >= MIN_DELTA_LEN && size >= MIN_DELTA_LEN;
        let shape = worth_it.then(|| shape_for(basis, shared)).flatten()?;
        let may_have_grown = basis >= MIN_GROWN_LEN
            && (basis < size || place.is_changing)
            && !place.has_not_grown
            && shared.features.contains(Features::LENGTHENED)
            && shape.has_digest_of_delta();
        let form = if may_have_grown {
            Form::Ranges
        } else {
            Form::Blocks
        };
        let task = Task {
            file,
            name: name.clone(),
            basis: basis_name.clone(),
            dir: place.dir.clone(),
            shape,
            form,
        };
        Some(Plan::Delta(task))
    });
    let how = match how.flatten() {
        Some(Plan::Delta(task)) => {
            shared.signing.push(task);
            return Ok(());
        }
        Some(Plan::From(offset)) => How::From(offset),
        None => How::Whole,
    };
    Ok(shared.want(file, name, how)?)
}

/// Looks for what an earlier run left of a file, or an attempt during which it changed.
fn find_partial(shared: &Shared<'_>, file: FileId) {
    let known = shared.pending.with(file, |pending| {
        let place = pending.place.as_ref()?;
        let size = place.entry.file_size()?;
        let may_be_there = pending.attempts == 1 || place.is_changing;
        (may_be_there && partial::applies(size)).then(|| {
            let (dir, name) = (place.dir.clone(), place.entry.name.clone());
            (dir, name, place.found.clone(), size)
        })
    });
    // Not with all files locked: putting a basis together may take a while.
    if let Some(Some((dir, name, found, size))) = known
        && let Ok(dir) = dir.open(shared)
    {
        let basis = partial::find(shared, &dir, &name, found.as_ref(), size);
        shared.pending.with(file, |pending| {
            if let Some(place) = &mut pending.place {
                place.basis = basis;
            }
        });
    }
}

fn shape_for(basis_len: u64, shared: &Shared<'_>) -> Option<Shape> {
    let shape = match shared.options.block_len {
        Some(block_len) => Shape::new(basis_len, block_len),
        None => Shape::for_len(basis_len),
    };
    let mut shape = shape.ok()?;
    if shared.features.contains(Features::SHORT_SUMS) {
        shape = shape.with_short_sums();
    }
    if shared.features.contains(Features::DIGESTS_OF_DELTAS) {
        shape = shape.with_digest_of_delta();
    }
    Some(shape)
}

enum Plan {
    Delta(Task),
    From(u64),
}
