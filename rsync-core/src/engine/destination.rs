//! Opening the destination of a run.

use std::path::Path;

use crate::engine::error::Error;
use crate::engine::source;
use crate::path::FileName;
use crate::root::Root;
use crate::wire::message::Source;

/// An opened destination.
pub(crate) struct Opened {
    /// The root; nothing where a dry run would make it.
    pub(crate) root: Option<Root>,
    /// The one entry of the root that takes part.
    pub(crate) only: Option<FileName>,
    /// Name that the source's single entry gets.
    pub(crate) renamed: Option<FileName>,
    /// The root was made for this run, or would be.
    pub(crate) created: bool,
}

/// Opens the destination at `path`, by rsync's rules (rsync(1), "USAGE"): an existing directory
/// takes the source, or its content; a missing one is made, unless the source is a single file,
/// which then gets that name.
pub(crate) fn open(path: &Path, source: &Source, dry_run: bool) -> Result<Opened, Error> {
    let unusable = |error| Error::DestinationUnusable {
        path: path.to_owned(),
        error,
    };
    let name = source.only_one.then(|| source.root.name.clone());
    let single_file = source.only_one && !source.root.is_dir();
    match std::fs::metadata(path) {
        Ok(found) if found.is_dir() => open_directory(path, name),
        Ok(_) if !single_file => Err(unusable(std::io::Error::from(
            std::io::ErrorKind::NotADirectory,
        ))),
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(unusable(error)),
        _ if single_file && !ends_with_slash(path) => open_for_file(path),
        _ if dry_run => Ok(Opened {
            root: None,
            only: name,
            renamed: None,
            created: true,
        }),
        _ => {
            let root =
                Root::open_or_create(path, 0o777).map_err(|error| unusable(error.into_io()))?;
            Ok(Opened {
                root: Some(root),
                only: name,
                renamed: None,
                created: true,
            })
        }
    }
}

/// Opens the destination at `path` before it is known what the source is, if that makes no
/// difference: an existing directory takes whatever `asked` means. Nothing is made.
pub(crate) fn open_existing(path: &Path, asked: &[u8]) -> Result<Option<Opened>, Error> {
    let only = if source::means_content(asked) {
        None
    } else {
        let name = asked.rsplit(|&byte| byte == b'/').next();
        let name = name.and_then(|name| FileName::new(name).ok());
        if name.is_none() {
            return Ok(None);
        }
        name
    };
    if !std::fs::metadata(path).is_ok_and(|found| found.is_dir()) {
        return Ok(None);
    }
    open_directory(path, only).map(Some)
}

fn open_directory(path: &Path, only: Option<FileName>) -> Result<Opened, Error> {
    let root = Root::open(path).map_err(|error| Error::DestinationUnusable {
        path: path.to_owned(),
        error: error.into_io(),
    })?;
    Ok(Opened {
        root: Some(root),
        only,
        renamed: None,
        created: false,
    })
}

fn open_for_file(path: &Path) -> Result<Opened, Error> {
    use std::os::unix::ffi::OsStrExt;
    let unusable = |error| Error::DestinationUnusable {
        path: path.to_owned(),
        error,
    };
    let name = path
        .file_name()
        .map(OsStrExt::as_bytes)
        .and_then(|name| FileName::new(name).ok());
    let name =
        name.ok_or_else(|| unusable(std::io::Error::from(std::io::ErrorKind::InvalidFilename)))?;
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let root = Root::open(parent).map_err(|error| unusable(error.into_io()))?;
    Ok(Opened {
        root: Some(root),
        only: Some(name.clone()),
        renamed: Some(name),
        created: false,
    })
}

fn ends_with_slash(path: &Path) -> bool {
    use std::os::unix::ffi::OsStrExt;
    path.as_os_str().as_bytes().ends_with(b"/")
}
