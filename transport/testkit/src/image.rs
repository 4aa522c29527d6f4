//! Root directories: what a container's image holds.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::Error;
use crate::pod::{Container, Image};

/// Directories that each root has, with their permissions.
const DIRECTORIES: [(&str, u32); 6] = [
    ("proc", 0o555),
    ("dev", 0o755),
    ("tmp", 0o1777),
    ("data", 0o755),
    ("etc", 0o755),
    ("root", 0o700),
];
/// Where a static busybox may be on this computer.
const BUSYBOX: [&str; 2] = ["/bin/busybox", "/usr/bin/busybox"];

/// Fills `root` with what the container's image holds. What is there already stays.
pub(crate) fn unpack(container: &Container, root: &Path) -> Result<(), Error> {
    let fail = |error| Error::Root {
        path: root.to_owned(),
        error,
    };
    match &container.image {
        Image::Busybox => {
            directories(root).map_err(fail)?;
            busybox(root).map_err(fail)?;
        }
        Image::Program(file) => {
            directories(root).map_err(fail)?;
            fs::copy(file, root.join("program")).map_err(fail)?;
        }
        Image::Directory(_) => {
            for name in ["proc", "dev"] {
                directory(&root.join(name), 0o755).map_err(fail)?;
            }
        }
    }
    for place in &container.writable {
        directory(&root.join(place.trim_start_matches('/')), 0o1777).map_err(fail)?;
    }
    Ok(())
}

/// The static busybox of this computer.
pub(crate) fn local_busybox() -> Option<PathBuf> {
    BUSYBOX.iter().map(PathBuf::from).find(|path| path.exists())
}

fn directories(root: &Path) -> io::Result<()> {
    DIRECTORIES
        .iter()
        .try_for_each(|(name, mode)| directory(&root.join(name), *mode))
}

fn directory(path: &Path, mode: u32) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(path)?;
    fs::set_permissions(path, Permissions::from_mode(mode))
}

fn busybox(root: &Path) -> io::Result<()> {
    let missing = || io::Error::other("busybox is not installed (Debian: busybox-static)");
    let local = local_busybox().ok_or_else(missing)?;
    let bin = root.join("bin");
    directory(&bin, 0o755)?;
    fs::copy(&local, bin.join("busybox"))?;
    let names = Command::new(&local).arg("--list").output()?.stdout;
    for name in String::from_utf8_lossy(&names).lines() {
        match symlink("busybox", bin.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
    }
    let users = "root:x:0:0:root:/root:/bin/sh\n";
    fs::write(root.join("etc/passwd"), users)?;
    fs::write(root.join("etc/group"), "root:x:0:\n")
}
