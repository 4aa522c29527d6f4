//! A last look at what is here, before it is decided what becomes of it.

use super::{Listings, OpenListing};
use crate::entry::Entry;
use crate::plan::{self, Pair, Verdict};

impl Listings<'_, '_> {
    /// A pair as it is now, where what is here was listed when it was condensed: an entry that stays
    /// as it is may be taken as it was then, like all on which both ends agree. Nothing if it is
    /// here no longer and nowhere else.
    pub(super) fn as_it_is(&self, open: &OpenListing, pair: Pair) -> Option<Pair> {
        let (Some(tree), Some(dir), true) = (self.shared.tree, &open.dir, open.is_kept) else {
            return Some(pair);
        };
        let (entry, found) = match pair {
            Pair::Both(entry, found) if self.stays(&entry, &found) => {
                return Some(Pair::Both(entry, found));
            }
            Pair::Both(entry, found) => (Some(entry), Some(found)),
            Pair::Source(entry) => (Some(entry), None),
            Pair::Destination(found) => (None, Some(found)),
        };
        let name = &entry.as_ref().or(found.as_ref())?.name;
        // What can not be looked at can not be changed either, which is reported then.
        let now = dir.entry(name, &tree.detail()).unwrap_or(found);
        match (entry, now) {
            (Some(entry), Some(now)) => Some(Pair::Both(entry, now)),
            (Some(entry), None) => Some(Pair::Source(entry)),
            (None, now) => now.map(Pair::Destination),
        }
    }

    /// True if nothing has to happen to what was `found`. Which names are one file is a matter of
    /// the whole run.
    fn stays(&self, entry: &Entry, found: &Entry) -> bool {
        let mut desired = entry.clone();
        self.desired.adapt(&mut desired, Some(found));
        desired.link.is_none()
            && plan::verdict(&desired, Some(found), self.shared.options) == Verdict::Unchanged
    }
}
