//! Lists what the receiver does not have.
//!
//! Against an empty destination the tree is walked once and everything is sent as it is found,
//! content included. Otherwise the tree is condensed first ([`Summary`]), and only directories
//! whose digest the receiver does not hold are listed: as they were condensed, where that was kept
//! (`engine/tree/kept.rs`).

mod differences;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, mpsc};

use crate::engine::connection::{ConnectionError, Outbox};
use crate::engine::sender::content::Content;
use crate::engine::sender::directories::{self, Directories};
use crate::engine::sender::owners::Told;
use crate::engine::sender::requests::Requests;
use crate::engine::sender::small::Bundler;
use crate::engine::threads;
use crate::engine::tree::{
    DirListing, DirectorySum, Marks, Side, Summary, Tree, Visit, Word, walk,
};
use crate::entry::Entry;
use crate::path::{FileName, RelPath};
use crate::plan;
use crate::root::{Detail, Dir};
use crate::wire::limits::{MAX_DEPTH, MAX_LISTING_ENTRIES};
use crate::wire::message::{
    DirId, FromSender, Holdings, Listed, Listing, Problem, ProblemKind, SystemError, TreeDigest,
};

/// `ENOENT` of every Unix.
const NOT_FOUND: i32 = 2;

/// Lists one tree once.
pub(super) struct Lister<'a> {
    tree: &'a Tree<'a>,
    directories: &'a Directories<'a>,
    content: &'a Content<'a>,
    requests: &'a Requests,
    outbox: &'a Outbox<FromSender>,
    marks: Marks,
    told: Mutex<Told>,
    listed: Mutex<Listed>,
    sum: Mutex<DirectorySum>,
    /// Room for content, kept from one directory to the next: one for each walker.
    rooms: Mutex<Vec<Vec<u8>>>,
}

impl<'a> Lister<'a> {
    /// Ready to list `tree`.
    pub(super) fn new(
        tree: &'a Tree<'a>,
        directories: &'a Directories<'a>,
        content: &'a Content<'a>,
        requests: &'a Requests,
        outbox: &'a Outbox<FromSender>,
        marks: Marks,
    ) -> Self {
        debug_assert_eq!(tree.side, Side::Source);
        Self {
            tree,
            directories,
            content,
            requests,
            outbox,
            marks,
            told: Mutex::new(Told::new()),
            listed: Mutex::new(Listed {
                complete: true,
                ..Listed::default()
            }),
            sum: Mutex::default(),
            rooms: Mutex::default(),
        }
    }

    /// Lists everything that the receiver's holdings do not cover. Ends early, in silence, when
    /// the connection fails: whoever receives sees that error too.
    ///
    /// Gives the digest of the source, unless something of it could not be listed.
    pub(super) fn run(&self, held: &mpsc::Receiver<Holdings>) -> Option<TreeDigest> {
        // The receiver goes through its tree at the same time. An empty one answers at once, and
        // then nothing has to be condensed.
        let summary = OnceLock::new();
        let word = Word::default();
        let condense = || drop(summary.set(Summary::of(self.tree, &word)));
        let (beside, first) = std::thread::scope(|scope| {
            let beside = threads::start(scope, condense).is_ok();
            let first = held.recv();
            match first {
                Ok(Holdings::Digests(_)) => word.hurry(),
                _ => word.stop(),
            }
            (beside, first)
        });
        if !beside && !word.is_to_stop() {
            condense();
        }
        let outcome = self
            .report_missing()
            .and_then(|()| match (first, summary.into_inner()) {
                (Ok(Holdings::Digests(items)), Some(summary)) => {
                    self.list_differences(&summary, items, held)
                }
                (Ok(Holdings::Nothing), _) => self.list_all(!self.tree.options.dry_run),
                (Ok(_), _) => self.list_all(false),
                (Err(_), _) => Err(ConnectionError::LeftEarly),
            });
        let listed = *self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        if outcome.is_ok() {
            // An error here is seen by whoever receives, as above.
            let _ = self.outbox.send(&FromSender::Listed(listed));
        }
        (outcome.is_ok() && listed.complete).then(|| self.sum().value())
    }

