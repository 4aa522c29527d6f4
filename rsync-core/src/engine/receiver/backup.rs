//! Keeps old versions that would be replaced or deleted (`--backup`).

use crate::engine::receiver::shared::Shared;
use crate::entry::Entry;
use crate::options::Backup;
use crate::path::{FileName, RelPath};
use crate::root::{self, Dir};

/// Moves what is at `path` to where backups go, if the run keeps backups and there is something
/// worth keeping. Directories are not kept themselves, what is in them is.
pub(super) fn keep(
    shared: &Shared<'_>,
    path: &RelPath,
    found: Option<&Entry>,
) -> Result<(), root::Error> {
    let (Some(backup), Some(found)) = (&shared.options.backup, found) else {
        return Ok(());
    };
    let (Some(handles), Some(parent)) = (&shared.handles, path.parent()) else {
        return Ok(());
    };
    if found.is_dir() {
        return Ok(());
    }
    let from = handles.get(&parent)?;
    let name = backup_name(&found.name, backup)?;
    let to = match &backup.directory {
        None => std::sync::Arc::clone(&from),
        Some(directory) => {
            let mut at = handles.get(&RelPath::root())?;
            for part in directory.components().chain(parent.components()) {
                at = std::sync::Arc::new(open_or_create(&at, part)?);
            }
            at
        }
    };
    from.rename(&found.name, &to, &name)
}

fn backup_name(name: &FileName, backup: &Backup) -> Result<FileName, root::Error> {
    backup_part(&[name.as_bytes(), &backup.suffix].concat())
}

fn backup_part(name: &[u8]) -> Result<FileName, root::Error> {
    FileName::new(name).map_err(|_| root::Error {
        operation: "name the backup of",
        path: name.to_vec(),
        source: std::io::ErrorKind::InvalidFilename.into(),
    })
}

fn open_or_create(dir: &Dir, name: &[u8]) -> Result<Dir, root::Error> {
    let name = backup_part(name)?;
    match dir.create_dir(&name, 0o700) {
        Err(error) if !error.is_already_there() => Err(error),
        _ => dir.open_dir(&name),
    }
}
