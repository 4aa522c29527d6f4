//! Keeps old versions that would be replaced or deleted (`--backup`).

use std::sync::Arc;

use crate::engine::receiver::content;
use crate::engine::receiver::shared::Shared;
use crate::entry::Entry;
use crate::options::{Attributes, Backup};
use crate::path::{FileName, RelPath};
use crate::root::{self, Dir, Metadata, XattrChange};

/// Moves what is at `path` to where backups go, if the run keeps backups and there is something
/// worth keeping. Directories are not kept themselves, what is in them is.
pub(super) fn keep(
    shared: &Shared<'_>,
    path: &RelPath,
    found: Option<&Entry>,
) -> Result<(), root::Error> {
    let Some((from, found, to, name)) = way(shared, path, found)? else {
        return Ok(());
    };
    if let Some(keeper) = shared.keeper() {
        keeper.rename(&from, &found.name, &to, &name);
    }
    from.rename(&found.name, &to, &name)
}

/// Copies the file at `path` to where backups go, if the run keeps backups: it is about to be
/// changed in place.
pub(super) fn keep_copy(
    shared: &Shared<'_>,
    path: &RelPath,
    found: Option<&Entry>,
) -> Result<(), root::Error> {
    let Some((from, found, to, name)) = way(shared, path, found)? else {
        return Ok(());
    };
    let old = from.open_file(&found.name)?;
    let mut copy = shared.stage(&to)?;
    copy.copy_from(&old, 0, 0, old.opened().size)?;
    copy.set_metadata(&metadata_of(found, &shared.options.attributes))?;
    content::announce(shared, &to, &name, &copy, true)?;
    copy.commit(&to, &name)
}

/// From where an old version goes and where to, under which name.
type Way<'e> = (Arc<Dir>, &'e Entry, Arc<Dir>, FileName);

fn way<'e>(
    shared: &Shared<'_>,
    path: &RelPath,
    found: Option<&'e Entry>,
) -> Result<Option<Way<'e>>, root::Error> {
    let (Some(backup), Some(found)) = (&shared.options.backup, found) else {
        return Ok(None);
    };
    let (Some(handles), Some(parent)) = (&shared.handles, path.parent()) else {
        return Ok(None);
    };
    if found.is_dir() {
        return Ok(None);
    }
    let from = handles.get(&parent)?;
    let name = backup_name(&found.name, backup)?;
    let to = match &backup.directory {
        None => Arc::clone(&from),
        Some(directory) => {
            let mut at = handles.get(&RelPath::root())?;
            for part in directory.components().chain(parent.components()) {
                at = Arc::new(open_or_create(shared, &at, part)?);
            }
            at
        }
    };
    Ok(Some((from, found, to, name)))
}

/// The metadata that an old version has.
fn metadata_of(found: &Entry, attributes: &Attributes) -> Metadata {
    let owner = found.owner.filter(|_| root::is_superuser());
    Metadata {
        mode: Some(found.mode),
        mtime: Some(found.mtime),
        uid: owner.map(|owner| owner.uid),
        gid: owner.map(|owner| owner.gid),
        xattrs: (attributes.acls || attributes.xattrs).then(|| XattrChange {
            desired: found.xattrs.clone(),
            acls: attributes.acls,
            xattrs: attributes.xattrs,
        }),
    }
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

fn open_or_create(shared: &Shared<'_>, dir: &Dir, name: &[u8]) -> Result<Dir, root::Error> {
    let name = backup_part(name)?;
    if let Some(keeper) = shared.keeper()
        && dir.stamp(&name)?.is_none()
    {
        keeper.make_dir(dir, &name);
    }
    match dir.create_dir(&name, 0o700) {
        Err(error) if !error.is_already_there() => Err(error),
        _ => dir.open_dir(&name),
    }
}
