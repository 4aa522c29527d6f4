//! Trees of files: what is in them, whether two are alike, and making one like another again.
//!
//! Nothing here is measured, and nothing here uses the code that is.

mod differences;
mod restore;

use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
pub use differences::{Precision, differences};
pub use restore::{clear, restore};

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A directory.
    Directory,
    /// A file with so many bytes and, if it was read, the BLAKE3 digest of them.
    File(u64, Option<blake3::Hash>),
    /// A symbolic link to there.
    Link(PathBuf),
    /// Anything else.
    Other,
}

/// One entry of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Relative to the root of the tree; empty for the root itself.
    pub path: PathBuf,
    /// What it is.
    pub kind: Kind,
    /// Permission bits.
    pub mode: u32,
    /// User and group.
    pub owner: (u32, u32),
    /// Seconds and nanoseconds of the last modification.
    pub modified: (i64, i64),
}

/// All entries of a tree in the order of their paths' bytes; so parents come before children.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest(Vec<Entry>);

impl Manifest {
    /// Reads the tree at `root` without the content of files.
    ///
    /// # Errors
    /// If something of it can not be read.
    pub fn scan(root: &Path) -> Result<Self> {
        Self::of(root, false)
    }

    /// Reads the tree at `root` and the content of all files.
    ///
    /// # Errors
    /// If something of it can not be read.
    pub fn read(root: &Path) -> Result<Self> {
        Self::of(root, true)
    }

    fn of(root: &Path, with_content: bool) -> Result<Self> {
        let mut entries = Vec::new();
        let meta = fs::symlink_metadata(root).with_context(|| root.display().to_string())?;
        visit(root, PathBuf::new(), &meta, with_content, &mut entries)?;
        entries.sort_unstable_by(|a, b| a.path.as_os_str().cmp(b.path.as_os_str()));
        Ok(Self(entries))
    }

    /// Without the entry `name` at the top, and all beneath it.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.0.retain(|entry| !entry.path.starts_with(name));
        self
    }

    /// All entries.
    pub fn entries(&self) -> &[Entry] {
        &self.0
    }

    /// Number of files and of bytes in them.
    pub fn size(&self) -> (u64, u64) {
        self.0
            .iter()
            .fold((0, 0), |(files, bytes), entry| match entry.kind {
                Kind::File(len, _) => (files + 1, bytes + len),
                _ => (files, bytes),
            })
    }

    /// A digest over names, content, modes and times: equal for equal trees. Owners are left out,
    /// as they depend on who made the tree.
    pub fn digest(&self) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        for entry in &self.0 {
            let line = format!(
                "{:?} {:?} {:o} {:?}\n",
                entry.path, entry.kind, entry.mode, entry.modified
            );
            hasher.update(line.as_bytes());
        }
        hasher.finalize()
    }
}

fn visit(
    full: &Path,
    path: PathBuf,
    meta: &Metadata,
    with_content: bool,
    entries: &mut Vec<Entry>,
) -> Result<()> {
    let said = || full.display().to_string();
    let kind = if meta.is_dir() {
        for child in fs::read_dir(full).with_context(said)? {
            let child = child.with_context(said)?;
            let meta = child.metadata().with_context(said)?;
            let path = join(&path, &child.file_name());
            visit(&child.path(), path, &meta, with_content, entries)?;
        }
        Kind::Directory
    } else if meta.is_file() {
        let digest = with_content
            .then(|| hash(full))
            .transpose()
            .with_context(said)?;
        Kind::File(meta.len(), digest)
    } else if meta.is_symlink() {
        Kind::Link(fs::read_link(full).with_context(said)?)
    } else {
        Kind::Other
    };
    entries.push(Entry {
        path,
        kind,
        mode: meta.mode() & 0o7777,
        owner: (meta.uid(), meta.gid()),
        modified: (meta.mtime(), meta.mtime_nsec()),
    });
    Ok(())
}

fn join(path: &Path, name: &OsStr) -> PathBuf {
    let mut bytes = Vec::with_capacity(path.as_os_str().len() + 1 + name.len());
    bytes.extend_from_slice(path.as_os_str().as_bytes());
    if !bytes.is_empty() {
        bytes.push(b'/');
    }
    bytes.extend_from_slice(name.as_bytes());
    PathBuf::from(OsStr::from_bytes(&bytes))
}

/// The BLAKE3 digest of a file.
///
/// # Errors
/// If it can not be read.
pub fn hash(path: &Path) -> io::Result<blake3::Hash> {
    let mut hasher = blake3::Hasher::new();
    let mut file = File::open(path)?;
    let mut piece = vec![0; 64 << 10];
    loop {
        match io::Read::read(&mut file, &mut piece)? {
            0 => return Ok(hasher.finalize()),
            len => hasher.update(&piece[..len]),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_gone_with_all_beneath_it_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        for path in ["kept/one/two", "keptable", "deep/kept"] {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let rest = Manifest::scan(dir.path()).unwrap().without("kept");
        let paths: Vec<_> = rest
            .entries()
            .iter()
            .map(|entry| entry.path.to_str())
            .collect();
        assert_eq!(
            paths,
            [Some(""), Some("deep"), Some("deep/kept"), Some("keptable")]
        );
    }
}
