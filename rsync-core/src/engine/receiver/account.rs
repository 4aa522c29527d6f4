//! Keeps the receipt and tells the monitor, from any thread.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::entry::{Entry, Kind, LinkId};
use crate::monitor::{Change, Event, Monitor, SkipReason, Trouble, Update, WithheldReason};
use crate::path::RelPath;
use crate::receipt::Receipt;
use crate::root;
use crate::wire::message::FileFailure;

/// Errors of a full or read-only file system are told once; after that they are only counted.
const SPACE_ERRORS: [i32; 3] = [28, 122, 30];

/// The account of a run.
pub(crate) struct Account<'a> {
    monitor: &'a dyn Monitor,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    receipt: Receipt,
    /// Files with several names that were put in place by one of them.
    in_place: HashSet<LinkId>,
    told: [bool; SPACE_ERRORS.len()],
}

impl<'a> Account<'a> {
    /// Nothing is counted yet.
    pub(crate) fn new(monitor: &'a dyn Monitor) -> Self {
        Self {
            monitor,
            state: Mutex::default(),
        }
    }

    /// The counts so far.
    pub(crate) fn receipt(&self) -> Receipt {
        self.lock().receipt
    }

    /// Changes the counts.
    pub(crate) fn count(&self, change: impl FnOnce(&mut Receipt)) {
        change(&mut self.lock().receipt);
    }

    /// Tells the monitor.
    pub(crate) fn tell(&self, event: &Event<'_>) {
        self.monitor.event(event);
    }

    /// A source entry is there as it should be.
    pub(crate) fn unchanged(&self, path: &RelPath, entry: &Entry) {
        self.count(|receipt| receipt.unchanged += 1);
        self.tell(&Event::Item {
            path,
            entry,
            change: Change::default(),
        });
    }

    /// A source entry was created or changed, or would be.
    pub(crate) fn transferred(&self, path: &RelPath, entry: &Entry, change: Change) {
        if let Some(id) = entry.link_id() {
            self.lock().in_place.insert(id);
        }
        self.count(|receipt| {
            receipt.transferred += 1;
            receipt.created += u64::from(change.created);
            receipt.moved += u64::from(change.update == Update::Moved);
            if change.update == Update::Transfer {
                receipt.files_transferred += 1;
                receipt.transferred_bytes = receipt
                    .transferred_bytes
                    .saturating_add(entry.file_size().unwrap_or(0));
            }
        });
        self.tell(&Event::Item {
            path,
            entry,
            change,
        });
    }

    /// True if a name of this file of the source was put in place.
    pub(crate) fn is_in_place(&self, id: LinkId) -> bool {
        self.lock().in_place.contains(&id)
    }

    /// A source entry is left out because the run does not want it.
    pub(crate) fn skipped(&self, path: &RelPath, reason: SkipReason) {
        self.count(|receipt| receipt.excluded += 1);
        self.tell(&Event::Skipped { path, reason });
    }

    /// A source entry is not allowed here.
    pub(crate) fn refused(&self, path: &RelPath, trouble: &Trouble) {
        self.count(|receipt| receipt.refused += 1);
        self.tell(&Event::Trouble { path, trouble });
    }

    /// A source entry could not be had, for a reason told elsewhere.
    pub(crate) fn failed_silently(&self) {
        self.count(|receipt| receipt.failed += 1);
    }

    /// The content of a source entry could not be had.
    pub(crate) fn source_failed(&self, path: &RelPath, failure: FileFailure) {
        self.count(|receipt| {
            receipt.failed += 1;
            receipt.vanished += u64::from(matches!(
                failure,
                FileFailure::Vanished | FileFailure::KeptChanging
            ));
        });
        self.tell(&Event::Trouble {
            path,
            trouble: &Trouble::Source(failure),
        });
    }

    /// A source entry did not arrive as it was sent.
    pub(crate) fn corrupt(&self, path: &RelPath) {
        self.failed_silently();
        self.tell(&Event::Trouble {
            path,
            trouble: &Trouble::Corrupt,
        });
    }

    /// A source entry could not be put in place.
    pub(crate) fn destination_failed(&self, path: &RelPath, error: root::Error) {
        self.failed_silently();
        self.trouble(path, error);
    }

    /// Something at the destination went wrong that is no source entry's failure.
    pub(crate) fn trouble(&self, path: &RelPath, error: root::Error) {
        let known = SPACE_ERRORS.iter().position(|&code| code == error.code());
        if let Some(known) = known
            && std::mem::replace(&mut self.lock().told[known], true)
        {
            return;
        }
        let operation = error.operation;
        let trouble = Trouble::Destination {
            operation: operation.into(),
            error: error.into_io(),
        };
        self.tell(&Event::Trouble {
            path,
            trouble: &trouble,
        });
    }

    /// A part of the source could not be listed.
    pub(crate) fn unlisted(&self, path: &RelPath, trouble: &Trouble) {
        self.count(|receipt| receipt.unlisted += 1);
        self.tell(&Event::Trouble { path, trouble });
    }

    /// An entry of the destination was deleted, or would be.
    pub(crate) fn deleted(&self, path: &RelPath, kind: &Kind) {
        self.count(|receipt| receipt.deleted += 1);
        self.tell(&Event::Deleted { path, kind });
    }

    /// Deletions that were due did not happen.
    pub(crate) fn withheld(&self, count: u64, reason: WithheldReason) {
        self.count(|receipt| receipt.deletes_withheld += count);
        self.tell(&Event::DeletesWithheld { count, reason });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
