//! One line of a journal: what is about to happen to one entry, and how it was.

use serde::{Deserialize, Serialize};

use crate::engine::keeper::New;
use crate::entry::{Entry, Kind, LinkTarget, Owner, Timestamp, Xattr};
use crate::path::RelPath;
use crate::root::{Detail, Error, Metadata, Stamp, XattrChange};

/// Everything about an entry that can be put back.
pub(super) const EVERYTHING: Detail = Detail {
    owner: true,
    xattrs: true,
    acls: true,
    hard_links: true,
};

/// What tells whether a file has other names.
pub(super) const NAMES: Detail = Detail {
    owner: false,
    xattrs: false,
    acls: false,
    hard_links: true,
};

/// Number under which an old version is kept.
pub(super) type Number = u64;

/// What is about to happen. The order of the variants is part of the journal's format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Record {
    /// The first change of this directory, or in it.
    Directory {
        /// Where.
        path: RelPath,
        /// Its metadata until then.
        before: Before,
    },
    /// An entry appears where none was.
    Created {
        /// Where.
        path: RelPath,
        /// What it will be.
        put: Put,
    },
    /// A directory appears.
    CreatedDirectory {
        /// Where.
        path: RelPath,
    },
    /// An entry takes the place of another.
    Replaced {
        /// Where.
        path: RelPath,
        /// The old version.
        kept: u64,
        /// What the new one will be.
        put: Put,
    },
    /// An entry is removed.
    Removed {
        /// Where.
        path: RelPath,
        /// The old version.
        kept: u64,
    },
    /// An empty directory is removed.
    RemovedDirectory {
        /// Where.
        path: RelPath,
    },
    /// A file's content is going to be changed in place.
    Rewritten {
        /// Where.
        path: RelPath,
        /// A copy of the old version.
        kept: u64,
    },
    /// A file's content has been changed in place.
    RewrittenTo {
        /// Where.
        path: RelPath,
        /// What it is now.
        put: Put,
    },
    /// An entry gets other metadata.
    Changed {
        /// Where.
        path: RelPath,
        /// Its metadata until then.
        before: Before,
        /// What it gets.
        after: After,
    },
    /// An entry is renamed.
    Moved {
        /// From where.
        from: RelPath,
        /// To where.
        to: RelPath,
        /// What it is.
        put: Put,
    },
    /// An old version could not be kept.
    Lost {
        /// Where.
        path: RelPath,
        /// Why.
        loss: Loss,
    },
    /// The root of everything, which comes first.
    Root {
        /// Device it is on.
        device: u64,
        /// Inode number there.
        inode: u64,
        /// It was made for the run.
        created: bool,
    },
    /// The root is removed, which comes last.
    RemovedRoot,
    /// A file's content stays, and something is going to be added to it.
    Lengthened {
        /// Where.
        path: RelPath,
        /// Its length until then, in bytes.
        len: u64,
        /// Its metadata until then.
        before: Before,
    },
    /// A part of what a file held when it was told to be lengthened is going to be overwritten, or cut
    /// off.
    Overwritten {
        /// Where.
        path: RelPath,
        /// What holds that part, behind others.
        kept: u64,
        /// Which it is.
        part: Part,
    },
}

/// A part of an old version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Where it begins in what is kept, in bytes.
    pub(super) at: u64,
    /// Where it began in the file, in bytes.
    pub(super) offset: u64,
    /// Its length in bytes.
    pub(super) len: u64,
}

/// Why an old version is not kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Loss {
    /// It is larger than what there is room for.
    Budget,
    /// The system refused.
    System {
        /// What was tried.
        operation: String,
        /// The system's error number; 0 if it is not the system's.
        code: i32,
    },
}

impl Loss {
    pub(super) fn of(error: &Error) -> Self {
        Self::System {
            operation: error.operation.to_owned(),
            code: error.code(),
        }
    }
}

/// Metadata to put back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    mode: u32,
    mtime: Timestamp,
    owner: Option<Owner>,
    xattrs: Vec<Xattr>,
}

impl Before {
    /// The metadata of `entry`, which was described with [`EVERYTHING`].
    pub(super) fn of(entry: &Entry) -> Self {
        Self {
            mode: entry.mode,
            mtime: entry.mtime,
            owner: entry.owner,
            xattrs: entry.xattrs.clone(),
        }
    }

    /// True if `now` has this metadata.
    pub(super) fn is_of(&self, now: &Entry) -> bool {
        *self == Self::of(now)
    }

