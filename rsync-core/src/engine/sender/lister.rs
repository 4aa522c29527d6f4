//! Lists what the receiver does not have.
//!
//! Against an empty destination the tree is walked once and everything is sent as it is found,
//! content included. Otherwise the tree is condensed first ([`Summary`]), and only directories
//! whose digest the receiver does not hold are listed.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, mpsc};

use crate::engine::connection::{ConnectionError, Outbox};
use crate::engine::sender::content::Content;
use crate::engine::sender::directories::Directories;
use crate::engine::sender::owners::Told;
use crate::engine::sender::requests::Requests;
use crate::engine::sender::small::Bundler;
use crate::engine::tree::{
    Agreement, Counts, DirListing, DirectorySum, Marks, Node, Side, Summary, Tree, Visit,
    path_item, problem, walk,
};
use crate::entry::Entry;
use crate::filter::Scope;
use crate::path::{FileName, RelPath};
use crate::plan;
use crate::root::{Detail, Dir};
use crate::wire::limits::{MAX_DEPTH, MAX_DIGESTS, MAX_LISTING_ENTRIES};
use crate::wire::message::{
    DirId, FromSender, Holdings, Listed, Listing, Problem, ProblemKind, SystemError, TreeDigest,
};

/// So few entries are listed rather than asked about: that takes no round trip.
const FEW_ENTRIES: u64 = 500;

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
        let stop = AtomicBool::new(false);
        let first = std::thread::scope(|scope| {
            scope.spawn(|| summary.set(Summary::of(self.tree, &stop)));
            let first = held.recv();
            stop.store(
                !matches!(first, Ok(Holdings::Digests(_))),
                Ordering::Relaxed,
            );
            first
        });
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
        walk(self.tree, &|visit: Visit<'_>| {
            match (visit.dir, visit.listing) {
                (Some(dir), Ok(listing)) => {
                    self.send_listing(dir, visit.path, listing, with_content)?
                }
                (_, Err(kind)) => self.problem(visit.path.clone(), kind)?,
                (None, Ok(_)) => {}
            }
            Ok(Some(0))
        })
    }

    fn list_differences(
        &self,
        summary: &Summary,
        items: Vec<u64>,
        held: &mpsc::Receiver<Holdings>,
    ) -> Result<(), ConnectionError> {
        let mut items: HashSet<u64> = items.into_iter().collect();
        let mut starts = vec![0];
        loop {
            let mut unexplored = Vec::new();
            for &start in &starts {
                self.descend(summary, start, &items, &mut unexplored)?;
            }
            if unexplored.is_empty() {
                return Ok(());
            }
            starts.clear();
            if are_few(summary, &unexplored) {
                // Nothing below them is known to be there, so all of it is listed.
                starts.append(&mut unexplored);
                continue;
            }
            items.clear();
            for batch in unexplored.chunks(MAX_DIGESTS) {
                let paths = batch
                    .iter()
                    .filter_map(|&number| summary.nodes.get(number as usize))
                    .map(|node| path_item(&node.path));
                self.outbox.send(&FromSender::Expand(paths.collect()))?;
                match held.recv() {
                    Ok(Holdings::Digests(more)) => items.extend(more),
                    // Nothing more is known: what differs is listed.
                    Ok(_) => {}
                    Err(_) => return Ok(()),
                }
            }
            starts.append(&mut unexplored);
        }
    }

    /// Lists what differs at and below `start`; adds to `unexplored` what the receiver can tell
    /// more about.
    fn descend(
        &self,
        summary: &Summary,
        start: u32,
        items: &HashSet<u64>,
        unexplored: &mut Vec<u32>,
    ) -> Result<(), ConnectionError> {
        // What was just asked about is explored, whatever the answer was.
        let mut asked = true;
        let mut stack = vec![start];
        while let Some(number) = stack.pop() {
            let Some(node) = summary.nodes.get(number as usize) else {
                continue;
            };
            match summary.compare(number, items, self.marks) {
                Agreement::Subtree => {
                    self.agreed(&node.subtree_counts);
                    summary.add_subtree(number, &mut self.sum());
                    continue;
                }
                Agreement::Unexplored if !std::mem::take(&mut asked) => {
                    unexplored.push(number);
                    continue;
                }
                Agreement::Listing => {
                    self.agreed(&node.counts);
                    summary.add_listing(number, &mut self.sum());
                    stack.extend(node.children.iter().rev());
                }
                Agreement::Unexplored | Agreement::None => {
                    let there = self.list_again(summary, node)?;
                    stack.extend(there.iter().rev());
                }
            }
            asked = false;
        }
        Ok(())
    }

    /// Lists a directory as it is now. Gives the numbers of those below it that are still there.
    fn list_again(&self, summary: &Summary, node: &Node) -> Result<Vec<u32>, ConnectionError> {
        // Without its own rules nobody knows what of it takes part.
        if let Some(problem) = &node.problem {
            self.problem(node.path.clone(), problem.clone())?;
            return Ok(Vec::new());
        }
        let opened = self.directories.open(&node.path);
        let listed =
            opened.and_then(|dir| Ok((self.tree.list(&dir, &node.path, &node.scope)?, dir)));
        let (listing, dir) = match listed {
            Ok(listed) => listed,
            Err(error) => {
                self.problem(node.path.clone(), problem("open", &error))?;
                return Ok(Vec::new());
            }
        };
        self.send_listing(&dir, &node.path, &listing, false)?;
        // A directory that came since the tree was condensed, or could not be described then.
        let mut known: HashMap<&RelPath, u32> = HashMap::new();
        for &number in &node.children {
            if let Some(child) = summary.nodes.get(number as usize) {
                known.insert(&child.path, number);
            }
        }
        let mut there = Vec::with_capacity(known.len());
        let dirs = listing.entries.iter().filter(|entry| entry.is_dir());
        for path in dirs.map(|entry| node.path.join(&entry.name)) {
            match known.get(&path) {
                Some(&number) => there.push(number),
                None => self.list_below(path, &node.scope)?,
            }
        }
        Ok(there)
    }

    /// Lists a directory that is in no summary, and all below it.
    fn list_below(&self, path: RelPath, scope: &Scope) -> Result<(), ConnectionError> {
        let mut stack = vec![(path, scope.clone())];
        while let Some((path, scope)) = stack.pop() {
            let listed = self.directories.open(&path).and_then(|dir| {
                let scope = self.tree.enter(&scope, &dir, &path)?;
                Ok((self.tree.list(&dir, &path, &scope)?, dir, scope))
            });
            let (listing, dir, scope) = match listed {
                Ok(listed) => listed,
                Err(error) => {
                    self.problem(path.clone(), problem("open", &error))?;
                    continue;
                }
            };
            self.send_listing(&dir, &path, &listing, false)?;
            if path.depth() < MAX_DEPTH {
                let dirs = listing.entries.iter().filter(|entry| entry.is_dir());
                stack.extend(dirs.map(|entry| (path.join(&entry.name), scope.clone())));
            }
        }
        Ok(())
    }

    fn agreed(&self, counts: &Counts) {
        let mut listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        listed.agreed += counts.entries;
        listed.agreed_bytes = listed.agreed_bytes.saturating_add(counts.bytes);
        listed.excluded += counts.excluded;
        listed.skipped += counts.skipped;
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

    fn send_listing(
        &self,
        dir: &Arc<Dir>,
        path: &RelPath,
        listing: &DirListing,
        with_content: bool,
    ) -> Result<(), ConnectionError> {
        {
            let mut listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
            listed.listed += listing.entries.len() as u64;
            listed.excluded += listing.excluded;
        }
        let options = self.tree.options;
        let taken = listing
            .entries
            .iter()
            .filter(|entry| plan::left_out(entry, path, options).is_none());
        let fingerprint = plan::fingerprint(taken, options);
        self.sum().add(path, &fingerprint.digest);
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
        let mut id = None;
        let mut sent = 0;
        let mut room = self.rooms().pop().unwrap_or_default();
        loop {
            self.requests.wait_for_room();
            let part =
                &listing.entries[sent..listing.entries.len().min(sent + MAX_LISTING_ENTRIES)];
            let more = sent + part.len() < listing.entries.len();
            let message = Listing {
                dir: id.unwrap_or(DirId(0)),
                path: path.clone(),
                entries: part.to_vec(),
                more,
                complete,
                content_follows: with_content,
            };
            let dir_id = match id {
                None => self.directories.announce(message, dir, self.outbox)?,
                Some(id) => {
                    self.outbox.push(&FromSender::Listing(message))?;
                    id
                }
            };
            id = Some(dir_id);
            if with_content {
                let mut bundler = Bundler::new(self.content, dir_id, std::mem::take(&mut room));
                for (entry, index) in part.iter().zip(sent as u32..) {
                    if pushed_unasked(entry, path, self.tree.options) {
                        bundler.add(index, dir, &entry.name)?;
                    }
                }
                room = bundler.finish()?;
            }
            sent += part.len();
            if !more {
                self.rooms().push(room);
                return Ok(());
            }
        }
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

/// Whether little is in and below these directories.
fn are_few(summary: &Summary, directories: &[u32]) -> bool {
    let nodes = directories
        .iter()
        .filter_map(|&number| summary.nodes.get(number as usize));
    let entries = nodes.fold(0, |sum: u64, node| {
        sum.saturating_add(node.subtree_counts.entries)
    });
    entries <= FEW_ENTRIES
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
