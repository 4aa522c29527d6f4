//! Listing what differs from what the receiver holds: a directory that both have alike is counted,
//! and of one that the receiver can tell more about that is asked for.

use std::collections::{HashMap, HashSet};
use std::sync::{PoisonError, mpsc};

use super::Lister;
use crate::engine::connection::ConnectionError;
use crate::engine::tree::{Agreement, Counts, Node, Summary, path_item, problem};
use crate::filter::Scope;
use crate::path::RelPath;
use crate::wire::limits::{MAX_DEPTH, MAX_DIGESTS};
use crate::wire::message::{FromSender, Holdings};

/// So few entries are listed rather than asked about: that takes no round trip.
const FEW_ENTRIES: u64 = 500;

impl Lister<'_> {
    /// Lists what the receiver does not hold: `items` are its holdings, of which `held` brings more.
    pub(super) fn list_differences(
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
                    let there = self.list(summary, number, node)?;
                    stack.extend(there.iter().rev());
                }
            }
            asked = false;
        }
        Ok(())
    }

    /// Lists a directory as it was condensed, if that was kept. Gives the numbers of those below it.
    fn list(
        &self,
        summary: &Summary,
        number: u32,
        node: &Node,
    ) -> Result<Vec<u32>, ConnectionError> {
        // Without its own rules nobody knows what of it takes part.
        if let Some(problem) = &node.problem {
            self.problem(node.path.clone(), problem.clone())?;
            return Ok(Vec::new());
        }
        let Some(mut listing) = summary.listing(number) else {
            return self.list_again(summary, node);
        };
        summary.add_listing(number, &mut self.sum());
        self.send_listing(&node.path, &mut listing, None)?;
        Ok(node.children.clone())
    }

    /// Lists a directory as it is now. Gives the numbers of those below it that are still there.
    fn list_again(&self, summary: &Summary, node: &Node) -> Result<Vec<u32>, ConnectionError> {
        let opened = self.directories.open(&node.path);
        let listed = opened.and_then(|dir| self.tree.list(&dir, &node.path, &node.scope));
        let mut listing = match listed {
            Ok(listed) => listed,
            Err(error) => {
                self.problem(node.path.clone(), problem("open", &error))?;
                return Ok(Vec::new());
            }
        };
        self.condense(&node.path, &listing);
        self.send_listing(&node.path, &mut listing, None)?;
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
                Ok((self.tree.list(&dir, &path, &scope)?, scope))
            });
            let (mut listing, scope) = match listed {
                Ok(listed) => listed,
                Err(error) => {
                    self.problem(path.clone(), problem("open", &error))?;
                    continue;
                }
            };
            self.condense(&path, &listing);
            self.send_listing(&path, &mut listing, None)?;
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
