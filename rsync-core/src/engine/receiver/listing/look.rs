//! A last look at what is here, before it is decided what becomes of it.
//!
//! Where upper and lower case are one name, or two ways to write an accent, what the source calls
//! `readme` may be here as `README`, which the listing of this end does not tell.

use std::collections::{HashMap, HashSet};

use super::{Blocked, Listings, OpenListing};
use crate::entry::Entry;
use crate::path::{FileName, RelPath};
use crate::plan::{self, Verdict};
use crate::root::{self, Detail, Dir, Identity};

/// What is here under the name of a listed entry.
pub(super) enum Here {
    /// Nothing.
    Nothing,
    /// This, and it is called like that.
    Called(Entry),
    /// This, which the file system takes for what was asked for: it is called otherwise, as nothing
    /// is at the source.
    Otherwise(Entry, FileName),
    /// The file system takes it for something that has to stay.
    Taken,
}

impl Here {
    /// What is replaced, or stays, if the source's entry comes.
    pub(super) fn found(&self) -> Option<&Entry> {
        match self {
            Self::Called(found) | Self::Otherwise(found, _) => Some(found),
            Self::Nothing | Self::Taken => None,
        }
    }

    /// The same, to be had.
    pub(super) fn into_found(self) -> Option<Entry> {
        match self {
            Self::Called(found) | Self::Otherwise(found, _) => Some(found),
            Self::Nothing | Self::Taken => None,
        }
    }
}

/// Names of a directory as they are spelled, once there is a doubt.
pub(super) struct Spellings {
    names: HashSet<RelPath>,
    /// What only the destination has, as far as it has one name, by its place in the list of that.
    extraneous: HashMap<Identity, usize>,
}

impl Listings<'_, '_> {
    /// What is here under the name of `entry`, where `found` was listed. An entry that stays as it
    /// is may be taken as it was when it was condensed, like all on which both ends agree.
    pub(super) fn look(&self, open: &mut OpenListing, entry: &Entry, found: Option<Entry>) -> Here {
        let (Some(tree), Some(dir)) = (self.shared.tree, open.dir.clone()) else {
            return found.map_or(Here::Nothing, Here::Called);
        };
        match found {
            Some(found) if !open.is_kept || self.stays(entry, &found) => Here::Called(found),
            Some(found) => self
                .still_here(open, found)
                .map_or(Here::Nothing, Here::Called),
            None if open.is_fresh => Here::Nothing,
            None => match dir.entry(&entry.name, &tree.detail()) {
                Ok(Some(found)) => open.spelled(&dir, &entry.name, found),
                _ => Here::Nothing,
            },
        }
    }

    /// What was listed, as it is now; nothing if it is here no longer.
    pub(super) fn still_here(&self, open: &OpenListing, found: Entry) -> Option<Entry> {
        match (self.shared.tree, &open.dir) {
            (Some(tree), Some(dir)) if open.is_kept => {
                // What can not be looked at can not be changed either, which is reported then.
                let now = dir.entry(&found.name, &tree.detail());
                now.unwrap_or(Some(found))
            }
            _ => Some(found),
        }
    }

    /// Lets what is here under another spelling of its name have that of the source; false if it
    /// can not.
    pub(super) fn respell(
        &mut self,
        open: &OpenListing,
        path: &RelPath,
        entry: &Entry,
        here: &Here,
    ) -> bool {
        let (Here::Otherwise(_, called), Some(dir)) = (here, &open.dir) else {
            return true;
        };
        if self.shared.options.dry_run {
            return true;
        }
        self.shared.announce_change_of(dir);
        match dir.rename(called, dir, &entry.name) {
            Ok(()) => true,
            Err(error) => {
                self.shared.account.destination_failed(path, error);
                self.block(path, entry, Blocked::Failed);
                false
            }
        }
    }

    /// True if nothing has to happen to what was `found`. Which names are one file is a matter of
    /// the whole run.
    fn stays(&self, entry: &Entry, found: &Entry) -> bool {
        let mut desired = entry.clone();
        self.adapt(&mut desired, Some(found));
        desired.link.is_none()
            && plan::verdict(&desired, Some(found), self.shared.options) == Verdict::Unchanged
    }
}

impl OpenListing {
    /// Tells how what was `found` as `name`, and was not listed, is called in truth.
    fn spelled(&mut self, dir: &Dir, name: &FileName, mut found: Entry) -> Here {
        if self.spellings.is_none() {
            self.spellings = Spellings::read(dir, &self.extraneous).ok();
        }
        let Some(spellings) = &self.spellings else {
            return Here::Taken;
        };
        // Made meanwhile, or left out of the listing by rules of this end.
        if spellings.names.contains(&RelPath::root().join(name)) {
            return Here::Called(found);
        }
        let here = dir.stamp(name).ok().flatten();
        let place = here.and_then(|stamp| spellings.extraneous.get(&stamp.identity));
        let called = place.and_then(|&place| self.extraneous.get_mut(place)?.take());
        match called {
            Some(called) => {
                found.name = name.clone();
                Here::Otherwise(found, called.name)
            }
            None => Here::Taken,
        }
    }
}

impl Spellings {
    fn read(dir: &Dir, extraneous: &[Option<Entry>]) -> Result<Self, root::Error> {
        let mut names = HashSet::new();
        dir.list_with(&Detail::default(), &mut |name, _| {
            names.insert(RelPath::root().join(name));
            false
        })?;
        let names_of_one = Detail {
            hard_links: true,
            ..Detail::default()
        };
        let mut identities = HashMap::new();
        for (place, found) in extraneous.iter().enumerate() {
            let Some(name) = found.as_ref().map(|found| &found.name) else {
                continue;
            };
            let now = dir.entry(name, &names_of_one)?;
            let has_one_name = now.is_some_and(|now| now.link.is_none());
            if let Some(stamp) = dir.stamp(name)?.filter(|_| has_one_name) {
                identities.insert(stamp.identity, place);
            }
        }
        Ok(Self {
            names,
            extraneous: identities,
        })
    }
}