    /// What has to be set so that `now` gets this metadata. Owners are only named where they
    /// differ: to set them takes rights that a user who undoes may not have.
    pub(super) fn against(&self, now: &Entry) -> Metadata {
        let differing = |part: fn(&Owner) -> u32| {
            let wanted = self.owner.as_ref().map(part)?;
            (now.owner.as_ref().map(part) != Some(wanted)).then_some(wanted)
        };
        Metadata {
            mode: Some(self.mode),
            mtime: Some(self.mtime),
            uid: differing(|owner| owner.uid),
            gid: differing(|owner| owner.gid),
            xattrs: (self.xattrs != now.xattrs).then(|| XattrChange {
                desired: self.xattrs.clone(),
                acls: true,
                xattrs: true,
            }),
        }
    }
}

/// Metadata that a run sets, as far as it does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct After {
    mode: Option<u32>,
    mtime: Option<Timestamp>,
    uid: Option<u32>,
    gid: Option<u32>,
}

impl After {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self {
            mode: metadata.mode,
            mtime: metadata.mtime,
            uid: metadata.uid,
            gid: metadata.gid,
        }
    }

    /// True if `now` has what was set, or still what was there `before`.
    pub(super) fn is_what(&self, now: &Entry, before: &Before) -> bool {
        let is_link = matches!(now.kind, Kind::Symlink { .. });
        let mode = is_link || now.mode == before.mode || self.mode == Some(now.mode);
        let mtime = now.mtime == before.mtime || self.mtime == Some(now.mtime);
        let owner = |now: Option<u32>, before: Option<u32>, after| now == before || now == after;
        let (now_owner, old) = (now.owner, before.owner);
        mode && mtime
            && owner(now_owner.map(|it| it.uid), old.map(|it| it.uid), self.uid)
            && owner(now_owner.map(|it| it.gid), old.map(|it| it.gid), self.gid)
    }
}

/// What a run puts in place, to be recognised later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Put {
    letter: char,
    target: Option<LinkTarget>,
    /// Known of regular files, and of everything that was there before.
    file: Option<Facts>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Facts {
    inode: u64,
    size: u64,
    mtime: Timestamp,
    mode: u32,
}

impl From<&Stamp> for Facts {
    fn from(stamp: &Stamp) -> Self {
        Self {
            inode: stamp.identity.inode,
            size: stamp.size,
            mtime: stamp.mtime,
            mode: stamp.mode,
        }
    }
}

impl Put {
    /// What `new` will be.
    pub(super) fn of(new: New<'_>) -> Result<Self, Error> {
        match new {
            New::File(stamp) => Ok(Self::file(&stamp)),
            New::Other(kind) => Ok(Self {
                letter: kind.letter(),
                target: target_of(kind),
                file: None,
            }),
            New::NameOf(dir, name) => {
                let found = (dir.entry(name, &Detail::default())?, dir.stamp(name)?);
                let (Some(entry), Some(stamp)) = found else {
                    return Err(Error {
                        operation: "look at",
                        path: dir.path().join(name).as_bytes().to_vec(),
                        source: std::io::ErrorKind::NotFound.into(),
                    });
                };
                Ok(Self {
                    letter: entry.kind.letter(),
                    target: target_of(&entry.kind),
                    file: Some((&stamp).into()),
                })
            }
        }
    }

    /// A regular file.
    pub(super) fn file(stamp: &Stamp) -> Self {
        Self {
            letter: 'f',
            target: None,
            file: Some(stamp.into()),
        }
    }

    /// True if that is what is there `now`.
    pub(super) fn is(&self, now: &Entry, stamp: &Stamp) -> bool {
        let is_file = self.letter == 'f';
        self.letter == now.kind.letter()
            && self.target == target_of(&now.kind)
            && self.file.is_none_or(|file| {
                let now = Facts::from(stamp);
                // Metadata of others is set by a later step, and has a line of its own.
                file.inode == now.inode && (!is_file || file.size == now.size)
            })
            && (!is_file || self.file.is_none_or(|file| file.mtime == stamp.mtime))
    }

    /// True if it is the same entry, whatever metadata it has by now.
    pub(super) fn is_same_entry(&self, stamp: &Stamp) -> bool {
        self.file
            .is_none_or(|file| file.inode == stamp.identity.inode)
    }
}

fn target_of(kind: &Kind) -> Option<LinkTarget> {
    match kind {
        Kind::Symlink { target } => Some(target.clone()),
        _ => None,
    }
}
