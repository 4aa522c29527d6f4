//! Tests of the room as a whole. Names that begin with a letter and a number are rows of the
//! list of attacks that ksyncd withstands.

#[cfg(target_os = "linux")]
mod confine;
mod content;
mod create;
mod list;
mod metadata;
mod race;
mod remove_tree;
mod resolve;
mod source;
mod stage;
mod tree;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{Detail, Dir, Root};
use crate::entry::{Kind, LinkTarget};
use crate::path::{FileName, RelPath};

/// A tree of its own, with something beside it that must not be touched.
struct Place {
    keep: TempDir,
    root: Root,
}

impl Place {
    fn new() -> Self {
        let keep = tempfile::tempdir().unwrap();
        fs::create_dir(keep.path().join("tree")).unwrap();
        fs::create_dir(keep.path().join("outside")).unwrap();
        fs::write(keep.path().join("outside/secret"), "secret").unwrap();
        let root = Root::open(&keep.path().join("tree")).unwrap();
        Self { keep, root }
    }

    fn top(&self) -> &Dir {
        self.root.top()
    }

    /// A path below the tree's top, as the system sees it.
    fn at(&self, path: &str) -> PathBuf {
        self.keep.path().join("tree").join(path)
    }

    fn outside(&self) -> PathBuf {
        self.keep.path().join("outside")
    }

    fn names(&self) -> Vec<String> {
        let listed = self.top().list(&Detail::default()).unwrap();
        assert!(listed.problems.is_empty());
        listed
            .entries
            .iter()
            .map(|entry| entry.name.to_string())
            .collect()
    }

    fn assert_outside_untouched(&self) {
        let names: Vec<_> = fs::read_dir(self.outside())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(names, ["secret"]);
        assert_eq!(fs::read(self.outside().join("secret")).unwrap(), b"secret");
    }
}

fn name(text: &str) -> FileName {
    FileName::new(text.as_bytes()).unwrap()
}

fn path(text: &str) -> RelPath {
    RelPath::new(text.as_bytes()).unwrap()
}

fn target(to: &Path) -> LinkTarget {
    use std::os::unix::ffi::OsStrExt;
    LinkTarget::new(to.as_os_str().as_bytes()).unwrap()
}

fn kind_at(dir: &Dir, text: &str) -> Option<Kind> {
    dir.entry(&name(text), &Detail::default())
        .unwrap()
        .map(|entry| entry.kind)
}

fn mode_of(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Runs `action` without the super-user's privileges; `place` belongs to that user then.
#[cfg(target_os = "linux")]
fn unprivileged(place: &Path, action: impl FnOnce() + Send) {
    use rustix::process::{Gid, Uid};
    const NOBODY: u32 = 65534;
    if !super::is_superuser() {
        return action();
    }
    give(place, NOBODY);
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let (user, group) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
            rustix::thread::set_thread_groups(&[]).unwrap();
            rustix::thread::set_thread_res_gid(group, group, group).unwrap();
            rustix::thread::set_thread_res_uid(user, user, user).unwrap();
            action();
        });
        thread.join().unwrap();
    });
}

#[cfg(target_os = "linux")]
fn give(path: &Path, owner: u32) {
    std::os::unix::fs::lchown(path, Some(owner), Some(owner)).unwrap();
    if fs::symlink_metadata(path).unwrap().is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            give(&entry.unwrap().path(), owner);
        }
    }
}
