//! A tree condensed to one digest a directory, so that two ends can find what differs without
//! sending listings.
//!
//! Each directory has a fingerprint of its own listing and a digest of the whole subtree (a
//! Merkle tree over the fingerprints). The receiver sends *items*, which are short hashes over
//! a path and one of these digests; the sender looks its own items up in that set. An item that
//! is found proves that both ends have the same under the same path. Items are 64 bits of BLAKE3:
//! with a million directories at each end the chance that any lookup wrongly succeeds is
//! below 10^-7.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::engine::tree::kept::Kept;
use crate::engine::tree::{DirListing, DirectorySum, Side, Tree, Visit, Word, walk};
use crate::filter::Scope;
use crate::path::{FileName, RelPath};
use crate::plan;
use crate::wire::hello::Features;
use crate::wire::message::ProblemKind;

/// One directory.
#[derive(Debug)]
pub(crate) struct Node {
    /// Where it is.
    pub(crate) path: RelPath,
    /// Filter rules in force inside.
    pub(crate) scope: Scope,
    /// Directories directly below.
    pub(crate) children: Vec<u32>,
    /// Fingerprint of the listing, and then of everything below too.
    own: [u8; 16],
    subtree: [u8; 16],
    own_conclusive: bool,
    subtree_conclusive: bool,
    /// Why it is not known what is in it.
    pub(crate) problem: Option<ProblemKind>,
    /// What the directory itself holds.
    pub(crate) counts: Counts,
    /// What it and everything below hold.
    pub(crate) subtree_counts: Counts,
}

/// What a directory or a subtree holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Entries that take part.
    pub(crate) entries: u64,
    /// Regular files among them.
    pub(crate) files: u64,
    /// Bytes in these.
    pub(crate) bytes: u64,
    /// Entries left out by filters.
    pub(crate) excluded: u64,
    /// Entries left out because of what they are.
    pub(crate) skipped: u64,
}

impl Counts {
    /// Counts of one listing.
    pub(crate) fn of(listing: &DirListing, path: &RelPath, tree: &Tree<'_>) -> Self {
        let mut counts = Self {
            excluded: listing.excluded,
            ..Self::default()
        };
        for entry in &listing.entries {
            if plan::left_out(entry, path, tree.options).is_some() {
                counts.skipped += 1;
                continue;
            }
            counts.entries += 1;
            if let Some(size) = entry.file_size() {
                counts.files += 1;
                counts.bytes = counts.bytes.saturating_add(size);
            }
        }
        counts
    }

    /// Adds another's counts to these.
    pub(crate) fn add(&mut self, other: &Self) {
        self.entries += other.entries;
        self.files += other.files;
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.excluded += other.excluded;
        self.skipped += other.skipped;
    }
}

/// A whole tree, condensed.
#[derive(Debug)]
pub(crate) struct Summary {
    /// Directories; a directory comes after the one it is in. The first is the root.
    pub(crate) nodes: Vec<Node>,
    /// Left-overs of an interrupted run, with their directories.
    pub(crate) temporaries: Vec<(RelPath, FileName)>,
    /// Nothing once nobody wants to know any more.
    kept: Mutex<Option<Kept>>,
    /// Made when the first directory is looked up.
    by_path: OnceLock<HashMap<u64, u32>>,
}

impl Summary {
    /// Goes through all of `tree`, or through some of it once it is told to stop.
    pub(crate) fn of(tree: &Tree<'_>, word: &Word) -> Self {
        struct Stopped;
        struct Building {
            nodes: Vec<Node>,
            temporaries: Vec<(RelPath, FileName)>,
            kept: Kept,
        }
        let building = Mutex::new(Building {
            nodes: Vec::new(),
            temporaries: Vec::new(),
            kept: Kept::new(tree),
        });
        let outcome = walk::<Stopped>(tree, word, &|visit| {
            if word.is_to_stop() {
                return Err(Stopped);
            }
            let node = node(tree, &visit);
            let mut building = building.lock().unwrap_or_else(PoisonError::into_inner);
            let number = building.nodes.len() as u32;
            if number > 0 {
                building.nodes[visit.parent as usize].children.push(number);
            }
            building.nodes.push(node);
            building.kept.add(visit.listing.as_deref().ok());
            for name in visit
                .listing
                .iter()
                .flat_map(|listing| &listing.temporaries)
            {
                building
                    .temporaries
                    .push((visit.path.clone(), name.clone()));
            }
            Ok(Some(number))
        });
        // A summary that was stopped is as good as none, and nobody looks at it.
        let _: Result<(), Stopped> = outcome;
        let Building {
            mut nodes,
            temporaries,
            kept,
        } = building
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        fold(&mut nodes);
        Self {
            nodes,
            temporaries,
            kept: Mutex::new(Some(kept)),
            by_path: OnceLock::new(),
        }
    }

