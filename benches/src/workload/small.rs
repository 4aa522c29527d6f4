//! Trees of many small files.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::Scale;
use super::plant::Planter;
use crate::content::{Kind, content};
use crate::random::Random;
use crate::tree::{self, Manifest, restore};

/// Packages as a package manager of JavaScript lays them out: files of 1 to 20 KiB, small ones as
/// often as large ones, about nine in a directory.
pub(super) fn modules(root: &Path, files: usize, seed: u64) -> Result<()> {
    const PLACES: [&str; 6] = ["", "lib", "dist/esm", "dist/cjs", "src/internal", "types"];
    let mut random = Random::new(seed, "modules");
    let mut planter = Planter::new(root, seed);
    let mut made = 0;
    let mut package = 0;
    while made < files {
        package += 1;
        let base = match random.below(8) {
            0 => format!(
                "node_modules/@scope-{}/package-{package:05}",
                random.below(40)
            ),
            1 => format!("node_modules/outer-{package:05}/node_modules/inner"),
            _ => format!("node_modules/package-{package:05}"),
        };
        let len = (8 + random.index(80)).min(files - made);
        for number in 0..len {
            let path = match number {
                0 => format!("{base}/package.json"),
                _ => {
                    let place = PLACES[random.index(PLACES.len())];
                    format!("{base}/{place}/module-{number:03}.js").replace("//", "/")
                }
            };
            let size = random.log_uniform(1 << 10, 20 << 10) as usize;
            let bytes = content(Kind::Code, size, seed, &path);
            planter.file(Path::new(&path), &bytes)?;
        }
        made += len;
    }
    planter.finish()
}

/// What [`modules`] may have been before: 1 % of the files had other content, 0.5 % were not
/// there, 0.5 % have gone since.
pub(super) fn modules_before(source: &Path, root: &Path, seed: u64) -> Result<()> {
    let paths = copy(source, root)?;
    let mut random = Random::new(seed, "modules before");
    let mut planter = Planter::older(root, seed);
    let (changed, added) = ((paths.len() / 100).max(1), (paths.len() / 200).max(1));
    for (nth, index) in random
        .choose(changed + added, paths.len())
        .into_iter()
        .enumerate()
    {
        let path = &paths[index];
        if nth % 3 == 2 {
            planter.remove(path)?;
        } else {
            let mut bytes = fs::read(root.join(path))?;
            alter(&mut bytes, &mut random);
            planter.file(path, &bytes)?;
        }
    }
    for number in 0..added {
        let parent = paths[random.index(paths.len())]
            .parent()
            .unwrap_or(Path::new(""));
        let size = random.log_uniform(1 << 10, 20 << 10) as usize;
        let path = parent.join(format!("old-{number:04}.js"));
        let bytes = content(Kind::Code, size, seed, &path.to_string_lossy());
        planter.file(&path, &bytes)?;
    }
    planter.finish()
}

/// A tree in which one file had other content before.
pub(super) fn one_before(source: &Path, root: &Path, seed: u64) -> Result<()> {
    let paths = copy(source, root)?;
    let mut random = Random::new(seed, "one before");
    let path = &paths[random.index(paths.len())];
    let mut bytes = fs::read(root.join(path))?;
    alter(&mut bytes, &mut random);
    let mut planter = Planter::older(root, seed);
    planter.file(path, &bytes)?;
    planter.finish()
}

/// Very many files of at most 16 bytes, every second one empty, a hundred in a directory.
pub(super) fn crumbs(root: &Path, files: usize, seed: u64) -> Result<()> {
    let mut planter = Planter::new(root, seed);
    for number in 0..files {
        let (outer, inner) = (number / 10_000, number / 100 % 100);
        let path = format!("{outer:03}/{inner:02}/crumb-{number:07}");
        let bytes = format!("{number}");
        let content = if number % 2 == 0 { "" } else { bytes.as_str() };
        planter.file(Path::new(&path), content.as_bytes())?;
    }
    planter.finish()
}

/// An export of records: 100 files.
pub(super) fn export(root: &Path, scale: Scale, seed: u64) -> Result<()> {
    let mut planter = Planter::new(root, seed);
    for number in 0..100 {
        let path = format!("export/part-{number:03}.json");
        let bytes = content(Kind::Json, scale.bytes(5_000_000), seed, &path);
        planter.file(Path::new(&path), &bytes)?;
    }
    planter.finish()
}

/// Copies a tree and gives the paths of its files.
fn copy(source: &Path, root: &Path) -> Result<Vec<PathBuf>> {
    restore(source, root)?;
    let manifest = Manifest::scan(root)?;
    let files = manifest
        .entries()
        .iter()
        .filter(|entry| matches!(entry.kind, tree::Kind::File(..)));
    Ok(files.map(|entry| entry.path.clone()).collect())
}

/// Overwrites a few lines' worth of bytes; the length may change as well.
fn alter(bytes: &mut Vec<u8>, random: &mut Random) {
    let len = bytes.len().min(100);
    let at = random.index(bytes.len() - len + 1);
    bytes[at..at + len].fill(b'#');
    if random.below(2) == 0 {
        bytes.extend_from_slice(b"\n// the end\n");
    }
}
