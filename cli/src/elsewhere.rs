//! What a place holds where only an agent can look: a pull by checksum that nobody makes lists every
//! entry there, with the digest of its content.

use std::sync::{Mutex, PoisonError};

use rsync_core::engine::{self, Care, Error};
use rsync_core::entry::Entry;
use rsync_core::monitor::{Event, Monitor};
use rsync_core::options::{Attributes, Compare, Options};
use rsync_core::path::RelPath;
use transport::Location;

use crate::args::Reach;
use crate::conversation::with_agent;
use crate::errors::Failure;
use crate::interrupt::Interrupt;
use crate::mapping::Verb;

/// What there is at and below a place, in order of paths, as
/// [`manifest`](rsync_core::keep::manifest) lists what is here.
pub(crate) fn manifest(
    flags: &Reach,
    there: &Location,
    interrupt: &Interrupt,
) -> Result<Vec<(RelPath, Entry)>, Failure> {
    let mut content = there.clone();
    if !content.path.ends_with(b"/") {
        content.path.push(b'/');
    }
    match listed(flags, &content, interrupt) {
        // It is no directory, perhaps.
        Err(Failure::Engine(Error::Peer { .. })) => listed(flags, there, interrupt),
        listed => listed,
    }
}

fn listed(
    flags: &Reach,
    there: &Location,
    interrupt: &Interrupt,
) -> Result<Vec<(RelPath, Entry)>, Failure> {
    // A destination that is not there, and can not be made by anybody else meanwhile.
    let private = tempfile::tempdir().map_err(Failure::NoTemporary)?;
    let nothing = private.path().join("nothing");
    let options = Options {
        attributes: Attributes {
            owner: true,
            group: true,
            numeric_ids: true,
            devices: true,
            specials: true,
            special_bits: true,
            xattrs: true,
            acls: true,
            ..Attributes::default()
        },
        compare: Compare::Checksum,
        dry_run: true,
        ..Options::default()
    };
    let list = List::default();
    let report = with_agent(
        flags,
        there,
        (Verb::Pull, &options),
        interrupt,
        |_, _| (),
        |way, settings| {
            let (care, source) = (&Care::default(), &there.path);
            engine::pull_by_way(way, source, &nothing, &options, settings, &list, care)
        },
    )?;
    // A list with holes proves nothing.
    if !report.receipt.is_complete() {
        return Err(Failure::UnprovenThere);
    }
    let mut entries = list.0.into_inner().unwrap_or_else(PoisonError::into_inner);
    entries.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    Ok(entries)
}

/// Keeps every entry that a run would make.
#[derive(Default)]
struct List(Mutex<Vec<(RelPath, Entry)>>);

impl Monitor for List {
    fn event(&self, event: &Event<'_>) {
        if let Event::Item { path, entry, .. } = *event {
            let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            entries.push((path.clone(), entry.clone()));
        }
    }
}