    /// The listing of the directory at `number` as it was condensed, if it is kept.
    pub(crate) fn listing(&self, number: u32) -> Option<DirListing> {
        let node = self.nodes.get(number as usize)?;
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        Some(DirListing {
            entries: kept.as_ref()?.entries(number)?,
            excluded: node.counts.excluded,
            ..DirListing::default()
        })
    }

    /// Keeps no listings any longer.
    pub(crate) fn forget_listings(&self) {
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// True if the tree holds nothing at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.nodes.len() <= 1
            && self
                .nodes
                .first()
                .is_none_or(|root| root.counts == Counts::default())
    }

    /// Adds the directory at `number` to a digest.
    pub(crate) fn add_listing(&self, number: u32, sum: &mut DirectorySum) {
        if let Some(node) = self.nodes.get(number as usize) {
            sum.add(&node.path, &node.own);
        }
    }

    /// Adds the directory at `start` and all below it to a digest.
    pub(crate) fn add_subtree(&self, start: u32, sum: &mut DirectorySum) {
        let mut below = vec![start];
        while let Some(number) = below.pop() {
            self.add_listing(number, sum);
            below.extend(
                self.nodes
                    .get(number as usize)
                    .iter()
                    .flat_map(|node| &node.children),
            );
        }
    }

    /// Number of the directory whose [`path_item`] this is.
    pub(crate) fn find(&self, path: u64) -> Option<u32> {
        let by_path = self.by_path.get_or_init(|| {
            let items = self.nodes.iter().map(|node| path_item(&node.path));
            items.zip(0..).collect()
        });
        by_path.get(&path).copied()
    }

    /// Items that describe the subtree at `start`, to a depth at which there are about `budget`
    /// of them. What is not looked into although there is something below shows by its `marks`, so
    /// that the other end can ask for more.
    pub(crate) fn items(&self, start: u32, budget: usize, marks: Marks, out: &mut Vec<u64>) {
        let mut queue = VecDeque::from([start]);
        let limit = out.len().saturating_add(budget);
        let (mut inside, mut outside) = (Vec::new(), Vec::new());
        while let Some(number) = queue.pop_front() {
            let Some(node) = self.nodes.get(number as usize) else {
                continue;
            };
            if node.subtree_conclusive {
                out.push(subtree_item(&node.path, &node.subtree));
            }
            if node.children.is_empty() {
                continue;
            }
            if out.len() + queue.len() < limit || number == start {
                if node.own_conclusive {
                    out.push(listing_item(&node.path, &node.own));
                }
                queue.extend(&node.children);
                inside.push(path_item(&node.path));
            } else {
                outside.push(path_item(&node.path));
            }
        }
        match marks {
            Marks::Outside => out.append(&mut outside),
            Marks::Inside if !outside.is_empty() => out.append(&mut inside),
            Marks::Inside => {}
        }
    }

