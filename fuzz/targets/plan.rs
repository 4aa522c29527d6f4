//! From two listings to what has to happen: every entry exactly once, agreement with oneself.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rsync_core::entry::{Entry, Kind, Owner, PERMISSION_BITS};
use rsync_core::options::Options;
use rsync_core::path::RelPath;
use rsync_core::plan::{Merge, Pair, Verdict, fingerprint, leaves_tree, left_out, verdict};

fuzz_target!(|bytes: &[u8]| {
    let Ok(((options, source, destination), _)) =
        postcard::take_from_bytes::<(Options, Vec<Entry>, Vec<Entry>)>(bytes)
    else {
        return;
    };
    let (source, destination) = (sorted(source, &options), sorted(destination, &options));
    for entry in &source {
        let found = destination.iter().find(|found| found.name == entry.name);
        let decided = verdict(entry, found, &options);
        if found.is_none() {
            assert_ne!(decided, Verdict::Unchanged, "what is missing has to come");
        }
        left_out(entry, &RelPath::root(), &options);
        if let Kind::Symlink { target } = &entry.kind {
            check_link(target.as_bytes());
        }
    }
    if agree(&source, &destination, &options) {
        // Two listings with one fingerprint would yield nothing but "unchanged".
        for (entry, found) in source.iter().zip(&destination) {
            assert_eq!(verdict(entry, Some(found), &options), Verdict::Unchanged);
        }
    }
    merged(source, destination);
});

/// As the order of messages and the scan of a tree guarantee.
fn sorted(mut entries: Vec<Entry>, options: &Options) -> Vec<Entry> {
    entries.truncate(64);
    for entry in &mut entries {
        entry.mode &= PERMISSION_BITS;
        let owned = options.attributes.owner || options.attributes.group;
        entry.owner = owned.then(|| entry.owner.unwrap_or(Owner { uid: 0, gid: 0 }));
    }
    entries.sort_by(|one, other| one.name.cmp(&other.name));
    entries.dedup_by(|one, other| one.name == other.name);
    entries
}

fn agree(source: &[Entry], destination: &[Entry], options: &Options) -> bool {
    let (ours, theirs) = (
        fingerprint(source, options),
        fingerprint(destination, options),
    );
    let agree = ours.conclusive && theirs.conclusive && ours.digest == theirs.digest;
    assert!(!agree || source.len() == destination.len());
    agree
}

/// What leaves the tree by counting is always found to; at the root that is any step up at all.
fn check_link(target: &[u8]) {
    let root = RelPath::root();
    let deep = RelPath::new(b"a/b/c").expect("a valid path");
    let steps_up = target.split(|&byte| byte == b'/').any(|part| part == b"..");
    assert_eq!(
        leaves_tree(target, &root),
        target.starts_with(b"/") || steps_up
    );
    for dir in [root, deep] {
        if climbs(target, dir.depth()) {
            assert!(leaves_tree(target, &dir), "a link leads out of the tree");
        }
    }
}

fn climbs(target: &[u8], mut depth: usize) -> bool {
    target.starts_with(b"/")
        || target.split(|&byte| byte == b'/').any(|part| {
            match part {
                b"" | b"." => {}
                b".." => match depth.checked_sub(1) {
                    Some(up) => depth = up,
                    None => return true,
                },
                _ => depth += 1,
            }
            false
        })
}

fn merged(source: Vec<Entry>, destination: Vec<Entry>) {
    let mut merge = Merge::new(destination.clone());
    let (mut from_source, mut found) = (Vec::new(), Vec::new());
    for part in source.chunks(3) {
        merge.part(part.to_vec(), |pair| match pair {
            Pair::Source(entry) => from_source.push(entry),
            Pair::Destination(entry) => found.push(entry),
            Pair::Both(entry, other) => {
                assert_eq!(entry.name, other.name);
                from_source.push(entry);
                found.push(other);
            }
        });
    }
    found.extend(merge.rest());
    assert_eq!((from_source, found), (source, destination));
}
