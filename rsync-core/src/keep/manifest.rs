//! A tree as a list: the directory itself and every entry, with its metadata and attributes and, for a
//! file, the digest of its content. What a receipt proves, and what a later look is held against.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::engine::tree::digest_of;
use crate::entry::Entry;
use crate::path::{FileName, RelPath};
use crate::root::{Detail, Dir, Error, Root, is_own_name};

/// Bytes of a file that are hashed at a time.
const BUFFER_LEN: usize = 256 << 10;

/// Lists the directory at `path`, or the single entry, in order of paths. What ksyncd keeps for
/// itself is left out.
///
/// # Errors
/// Something can not be listed or read: a list with holes proves nothing.
pub fn manifest(path: &Path) -> Result<Vec<(RelPath, Entry)>, Error> {
    let mut listing = Manifest {
        items: Vec::new(),
        buffer: vec![0; BUFFER_LEN],
    };
    if path.is_dir() {
        let root = Root::open(path)?;
        let itself = root.top().own_entry(&DETAIL)?;
        listing.items.push((RelPath::root(), itself));
        listing.directory(root.top())?;
    } else {
        let above = path.parent().filter(|above| !above.as_os_str().is_empty());
        let root = Root::open(above.unwrap_or(Path::new(".")))?;
        let name = path.file_name().map(OsStr::as_bytes).unwrap_or_default();
        let entry = FileName::new(name)
            .ok()
            .map(|name| root.top().entry(&name, &DETAIL))
            .transpose()?
            .flatten();
        if let Some(entry) = entry {
            listing.add(root.top(), entry)?;
        }
    }
    listing.items.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    Ok(listing.items)
}

const DETAIL: Detail = Detail {
    owner: true,
    xattrs: true,
    acls: true,
    hard_links: false,
};

struct Manifest {
    items: Vec<(RelPath, Entry)>,
    buffer: Vec<u8>,
}

impl Manifest {
    fn directory(&mut self, top: &Dir) -> Result<(), Error> {
        let mut below = vec![top.clone()];
        while let Some(dir) = below.pop() {
            let listed = dir.list(&DETAIL)?;
            if let Some((name, _)) = listed.problems.first() {
                return Err(Error {
                    operation: "look at",
                    path: [dir.path().as_bytes(), b"/", name].concat(),
                    source: std::io::ErrorKind::InvalidData.into(),
                });
            }
            for entry in listed.entries {
                if is_own_name(entry.name.as_bytes()) {
                    continue;
                }
                if entry.is_dir() {
                    below.push(dir.open_dir(&entry.name)?);
                }
                self.add(&dir, entry)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, dir: &Dir, mut entry: Entry) -> Result<(), Error> {
        let path = dir.path().join(&entry.name);
        if entry.file_size().is_some() {
            let digest = digest_of(dir, &entry.name, &mut self.buffer);
            let digest = digest.map_err(|source| Error {
                operation: "read",
                path: path.as_bytes().to_vec(),
                source,
            })?;
            entry.digest = Some(Box::new(digest));
        }
        self.items.push((path, entry));
        Ok(())
    }
}
