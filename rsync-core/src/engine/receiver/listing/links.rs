//! Groups of names that are one file at the source.

use std::collections::HashMap;

use crate::entry::{Entry, LinkId};
use crate::path::RelPath;

/// The groups seen so far. The first name of a group that is listed leads: its content is
/// fetched like any other file's, and the others become links to it at the end.
#[derive(Debug, Default)]
pub(in crate::engine::receiver) struct Links {
    groups: HashMap<LinkId, Group>,
}

/// One group.
#[derive(Debug)]
pub(in crate::engine::receiver) struct Group {
    /// Path of the leading name.
    pub(in crate::engine::receiver) leader: RelPath,
    /// File that the leading name is at the destination, if that is to stay as it is.
    pub(in crate::engine::receiver) kept: Option<LinkId>,
    /// The other names.
    pub(in crate::engine::receiver) members: Vec<Member>,
}

/// Another name of a group.
#[derive(Debug)]
pub(in crate::engine::receiver) struct Member {
    /// Its path.
    pub(in crate::engine::receiver) path: RelPath,
    /// The entry as it should be.
    pub(in crate::engine::receiver) entry: Entry,
    /// What is there now.
    pub(in crate::engine::receiver) found: Option<Entry>,
}

impl Links {
    /// Adds a name. Gives it back if it is the first of its group and has to be treated as a
    /// file of its own.
    pub(super) fn add(&mut self, id: LinkId, member: Member) -> Option<Member> {
        match self.groups.entry(id) {
            std::collections::hash_map::Entry::Occupied(mut group) => {
                group.get_mut().members.push(member);
                None
            }
            std::collections::hash_map::Entry::Vacant(vacant) => {
                vacant.insert(Group {
                    leader: member.path.clone(),
                    kept: None,
                    members: Vec::new(),
                });
                Some(member)
            }
        }
    }

    /// The leading name of a group is at the destination already, as this file.
    pub(super) fn leader_stays(&mut self, id: LinkId, found: Option<LinkId>) {
        if let Some(group) = self.groups.get_mut(&id) {
            group.kept = found;
        }
    }

    /// All groups with more than one name.
    pub(super) fn take(&mut self) -> Vec<Group> {
        let groups = std::mem::take(&mut self.groups);
        let mut groups: Vec<Group> = groups
            .into_values()
            .filter(|group| !group.members.is_empty())
            .collect();
        groups.sort_unstable_by(|a, b| a.leader.cmp(&b.leader));
        groups
    }
}
