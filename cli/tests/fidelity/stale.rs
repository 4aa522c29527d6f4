//! Makes a copy of a tree stale, in every way that a tree changes.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};

/// xorshift64: the same seed gives the same mutations.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// Changes about `percent` of the entries below `tree`.
pub(crate) fn make_stale(tree: &Path, seed: u64, percent: u64) {
    let mut random = Random::new(seed);
    let mut changed = 0;
    for path in entries(tree) {
        if random.below(100) < percent && fs::symlink_metadata(&path).is_ok() {
            mutate(&path, &mut random, changed);
            changed += 1;
        }
    }
    assert!(changed > 0, "nothing was changed");
}

/// Everything below a directory, in an order that does not depend on the file system.
fn entries(tree: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut below = vec![tree.to_owned()];
    while let Some(dir) = below.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                below.push(entry.path());
            }
            found.push(entry.path());
        }
    }
    found.sort();
    found
}

fn mutate(path: &Path, random: &mut Random, number: usize) {
    let found = fs::symlink_metadata(path).unwrap();
    if found.is_file() {
        return mutate_file(path, found.len(), random);
    }
    if found.is_dir() {
        return mutate_directory(path, random, number);
    }
    match random.below(4) {
        0 => fs::remove_file(path).unwrap(),
        1 => replace(path, |path| symlink("somewhere else", path)),
        2 => replace(path, |path| fs::write(path, "was a link or a special file")),
        _ => replace(path, |path| fs::create_dir(path)),
    }
}

fn mutate_file(path: &Path, len: u64, random: &mut Random) {
    match random.below(13) {
        0 => append(path, b"more"),
        1 => resize(path, len / 2),
        2 => overwrite_middle(path, len, random),
        3 => touch(path, random),
        4 => fs::set_permissions(path, fs::Permissions::from_mode(0o705)).unwrap(),
        5 => fs::remove_file(path).unwrap(),
        6 => fs::rename(path, beside(path, b" renamed")).unwrap(),
        7 => fs::hard_link(path, beside(path, b" linked")).unwrap(),
        8 => replace(path, |path| symlink("was a file", path)),
        9 => {
            replace(path, |path| fs::create_dir(path));
            fs::write(path.join("below"), "x").unwrap();
        }
        10 => std::os::unix::fs::chown(path, Some(77), Some(88)).unwrap_or(()),
        11 => fs::write(path, "something quite different").unwrap(),
        // What --checksum or a newer time is needed for is not among these: the time differs.
        _ => {
            fs::copy(path, beside(path, b" copied")).unwrap();
            touch(path, random);
        }
    }
}

fn mutate_directory(path: &Path, random: &mut Random, number: usize) {
    match random.below(9) {
        0 => fs::remove_dir_all(path).unwrap(),
        1 => {
            fs::remove_dir_all(path).unwrap();
            fs::write(path, "was a directory").unwrap();
        }
        2 => {
            fs::remove_dir_all(path).unwrap();
            symlink("/tmp", path).unwrap();
        }
        3 => fs::set_permissions(path, fs::Permissions::from_mode(0o711)).unwrap(),
        4 => fs::rename(path, beside(path, b" renamed")).unwrap(),
        5 => touch(path, random),
        6 => {
            let added = path.join(format!("added {number}"));
            fs::create_dir(&added).unwrap();
            fs::write(added.join("file"), "x").unwrap();
        }
        7 => fs::write(path.join(OsStr::from_bytes(b"added \xff")), "x").unwrap(),
        _ => fs::set_permissions(path, fs::Permissions::from_mode(0o555)).unwrap(),
    }
}

fn replace(path: &Path, make: impl FnOnce(&Path) -> std::io::Result<()>) {
    fs::remove_file(path).unwrap();
    make(path).unwrap();
}

/// Another name in the same directory; a long name is cut to make room.
fn beside(path: &Path, suffix: &[u8]) -> PathBuf {
    let mut name = path.file_name().unwrap().to_owned().into_vec();
    name.truncate(255 - suffix.len());
    name.extend_from_slice(suffix);
    path.with_file_name(OsStr::from_bytes(&name))
}

fn append(path: &Path, more: &[u8]) {
    let content = [fs::read(path).unwrap(), more.to_vec()].concat();
    fs::write(path, content).unwrap();
}

fn resize(path: &Path, len: u64) {
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_len(len).unwrap();
}

fn overwrite_middle(path: &Path, len: u64, random: &mut Random) {
    let mut content = fs::read(path).unwrap();
    let at = random.below(len.max(1)) as usize;
    content.truncate(len as usize);
    if let Some(byte) = content.get_mut(at) {
        *byte ^= 0x55;
    }
    fs::write(path, content).unwrap();
}

fn touch(path: &Path, random: &mut Random) {
    let time = Timespec {
        tv_sec: 1_000_000_000 + random.below(1000) as i64,
        tv_nsec: random.below(1_000_000_000) as i64,
    };
    let times = Timestamps {
        last_access: time,
        last_modification: time,
    };
    utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
}
