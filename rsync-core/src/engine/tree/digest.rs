//! One digest over a whole tree, in whatever order its directories are met.

use std::collections::BTreeMap;

use crate::entry::Entry;
use crate::options::Options;
use crate::path::RelPath;
use crate::plan;
use crate::wire::message::TreeDigest;

/// A sum over directories, as [`TreeDigest`] says. A sum, because several threads add to it, and
/// because the receiver does not meet the directories in the order of the sender.
///
/// It finds mistakes of either end, whatever they are about. It is no proof against somebody who may
/// choose thousands of directories to make sums collide (Wagner, "A Generalized Birthday Problem",
/// 2002): a peer that means to lie knows all that goes into it anyway.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct DirectorySum([u64; 4]);

impl DirectorySum {
    /// Adds the directory at `path`, whose listing has this fingerprint.
    pub(crate) fn add(&mut self, path: &RelPath, fingerprint: &[u8; 16]) {
        let mut hasher = blake3::Hasher::new();
        hasher
            .update(&(path.as_bytes().len() as u64).to_le_bytes())
            .update(path.as_bytes())
            .update(fingerprint);
        let digest = hasher.finalize();
        let mut carry = false;
        for (limb, add) in self.0.iter_mut().zip(digest.as_bytes().as_chunks().0) {
            let (sum, first) = limb.overflowing_add(u64::from_le_bytes(*add));
            let (sum, second) = sum.overflowing_add(u64::from(carry));
            *limb = sum;
            carry = first || second;
        }
    }

    /// The digest of all that was added.
    pub(crate) fn value(&self) -> TreeDigest {
        let mut bytes = [0; 32];
        for (part, limb) in bytes.as_chunks_mut().0.iter_mut().zip(self.0) {
            *part = limb.to_le_bytes();
        }
        bytes
    }
}

/// The digest of a tree that holds these entries and nothing else, as both ends of a run with such
/// options compute it. An entry for the directory itself may be among them.
pub fn tree_digest(entries: &[(RelPath, Entry)], options: &Options) -> TreeDigest {
    let mut listings = BTreeMap::from([(RelPath::root(), Vec::new())]);
    for (path, entry) in entries {
        if entry.is_dir() {
            listings.entry(path.clone()).or_default();
        }
        if let Some(parent) = path.parent() {
            listings.entry(parent).or_default().push(entry);
        }
    }
    let mut sum = DirectorySum::default();
    for (path, mut listing) in listings {
        listing.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        sum.add(&path, &plan::fingerprint(listing, options).digest);
    }
    sum.value()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(directories: &[(&str, u8)]) -> TreeDigest {
        let mut sum = DirectorySum::default();
        for (path, fingerprint) in directories {
            let path = RelPath::new(path.as_bytes()).unwrap();
            sum.add(&path, &[*fingerprint; 16]);
        }
        sum.value()
    }

    #[test]
    fn the_order_of_directories_makes_no_difference_and_everything_else_does() {
        let digest = sum(&[("a", 1), ("b", 2), ("a/b", 3)]);
        assert_eq!(digest, sum(&[("a/b", 3), ("b", 2), ("a", 1)]));
        for other in [
            &[("a", 1), ("b", 2)][..],
            &[("a", 2), ("b", 1), ("a/b", 3)],
            &[("a", 1), ("b", 2), ("a/c", 3)],
            &[("a", 1), ("b", 2), ("a/b", 3), ("a/b", 3)],
        ] {
            assert_ne!(digest, sum(other), "{other:?}");
        }
    }

    #[test]
    fn what_overflows_one_limb_is_carried_into_the_next() {
        let mut sum = DirectorySum([u64::MAX, u64::MAX, u64::MAX, 0]);
        let mut one = DirectorySum::default();
        let path = RelPath::root();
        one.add(&path, &[1; 16]);
        sum.add(&path, &[1; 16]);
        // 2^192 - 1 more than the term itself.
        let mut expected = one.0;
        let (low, borrow) = expected[0].overflowing_sub(1);
        expected[0] = low;
        expected[3] = expected[3].wrapping_add(u64::from(!borrow));
        assert_eq!(sum.0, expected);
    }
}
