//! Listings that are kept, packed, from the walk that condensed them until it is known what differs.
//!
//! A directory that differs would have to be opened and read once more otherwise, and each of its
//! entries looked at. What is kept is as old as the digest that both ends compare, like all that is
//! known of the directories on which they agree. So it can tell what stays as it is. Whoever means
//! to change or delete something looks at that again.

use std::ops::Range;
use std::time::{Duration, Instant};

use crate::engine::tree::{DirListing, Tree};
use crate::entry::{Entry, Kind, LinkTarget, Owner, Timestamp};
use crate::options::Compare;
use crate::path::FileName;

/// Most bytes of them. The directories that the walk comes to first are kept.
const MAX_BYTES: usize = 3 << 20;
/// What was listed longer ago is listed again: too much may have come and gone.
const MAX_AGE: Duration = Duration::from_secs(10);
/// Bytes of an entry before its name: length of the name, kind, mode, time, and the size or the
/// length of the target.
const HEAD_LEN: usize = 24;

const FILE: u8 = 0;
const DIR: u8 = 1;
const SYMLINK: u8 = 2;
/// Added to the kind of an entry that has an owner.
const OWNED: u8 = 4;

/// Listings by the number of their directory.
#[derive(Debug)]
pub(super) struct Kept {
    /// When the first was made.
    since: Instant,
    packed: Vec<u8>,
    /// Where each is in `packed`, up to the last that there was room for.
    listings: Vec<Option<Range<u32>>>,
    has_room: bool,
}

impl Kept {
    /// None yet. None ever, where rules lie in the tree itself, which a run may change, or where
    /// entries are compared by digests.
    pub(super) fn new(tree: &Tree<'_>) -> Self {
        Self {
            since: Instant::now(),
            packed: Vec::new(),
            listings: Vec::new(),
            has_room: tree.filter.merge_files().is_empty()
                && tree.options.compare != Compare::Checksum,
        }
    }

    /// Keeps the listing of the next directory, if there is room.
    pub(super) fn add(&mut self, listing: Option<&DirListing>) {
        if !self.has_room {
            return;
        }
        let start = self.packed.len();
        let packed = &mut self.packed;
        let mut fits = |entry| pack(entry, packed).is_some() && packed.len() <= MAX_BYTES;
        let is_whole = listing.is_some_and(|listing| {
            listing.problems.is_empty() && listing.entries.iter().all(&mut fits)
        });
        self.has_room = self.packed.len() <= MAX_BYTES;
        let is_kept = is_whole && self.has_room;
        if !is_kept {
            self.packed.truncate(start);
        }
        self.listings
            .push(is_kept.then_some(start as u32..self.packed.len() as u32));
    }

    /// The entries of the directory at `number`, unless they are not known, or not any more.
    pub(super) fn entries(&self, number: u32) -> Option<Vec<Entry>> {
        let range = self.listings.get(number as usize)?.as_ref()?;
        if self.since.elapsed() > MAX_AGE {
            return None;
        }
        let mut packed = self.packed.get(range.start as usize..range.end as usize)?;
        let mut entries = Vec::with_capacity(packed.len() / HEAD_LEN);
        while !packed.is_empty() {
            entries.push(unpack(&mut packed)?);
        }
        Some(entries)
    }
}

/// Appends an entry; nothing if it has more to it than most have.
fn pack(entry: &Entry, out: &mut Vec<u8>) -> Option<()> {
    if entry.link.is_some() || entry.digest.is_some() || !entry.xattrs.is_empty() {
        return None;
    }
    let (kind, len, target) = match &entry.kind {
        Kind::File { size } => (FILE, *size, &[][..]),
        Kind::Dir => (DIR, 0, &[][..]),
        Kind::Symlink { target } => {
            let target = target.as_bytes();
            (SYMLINK, target.len() as u64, target)
        }
        _ => return None,
    };
    let name = entry.name.as_bytes();
    let mut head = [0; HEAD_LEN];
    head[0] = u8::try_from(name.len()).ok()?;
    head[1] = kind | if entry.owner.is_some() { OWNED } else { 0 };
    head[2..4].copy_from_slice(&u16::try_from(entry.mode).ok()?.to_le_bytes());
    head[4..12].copy_from_slice(&entry.mtime.secs().to_le_bytes());
    head[12..16].copy_from_slice(&entry.mtime.nanos().to_le_bytes());
    head[16..].copy_from_slice(&len.to_le_bytes());
    out.extend_from_slice(&head);
    out.extend_from_slice(name);
    out.extend_from_slice(target);
    if let Some(Owner { uid, gid }) = entry.owner {
        out.extend_from_slice(&uid.to_le_bytes());
        out.extend_from_slice(&gid.to_le_bytes());
    }
    Some(())
}

