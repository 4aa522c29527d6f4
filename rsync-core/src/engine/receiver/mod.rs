//! The end that owns the destination: decides, asks, writes, deletes.
//!
//! One thread takes the sender's messages and decides what each listed entry needs. *Writers*
//! put content in place, *signers* compute the signatures of old versions, and the calling
//! thread waits until all content is there and then does what may only happen last: hard links,
//! deletions, the metadata of directories.

mod account;
mod backup;
mod content;
mod delete;
mod finish;
mod guard;
mod listing;
mod metadata;
mod moves;
mod partial;
mod pending;
mod shared;
mod signing;
mod take;

use std::path::Path;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;

use crate::engine::care::Incarnation;
use crate::engine::connection::{Inbox, Outbox};
use crate::engine::context::Context;
use crate::engine::destination;
use crate::engine::error::Error;
use crate::engine::settle::settle;
use crate::engine::source;
use crate::engine::tree::{Side, Summary, Tree};
use crate::path::FileName;
use crate::plan::Guard;
use crate::receipt::Receipt;
use crate::root::{self, Access};
use crate::wire::limits::MAX_DIGESTS;
use crate::wire::message::{FromReceiver, FromSender, Holdings, ReceiverTotals, Source};

use metadata::Desired;
use shared::Shared;

/// Threads that write content.
const WRITERS: usize = 3;
/// Threads that compute signatures.
const SIGNERS: usize = 2;
/// Threads that go through the destination.
const WALKERS: usize = 2;
/// About so many digests describe the destination at first.
const FIRST_ITEMS: usize = 1000;
/// About so many answer a question for more.
const MORE_ITEMS: usize = 8000;

/// Receives one pass into the directory at `path`, or the file of that name. A client says what
/// it `asked` for; an agent takes what its client gives.
pub(crate) fn receive_into(
    path: &Path,
    asked: Option<&[u8]>,
    context: &Context<'_>,
    outbox: &Outbox<FromReceiver>,
    inbox: &mut Inbox<FromSender>,
) -> Result<Received, Error> {
    let source = match inbox.recv()? {
        FromSender::Source(source) => source,
        _ => return Err(Error::Protocol("the source was not announced".into())),
    };
    if let Some(asked) = asked {
        source::check(asked, &source)?;
    }
    let options = context.options;
    let desired = Desired::new(options)?;
    let destination = destination::open(path, &source, options.dry_run)?;
    if let Some(root) = destination.root.as_ref().filter(|_| !options.dry_run)
        && !root.lock().map_err(Error::Destination)?
    {
        return Err(Error::DestinationBusy {
            path: path.to_owned(),
        });
    }
    let umask = root::umask();
    let guard = Guard {
        stands: context.care.guarded,
        asked_by_name: source.only_one,
    };
    if let Some(root) = destination.root.as_ref().filter(|_| context.confined) {
        root.confine(Access::Write);
    }
    let keeper = context.care.keeper.filter(|_| cfg!(feature = "keep"));
    if let (Some(keeper), Some(root)) = (keeper, &destination.root) {
        keeper.open(root, destination.created);
    }
    let tree = destination.root.map(|root| Tree {
        root,
        only: destination.only,
        filter: context.filter,
        options,
        side: Side::Destination,
        guard,
    });
    let opening = Opening {
        source,
        renamed: destination.renamed,
        created: destination.created,
        umask,
        guard,
    };
    receive(tree.as_ref(), opening, desired, context, outbox, inbox)
}

/// What came of one pass.
pub(crate) struct Received {
    /// The account of every entry.
    pub(crate) receipt: Receipt,
    /// Which life of the source it was.
    pub(crate) incarnation: Incarnation,
    /// Nothing was here before.
    pub(crate) began_empty: bool,
    /// Over the files that arrived, at both ends.
    pub(crate) content_digest: [u8; 16],
}

/// What is known before the first listing.
pub(crate) struct Opening {
    /// What the source is.
    source: Source,
    /// Name that the source's single entry gets.
    renamed: Option<FileName>,
    /// The root was made for this run, or would be.
    created: bool,
    /// What new entries do not get; it can not be asked for any more where this process is confined.
    umask: u32,
    /// What is left alone.
    guard: Guard,
}

/// Receives one pass. `tree` is the destination, or nothing where that does not exist and a dry
/// run must not create it.
fn receive(
    tree: Option<&Tree<'_>>,
    opening: Opening,
    desired: Desired<'_>,
    context: &Context<'_>,
    outbox: &Outbox<FromReceiver>,
    inbox: &mut Inbox<FromSender>,
) -> Result<Received, Error> {
    debug_assert!(tree.is_none_or(|tree| tree.side == Side::Destination));
    let summary = tree.map(|tree| Summary::of(tree, WALKERS, &AtomicBool::new(false)));
    let holdings = first_holdings(tree, summary.as_ref());
    outbox.send(&FromReceiver::Holdings(holdings))?;
    let began_empty = summary.as_ref().is_none_or(Summary::is_empty);
    let shared = Shared::new(tree, context, &opening, summary.as_ref(), outbox);
    let temporaries = summary
        .as_ref()
        .map(|summary| summary.temporaries.clone())
        .unwrap_or_default();
    std::thread::scope(|scope| {
        for number in 0..WRITERS {
            let shared = &shared;
            scope.spawn(move || content::write(shared, number));
        }
        for _ in 0..SIGNERS {
            scope.spawn(|| signing::sign(&shared));
        }
        let (shared, opening, summary) = (&shared, &opening, summary.as_ref());
        scope.spawn(move || {
            if let Err(error) = take::messages(shared, opening, desired, summary, inbox) {
                shared.pending.fail(error);
            }
        });
        let outcome = shared
            .pending
            .wait_for_content()
            .and_then(|()| finish::finish(shared, &temporaries));
        // Whatever happened, every thread comes to its end: the queues close here, and the thread
        // that takes messages ends with the sender's account or with the connection.
        shared.close();
        if let Err(error) = outcome {
            // The thread that takes messages only ends with the connection.
            outbox.abort(error.code(), &error.to_string());
            return Err(error);
        }
        let totals = totals(shared);
        shared.pending.settle();
        outbox.send(&FromReceiver::Finished(totals))?;
        shared.pending.wait_for_finish()?;
        let sent = shared
            .sent
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .unwrap_or_default();
        settle(&totals, &sent)?;
        Ok(Received {
            receipt: totals.receipt,
            incarnation: opening.source.incarnation,
            began_empty,
            content_digest: totals.content_digest,
        })
    })
}

/// An empty destination gets everything unasked, unless there is something to go on from.
fn first_holdings(tree: Option<&Tree<'_>>, summary: Option<&Summary>) -> Holdings {
    let only = tree.and_then(|tree| Some((tree.root.top(), tree.only.as_ref()?)));
    let has_partial = only.is_some_and(|(top, only)| partial::is_there(top, only));
    match summary {
        None => Holdings::Nothing,
        Some(summary) if summary.is_empty() && summary.temporaries.is_empty() && !has_partial => {
            Holdings::Nothing
        }
        Some(summary) => {
            let mut items = Vec::new();
            summary.items(0, FIRST_ITEMS, &mut items);
            items.truncate(MAX_DIGESTS);
            Holdings::Digests(items)
        }
    }
}

fn totals(shared: &Shared<'_>) -> ReceiverTotals {
    let receipt = shared.account.receipt();
    let received = *shared
        .received
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    ReceiverTotals {
        listed: received.listed,
        files_received: received.files,
        files_failed: received.failed,
        receipt,
        content_digest: received.content_digest.value(),
    }
}
