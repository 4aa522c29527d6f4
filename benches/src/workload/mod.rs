//! The workloads: which trees, which links, against whom.
//!
//! Everything depends on the seed and the scale alone. A workload has a source, and a tree that
//! the destination is made like before every run.

mod large;
mod plant;
mod small;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use large::Awkward;

use crate::tree;

/// How much smaller than in full everything is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scale(u64);

impl Scale {
    /// A divisor with which everything takes a few minutes.
    pub const QUICK: u64 = 30;

    /// Everything is divided by `divisor`.
    pub fn by(divisor: u64) -> Self {
        Self(divisor.max(1))
    }

    fn bytes(self, full: usize) -> usize {
        (full as u64 / self.0).max(1) as usize
    }

    fn count(self, full: usize) -> usize {
        self.bytes(full)
    }
}

/// What the machine itself needs at least, as a measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Floor {
    /// Copying the source.
    Copy,
    /// Listing both trees at once.
    Scan,
    /// Reading and hashing both trees at once.
    Hash,
    /// Renaming a directory.
    Rename(&'static str, &'static str),
}

/// A workload.
#[derive(Debug)]
pub struct Workload {
    /// Short name, as in `--only`.
    pub id: &'static str,
    /// What it is, for a table.
    pub title: &'static str,
    /// Name of the tree that is the source.
    pub source: &'static str,
    /// Name of the tree that the destination is before; none for an empty directory.
    pub before: Option<&'static str>,
    /// Links that it is measured over unless others are asked for.
    pub links: &'static [&'static str],
    /// What no tool can do without.
    pub floor: Floor,
    /// Other tools than the usual ones that it is measured with.
    pub also: &'static [&'static str],
}

const NEAR: &[&str] = &["pipe"];
const BOTH: &[&str] = &["pipe", "1g"];
const FAR: &[&str] = &["1g"];
const BASIS: &[&str] = &["rsync-W", "rsync-inplace", "ksyncd-inplace"];

const fn row(id: &'static str, title: &'static str, source: &'static str) -> Workload {
    Workload {
        id,
        title,
        source,
        before: None,
        links: NEAR,
        floor: Floor::Copy,
        also: &[],
    }
}

/// All of them, in the order in which they share trees.
pub const ALL: &[Workload] = &[
    Workload {
        links: BOTH,
        also: &["tar", "unison"],
        ..row("W1", "60,000 files of 1–20 KiB, cold", "modules")
    },
    Workload {
        before: Some("modules"),
        links: BOTH,
        floor: Floor::Scan,
        also: &["unison"],
        ..row("W2", "the same, nothing changed", "modules")
    },
    Workload {
        before: Some("modules-before"),
        links: BOTH,
        floor: Floor::Scan,
        ..row("W3", "1 % changed, 0.5 % deleted, 0.5 % added", "modules")
    },
    Workload {
        before: Some("modules-one"),
        links: FAR,
        floor: Floor::Scan,
        ..row("W10", "one changed file in that tree", "modules")
    },
    Workload {
        before: Some("mixed-before"),
        links: BOTH,
        floor: Floor::Scan,
        also: BASIS,
        ..row("W4", "2 GiB of mixed files, 2 MiB changed", "mixed")
    },
    Workload {
        before: Some("image-before"),
        also: &["rsync-W", "rsync-inplace", "ksyncd-inplace", "clone"],
        ..row("W5", "one 1 GiB file, 100 edits, 3 insertions", "image")
    },
    Workload {
        before: Some("album-before"),
        floor: Floor::Rename("pictures/unsorted", "pictures/sorted"),
        ..row("W6", "1 GiB directory renamed", "album")
    },
    Workload {
        before: Some("log-before"),
        floor: Floor::Hash,
        also: &["rsync-W", "rsync-inplace", "rsync-append", "ksyncd-inplace"],
        ..row("W7", "512 MiB log, 4 MiB appended", "log")
    },
    Workload {
        before: Some("crumbs"),
        floor: Floor::Scan,
        ..row("W8", "1,000,000 tiny files, nothing changed", "crumbs")
    },
    Workload {
        links: &["100m"],
        also: &["tar", "tar-zstd"],
        ..row("W9", "500 MB of JSON, cold", "export")
    },
    Workload {
        before: Some("tiny-one"),
        links: FAR,
        floor: Floor::Scan,
        ..row("ONE", "one small file in a tiny tree", "tiny")
    },
    Workload {
        before: Some("noise-before"),
        ..row("Q0", "1 GiB of noise, nothing in common", "noise")
    },
    Workload {
        before: Some("repeated-before"),
        ..row("Q1", "1 GiB of one repeated block, shifted", "repeated")
    },
    Workload {
        before: Some("alternating-before"),
        ..row(
            "Q2",
            "1 GiB of two alternating blocks, shifted",
            "alternating",
        )
    },
    Workload {
        before: Some("colliding-before"),
        ..row("Q3", "1 GiB of blocks with one weak sum", "colliding")
    },
    row("L1", "a tenth of W1's files, cold", "modules-tenth"),
    Workload {
        before: Some("modules-tenth"),
        floor: Floor::Scan,
        ..row("L2", "a tenth of W2's files", "modules-tenth")
    },
    Workload {
        before: Some("image-tenth-before"),
        ..row("L5", "a tenth of W5's bytes", "image-tenth")
    },
    Workload {
        before: Some("crumbs-tenth"),
        floor: Floor::Scan,
        ..row("L8", "a tenth of W8's files", "crumbs-tenth")
    },
];

