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
mod listing;
mod metadata;
mod moves;
mod parent;
mod partial;
mod pending;
mod prepare;
mod shared;
mod signing;
mod take;
mod want;
mod withhold;

use std::path::Path;

use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::Scope;

use crate::engine::care::Incarnation;
use crate::engine::connection::{Inbox, Outbox};
use crate::engine::context::Context;
use crate::engine::destination;
use crate::engine::error::Error;
use crate::engine::settle::{is_settled, settle, settle_trees};
use crate::engine::threads;
use crate::engine::tree::{Marks, Summary, Tree, Word};
use crate::path::FileName;
use crate::plan::Guard;
use crate::receipt::Receipt;
use crate::wire::hello::Features;
use crate::wire::message::{FromReceiver, FromSender, Interim, ReceiverTotals, Source, TreeDigest};

use metadata::Desired;
use prepare::{Looking, Prepared, announced};
pub(crate) use prepare::{look_while, prepare};
use shared::Shared;

/// Threads that compute signatures.
const SIGNERS: usize = 2;
/// About so many answer a question for more.
const MORE_ITEMS: usize = 8000;

/// Receives one pass into the directory at `path`, or the file of that name. A client says what
/// it `asked` for; an agent takes what its client gives.
///
/// A client does not wait for the announcement of the source to say what it has, if its
/// destination is there already and is being looked at: that saves round trips. One that is missing
/// is made only when the source is known to be there.
pub(crate) fn receive_into(
    path: &Path,
    asked: Option<&[u8]>,
    looking: Option<Looking<'_, '_>>,
    context: &Context<'_>,
    outbox: &Outbox<FromReceiver>,
    inbox: &mut Inbox<FromSender>,
) -> Result<Received, Error> {
    let desired = Desired::new(context.options)?;
    let marks = Marks::of(context.features);
    let late;
    let (prepared, source, summary) = match looking {
        Some(looking) => {
            let prepared = looking.prepared;
            let (source, summary) = looking.show_while_waiting(asked, marks, outbox, inbox)?;
            (prepared, source, summary)
        }
        None => {
            let source = announced(asked, inbox)?;
            let opened = destination::open(path, &source, context.options.dry_run)?;
            let (options, filter) = (context.options, context.filter);
            let care = &context.care;
            late = Prepared::new(path, opened, options, filter, care, context.confined)?;
            let summary = late.look(&Word::default());
            late.show(summary.as_ref(), marks, outbox)?;
            (&late, source, summary)
        }
    };
    let tree = prepared.tree.as_ref();
    let keeper = context.care.keeper.filter(|_| cfg!(feature = "keep"));
    if let (Some(keeper), Some(tree)) = (keeper, tree) {
        keeper.open(&tree.root, prepared.created);
    }
    let opening = Opening {
        source,
        renamed: prepared.renamed.clone(),
        created: prepared.created,
        umask: prepared.umask,
        guard: prepared.guard,
        is_client: asked.is_some(),
    };
    receive(
        tree,
        summary.as_ref(),
        opening,
        desired,
        context,
        outbox,
        inbox,
    )
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
    /// The digest of the tree on which both ends agree.
    pub(crate) tree: Option<TreeDigest>,
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
    /// This end asked for the run.
    is_client: bool,
}

/// Receives one pass. `tree` is the destination and `summary` what the sender was told of it, or
/// nothing where that does not exist and a dry run must not create it.
fn receive(
    tree: Option<&Tree<'_>>,
    summary: Option<&Summary>,
    opening: Opening,
    desired: Desired<'_>,
    context: &Context<'_>,
    outbox: &Outbox<FromReceiver>,
    inbox: &mut Inbox<FromSender>,
) -> Result<Received, Error> {
    let began_empty = summary.is_none_or(Summary::is_empty);
    let shared = Shared::new(tree, context, &opening, summary, outbox);
    let temporaries = summary
        .map(|summary| summary.temporaries.clone())
        .unwrap_or_default();
    std::thread::scope(|scope| {
        let (shared, opening) = (&shared, &opening);
        let outcome = start(scope, shared, move || {
            if let Err(error) = take::messages(shared, opening, desired, summary, inbox) {
                shared.pending.fail(error);
            }
        })
        .and_then(|()| shared.pending.wait_for_content())
        .and_then(|()| finish::finish(shared, &temporaries));
        // Whatever happened, every thread comes to its end: the queues close here, and the thread
        // that takes messages ends with the sender's account, with the connection, or when this end
        // leaves.
        shared.close();
        if let Err(error) = outcome {
            // The thread that takes messages only ends with the connection.
            outbox.abort(error.code(), &error.to_string());
            return Err(error);
        }
        shared.signing.wait();
        let totals = totals(shared);
        shared.pending.settle();
        let ours = *lock(&shared.tree_digest);
        if shared.features.contains(Features::TREES) {
            outbox.send(&FromReceiver::Tree(ours))?;
        }
        outbox.send(&FromReceiver::Finished(totals))?;
        let agrees = |interim: &Interim| is_settled(&totals, ours, interim, shared.features);
        let (sent, theirs) = match shared.pending.wait_for_account(agrees)? {
            Some(interim) => {
                outbox.leave();
                (interim.totals, Some(interim.tree))
            }
            None => (
                lock(&shared.sent).unwrap_or_default(),
                *lock(&shared.sent_tree),
            ),
        };
        settle(&totals, &sent)?;
        let tree = settle_trees(shared.features, ours, theirs, &totals.receipt)?;
        Ok(Received {
            receipt: totals.receipt,
            incarnation: opening.source.incarnation,
            began_empty,
            content_digest: totals.content_digest,
            tree,
        })
    })
}

/// Starts what takes messages, what writes and what signs: first one thread of each kind, which is
/// needed, then those that are of use.
fn start<'scope, 'a: 'scope>(
    scope: &'scope Scope<'scope, '_>,
    shared: &'scope Shared<'a>,
    take: impl FnOnce() + Send + 'scope,
) -> Result<(), Error> {
    let (all_there, wait) = mpsc::channel();
    threads::start(scope, move || {
        // Before that nobody knows which writer gets what.
        if let Ok(()) = wait.recv() {
            take();
        }
    })?;
    let write = move |number| content::write(shared, number);
    let sign = move |_| signing::sign(shared);
    threads::start(scope, move || write(0))?;
    threads::start(scope, move || sign(0))?;
    let further = threads::start_more(scope, 1..shared.writers.len(), write);
    shared.writers_are(1 + further);
    threads::start_more(scope, 1..SIGNERS, sign);
    // It is there: it ends only with the channel.
    let _ = all_there.send(());
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn totals(shared: &Shared<'_>) -> ReceiverTotals {
    let receipt = shared.account.receipt();
    let received = *lock(&shared.received);
    ReceiverTotals {
        listed: received.listed,
        files_received: received.files,
        files_failed: received.failed,
        receipt,
        content_digest: received.content_digest.value(),
    }
}
