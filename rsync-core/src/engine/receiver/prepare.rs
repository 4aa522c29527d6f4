//! Before the first listing: the source is announced, the destination opened, locked and shown.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::engine::connection::{Inbox, Outbox};
use crate::engine::context::Context;
use crate::engine::destination;
use crate::engine::error::Error;
use crate::engine::receiver::partial;
use crate::engine::source;
use crate::engine::tree::{Side, Summary, Tree};
use crate::path::FileName;
use crate::plan::Guard;
use crate::root::{self, Access};
use crate::wire::limits::MAX_DIGESTS;
use crate::wire::message::{FromReceiver, FromSender, Holdings, Source};

/// About so many digests describe the destination at first.
const FIRST_ITEMS: usize = 1000;

/// The announcement of the source, if it is what was `asked` for.
pub(super) fn announced(
    asked: Option<&[u8]>,
    inbox: &mut Inbox<FromSender>,
) -> Result<Source, Error> {
    let source = match inbox.recv()? {
        FromSender::Source(source) => source,
        _ => return Err(Error::Protocol("the source was not announced".into())),
    };
    if let Some(asked) = asked {
        source::check(asked, &source)?;
    }
    Ok(source)
}

/// The destination, opened and locked.
pub(super) struct Prepared<'a> {
    /// Nothing where it does not exist and a dry run must not create it.
    pub(super) tree: Option<Tree<'a>>,
    /// Name that the source's single entry gets.
    pub(super) renamed: Option<FileName>,
    /// The root was made for this run, or would be.
    pub(super) created: bool,
    /// What new entries do not get; it can not be asked for any more where this process is confined.
    pub(super) umask: u32,
    /// What is left alone.
    pub(super) guard: Guard,
}

impl<'a> Prepared<'a> {
    pub(super) fn new(
        path: &Path,
        opened: destination::Opened,
        context: &Context<'a>,
    ) -> Result<Self, Error> {
        let options = context.options;
        if let Some(root) = opened.root.as_ref().filter(|_| !options.dry_run)
            && !root.lock().map_err(Error::Destination)?
        {
            return Err(Error::DestinationBusy {
                path: path.to_owned(),
            });
        }
        let umask = root::umask();
        let guard = Guard {
            stands: context.care.guarded,
            asked_by_name: opened.only.is_some(),
        };
        if let Some(root) = opened.root.as_ref().filter(|_| context.confined) {
            root.confine(Access::Write);
        }
        let tree = opened.root.map(|root| Tree {
            root,
            only: opened.only,
            filter: context.filter,
            options,
            side: Side::Destination,
            guard,
        });
        Ok(Self {
            tree,
            renamed: opened.renamed,
            created: opened.created,
            umask,
            guard,
        })
    }

    /// Tells the sender what is here, unless it is told to `stop` meanwhile.
    pub(super) fn show(
        &self,
        stop: &AtomicBool,
        outbox: &Outbox<FromReceiver>,
    ) -> Result<Option<Summary>, Error> {
        let tree = self.tree.as_ref();
        let summary = tree.map(|tree| Summary::of(tree, stop));
        // A summary that was stopped is of a part only.
        if !stop.load(Ordering::Relaxed) {
            outbox.send(&FromReceiver::Holdings(first_holdings(
                tree,
                summary.as_ref(),
            )))?;
        }
        Ok(summary)
    }

    /// Tells the sender what is here while the announcement of the source is on its way.
    pub(super) fn show_while_waiting(
        &self,
        asked: Option<&[u8]>,
        outbox: &Outbox<FromReceiver>,
        inbox: &mut Inbox<FromSender>,
    ) -> Result<(Source, Option<Summary>), Error> {
        let stop = AtomicBool::new(false);
        let mut summary = Ok(None);
        let source = std::thread::scope(|scope| {
            let (stop, summary) = (&stop, &mut summary);
            scope.spawn(move || *summary = self.show(stop, outbox));
            let source = announced(asked, inbox);
            stop.store(source.is_err(), Ordering::Relaxed);
            source
        });
        // A source that can not be had says more than a connection that has failed over it.
        Ok((source?, summary?))
    }
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
