//! Names of the users and groups in the listings.

use std::collections::BTreeSet;

use crate::engine::accounts::Accounts;
use crate::entry::{Entry, Owner};
use crate::wire::message::Owners;

/// Tells each name once.
pub(crate) struct Told {
    accounts: Accounts,
    users: BTreeSet<u32>,
    groups: BTreeSet<u32>,
}

impl Told {
    /// Nothing is told yet.
    pub(crate) fn new() -> Self {
        Self {
            accounts: Accounts::of_system(),
            users: BTreeSet::new(),
            groups: BTreeSet::new(),
        }
    }

    /// Names for the numbers in `entries` that were not told before.
    pub(crate) fn new_in(&mut self, entries: &[Entry]) -> Option<Owners> {
        let mut owners = Owners::default();
        for Owner { uid, gid } in entries.iter().filter_map(|entry| entry.owner) {
            if self.users.insert(uid)
                && let Some(name) = self.accounts.user_name(uid)
            {
                owners.users.push((uid, name.to_owned()));
            }
            if self.groups.insert(gid)
                && let Some(name) = self.accounts.group_name(gid)
            {
                owners.groups.push((gid, name.to_owned()));
            }
        }
        (owners != Owners::default()).then_some(owners)
    }
}
