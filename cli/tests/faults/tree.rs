//! A source and a destination that differ in every way that makes a run do something, and what
//! has to hold about the destination whatever went wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{lgetxattr, llistxattr};

use crate::place::{Place, lacks};

/// Makes `s` and `d`; the old destination is also in `old`.
const MAKE: &str = "
    mkdir -p s/sub/deep s/new/one s/turns d/sub/deep d/gone/one d/was
    yes some content | head -c 300000 > d/large; cp d/large s/large
    echo changed | dd of=s/large bs=1 seek=150000 conv=notrunc 2>/dev/null
    yes some lines | head -c 200000 > d/grown; cp d/grown s/grown; seq 20000 >> s/grown
    seq 300000 > s/fresh; seq 9000 > s/sub/middle; echo old > d/sub/middle
    for n in 1 2 3 4 5 6; do echo new $n > s/sub/$n; echo old $n > d/sub/$n; echo n $n > s/new/one/$n; done
    seq 20000 > s/sub/moved; cp -p s/sub/moved d/was/moved
    echo same > s/same; cp -p s/same d/same; echo m > s/mode; cp -p s/mode d/mode; chmod 640 s/mode
    echo h > s/hard1; ln s/hard1 s/hard2; ln s/hard1 s/sub/hard3; echo other > d/hard2
    ln -s same s/link; ln -s large d/link; ln -s nowhere s/sub/dangling
    echo file > s/was; echo file > d/turns; echo in > s/turns/in
    truncate -s 400000 s/sparse; echo x >> s/sparse
    echo gone > d/gone/a; echo gone > d/gone/one/b; echo gone > d/sub/gone
    chmod 750 s/new; touch -d 2001-02-03 s/new s/sub/deep s/sub/1
    touch -d 2000-01-01 d/large d/grown d/sub/middle d/sub/[1-6] d/hard2";

/// Attributes and access lists that come, change, go and stay, of files and directories.
const ADORN: &str = "
    setfattr -n user.note -v kept s/sub/2; setfattr -n user.note -v old d/sub/2
    setfattr -n user.goes -v x d/sub d/sub/3 d/same d/gone d/gone/a; setfattr -n user.both -v x s/sub d/sub
    setfattr -n user.comes -v x s/same s/new s/new/one/1 s/large s/sub/moved
    setfacl -m u:1:rw s/mode s/sub/4 d/sub/5 d/gone/a; setfacl -m u:1:rwx d/sub; setfacl -d -m u:1:rx d/sub s/new
    setfacl -m u:2:r d/same s/same";

pub(crate) fn make() -> Place {
    let place = Place::new();
    place.shell(MAKE);
    if lacks(&["setfattr", "setfacl"]) {
        eprintln!("attributes are left out");
    } else {
        place.shell(ADORN);
    }
    place.shell("cp -a d old");
    place
}

/// Makes the destination what it was before any run.
pub(crate) fn restore(place: &Place) {
    place.shell("rm -rf d state .ksyncd.kept; cp -a old d");
}

/// Bits of a mode that tell a directory.
const DIRECTORY: u32 = 0o040_000;

/// An entry, as far as it is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    kind: u32,
    mode: u32,
    mtime: (i64, i64),
    owner: (u32, u32),
    content: Vec<u8>,
    /// Extended attributes, access lists among them.
    attributes: BTreeMap<OsString, Vec<u8>>,
    /// The first path by which the same file is known.
    first_name: PathBuf,
}

/// Everything in a tree.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tree(BTreeMap<PathBuf, Entry>);

impl Tree {
    pub(crate) fn read(root: &Path) -> Self {
        let mut tree = Self::default();
        tree.add(root, Path::new(""), &mut BTreeMap::new());
        tree
    }

    fn add(&mut self, root: &Path, dir: &Path, known: &mut BTreeMap<u64, PathBuf>) {
        let mut names: Vec<_> = fs::read_dir(root.join(dir))
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        for name in names {
            let path = dir.join(name);
            let full = root.join(&path);
            let found = fs::symlink_metadata(&full).unwrap();
            let content = if found.is_symlink() {
                fs::read_link(&full)
                    .unwrap()
                    .into_os_string()
                    .into_encoded_bytes()
            } else if found.is_file() {
                fs::read(&full).unwrap()
            } else {
                Vec::new()
            };
            let first_name = if found.is_dir() {
                path.clone()
            } else {
                known
                    .entry(found.ino())
                    .or_insert_with(|| path.clone())
                    .clone()
            };
            let entry = Entry {
                kind: found.mode() & 0o170_000,
                mode: found.mode() & 0o7777,
                mtime: (found.mtime(), found.mtime_nsec()),
                owner: (found.uid(), found.gid()),
                content,
                attributes: attributes_of(&full),
                first_name,
            };
            self.0.insert(path.clone(), entry);
            if found.is_dir() {
                self.add(root, &path, known);
            }
        }
    }