/// Makes the tree `name` at `root`, which must not be there yet. `source` is where the tree is
/// that it is a form of; for a tree that is a source itself it is not used.
///
/// # Errors
/// If it can not be written.
pub fn make(name: &str, source: &Path, root: &Path, scale: Scale, seed: u64) -> Result<()> {
    tree::clear(root)?;
    let files = scale.count(60_000);
    let tenth = Scale::by(scale.0 * 10);
    match name {
        "modules" => small::modules(root, files, seed),
        "modules-tenth" => small::modules(root, files.div_ceil(10), seed),
        "modules-before" => small::modules_before(source, root, seed),
        "modules-one" | "tiny-one" => small::one_before(source, root, seed),
        "tiny" => small::modules(root, 5, seed),
        "crumbs" => small::crumbs(root, scale.count(1_000_000), seed),
        "crumbs-tenth" => small::crumbs(root, tenth.count(1_000_000), seed),
        "export" => small::export(root, scale, seed),
        "mixed" => large::mixed(root, scale, seed),
        "mixed-before" => large::mixed_before(source, root, scale, seed),
        "image" => large::image(root, scale.bytes(1 << 30), seed),
        "image-tenth" => large::image(root, tenth.bytes(1 << 30), seed),
        "image-before" | "image-tenth-before" => large::image_before(source, root, seed),
        "album" => large::album(root, scale, seed),
        "album-before" => large::album_before(source, root, seed),
        "log" => large::log(root, scale, seed),
        "log-before" => large::log_before(source, root, scale, seed),
        "noise" => large::awkward(root, Awkward::Noise, scale, seed),
        "noise-before" => large::awkward_before(root, Awkward::Noise, scale, seed),
        "repeated" => large::awkward(root, Awkward::Repeated, scale, seed),
        "repeated-before" => large::awkward_before(root, Awkward::Repeated, scale, seed),
        "alternating" => large::awkward(root, Awkward::Alternating, scale, seed),
        "alternating-before" => large::awkward_before(root, Awkward::Alternating, scale, seed),
        "colliding" => large::awkward(root, Awkward::Colliding, scale, seed),
        "colliding-before" => large::awkward_before(root, Awkward::Colliding, scale, seed),
        _ => anyhow::bail!("there is no tree named {name}"),
    }
}

/// Makes the trees of a workload below `dir` that are not there yet.
///
/// # Errors
/// If one can not be written.
pub fn prepare(workload: &Workload, dir: &Path, scale: Scale, seed: u64) -> Result<()> {
    let source = dir.join(workload.source);
    for name in [Some(workload.source), workload.before]
        .into_iter()
        .flatten()
    {
        let tree = dir.join(name);
        if tree.exists() {
            continue;
        }
        // Under another name at first: what is there is complete.
        let unfinished = dir.join(format!("{name}.unfinished"));
        make(name, &source, &unfinished, scale, seed)
            .with_context(|| format!("the tree {name}"))?;
        fs::rename(&unfinished, &tree).with_context(|| tree.display().to_string())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::{Manifest, Precision, differences};

    const SMALL: Scale = Scale(400);

    fn made(seed: u64, workload: &Workload) -> (tempfile::TempDir, Vec<Manifest>) {
        let dir = tempfile::tempdir().unwrap();
        prepare(workload, dir.path(), SMALL, seed).unwrap();
        let names = [Some(workload.source), workload.before]
            .into_iter()
            .flatten();
        let read = |name| Manifest::read(&dir.path().join(name)).unwrap();
        let manifests = names.map(read).collect();
        (dir, manifests)
    }

    fn find(id: &str) -> &'static Workload {
        ALL.iter().find(|workload| workload.id == id).unwrap()
    }

    #[test]
    fn the_same_seed_gives_the_same_trees_and_another_one_others() {
        for workload in ALL {
            let digests = |seed| -> Vec<_> {
                made(seed, workload)
                    .1
                    .iter()
                    .map(Manifest::digest)
                    .collect()
            };
            let first = digests(1);
            assert_eq!(first, digests(1), "{}", workload.id);
            assert_ne!(first, digests(2), "{}", workload.id);
        }
    }

    #[test]
    fn before_and_after_differ_unless_nothing_changed() {
        for workload in ALL {
            let (_dir, manifests) = made(1, workload);
            if let [after, before] = &manifests[..] {
                let said = differences(after, before, Precision::Nanoseconds);
                let same = workload.before == Some(workload.source);
                assert_eq!(said.is_empty(), same, "{}: {said:?}", workload.id);
            }
        }
    }

    #[test]
    fn a_tree_of_modules_has_its_number_of_files_of_the_right_size() {
        let dir = tempfile::tempdir().unwrap();
        small::modules(dir.path(), 600, 1).unwrap();
        let (files, bytes) = Manifest::scan(dir.path()).unwrap().size();
        assert_eq!(files, 600);
        let mean = bytes / files;
        assert!((5800..7200).contains(&mean), "{mean}");
    }

    #[test]
    fn an_appended_log_begins_with_the_old_one() {
        let (dir, _) = made(1, find("W7"));
        let (old, new) = (dir.path().join("log-before"), dir.path().join("log"));
        let read = |tree: &Path| fs::read(tree.join("access.log")).unwrap();
        let (old, new) = (read(&old), read(&new));
        assert!(new.len() > old.len() && new.starts_with(&old));
    }

    #[test]
    fn a_renamed_directory_has_the_same_files_under_another_name() {
        let (_dir, manifests) = made(1, find("W6"));
        assert_eq!(manifests[0].size(), manifests[1].size());
    }

    #[test]
    fn every_name_is_given_once() {
        let ids: std::collections::BTreeSet<_> = ALL.iter().map(|workload| workload.id).collect();
        assert_eq!(ids.len(), ALL.len());
    }
}
