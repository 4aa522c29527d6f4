//! A file system of its own for every run into an empty destination.
//!
//! ext4 does not take an inode again for some minutes after its file was removed, and looks at each
//! such inode whenever it makes a file: after a removal of many files, making files takes several
//! times as long. A run must not suffer from what was cleaned up before it.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::tree::{Kind, Manifest};

/// Room beside a tree: the journal, and what a tool writes for a moment.
const SPARE_LEN: u64 = 256 << 20;
const BLOCK_LEN: u64 = 4096;

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

    /// Mounts an empty file system with room for two trees like `tree`, instead of the one before.
    ///
    /// # Errors
    /// If this process may not, or something that it takes is not there.
    pub(super) fn renew(&mut self, tree: &Manifest) -> Result<()> {
        self.remove()?;
        let (mut len, mut files) = (SPARE_LEN, 0u64);
        for entry in tree.entries() {
            files += 2;
            len += 2 * match entry.kind {
                Kind::File(size, _) => size.next_multiple_of(BLOCK_LEN) + BLOCK_LEN,
                _ => BLOCK_LEN,
            };
        }
        File::create(&self.image)?.set_len(len)?;
        let image = self.image.as_os_str();
        run(Command::new("mkfs.ext4")
            .args(["-q", "-F", "-N", &(files + 1000).to_string()])
            .args(["-E", "lazy_itable_init=0,lazy_journal_init=0"])
            .arg(image))?;
        run(Command::new("mount")
            .args(["-o", "loop"])
            .arg(image)
            .arg(&self.at))?;
        self.is_mounted = true;
        fs::remove_dir(self.at.join("lost+found"))?;
        Ok(())
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

    #[test]
    fn every_file_system_is_empty_and_has_room() {
        let dir = tempfile::tempdir().unwrap();
        let (tree, at) = (dir.path().join("tree"), dir.path().join("at"));
        fs::create_dir_all(&at).unwrap();
        fs::create_dir_all(&tree).unwrap();
        fs::write(tree.join("file"), vec![1; 1 << 20]).unwrap();
        let manifest = Manifest::scan(&tree).unwrap();
        let mut volume = Volume::new(dir.path().join("image"), at.clone());
        if let Err(error) = volume.renew(&manifest) {
            eprintln!("skipped: no file system can be mounted here: {error:#}");
            return;
        }
        for _ in 0..2 {
            assert_eq!(fs::read_dir(&at).unwrap().count(), 0);
            fs::copy(tree.join("file"), at.join("one")).unwrap();
            fs::copy(tree.join("file"), at.join("two")).unwrap();
            volume.renew(&manifest).unwrap();
        }
        drop(volume);
        assert_eq!(fs::read_dir(&at).unwrap().count(), 0);
        assert!(!dir.path().join("image").exists());
    }
}
