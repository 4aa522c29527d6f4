//! Digests of trees as the protocol says that they are computed, written down a second time.

use std::path::Path;

use rsync_core::entry::{Entry, Kind, LinkTarget, Timestamp};
use rsync_core::options::Options;
use rsync_core::path::FileName;
use rsync_core::plan;
use rsync_core::wire::message::TreeDigest;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;

/// A directory and what it holds.
pub type Directory = (String, Vec<Entry>);

/// What is in and below the directory `at`, the directory itself first.
pub fn found(at: &Path) -> Vec<Directory> {
    let mut tree = Vec::new();
    let mut below = vec![String::new()];
    while let Some(path) = below.pop() {
        let mut entries: Vec<Entry> = std::fs::read_dir(at.join(&path))
            .unwrap()
            .map(|found| describe(&found.unwrap().path()))
            .collect();
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        for dir in entries.iter().filter(|entry| entry.is_dir()) {
            let between = if path.is_empty() { "" } else { "/" };
            below.push(format!("{path}{between}{}", dir.name));
        }
        tree.push((path, entries));
    }
    tree
}

fn describe(path: &Path) -> Entry {
    let found = path.symlink_metadata().unwrap();
    let kind = if found.is_dir() {
        Kind::Dir
    } else if found.is_symlink() {
        let target = std::fs::read_link(path).unwrap();
        Kind::Symlink {
            target: LinkTarget::new(target.as_os_str().as_bytes()).unwrap(),
        }
    } else {
        Kind::File { size: found.len() }
    };
    Entry {
        name: FileName::new(path.file_name().unwrap().as_bytes()).unwrap(),
        kind,
        mode: found.mode() & 0o7777,
        mtime: Timestamp::new(found.mtime(), found.mtime_nsec() as u32),
        owner: None,
        link: None,
        xattrs: Vec::new(),
        digest: None,
    }
}

/// The digest of a tree.
pub fn digest_of(tree: &[Directory], options: &Options) -> TreeDigest {
    let mut sum = [0u8; 32];
    for (path, entries) in tree {
        let fingerprint = plan::fingerprint(entries, options).digest;
        let mut hasher = blake3::Hasher::new();
        hasher
            .update(&(path.len() as u64).to_le_bytes())
            .update(path.as_bytes())
            .update(&fingerprint);
        let mut carry = 0;
        for (byte, add) in sum.iter_mut().zip(hasher.finalize().as_bytes()) {
            let total = u16::from(*byte) + u16::from(*add) + carry;
            *byte = total as u8;
            carry = total >> 8;
        }
    }
    sum
}