/// Takes one entry off the front.
fn unpack(packed: &mut &[u8]) -> Option<Entry> {
    let [name_len, kind] = take(packed)?;
    let mode = u16::from_le_bytes(take(packed)?);
    let secs = i64::from_le_bytes(take(packed)?);
    let nanos = u32::from_le_bytes(take(packed)?);
    let len = u64::from_le_bytes(take(packed)?);
    let name = FileName::new(packed.split_off(..usize::from(name_len))?).ok()?;
    let is_owned = kind & OWNED != 0;
    let kind = match kind & !OWNED {
        FILE => Kind::File { size: len },
        DIR => Kind::Dir,
        _ => Kind::Symlink {
            target: LinkTarget::new(packed.split_off(..usize::try_from(len).ok()?)?)?,
        },
    };
    let owner = match is_owned {
        true => Some(Owner {
            uid: u32::from_le_bytes(take(packed)?),
            gid: u32::from_le_bytes(take(packed)?),
        }),
        false => None,
    };
    Some(Entry {
        name,
        kind,
        mode: mode.into(),
        mtime: Timestamp::new(secs, nanos),
        owner,
        link: None,
        xattrs: Vec::new(),
        digest: None,
    })
}

fn take<const LEN: usize>(packed: &mut &[u8]) -> Option<[u8; LEN]> {
    let (taken, rest) = packed.split_first_chunk()?;
    *packed = rest;
    Some(*taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::LinkId;
    use crate::wire::message::ProblemKind;

    fn entry(name: &str, kind: Kind) -> Entry {
        Entry {
            name: FileName::new(name.as_bytes()).unwrap(),
            kind,
            mode: 0o4755,
            mtime: Timestamp::new(-3, 5),
            owner: None,
            link: None,
            xattrs: Vec::new(),
            digest: None,
        }
    }

    fn listing(entries: Vec<Entry>) -> DirListing {
        DirListing {
            entries,
            ..DirListing::default()
        }
    }

    fn kept() -> Kept {
        Kept {
            since: Instant::now(),
            packed: Vec::new(),
            listings: Vec::new(),
            has_room: true,
        }
    }

    #[test]
    fn a_listing_comes_back_as_it_was() {
        let target = LinkTarget::new(b"../there").unwrap();
        let mut owned = entry("owned", Kind::Symlink { target });
        owned.owner = Some(Owner {
            uid: u32::MAX,
            gid: 7,
        });
        let entries = vec![
            entry("below", Kind::Dir),
            entry(&"f".repeat(255), Kind::File { size: u64::MAX }),
            owned,
        ];
        let mut kept = kept();
        kept.add(Some(&listing(Vec::new())));
        kept.add(Some(&listing(entries.clone())));
        assert_eq!(kept.entries(0), Some(Vec::new()));
        assert_eq!(kept.entries(1), Some(entries));
        assert_eq!(kept.entries(2), None);
    }

    #[test]
    fn no_more_is_kept_than_there_is_room_for() {
        let listing = listing(vec![entry("name", Kind::Dir); MAX_BYTES / 100]);
        let mut kept = kept();
        for _ in 0..10 {
            kept.add(Some(&listing));
        }
        assert!(kept.packed.len() <= MAX_BYTES);
        assert!(
            kept.entries(2)
                .is_some_and(|entries| entries == listing.entries)
        );
        assert_eq!(kept.entries(9), None);
    }

    #[test]
    fn a_directory_is_listed_again_of_which_more_is_to_be_known() {
        let mut linked = entry("linked", Kind::File { size: 1 });
        linked.link = Some(Box::new(LinkId {
            device: 1,
            inode: 1,
        }));
        let mut with_problem = listing(Vec::new());
        with_problem
            .problems
            .push((b"x".to_vec(), ProblemKind::BadName));
        let mut kept = kept();
        kept.add(None);
        kept.add(Some(&with_problem));
        kept.add(Some(&listing(vec![entry("a", Kind::Dir), linked])));
        kept.add(Some(&listing(vec![entry("pipe", Kind::Fifo)])));
        kept.add(Some(&listing(vec![entry("last", Kind::Dir)])));
        let found = (0..5).map(|number| kept.entries(number).is_some());
        assert_eq!(
            found.collect::<Vec<_>>(),
            [false, false, false, false, true]
        );
    }

    #[test]
    fn what_was_listed_long_ago_is_listed_again() {
        let mut kept = kept();
        kept.add(Some(&listing(Vec::new())));
        let Some(long_ago) = Instant::now().checked_sub(MAX_AGE + Duration::from_secs(1)) else {
            return;
        };
        kept.since = long_ago;
        assert_eq!(kept.entries(0), None);
    }
}