    fn content(&self, path: &Path) -> Option<(u32, &[u8])> {
        let entry = self.0.get(path)?;
        Some((entry.kind, &entry.content))
    }

    /// What is different in the other one, in words.
    pub(crate) fn differences(&self, other: &Self) -> Vec<String> {
        let paths: BTreeSet<_> = self.0.keys().chain(other.0.keys()).collect();
        let differing = paths
            .into_iter()
            .filter(|&path| self.0.get(path) != other.0.get(path));
        let brief = |entry: Option<&Entry>| {
            entry.map(|entry| {
                let Entry {
                    kind,
                    mode,
                    mtime,
                    owner,
                    first_name,
                    content,
                    attributes,
                } = entry;
                let first_name = first_name.display();
                format!(
                    "{kind:o} {mode:o} {mtime:?} {owner:?} {} bytes, {attributes:x?}, as {first_name}",
                    content.len()
                )
            })
        };
        differing
            .map(|path| {
                let (one, two) = (brief(self.0.get(path)), brief(other.0.get(path)));
                format!("{}: {one:?} / {two:?}", path.display())
            })
            .collect()
    }

    /// What is different, apart from temporaries, and from times of directories in which a run that
    /// was killed had begun something.
    pub(crate) fn differences_but_for_leftovers(
        &self,
        other: &Self,
        was_killed: bool,
    ) -> Vec<String> {
        let settled = |tree: &Self| {
            let entries = tree.0.iter().filter(|(path, _)| !is_temporary(path));
            let mut settled: BTreeMap<_, _> = entries
                .map(|(path, entry)| (path.clone(), entry.clone()))
                .collect();
            let dirs = settled.values_mut().filter(|entry| entry.kind == DIRECTORY);
            for dir in dirs.filter(|_| was_killed) {
                dir.mtime = (0, 0);
            }
            Self(settled)
        };
        settled(self).differences(&settled(other))
    }

    /// Names of temporaries.
    pub(crate) fn temporaries(&self) -> Vec<PathBuf> {
        self.0
            .keys()
            .filter(|path| is_temporary(path))
            .cloned()
            .collect()
    }

    /// Entries that are neither what they were nor what they become. `may_be_torn` for runs that
    /// write into files.
    pub(crate) fn lost(&self, old: &Self, new: &Self, may_be_torn: bool) -> Vec<String> {
        let mut lost = Vec::new();
        for path in self.0.keys().filter(|path| !is_temporary(path)) {
            let now = self.content(path);
            let is_known = now == old.content(path) || now == new.content(path);
            let is_torn_file = may_be_torn
                && [old, new]
                    .iter()
                    .all(|tree| tree.content(path).map(|found| found.0) == now.map(|now| now.0));
            if !is_known && !is_torn_file {
                lost.push(format!("{} is neither old nor new", path.display()));
            }
        }
        // What both have is there in between as well.
        for path in old.0.keys().filter(|&path| new.0.contains_key(path)) {
            let same_kind = |one: &Entry, two: &Entry| one.kind == two.kind;
            if same_kind(&old.0[path], &new.0[path]) && !self.0.contains_key(path) {
                lost.push(format!("{} is gone", path.display()));
            }
        }
        lost
    }
}

/// All attributes that programs may set.
fn attributes_of(path: &Path) -> BTreeMap<OsString, Vec<u8>> {
    let mut buffer = [0; 4096];
    let len = llistxattr(path, &mut buffer).unwrap();
    let names = buffer[..len].split(|&byte| byte == 0);
    names
        .filter(|name| name.starts_with(b"user.") || name.starts_with(b"system.posix_acl_"))
        .map(|name| {
            let name = OsStr::from_bytes(name);
            let mut value = [0; 4096];
            let len = lgetxattr(path, name, &mut value).unwrap();
            (name.to_owned(), value[..len].to_owned())
        })
        .collect()
}

fn is_temporary(path: &Path) -> bool {
    path.components().any(|name| {
        let name = name.as_os_str().to_string_lossy();
        name.starts_with(".ksyncd.") && name.ends_with(".tmp")
    })
}
