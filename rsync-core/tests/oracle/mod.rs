//! What the comparisons with other programs share: trees, seeded choices, running a program.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr
)]

pub(crate) mod rsync;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use rsync_core::filter::{Filter, FilterError, Scope};
use rsync_core::path::{FileName, RelPath};

/// A tree of files, by path; a path that ends in a slash is a directory.
pub(crate) type Tree = BTreeMap<String, String>;

/// Builds `tree` below `root`, with the directories its paths imply.
pub(crate) fn build(tree: &Tree, root: &Path) {
    fs::create_dir_all(root).unwrap();
    for (path, content) in tree {
        let full = root.join(path);
        if path.ends_with('/') {
            fs::create_dir_all(full).unwrap();
        } else {
            fs::create_dir_all(full.parent().unwrap()).unwrap();
            fs::write(full, content).unwrap();
        }
    }
}

/// Whether a program can be run; says so if the comparison has to be left out.
pub(crate) fn installed(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok();
    if !found {
        note(&format!(
            "skipped: {program} is not installed, so there is nothing to compare with"
        ));
    }
    found
}

/// Says why a comparison is left out.
pub(crate) fn note(reason: &str) {
    eprintln!("{reason}");
}

/// Runs a program in the C locale, without the user's settings.
pub(crate) fn run(program: &str, arguments: &[String], directory: &Path) -> Output {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(directory).env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command
        .env("HOME", directory)
        .env("XDG_CONFIG_HOME", directory)
        .env("GIT_CONFIG_NOSYSTEM", "1");
    command.env("LC_ALL", "C").output().unwrap()
}

/// The lines a program wrote, sorted.
pub(crate) fn lines(output: &Output) -> BTreeSet<String> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines()
        .map(str::to_owned)
        .filter(|line| line != "./")
        .collect()
}

/// The names in a directory and whether each is a directory.
pub(crate) fn names(directory: &Path) -> Vec<(FileName, bool)> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    let mut names: Vec<_> = entries
        .map(|entry| {
            let name = entry.file_name().into_encoded_bytes();
            (
                FileName::new(&name).unwrap(),
                entry.file_type().unwrap().is_dir(),
            )
        })
        .collect();
    names.sort();
    names
}

/// A path as text; a directory ends in a slash.
pub(crate) fn text(path: &RelPath, is_dir: bool) -> String {
    let text = std::str::from_utf8(path.as_bytes()).unwrap();
    if is_dir {
        format!("{text}/")
    } else {
        text.to_owned()
    }
}

/// Where `path` lies below `root`.
pub(crate) fn below(root: &Path, path: &RelPath) -> std::path::PathBuf {
    root.join(text(path, false))
}

/// The scope inside `dir`, with its merge files read from the tree at `root`.
pub(crate) fn enter(
    filter: &Filter,
    parent: &Scope,
    root: &Path,
    dir: &RelPath,
) -> Result<Scope, FilterError> {
    let read = &mut |name: &FileName| fs::read(below(root, &dir.join(name))).ok();
    let scope = filter.enter(parent, dir, read);
    match scope.error() {
        Some(error) => Err(error.clone()),
        None => Ok(scope),
    }
}

/// Everything in the tree at `root` that the sender does not hide; directories end in a slash.
pub(crate) fn sent(filter: &Filter, root: &Path) -> Result<BTreeSet<String>, FilterError> {
    let mut found = BTreeSet::new();
    let mut pending = vec![(filter.root_scope(), RelPath::root())];
    while let Some((parent, dir)) = pending.pop() {
        let scope = enter(filter, &parent, root, &dir)?;
        for (name, is_dir) in names(&below(root, &dir)) {
            if filter.sender_hides(&scope, &dir, &name, is_dir) {
                continue;
            }
            let path = dir.join(&name);
            found.insert(text(&path, is_dir));
            if is_dir {
                pending.push((scope.clone(), path));
            }
        }
    }
    Ok(found)
}

/// Everything in the tree at `root`.
pub(crate) fn everything(root: &Path) -> BTreeSet<String> {
    sent(
        &Filter::new(&rsync_core::options::FilterSpec::default(), false).unwrap(),
        root,
    )
    .unwrap()
}

/// Seeded choices (SplitMix64: Steele, Lea and Flood, OOPSLA 2014).
pub(crate) struct Choices(pub(crate) u64);

impl Choices {
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((word ^ (word >> 31)) % end as u64) as usize
    }

    pub(crate) fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    pub(crate) fn of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }

    pub(crate) fn joined(&mut self, choices: &[&str], most: usize) -> String {
        let count = 1 + self.below(most);
        (0..count).map(|_| self.of(choices)).collect()
    }

    /// A small tree, whose names come from a small stock so that patterns hit them. A name ending
    /// in `d` is always a directory, any other never.
    pub(crate) fn tree(&mut self) -> Tree {
        let mut tree = Tree::new();
        for _ in 0..4 + self.below(12) {
            let depth = self.below(4);
            let mut path = String::new();
            for _ in 0..depth {
                path.push_str(self.of(&["d", "ad", "bd", "a.d", "cd"]));
                path.push('/');
            }
            path.push_str(self.of(&[
                "a", "b", "ab", "a.o", "b.o", "c", "a b", "d/", "ad/", "*", "[a]", "a\\b", "aa",
            ]));
            tree.insert(path, String::new());
        }
        tree
    }
}

/// How many seeds a comparison tries: `KSYNCD_TEST_SEEDS` or the default.
pub(crate) fn seeds(default: u64) -> std::ops::Range<u64> {
    let count = std::env::var("KSYNCD_TEST_SEEDS")
        .ok()
        .and_then(|text| text.parse().ok());
    0..count.unwrap_or(default)
}
