//! Making a tree like another one again, by copying only what is not.

use std::collections::HashMap;
use std::fs::{self, File, FileTimes, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};

use super::{Entry, Kind, Manifest};

/// Makes `to` like `from`, trusting that what has the same size, mode and time is the same.
///
/// # Errors
/// If something can not be read or written.
pub fn restore(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| to.display().to_string())?;
    let (wanted, found) = (Manifest::scan(from)?, Manifest::scan(to)?);
    let there: HashMap<&Path, &Entry> = (found.0.iter().map(|e| (e.path.as_path(), e))).collect();
    let keep: HashMap<&Path, &Entry> = (wanted.0.iter().map(|e| (e.path.as_path(), e))).collect();
    for entry in found.0.iter().rev() {
        let same_kind = keep.get(entry.path.as_path()).is_some_and(|wanted| {
            matches!(
                (&wanted.kind, &entry.kind),
                (Kind::Directory, Kind::Directory) | (Kind::File(..), Kind::File(..))
            ) || wanted.kind == entry.kind
        });
        if !same_kind {
            let path = to.join(&entry.path);
            let gone = match entry.kind {
                Kind::Directory => fs::remove_dir(&path),
                _ => fs::remove_file(&path),
            };
            gone.with_context(|| path.display().to_string())?;
        }
    }
    for entry in &wanted.0 {
        if there.get(entry.path.as_path()) != Some(&entry) {
            let (source, path) = (from.join(&entry.path), to.join(&entry.path));
            make(entry, &source, &path).with_context(|| path.display().to_string())?;
        }
    }
    for entry in wanted
        .0
        .iter()
        .rev()
        .filter(|entry| entry.kind == Kind::Directory)
    {
        let path = to.join(&entry.path);
        date(&path, entry).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

/// Empties `dir`, making it if it is not there.
///
/// # Errors
/// If it can not be emptied or made.
pub fn clear(dir: &Path) -> Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => fs::create_dir_all(dir),
    }
    .with_context(|| dir.display().to_string())
}

fn make(entry: &Entry, source: &Path, path: &Path) -> Result<()> {
    match &entry.kind {
        Kind::Directory => match fs::create_dir(path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error.into()),
            _ => fs::set_permissions(path, Permissions::from_mode(entry.mode))?,
        },
        Kind::File(..) => {
            // A new file, so that nothing of an old one's shape on the disk remains.
            match fs::remove_file(path) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
                _ => fs::copy(source, path)?,
            };
            fs::set_permissions(path, Permissions::from_mode(entry.mode))?;
            date(path, entry)?;
        }
        Kind::Link(target) => {
            match fs::remove_file(path) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
                _ => symlink(target, path)?,
            }
            let time = Timespec {
                tv_sec: entry.modified.0,
                tv_nsec: entry.modified.1,
            };
            let times = Timestamps {
                last_access: time,
                last_modification: time,
            };
            utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW)?;
        }
        Kind::Other => anyhow::bail!("not a file, directory or link"),
    }
    Ok(())
}

fn date(path: &Path, entry: &Entry) -> Result<()> {
    let (secs, nanos) = entry.modified;
    let time = time(secs, nanos);
    File::open(path)?.set_times(FileTimes::new().set_accessed(time).set_modified(time))?;
    Ok(())
}

fn time(secs: i64, nanos: i64) -> SystemTime {
    // Trees that are made here have times after 1970.
    UNIX_EPOCH + Duration::new(secs.max(0).unsigned_abs(), nanos.unsigned_abs() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::{Precision, differences};

    #[test]
    fn whatever_happened_to_a_tree_it_is_as_before_again() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        fs::create_dir_all(from.join("d/e")).unwrap();
        fs::write(from.join("d/e/file"), "one").unwrap();
        fs::write(from.join("d/other"), "two").unwrap();
        symlink("d/other", from.join("link")).unwrap();
        restore(&from, &to).unwrap();
        let before = Manifest::read(&from).unwrap();
        assert_eq!(before, Manifest::read(&to).unwrap());

        fs::remove_dir_all(to.join("d/e")).unwrap();
        fs::write(to.join("d/e"), "a file where a directory was").unwrap();
        fs::write(to.join("d/other"), "changed").unwrap();
        fs::set_permissions(to.join("d/other"), Permissions::from_mode(0o600)).unwrap();
        fs::remove_file(to.join("link")).unwrap();
        fs::create_dir(to.join("link")).unwrap();
        fs::write(to.join("link/new"), "too much").unwrap();
        restore(&from, &to).unwrap();
        let after = Manifest::read(&to).unwrap();
        assert_eq!(
            differences(&before, &after, Precision::Nanoseconds),
            Vec::<String>::new()
        );
    }
}
