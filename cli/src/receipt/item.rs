//! What a receipt tells of one entry of the destination.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use rsync_core::checksum::Hasher;
use rsync_core::entry::{Entry, Kind, Xattr};
use rsync_core::path::RelPath;
use serde::{Deserialize, Serialize};

/// One entry of the destination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Item {
    #[serde(with = "crate::exact")]
    pub(super) path: PathBuf,
    kind: String,
    mode: u32,
    mtime: (i64, u32),
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<(u32, u32)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    /// Digest of the attributes that users set, if there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    attributes: Option<String>,
    /// Digest of the access lists, if there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    access: Option<String>,
}

impl Item {
    pub(super) fn new((path, entry): &(RelPath, Entry)) -> Self {
        let path = if path.is_root() {
            b"."
        } else {
            path.as_bytes()
        };
        let path = OsStr::from_bytes(path);
        let kind = match &entry.kind {
            Kind::Symlink { target } => format!("link to {target}"),
            Kind::CharDevice { device } | Kind::BlockDevice { device } => {
                format!("device {}:{}", device.major, device.minor)
            }
            Kind::File { .. } => "file".to_owned(),
            Kind::Dir => "directory".to_owned(),
            Kind::Fifo => "pipe".to_owned(),
            Kind::Socket => "socket".to_owned(),
        };
        Self {
            path: path.into(),
            kind,
            mode: entry.mode,
            mtime: entry.mtime.into(),
            owner: entry.owner.map(|owner| (owner.uid, owner.gid)),
            size: entry.file_size(),
            digest: entry.digest.as_deref().map(ToString::to_string),
            attributes: digest_of_xattrs(&entry.xattrs, |xattr| !xattr.is_acl()),
            access: digest_of_xattrs(&entry.xattrs, Xattr::is_acl),
        }
    }

    /// Leaves out what older versions did not tell.
    pub(super) fn forget_attributes(&mut self) {
        (self.attributes, self.access) = (None, None);
    }

    /// What is different about it now, in words.
    pub(super) fn differs_in(&self, now: &Self) -> Vec<&'static str> {
        let parts = [
            (self.kind != now.kind, "kind"),
            (self.size != now.size, "size"),
            (self.digest != now.digest, "content"),
            (self.mode != now.mode, "permissions"),
            (self.mtime != now.mtime, "time"),
            (self.owner != now.owner, "owner"),
            (self.attributes != now.attributes, "attributes"),
            (self.access != now.access, "access list"),
        ];
        let differing = parts.into_iter().filter(|(differs, _)| *differs);
        differing.map(|(_, part)| part).collect()
    }
}

/// One digest over some of the attributes, if there are any.
fn digest_of_xattrs(xattrs: &[Xattr], takes_part: impl Fn(&Xattr) -> bool) -> Option<String> {
    let mut sorted: Vec<_> = xattrs.iter().filter(|xattr| takes_part(xattr)).collect();
    sorted.sort_unstable();
    let mut hasher = Hasher::new();
    for part in sorted.iter().flat_map(|xattr| [&xattr.name, &xattr.value]) {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    (!sorted.is_empty()).then(|| hasher.digest().to_string())
}

/// One digest over all of them.
pub(super) fn digest_of(items: &[Item]) -> String {
    let mut hasher = Hasher::new();
    for item in items {
        // What is written as JSON in a receipt can be written as JSON.
        let text = serde_json::to_vec(item).unwrap_or_default();
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(&text);
    }
    hasher.digest().to_string()
}
