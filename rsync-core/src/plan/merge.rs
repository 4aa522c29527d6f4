//! Merge join of two listings sorted by name.

use std::cmp::Ordering;

use crate::entry::Entry;

/// An entry of either listing, or the two that share a name.
#[derive(Debug, PartialEq, Eq)]
pub enum Pair {
    /// Only the source has it.
    Source(Entry),
    /// Both have it: source first.
    Both(Entry, Entry),
    /// Only the destination has it.
    Destination(Entry),
}

/// Pairs the entries of a source listing, which comes in parts, with those of a destination
/// listing, which is there as a whole. Both are sorted by name.
#[derive(Debug)]
pub struct Merge {
    destination: std::iter::Peekable<std::vec::IntoIter<Entry>>,
}

impl Merge {
    /// Starts with the whole destination listing.
    pub fn new(destination: Vec<Entry>) -> Self {
        Self {
            destination: destination.into_iter().peekable(),
        }
    }

    /// Pairs the next part of the source listing.
    pub fn part(&mut self, source: Vec<Entry>, mut emit: impl FnMut(Pair)) {
        for entry in source {
            loop {
                match self
                    .destination
                    .peek()
                    .map(|found| found.name.cmp(&entry.name))
                {
                    Some(Ordering::Less) => self
                        .destination
                        .next()
                        .map(Pair::Destination)
                        .into_iter()
                        .for_each(&mut emit),
                    Some(Ordering::Equal) => {
                        if let Some(found) = self.destination.next() {
                            emit(Pair::Both(entry, found));
                        }
                        break;
                    }
                    Some(Ordering::Greater) | None => {
                        emit(Pair::Source(entry));
                        break;
                    }
                }
            }
        }
    }

    /// What the destination has after the last entry of the source.
    pub fn rest(self) -> impl Iterator<Item = Entry> {
        self.destination
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::{Kind, Timestamp};
    use crate::path::FileName;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn entries(names: &BTreeSet<String>) -> Vec<Entry> {
        names
            .iter()
            .map(|name| Entry {
                name: FileName::new(name.as_bytes()).unwrap(),
                kind: Kind::File { size: 0 },
                mode: 0o644,
                mtime: Timestamp::default(),
                owner: None,
                link: None,
                xattrs: Vec::new(),
                digest: None,
            })
            .collect()
    }

    proptest! {
        #[test]
        fn every_name_comes_out_once_and_on_the_right_side(
            source in prop::collection::btree_set("[a-e]{1,2}", 0..20),
            destination in prop::collection::btree_set("[a-e]{1,2}", 0..20),
            part_len in 1usize..7,
        ) {
            let mut merge = Merge::new(entries(&destination));
            let (mut left, mut both, mut right) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
            let mut take = |pair| {
                match pair {
                    Pair::Source(entry) => left.insert(entry.name.to_string()),
                    Pair::Both(entry, found) => entry.name == found.name && both.insert(entry.name.to_string()),
                    Pair::Destination(entry) => right.insert(entry.name.to_string()),
                }
            };
            for part in entries(&source).chunks(part_len) {
                merge.part(part.to_vec(), |pair| assert!(take(pair)));
            }
            for entry in merge.rest() {
                assert!(take(Pair::Destination(entry)));
            }
            prop_assert_eq!(left, source.difference(&destination).cloned().collect());
            prop_assert_eq!(both, source.intersection(&destination).cloned().collect());
            prop_assert_eq!(right, destination.difference(&source).cloned().collect());
        }
    }
}
