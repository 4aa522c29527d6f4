//! When two entries agree, as one rule with two uses: to compare a pair, and to condense a
//! listing into a digest that both ends can compare instead of the listing.

use crate::change::{Change, Update};
use crate::entry::{Entry, Kind, PERMISSION_BITS, Xattr};
use crate::options::{Attributes, Compare, Options};
use crate::plan::Verdict;

/// What has to happen to make `found` like `source`.
pub fn verdict(source: &Entry, found: Option<&Entry>, options: &Options) -> Verdict {
    let Some(found) = found else {
        return create(
            source,
            Change {
                created: true,
                ..Change::default()
            },
        );
    };
    let mut change = metadata_change(source, found, &options.attributes);
    match (&source.kind, &found.kind) {
        (Kind::File { size }, Kind::File { size: found_size }) => {
            change.size = size != found_size;
            let same_content = !change.size
                && match options.compare {
                    Compare::QuickCheck => source.mtime == found.mtime,
                    Compare::SizeOnly => true,
                    Compare::Checksum => source.digest.is_some() && source.digest == found.digest,
                    Compare::Never => false,
                };
            if !same_content {
                change.update = Update::Transfer;
                change.content = options.compare == Compare::Checksum;
                // rsync flags a differing time whenever it would set it.
                return Verdict::Content(change);
            }
        }
        (Kind::Dir, Kind::Dir) | (Kind::Fifo, Kind::Fifo) | (Kind::Socket, Kind::Socket) => {}
        (
            Kind::Symlink { target },
            Kind::Symlink {
                target: found_target,
            },
        ) => {
            if target != found_target {
                return create(
                    source,
                    Change {
                        content: true,
                        ..change
                    },
                );
            }
        }
        (
            Kind::CharDevice { device },
            Kind::CharDevice {
                device: found_device,
            },
        )
        | (
            Kind::BlockDevice { device },
            Kind::BlockDevice {
                device: found_device,
            },
        ) => {
            if device != found_device {
                return create(
                    source,
                    Change {
                        content: true,
                        ..change
                    },
                );
            }
        }
        _ => {
            return create(
                source,
                Change {
                    created: true,
                    ..Change::default()
                },
            );
        }
    }
    if change.is_none() {
        Verdict::Unchanged
    } else {
        Verdict::Metadata(change)
    }
}

fn create(source: &Entry, change: Change) -> Verdict {
    match source.kind {
        Kind::File { .. } => Verdict::Content(Change {
            update: Update::Transfer,
            ..change
        }),
        _ => Verdict::Create(Change {
            update: Update::Local,
            ..change
        }),
    }
}

fn metadata_change(source: &Entry, found: &Entry, attributes: &Attributes) -> Change {
    let mut change = Change {
        time: times_count(source, attributes) && source.mtime != found.mtime,
        permissions: modes_count(source, attributes) && source.mode != found.mode,
        ..Change::default()
    };
    if let (Some(owner), Some(found)) = (source.owner, found.owner) {
        change.owner = attributes.owner && owner.uid != found.uid;
        change.group = attributes.group && owner.gid != found.gid;
    }
    change.acl = attributes.acls
        && !source
            .xattrs
            .iter()
            .filter(is_acl)
            .eq(found.xattrs.iter().filter(is_acl));
    change.xattr = attributes.xattrs
        && !source
            .xattrs
            .iter()
            .filter(is_plain)
            .eq(found.xattrs.iter().filter(is_plain));
    change
}

fn times_count(entry: &Entry, attributes: &Attributes) -> bool {
    attributes.times && !(entry.is_dir() && attributes.omit_dir_times)
}

/// The mode of a symbolic link means nothing and can not be set on Linux (chmod(2)).
fn modes_count(entry: &Entry, attributes: &Attributes) -> bool {
    attributes.permissions && !matches!(entry.kind, Kind::Symlink { .. })
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "the shape that Iterator::filter wants"
)]
fn is_acl(xattr: &&Xattr) -> bool {
    xattr.is_acl()
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "the shape that Iterator::filter wants"
)]
fn is_plain(xattr: &&Xattr) -> bool {
    !xattr.is_acl()
}

