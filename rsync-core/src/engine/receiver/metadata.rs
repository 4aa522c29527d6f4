//! Which metadata an entry gets at the destination.

use crate::engine::accounts::Accounts;
use crate::engine::error::Error;
use crate::entry::{Entry, Kind, Owner, Timestamp};
use crate::options::{Attributes, Options};
use crate::root::{Metadata, XattrChange};
use crate::wire::limits::MAX_OWNERS;
use crate::wire::message::Owners;

/// Stands for a number that is not to be set; the kernel takes it so too (chown(2)).
const NOBODY: u32 = u32::MAX;

/// Turns the sender's entries into what they should be here.
pub(crate) struct Desired<'a> {
    attributes: &'a Attributes,
    accounts: Accounts,
    users: std::collections::HashMap<u32, u32>,
    groups: std::collections::HashMap<u32, u32>,
    chown: (Option<u32>, Option<u32>),
    is_root: bool,
    own_groups: Vec<u32>,
}

impl<'a> Desired<'a> {
    /// For this system and these options.
    ///
    /// # Errors
    /// An owner to be given to everything that this system does not know.
    pub(crate) fn new(options: &'a Options) -> Result<Self, Error> {
        let attributes = &options.attributes;
        let accounts = if attributes.owner || attributes.group {
            Accounts::of_system()
        } else {
            Accounts::default()
        };
        let chown = attributes.chown.clone().unwrap_or_default();
        let known = |name: Option<&String>, number: &dyn Fn(&str) -> Option<u32>| match name {
            None => Ok(None),
            Some(name) => match number(name).filter(|&number| number != NOBODY) {
                Some(number) => Ok(Some(number)),
                None => Err(Error::UnknownOwner { name: name.clone() }),
            },
        };
        let user = chown.user.as_ref().filter(|_| attributes.owner);
        let group = chown.group.as_ref().filter(|_| attributes.group);
        let uid = known(user, &|user| accounts.uid(user))?;
        let gid = known(group, &|group| accounts.gid(group))?;
        Ok(Self {
            attributes,
            accounts,
            users: std::collections::HashMap::new(),
            groups: std::collections::HashMap::new(),
            chown: (uid, gid),
            is_root: crate::root::is_superuser(),
            own_groups: crate::root::own_groups(),
        })
    }

    /// Learns names. A number whose name is unknown here stays the number it is, and so does 0,
    /// whatever it is called (rsync(1), `--numeric-ids`).
    ///
    /// # Errors
    /// More names than any system has come only from a peer that means to fill the memory.
    pub(crate) fn learn(&mut self, owners: &Owners) -> Result<(), Error> {
        for (number, name) in &owners.users {
            if let Some(here) = self.accounts.user_number(name).filter(|_| *number != 0) {
                self.users.insert(*number, here);
            }
        }
        for (number, name) in &owners.groups {
            if let Some(here) = self.accounts.group_number(name).filter(|_| *number != 0) {
                self.groups.insert(*number, here);
            }
        }
        if self.users.len().max(self.groups.len()) > MAX_OWNERS {
            return Err(Error::Protocol("too many users or groups".into()));
        }
        Ok(())
    }

    /// Changes `entry` from what it is at the source to what it should be here.
    pub(crate) fn adapt(&self, entry: &mut Entry, found: Option<&Entry>) {
        if !self.attributes.special_bits && !entry.is_dir() {
            entry.mode &= 0o777;
        }
        let Some(owner) = entry.owner else { return };
        let mut uid = self.users.get(&owner.uid).copied().unwrap_or(owner.uid);
        let mut gid = self.groups.get(&owner.gid).copied().unwrap_or(owner.gid);
        uid = self.chown.0.unwrap_or(uid);
        gid = self.chown.1.unwrap_or(gid);
        // As rsync(1) does for -o and -g: only the super-user gives files away, and others only
        // to groups they are in. What can not be done is no difference either.
        let here = found.and_then(|found| found.owner);
        let may_uid = self.attributes.owner && self.is_root;
        let may_gid = self.attributes.group && (self.is_root || self.own_groups.contains(&gid));
        entry.owner = match (may_uid, may_gid, here) {
            (true, true, _) => Some(Owner { uid, gid }),
            (may_uid, may_gid, Some(here)) => Some(Owner {
                uid: if may_uid { uid } else { here.uid },
                gid: if may_gid { gid } else { here.gid },
            }),
            (_, _, None) => (may_uid || may_gid).then_some(Owner {
                uid: if may_uid { uid } else { NOBODY },
                gid: if may_gid { gid } else { NOBODY },
            }),
        };
    }
}

/// Metadata for `entry`, which was [adapted](Desired::adapt) and takes the place of `found`.
pub(crate) fn metadata(
    attributes: &Attributes,
    umask: u32,
    entry: &Entry,
    found: Option<&Entry>,
    mtime: Timestamp,
) -> Metadata {
    let is_link = matches!(entry.kind, Kind::Symlink { .. });
    let found_same_kind = found.filter(|found| found.kind.letter() == entry.kind.letter());
    let mode = if attributes.permissions {
        Some(entry.mode)
    } else {
        Some(found_same_kind.map_or(entry.mode & 0o777 & !umask, |found| found.mode))
    };
    let owned = |number: u32| (number != NOBODY).then_some(number);
    Metadata {
        mode: mode.filter(|_| !is_link),
        mtime: (attributes.times && !(entry.is_dir() && attributes.omit_dir_times))
            .then_some(mtime),
        uid: entry
            .owner
            .filter(|_| attributes.owner)
            .and_then(|owner| owned(owner.uid)),
        gid: entry
            .owner
            .filter(|_| attributes.group)
            .and_then(|owner| owned(owner.gid)),
        xattrs: (attributes.acls || attributes.xattrs).then(|| XattrChange {
            desired: entry.xattrs.clone(),
            acls: attributes.acls,
            xattrs: attributes.xattrs,
        }),
    }
}
