//! Before the first listing: the source is announced, the destination opened, locked and shown.
//!
//! A client begins to look at a destination that is there before it knows anything of the other end.

use std::panic::resume_unwind;
use std::path::Path;
use std::thread::ScopedJoinHandle;

use crate::engine::care::Care;
use crate::engine::connection::{Inbox, Outbox};
use crate::engine::destination;
use crate::engine::error::Error;
use crate::engine::receiver::partial;
use crate::engine::source;
use crate::engine::threads;
use crate::engine::tree::{Marks, Side, Summary, Tree, Word};
use crate::filter::Filter;
use crate::options::Options;
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
pub(crate) struct Prepared<'a> {
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
        options: &'a Options,
        filter: &'a Filter,
        care: &Care<'_>,
        confined: bool,
    ) -> Result<Self, Error> {
        if let Some(root) = opened.root.as_ref().filter(|_| !options.dry_run)
            && !root.lock().map_err(Error::Destination)?
        {
            return Err(Error::DestinationBusy {
                path: path.to_owned(),
                holder: root.lock_holder(),
            });
        }
        let umask = root::umask();
        let guard = Guard {
            stands: care.guarded,
            asked_by_name: opened.only.is_some(),
        };
        if let Some(root) = opened.root.as_ref().filter(|_| confined) {
            root.confine(Access::Write);
        }
        let tree = opened.root.map(|root| Tree {
            root,
            only: opened.only,
            filter,
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

    /// Condenses what is here, or a part of it once it is told to stop.
    pub(super) fn look(&self, word: &Word) -> Option<Summary> {
        self.tree.as_ref().map(|tree| Summary::of(tree, word))
    }

    /// Tells the sender what is here.
    pub(super) fn show(
        &self,
        summary: Option<&Summary>,
        marks: Marks,
        outbox: &Outbox<FromReceiver>,
    ) -> Result<(), Error> {
        let holdings = first_holdings(self.tree.as_ref(), summary, marks);
        outbox.send(&FromReceiver::Holdings(holdings))?;
        Ok(())
    }
}

/// The destination of a pull of `asked`, opened and locked, if it is there already.
pub(crate) fn prepare<'a>(
    path: &Path,
    asked: &[u8],
    options: &'a Options,
    filter: &'a Filter,
    care: &Care<'_>,
) -> Result<Option<Prepared<'a>>, Error> {
    let opened = destination::open_existing(path, asked)?;
    opened
        .map(|opened| Prepared::new(path, opened, options, filter, care, false))
        .transpose()
}

/// Looks at a destination, if there is one, on a thread of its own while it does the rest of the
/// `run`.
pub(crate) fn look_while<T>(
    prepared: Option<&Prepared<'_>>,
    run: impl FnOnce(Option<Looking<'_, '_>>) -> Result<T, Error>,
) -> Result<T, Error> {
    let word = Word::alone();
    std::thread::scope(|scope| {
        let looking = prepared.map(|prepared| Looking {
            prepared,
            word: &word,
            looker: threads::start(scope, || prepared.look(&word)).ok(),
        });
        let outcome = run(looking);
        // Nobody waits for it any more.
        word.stop();
        outcome
    })
}

/// A destination that is being looked at.
pub(crate) struct Looking<'scope, 'a> {
    pub(super) prepared: &'scope Prepared<'a>,
    word: &'scope Word,
    /// Nothing where there can be no such thread: then it is looked at when it is to be shown.
    looker: Option<ScopedJoinHandle<'scope, Option<Summary>>>,
}

impl Looking<'_, '_> {
    /// Tells the sender what is here while the announcement of the source is on its way.
    pub(super) fn show_while_waiting(
        self,
        asked: Option<&[u8]>,
        marks: Marks,
        outbox: &Outbox<FromReceiver>,
        inbox: &mut Inbox<FromSender>,
    ) -> Result<(Source, Option<Summary>), Error> {
        let Self {
            prepared,
            word,
            looker,
        } = self;
        word.joined();
        let mut looker = Some(looker);
        let mut shown = Ok(None);
        let mut show = || {
            let summary = match looker.take().flatten() {
                Some(looker) => looker.join().unwrap_or_else(|panic| resume_unwind(panic)),
                None => prepared.look(word),
            };
            // A summary that was stopped is of a part only.
            shown = match word.is_to_stop() {
                false => prepared
                    .show(summary.as_ref(), marks, outbox)
                    .map(|()| summary),
                true => Ok(None),
            };
        };
        let source = std::thread::scope(|scope| {
            threads::start(scope, &mut show).ok()?;
            let source = announced(asked, inbox);
            if source.is_err() {
                word.stop();
            }
            Some(source)
        });
        let source = source.unwrap_or_else(|| {
            show();
            announced(asked, inbox)
        });
        // A source that can not be had says more than a connection that has failed over it.
        Ok((source?, shown?))
    }
}

/// An empty destination gets everything unasked, unless there is something to go on from.
fn first_holdings(tree: Option<&Tree<'_>>, summary: Option<&Summary>, marks: Marks) -> Holdings {
    let only = tree.and_then(|tree| Some((tree.root.top(), tree.only.as_ref()?)));
    let has_partial = only.is_some_and(|(top, only)| partial::is_there(top, only));
    match summary {
        None => Holdings::Nothing,
        Some(summary) if summary.is_empty() && summary.temporaries.is_empty() && !has_partial => {
            Holdings::Nothing
        }
        Some(summary) => {
            let mut items = Vec::new();
            summary.items(0, FIRST_ITEMS, marks, &mut items);
            items.truncate(MAX_DIGESTS);
            Holdings::Digests(items)
        }
    }
}