/// Digest of one directory's listing, as far as the sync cares about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint {
    /// BLAKE3 over the entries, cut to 16 bytes.
    pub digest: [u8; 16],
    /// False if listings with this digest may still differ in something that the sync cares
    /// about, so that the digest must not be used to leave a directory out.
    pub conclusive: bool,
}

/// Condenses a sorted listing of entries that take part (see [`super::left_out`]). Two listings with equal conclusive fingerprints hold pairs whose
/// verdict is [`Verdict::Unchanged`], and nothing else.
pub fn fingerprint<'a>(
    entries: impl IntoIterator<Item = &'a Entry>,
    options: &Options,
) -> Fingerprint {
    let mut condenser = Condenser::default();
    for entry in entries {
        condenser.add(entry, options);
    }
    condenser.fingerprint()
}

/// So many bytes of descriptions are hashed together.
const TOGETHER_LEN: usize = 4096;

/// Condenses a listing entry by entry.
pub struct Condenser {
    /// What was hashed already: most directories are hashed at once, without its two kilobytes.
    hasher: Option<Box<blake3::Hasher>>,
    bytes: Vec<u8>,
    conclusive: bool,
}

impl Default for Condenser {
    fn default() -> Self {
        Self {
            hasher: None,
            bytes: Vec::with_capacity(512),
            conclusive: true,
        }
    }
}

impl Condenser {
    /// Adds the next entry, in order of names.
    pub fn add(&mut self, entry: &Entry, options: &Options) {
        self.conclusive &= is_conclusive(entry, options);
        describe(entry, options, &mut self.bytes);
        if self.bytes.len() > TOGETHER_LEN {
            self.hasher.get_or_insert_default().update(&self.bytes);
            self.bytes.clear();
        }
    }

    /// The fingerprint of all that was added.
    pub fn fingerprint(self) -> Fingerprint {
        let hash = match self.hasher {
            None => blake3::hash(&self.bytes),
            Some(mut hasher) => hasher.update(&self.bytes).finalize(),
        };
        let mut digest = [0; 16];
        digest.copy_from_slice(&hash.as_bytes()[..16]);
        Fingerprint {
            digest,
            conclusive: self.conclusive,
        }
    }
}

/// Hard links are relations between entries, which no digest of a single listing shows, and
/// what becomes of an owner that is replaced only the destination knows.
fn is_conclusive(entry: &Entry, options: &Options) -> bool {
    let replaced = options.attributes.chown.is_some() && entry.owner.is_some();
    let compared = options.compare != Compare::Never || entry.file_size().is_none();
    let digested = options.compare != Compare::Checksum
        || entry.file_size().is_none()
        || entry.digest.is_some();
    compared && digested && !replaced && !(options.attributes.hard_links && entry.link.is_some())
}

/// Appends everything about `entry` that [`verdict`] looks at, in a form that no other entry shares.
fn describe(entry: &Entry, options: &Options, out: &mut Vec<u8>) {
    let attributes = &options.attributes;
    put_bytes(entry.name.as_bytes(), out);
    out.push(entry.kind.letter() as u8);
    match &entry.kind {
        Kind::File { size } => {
            out.extend_from_slice(&size.to_le_bytes());
            if let (Compare::Checksum, Some(digest)) = (options.compare, &entry.digest) {
                out.extend_from_slice(digest.as_bytes());
            }
            if options.compare == Compare::QuickCheck {
                put_time(entry, out);
            }
        }
        Kind::Symlink { target } => put_bytes(target.as_bytes(), out),
        Kind::CharDevice { device } | Kind::BlockDevice { device } => {
            out.push(u8::from(matches!(entry.kind, Kind::CharDevice { .. })));
            out.extend_from_slice(&device.major.to_le_bytes());
            out.extend_from_slice(&device.minor.to_le_bytes());
        }
        Kind::Fifo => out.push(0),
        Kind::Socket => out.push(1),
        Kind::Dir => {}
    }
    if times_count(entry, attributes) {
        put_time(entry, out);
    }
    if modes_count(entry, attributes) {
        out.extend_from_slice(&(entry.mode & PERMISSION_BITS).to_le_bytes());
    }
    if let Some(owner) = entry.owner {
        if attributes.owner {
            out.extend_from_slice(&owner.uid.to_le_bytes());
        }
        if attributes.group {
            out.extend_from_slice(&owner.gid.to_le_bytes());
        }
    }
    let xattrs = entry.xattrs.iter().filter(|xattr| {
        if xattr.is_acl() {
            attributes.acls
        } else {
            attributes.xattrs
        }
    });
    for xattr in xattrs {
        out.push(1);
        put_bytes(&xattr.name, out);
        put_bytes(&xattr.value, out);
    }
    out.push(0);
}

fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
    out.extend_from_slice(bytes);
}

fn put_time(entry: &Entry, out: &mut Vec<u8>) {
    out.extend_from_slice(&entry.mtime.secs().to_le_bytes());
    out.extend_from_slice(&entry.mtime.nanos().to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::{LinkId, LinkTarget, Owner, Timestamp};
    use crate::path::FileName;
    use proptest::prelude::*;

    fn kinds() -> impl Strategy<Value = Kind> {
        prop_oneof![
            (0u64..3).prop_map(|size| Kind::File { size }),
            Just(Kind::Dir),
            "[ab]".prop_map(|target| Kind::Symlink {
                target: LinkTarget::new(target.as_bytes()).unwrap()
            }),
            Just(Kind::Fifo),
            Just(Kind::Socket),
        ]
    }

    prop_compose! {
        fn entry()(kind in kinds(), mode in prop::sample::select(vec![0o644u32, 0o755]), secs in 0i64..2,
                   uid in 0u32..2, xattr in prop::option::of("[ab]")) -> Entry {
            Entry {
                name: FileName::new(b"name").unwrap(), kind, mode, mtime: Timestamp::new(secs, 0),
                owner: Some(Owner { uid, gid: 0 }), link: None, digest: None,
                xattrs: xattr.map(|value| Xattr { name: b"user.x".to_vec(), value: value.into_bytes() }).into_iter().collect(),
            }
        }
    }

    prop_compose! {
        fn options()(permissions: bool, times: bool, owner: bool, xattrs: bool, specials: bool, omit_dir_times: bool,
                     compare in prop::sample::select(vec![Compare::QuickCheck, Compare::SizeOnly])) -> Options {
            let attributes = Attributes { permissions, times, owner, xattrs, specials, omit_dir_times, ..Attributes::default() };
            Options { attributes, compare, ..Options::default() }
        }
    }

    proptest! {
        #[test]
        fn listings_have_the_same_fingerprint_exactly_when_nothing_has_to_happen(a in entry(), b in entry(), options in options()) {
            let same = fingerprint([&a], &options) == fingerprint([&b], &options);
            prop_assert_eq!(same, verdict(&a, Some(&b), &options) == Verdict::Unchanged);
        }
    }

    #[test]
    fn hard_links_and_ignored_times_leave_no_conclusive_fingerprint() {
        let entry = Entry {
            name: FileName::new(b"a").unwrap(),
            kind: Kind::File { size: 1 },
            mode: 0,
            mtime: Timestamp::default(),
            owner: None,
            link: Some(Box::new(LinkId {
                device: 1,
                inode: 2,
            })),
            xattrs: Vec::new(),
            digest: None,
        };
        let mut options = Options::default();
        assert!(fingerprint([&entry], &options).conclusive);
        options.attributes.hard_links = true;
        assert!(!fingerprint([&entry], &options).conclusive);
        options.attributes.hard_links = false;
        options.compare = Compare::Never;
        assert!(!fingerprint([&entry], &options).conclusive);
    }
}