    /// How the other end's `items` compare with the subtree at `number`.
    pub(crate) fn compare(&self, number: u32, items: &HashSet<u64>, marks: Marks) -> Agreement {
        let Some(node) = self.nodes.get(number as usize) else {
            return Agreement::None;
        };
        let is_marked = |path: &RelPath| items.contains(&path_item(path));
        let is_unexplored = || match marks {
            Marks::Outside => is_marked(&node.path),
            Marks::Inside => {
                !node.children.is_empty()
                    && node.path.parent().is_some_and(|parent| is_marked(&parent))
                    && !is_marked(&node.path)
            }
        };
        if node.subtree_conclusive && items.contains(&subtree_item(&node.path, &node.subtree)) {
            Agreement::Subtree
        } else if is_unexplored() {
            Agreement::Unexplored
        } else if node.own_conclusive && items.contains(&listing_item(&node.path, &node.own)) {
            Agreement::Listing
        } else {
            Agreement::None
        }
    }
}

/// Which directories have their [`path_item`] among the items, so that it shows what was not looked
/// into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Marks {
    /// Those that were not looked into.
    Outside,
    /// Those that were, which are far fewer, if any was not.
    Inside,
}

impl Marks {
    /// What both ends understand.
    pub(crate) fn of(features: Features) -> Self {
        if features.contains(Features::MARKS_INSIDE) {
            Self::Inside
        } else {
            Self::Outside
        }
    }
}

/// How much of a subtree both ends have alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Agreement {
    /// All of it.
    Subtree,
    /// The directory's own listing.
    Listing,
    /// Not all, but the other end can say more.
    Unexplored,
    /// Nothing that is known of.
    None,
}

fn node(tree: &Tree<'_>, visit: &Visit<'_>) -> Node {
    let mut node = Node {
        path: visit.path.clone(),
        scope: visit.scope.clone(),
        children: Vec::new(),
        own: [0; 16],
        subtree: [0; 16],
        own_conclusive: false,
        subtree_conclusive: false,
        problem: visit.listing.as_ref().err().cloned(),
        counts: Counts::default(),
        subtree_counts: Counts::default(),
    };
    if let Ok(listing) = &visit.listing {
        let taken = listing
            .entries
            .iter()
            .filter(|entry| plan::left_out(entry, visit.path, tree.options).is_none());
        let fingerprint = plan::fingerprint(taken, tree.options);
        node.counts = Counts::of(listing, visit.path, tree);
        node.own = fingerprint.digest;
        // What the source would leave out may be here only, and then has to go.
        let is_all = tree.side == Side::Source || node.counts.skipped == 0;
        node.own_conclusive = fingerprint.conclusive && listing.problems.is_empty() && is_all;
    }
    node
}

/// Computes the subtree digests, last directory first.
fn fold(nodes: &mut [Node]) {
    let mut digests = Vec::new();
    for number in (0..nodes.len()).rev() {
        let mut children = std::mem::take(&mut nodes[number].children);
        // The listing fixes names and order, so digests in order of name are enough. Paths that
        // differ in their last name only are in order of their bytes.
        children.sort_unstable_by_key(|&child| nodes[child as usize].path.as_bytes());
        digests.clear();
        digests.extend_from_slice(&nodes[number].own);
        let mut conclusive = nodes[number].own_conclusive;
        let mut counts = nodes[number].counts;
        for &child in &children {
            digests.extend_from_slice(&nodes[child as usize].subtree);
            conclusive &= nodes[child as usize].subtree_conclusive;
            counts.add(&nodes[child as usize].subtree_counts);
        }
        let node = &mut nodes[number];
        node.subtree
            .copy_from_slice(&blake3::hash(&digests).as_bytes()[..16]);
        node.subtree_conclusive = conclusive;
        node.subtree_counts = counts;
        node.children = children;
    }
}

/// Says that a whole subtree has this digest.
pub(crate) fn subtree_item(path: &RelPath, digest: &[u8; 16]) -> u64 {
    item(b's', path, digest)
}

/// Says that a directory's own listing has this fingerprint.
pub(crate) fn listing_item(path: &RelPath, fingerprint: &[u8; 16]) -> u64 {
    item(b'l', path, fingerprint)
}

/// Names a directory.
pub(crate) fn path_item(path: &RelPath) -> u64 {
    item(b'p', path, &[])
}

fn item(kind: u8, path: &RelPath, digest: &[u8]) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher
        .update(&[kind])
        .update(digest)
        .update(path.as_bytes());
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    u64::from_le_bytes(bytes)
}
