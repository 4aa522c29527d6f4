//! The end that owns the source: lists what differs and serves content.
//!
//! Three kinds of thread share one outbox. The *lister* goes through the tree, guided by what
//! the receiver holds. *Content workers* answer requests for content. The calling thread takes
//! the receiver's messages and never waits for anything else, so that the receiver can always
//! get rid of what it has to say.

mod content;
mod directories;
mod interim;
mod lister;
mod owners;
mod requests;
mod small;
mod stream;

use std::sync::mpsc;

use crate::engine::connection::{Inbox, Outbox};
use crate::engine::context::Context;
use crate::engine::error::Error;
use crate::engine::settle::{Said, is_settled, settle, settle_trees};
use crate::engine::source::Opened;
use crate::engine::telling;
use crate::engine::threads;
use crate::engine::tree::{Marks, Side, Tree};
use crate::monitor::Monitor;
use crate::options::{DeleteWhen, Links};
use crate::plan::Guard;
use crate::root::Access;
use crate::wire::hello::Features;
use crate::wire::message::{FromReceiver, FromSender, Holdings, ReceiverTotals, TreeDigest};

use content::Content;
use directories::Directories;
use interim::Interims;
use lister::Lister;
pub(crate) use lister::pushed_unasked;
use requests::{Request, Requests};

/// Threads that read file content. More than the processor has cores, because on a cold cache
/// they mostly wait for the disk.
const CONTENT_WORKERS: usize = 4;

/// What came of one pass.
pub(crate) struct Sent {
    /// The receiver's account.
    pub(crate) totals: ReceiverTotals,
    /// The digest of the tree on which both ends agree.
    pub(crate) tree: Option<TreeDigest>,
}

/// Serves one pass over an opened source.
pub(crate) fn send(
    opened: Opened,
    context: &Context<'_>,
    outbox: &Outbox<FromSender>,
    inbox: &mut Inbox<FromReceiver>,
) -> Result<Sent, Error> {
    let Opened {
        root,
        only,
        mut source,
    } = opened;
    let Context {
        options,
        filter,
        key,
        monitor,
        confined,
        features,
        care,
        client_leaves,
    } = *context;
    if confined {
        root.confine(match options.links {
            Links::Preserve | Links::Skip | Links::Safe => Access::Read,
            Links::Follow | Links::FollowUnsafe | Links::FollowDirectories => Access::ReadAnywhere,
        });
    }
    let tree = &Tree {
        root,
        only,
        filter,
        options,
        side: Side::Source,
        guard: Guard::default(),
    };
    tree.adjust_mode(&mut source.root);
    let deletes = options.delete.when != DeleteWhen::Never;
    let caution = match deletes {
        true => care.caution(source.incarnation, features)?,
        false => None,
    };
    outbox.send(&FromSender::Source(source))?;
    if let Some(caution) = caution {
        outbox.send(&FromSender::Caution(caution))?;
    }
    let directories = Directories::new(&tree.root);
    let requests = Requests::default();
    let content = Content::new(tree, key, &directories, &requests, outbox, features);
    let interims = Interims::new(&content, &requests, outbox);
    let (holdings, held) = mpsc::channel();
    let (receiver, theirs, ours) = std::thread::scope(|scope| {
        let marks = Marks::of(features);
        let lister = Lister::new(tree, &directories, &content, &requests, outbox, marks);
        // Both end by themselves once the connection or the requests end.
        let (content, interims) = (&content, &interims);
        let listing = threads::start(scope, move || {
            let tree = lister.run(&held);
            if client_leaves {
                interims.listed(tree);
            }
            tree
        });
        let serve = move |_| content.serve(interims);
        let started = listing.and_then(|listing| {
            threads::start(scope, move || serve(0))?;
            threads::start_more(scope, 1..CONTENT_WORKERS, serve);
            Ok(listing)
        });
        let (listing, outcome) = match started {
            Ok(listing) => {
                let outcome = receive(&directories, &requests, &holdings, monitor, inbox);
                (Some(listing), outcome)
            }
            Err(error) => (None, Err(error)),
        };
        drop(holdings);
        requests.close();
        if let Err(error) = &outcome {
            // Who waits for a receiver that takes nothing only ends with the connection.
            outbox.abort(error.code(), &error.to_string());
        }
        // A thread that panicked has no digest either; the scope passes the panic on.
        let ours = listing.and_then(|listing| listing.join().ok().flatten());
        outcome.map(|(totals, theirs)| (totals, theirs, ours))
    })?;
    let totals = content.totals();
    let last = interims.last();
    if !last.is_some_and(|last| is_settled(&receiver, theirs.flatten(), &last, features)) {
        if features.contains(Features::TREES) {
            outbox.send(&FromSender::Tree(ours))?;
        }
        outbox.send(&FromSender::Finished(totals))?;
    }
    settle(&receiver, &totals)?;
    Ok(Sent {
        totals: receiver,
        tree: settle_trees(features, ours, theirs, &receiver.receipt)?,
    })
}

/// Takes the receiver's messages until its account. Gives what it says of its tree too.
fn receive(
    directories: &Directories<'_>,
    requests: &Requests,
    holdings: &mpsc::Sender<Holdings>,
    monitor: &dyn Monitor,
    inbox: &mut Inbox<FromReceiver>,
) -> Result<(ReceiverTotals, Said), Error> {
    let mut tree = None;
    loop {
        match inbox.recv()? {
            // A lister that is gone has met the error that the next message will show.
            FromReceiver::Holdings(held) => drop(holdings.send(held)),
            FromReceiver::Want { file, name, how } => {
                let dir = directories.path(file.dir);
                requests.push(Request {
                    file,
                    dir,
                    name,
                    how,
                    signature: None,
                })?;
            }
            FromReceiver::Signature { file, sums } => requests.add_sums(file, sums),
            FromReceiver::NoBasis { file } => requests.end_sums(file),
            FromReceiver::Told(told) => telling::show(&told, monitor),
            FromReceiver::Tree(digest) => tree = Some(digest),
            FromReceiver::Enough => requests.enough(),
            FromReceiver::Finished(totals) => return Ok((totals, tree)),
        }
    }
}
