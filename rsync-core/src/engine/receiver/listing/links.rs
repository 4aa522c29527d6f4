//! Groups of names that are one file at the source.

use std::collections::HashMap;
use std::collections::hash_map::Entry::{Occupied, Vacant};

use crate::entry::{Entry, Kind, LinkId};
use crate::monitor::Change;
use crate::path::RelPath;
use crate::plan::Verdict;

/// The groups seen so far. The first name of a group that is listed leads: its content is
/// fetched like any other file's, and the others become links to it at the end.
#[derive(Debug, Default)]
pub(in crate::engine::receiver) struct Links {
    groups: HashMap<LinkId, Group>,
    /// Files with several names at the destination of which one stays, and whether its metadata
    /// changes. Nothing is noted where links are not preserved.
    staying: HashMap<LinkId, bool>,
    preserved: bool,
}

/// One group.
#[derive(Debug)]
pub(in crate::engine::receiver) struct Group {
    /// Which file of the source.
    pub(in crate::engine::receiver) id: LinkId,
    /// Path of the leading name.
    pub(in crate::engine::receiver) leader: RelPath,
    /// The leading name stays the file that it is at the destination.
    pub(in crate::engine::receiver) stays: bool,
    /// Which file that is, if it has other names already.
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
    /// None yet.
    pub(super) fn new(preserved: bool) -> Self {
        Self {
            preserved,
            ..Self::default()
        }
    }

    /// Adds a name. Gives it back if it is the first of its group and has to be treated as a
    /// file of its own.
    pub(super) fn add(&mut self, id: LinkId, member: Member) -> Option<Member> {
        match self.groups.entry(id) {
            Occupied(mut group) => {
                group.get_mut().members.push(member);
                None
            }
            Vacant(vacant) => {
                vacant.insert(Group {
                    id,
                    leader: member.path.clone(),
                    stays: false,
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
            group.stays = true;
            group.kept = found;
        }
    }

    /// The leading name of a group is left alone: the next one leads.
    pub(super) fn leader_is_skipped(&mut self, id: LinkId) {
        self.groups.remove(&id);
    }

    /// Corrects the verdict about `entry` where what is `found` has other names, which would
    /// change with it: it becomes a file of its own. One that is a name of a group may change
    /// where it is, unless another file stays there.
    pub(super) fn part(
        &mut self,
        verdict: Verdict,
        entry: &Entry,
        found: Option<&Entry>,
        is_grouped: bool,
    ) -> Verdict {
        let change = match verdict {
            Verdict::Unchanged => Change::default(),
            Verdict::Metadata(change) => change,
            Verdict::Content(_) | Verdict::Create(_) => return verdict,
        };
        let Some(id) = found.and_then(Entry::link_id) else {
            return verdict;
        };
        let parted = match entry.kind {
            Kind::File { .. } => Verdict::Content(change),
            _ => Verdict::Create(change),
        };
        let changes = matches!(verdict, Verdict::Metadata(_));
        if changes && !is_grouped {
            return parted;
        }
        if !self.preserved {
            return verdict;
        }
        match self.staying.entry(id) {
            Vacant(vacant) => {
                vacant.insert(changes);
                verdict
            }
            Occupied(other) if changes || *other.get() => parted,
            Occupied(_) => verdict,
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