    /// Tells which of the paths that were listed by name are not there.
    fn report_missing(&self) -> Result<(), ConnectionError> {
        for path in self.tree.options.filter.only.iter().flatten() {
            let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
                continue;
            };
            let found = self
                .tree
                .root
                .top()
                .open_beneath(&parent)
                .and_then(|dir| dir.entry(&name, &Detail::default()));
            let error = match found {
                Ok(Some(_)) => continue,
                Ok(None) => SystemError {
                    operation: "find".into(),
                    code: NOT_FOUND,
                },
                Err(error) => SystemError {
                    operation: error.operation.into(),
                    code: error.code(),
                },
            };
            self.problem(path.clone(), ProblemKind::System(error))?;
        }
        Ok(())
    }

    fn list_all(&self, with_content: bool) -> Result<(), ConnectionError> {
        walk(self.tree, &Word::default(), &|visit: Visit<'_>| {
            match (visit.dir, visit.listing) {
                (Some(dir), Ok(listing)) => {
                    self.condense(visit.path, listing);
                    self.send_listing(visit.path, listing, with_content.then_some(dir))?;
                }
                (_, Err(kind)) => self.problem(visit.path.clone(), kind)?,
                (None, Ok(_)) => {}
            }
            Ok(Some(0))
        })
    }

    fn sum(&self) -> MutexGuard<'_, DirectorySum> {
        self.sum.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn rooms(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn problem(&self, path: RelPath, kind: ProblemKind) -> Result<(), ConnectionError> {
        self.listed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .complete = false;
        self.outbox
            .send(&FromSender::Problem(Problem { path, kind }))
    }

    /// Adds a listing to the digest of the source.
    fn condense(&self, path: &RelPath, listing: &DirListing) {
        let options = self.tree.options;
        let taken = listing
            .entries
            .iter()
            .filter(|entry| plan::left_out(entry, path, options).is_none());
        let fingerprint = plan::fingerprint(taken, options);
        self.sum().add(path, &fingerprint.digest);
    }

    /// Sends a listing, and behind it the content of its files if these are to be read in a directory.
    fn send_listing(
        &self,
        path: &RelPath,
        listing: &mut DirListing,
        content_from: Option<&Arc<Dir>>,
    ) -> Result<(), ConnectionError> {
        {
            let mut listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
            listed.listed += listing.entries.len() as u64;
            listed.excluded += listing.excluded;
        }
        let mut complete = listing.problems.is_empty();
        for (name, kind) in &listing.problems {
            // A name that can not be carried is reported at its directory.
            let name = FileName::new(name).ok().filter(|name| path.fits(name));
            let path = name.map_or_else(|| path.clone(), |name| path.join(&name));
            self.problem(path, kind.clone())?;
        }
        if path.depth() >= MAX_DEPTH && listing.entries.iter().any(Entry::is_dir) {
            self.problem(path.clone(), ProblemKind::TooDeep)?;
            complete = false;
        }
        self.tell_owners(&listing.entries)?;
        self.send_parts(path, &mut listing.entries, complete, content_from)
    }

    /// Sends entries as they are, in as many parts as it takes, and puts them back.
    fn send_parts(
        &self,
        path: &RelPath,
        entries: &mut Vec<Entry>,
        complete: bool,
        content_from: Option<&Arc<Dir>>,
    ) -> Result<(), ConnectionError> {
        let mut id = None;
        let mut room = self.rooms().pop().unwrap_or_default();
        let mut parts = parts(std::mem::take(entries)).into_iter().peekable();
        while let Some(part) = parts.next() {
            self.requests.wait_for_room();
            let message = Listing {
                dir: id.unwrap_or(DirId(0)),
                path: path.clone(),
                entries: part,
                more: parts.peek().is_some(),
                complete,
                content_follows: content_from.is_some(),
            };
            let (dir_id, mut part) = match id {
                None => self
                    .directories
                    .announce(message, content_from, self.outbox)?,
                Some(id) => (id, directories::push(message, self.outbox)?),
            };
            id = Some(dir_id);
            if let Some(dir) = content_from {
                let mut bundler = Bundler::new(self.content, dir_id, room);
                for (entry, index) in part.iter().zip(entries.len() as u32..) {
                    if pushed_unasked(entry, path, self.tree.options) {
                        bundler.add(index, dir, &entry.name)?;
                    }
                }
                room = bundler.finish()?;
            }
            if entries.is_empty() {
                *entries = part;
            } else {
                entries.append(&mut part);
            }
        }
        self.rooms().push(room);
        Ok(())
    }

    fn tell_owners(&self, entries: &[Entry]) -> Result<(), ConnectionError> {
        let attributes = &self.tree.options.attributes;
        if attributes.numeric_ids || !(attributes.owner || attributes.group) {
            return Ok(());
        }
        let owners = self
            .told
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .new_in(entries);
        owners.map_or(Ok(()), |owners| {
            self.outbox.send(&FromSender::Owners(owners))
        })
    }
}

/// Entries in parts of which each fits into a message; one part if there are none.
fn parts(entries: Vec<Entry>) -> Vec<Vec<Entry>> {
    if entries.len() <= MAX_LISTING_ENTRIES {
        return vec![entries];
    }
    let mut parts = Vec::with_capacity(entries.len().div_ceil(MAX_LISTING_ENTRIES));
    let mut left = entries.into_iter();
    while left.len() > 0 {
        parts.push(left.by_ref().take(MAX_LISTING_ENTRIES).collect());
    }
    parts
}

/// Which entries of a listing with `content_follows` have their content sent unasked: regular
/// files that take part, except those with several names, of which one is enough.
pub(crate) fn pushed_unasked(
    entry: &Entry,
    dir: &RelPath,
    options: &crate::options::Options,
) -> bool {
    entry.file_size().is_some()
        && entry.link.is_none()
        && plan::left_out(entry, dir, options).is_none()
}
