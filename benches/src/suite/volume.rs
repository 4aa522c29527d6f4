//! A file system of its own: for every run into an empty destination, or wherever one is asked for.
//!
//! ext4 does not take an inode again for some minutes after its file was removed, and looks at each
//! such inode whenever it makes a file: after a removal of many files, making files takes several
//! times as long. A run must not suffer from what was cleaned up before it.
//!
//! Other kinds can do what ext4 can not: on XFS and Btrfs files can share blocks.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;

use crate::tree::{Kind, Manifest};

const BLOCK_LEN: u64 = 4096;

/// A kind of file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FileSystem {
    /// Every block belongs to one file.
    Ext4,
    /// Made so that files can share blocks.
    Xfs,
    /// Files share blocks, and nothing is written where it was.
    Btrfs,
}

impl FileSystem {
    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ext4 => "ext4",
            Self::Xfs => "xfs",
            Self::Btrfs => "btrfs",
        }
    }

    /// Bytes beside trees: the journal, the least that the kind asks for, and what a tool writes
    /// for a moment.
    fn spare_len(self) -> u64 {
        match self {
            Self::Ext4 => 256 << 20,
            Self::Xfs => 512 << 20,
            Self::Btrfs => 1 << 30,
        }
    }

    /// What makes one in the file `image`, with room for so many files.
    fn maker(self, image: &Path, files: u64) -> Command {
        let mut command = Command::new(format!("mkfs.{}", self.name()));
        match self {
            Self::Ext4 => command
                .args(["-q", "-F", "-N", &files.to_string()])
                .args(["-E", "lazy_itable_init=0,lazy_journal_init=0"]),
            Self::Xfs => command.args(["-q", "-f", "-m", "reflink=1"]),
            Self::Btrfs => command.args(["-q", "-f"]),
        };
        command.arg(image);
        command
    }
}

/// A place where a new file system can be mounted, by the super-user, from an image in a file.
#[derive(Debug)]
pub(super) struct Volume {
    image: PathBuf,
    at: PathBuf,
    is_mounted: bool,
}

impl Volume {
    /// For `at`, an empty directory, with the image at `image`.
    pub(super) fn new(image: PathBuf, at: PathBuf) -> Self {
        Self {
            image,
            at,
            is_mounted: false,
        }
    }

    /// Mounts an empty file system with room for so many trees like `tree`, instead of the one
    /// before.
    ///
    /// # Errors
    /// If this process may not, or something that it takes is not there.
    pub(super) fn renew(&mut self, kind: FileSystem, tree: &Manifest, trees: u64) -> Result<()> {
        self.remove()?;
        let (mut len, mut files) = (kind.spare_len(), 0);
        for entry in tree.entries() {
            files += trees;
            len += trees
                * match entry.kind {
                    Kind::File(size, _) => size.next_multiple_of(BLOCK_LEN) + BLOCK_LEN,
                    _ => BLOCK_LEN,
                };
        }
        File::create(&self.image)?.set_len(len)?;
        run(&mut kind.maker(&self.image, files + 1000))?;
        run(Command::new("mount")
            .args(["-o", "loop"])
            .arg(&self.image)
            .arg(&self.at))?;
        self.is_mounted = true;
        match fs::remove_dir(self.at.join("lost+found")) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// True while there is a file system.
    pub(super) fn is_mounted(&self) -> bool {
        self.is_mounted
    }

    /// Takes the file system away with everything in it, if there is one.
    ///
    /// # Errors
    /// If it is in use.
    pub(super) fn remove(&mut self) -> Result<()> {
        if self.is_mounted {
            run(Command::new("umount").arg(&self.at))?;
            self.is_mounted = false;
        }
        match fs::remove_file(&self.image) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        // There is nobody to tell.
        let _ = self.remove();
    }
}

fn run(command: &mut Command) -> Result<()> {
    let program = command.get_program().display().to_string();
    let output = command.stdin(Stdio::null()).output();
    let output = output.with_context(|| program.clone())?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program}: {}", said.trim());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A volume of this kind for a tree with one file; nothing where none can be mounted.
    fn volume(kind: FileSystem, dir: &Path) -> Option<(Volume, Manifest)> {
        let (tree, at) = (dir.join("tree"), dir.join("at"));
        fs::create_dir_all(&at).unwrap();
        fs::create_dir_all(&tree).unwrap();
        fs::write(tree.join("file"), vec![1; 1 << 20]).unwrap();
        let manifest = Manifest::scan(&tree).unwrap();
        let mut volume = Volume::new(dir.join("image"), at);
        match volume.renew(kind, &manifest, 2) {
            Ok(()) => Some((volume, manifest)),
            Err(error) => {
                eprintln!("skipped: no {} can be mounted here: {error:#}", kind.name());
                None
            }
        }
    }

    #[test]
    fn every_file_system_is_empty_and_has_room() {
        for &kind in FileSystem::value_variants() {
            let dir = tempfile::tempdir().unwrap();
            let (tree, at) = (dir.path().join("tree"), dir.path().join("at"));
            let Some((mut volume, manifest)) = volume(kind, dir.path()) else {
                continue;
            };
            for _ in 0..2 {
                assert_eq!(fs::read_dir(&at).unwrap().count(), 0);
                fs::copy(tree.join("file"), at.join("one")).unwrap();
                fs::copy(tree.join("file"), at.join("two")).unwrap();
                volume.renew(kind, &manifest, 2).unwrap();
            }
            drop(volume);
            assert_eq!(fs::read_dir(&at).unwrap().count(), 0);
            assert!(!dir.path().join("image").exists());
        }
    }

    #[test]
    fn files_can_share_blocks_on_all_kinds_but_ext4() {
        for &kind in FileSystem::value_variants() {
            let dir = tempfile::tempdir().unwrap();
            let Some(_mounted) = volume(kind, dir.path()) else {
                continue;
            };
            let at = dir.path().join("at");
            fs::write(at.join("one"), vec![1; 1 << 20]).unwrap();
            let clone = run(Command::new("cp")
                .arg("--reflink=always")
                .args([at.join("one"), at.join("two")]));
            assert_eq!(clone.is_ok(), kind != FileSystem::Ext4, "{}", kind.name());
        }
    }
}
