//! Trees whose files are large.

use std::fs;
use std::path::Path;

use anyhow::Result;

use super::Scale;
use super::plant::Planter;
use crate::content::{self, Kind, content};
use crate::random::Random;
use crate::tree::{self, Manifest, restore};

/// 2 GiB of files of all sizes from 4 KiB to 64 MiB; half of them shrink when compressed.
pub(super) fn mixed(root: &Path, scale: Scale, seed: u64) -> Result<()> {
    let mut random = Random::new(seed, "mixed");
    let mut planter = Planter::new(root, seed);
    let mut left = scale.bytes(2 << 30);
    let mut number = 0;
    while left > 0 {
        let most = (64u64 << 20).min(left as u64 / 4).max(8 << 10);
        let size = (random.log_uniform(4 << 10, most) as usize).min(left);
        let path = format!("data/{:02}/file-{number:05}", number % 20);
        let kind = [Kind::Noise, Kind::Code, Kind::Noise, Kind::Log][number % 4];
        planter.file(Path::new(&path), &content(kind, size, seed, &path))?;
        left -= size;
        number += 1;
    }
    planter.finish()
}

/// What [`mixed`] was before: an eighth of it (by bytes) was different in 512 pieces of 4 KiB.
pub(super) fn mixed_before(source: &Path, root: &Path, scale: Scale, seed: u64) -> Result<()> {
    const PIECE: usize = 4 << 10;
    restore(source, root)?;
    let manifest = Manifest::scan(root)?;
    let mut random = Random::new(seed, "mixed before");
    let mut planter = Planter::older(root, seed);
    let (part, pieces) = (scale.bytes(250_000_000), scale.count(512));
    let mut touched = 0;
    let mut candidates: Vec<_> = manifest
        .entries()
        .iter()
        .filter_map(|entry| match entry.kind {
            tree::Kind::File(len, _) => Some((&entry.path, len as usize)),
            _ => None,
        })
        .collect();
    while touched < part && !candidates.is_empty() {
        let (path, len) = candidates.swap_remove(random.index(candidates.len()));
        let mut bytes = fs::read(root.join(path))?;
        for _ in 0..(pieces * len).div_ceil(part) {
            let at = random.index(len.saturating_sub(PIECE).max(1));
            let end = (at + PIECE).min(len);
            random.fill(&mut bytes[at..end]);
        }
        planter.file(path, &bytes)?;
        touched += len;
    }
    planter.finish()
}

/// One image of a disk, 1 GiB (or `len`) that can not be compressed.
pub(super) fn image(root: &Path, len: usize, seed: u64) -> Result<()> {
    let mut planter = Planter::new(root, seed);
    planter.file(
        Path::new("disk.img"),
        &content(Kind::Noise, len, seed, "image"),
    )?;
    planter.finish()
}

/// What [`image`] was before: 100 places of 1 KiB were different, and three short pieces were not
/// yet there.
pub(super) fn image_before(source: &Path, root: &Path, seed: u64) -> Result<()> {
    let path = Path::new("disk.img");
    let mut bytes = fs::read(source.join(path))?;
    let mut random = Random::new(seed, "image before");
    for _ in 0..100 {
        let at = random.index(bytes.len() - 1024);
        random.fill(&mut bytes[at..at + 1024]);
    }
    for _ in 0..3 {
        let at = random.index(bytes.len() - 1024);
        let len = 1 + random.index(500);
        bytes.drain(at..at + len);
    }
    let mut planter = Planter::older(root, seed);
    planter.file(path, &bytes)?;
    planter.finish()
}

/// 1 GiB of pictures in one directory, a little beside it.
pub(super) fn album(root: &Path, scale: Scale, seed: u64) -> Result<()> {
    let mut planter = Planter::new(root, seed);
    for number in 0..1000 {
        let path = format!("pictures/sorted/{:02}/picture-{number:04}.raw", number % 16);
        let len = scale.bytes((1 << 20) + (number * 97) % 5000);
        planter.file(Path::new(&path), &content(Kind::Noise, len, seed, &path))?;
    }
    let text = content(Kind::Code, 10_000, seed, "beside");
    planter.file(Path::new("pictures/index.txt"), &text)?;
    planter.finish()
}

/// What [`album`] was before: its directory had another name.
pub(super) fn album_before(source: &Path, root: &Path, seed: u64) -> Result<()> {
    restore(source, root)?;
    let mut planter = Planter::older(root, seed);
    planter.rename(Path::new("pictures/sorted"), Path::new("pictures/unsorted"))?;
    planter.finish()
}

/// A log of 512 MiB.
pub(super) fn log(root: &Path, scale: Scale, seed: u64) -> Result<()> {
    let mut planter = Planter::new(root, seed);
    let bytes = content(Kind::Log, scale.bytes(512 << 20), seed, "log");
    planter.file(Path::new("access.log"), &bytes)?;
    planter.finish()
}

/// What [`log`] was before: 4 MiB shorter.
pub(super) fn log_before(source: &Path, root: &Path, scale: Scale, seed: u64) -> Result<()> {
    let mut bytes = fs::read(source.join("access.log"))?;
    bytes.truncate(bytes.len() - scale.bytes(4 << 20));
    let mut planter = Planter::older(root, seed);
    planter.file(Path::new("access.log"), &bytes)?;
    planter.finish()
}

/// What tempts a delta into work that grows with the square of the length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Awkward {
    /// Nothing: noise, that all others are compared with.
    Noise,
    /// One block again and again.
    Repeated,
    /// Two blocks in turn.
    Alternating,
    /// Blocks that all have one weak sum.
    Colliding,
}

/// One file of 1 GiB.
pub(super) fn awkward(root: &Path, kind: Awkward, scale: Scale, seed: u64) -> Result<()> {
    let mut planter = Planter::new(root, seed);
    let bytes = awkward_bytes(kind, scale.bytes(1 << 30), seed, "after");
    planter.file(Path::new("file"), &bytes)?;
    planter.finish()
}

/// The same kind of file, so that nothing lies where it lay.
pub(super) fn awkward_before(root: &Path, kind: Awkward, scale: Scale, seed: u64) -> Result<()> {
    let mut planter = Planter::older(root, seed);
    let mut bytes = awkward_bytes(kind, scale.bytes(1 << 30), seed, "before");
    bytes.insert(0, b'x');
    planter.file(Path::new("file"), &bytes)?;
    planter.finish()
}

fn awkward_bytes(kind: Awkward, len: usize, seed: u64, when: &str) -> Vec<u8> {
    const BLOCK: usize = 32 << 10;
    let blocks = |count| content(Kind::Noise, count * BLOCK, seed, "block");
    match kind {
        Awkward::Noise => content(Kind::Noise, len, seed, when),
        Awkward::Repeated => content::repeated(&blocks(1), len),
        Awkward::Alternating => content::repeated(&blocks(2), len),
        Awkward::Colliding => content::colliding(len, seed, when),
    }
}
