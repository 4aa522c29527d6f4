//! Opening the source of a run.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::engine::error::Error;
use crate::engine::incarnation;
use crate::options::Links;
use crate::path::FileName;
use crate::root::{Detail, Root};
use crate::wire::message::Source;

/// An opened source.
pub(crate) struct Opened {
    pub(crate) root: Root,
    /// The one entry of the root that takes part.
    pub(crate) only: Option<FileName>,
    /// What the receiver is told.
    pub(crate) source: Source,
}

/// True if `path` names the content of a directory and not the directory itself, which is what
/// a slash at the end means to rsync(1).
pub(crate) fn means_content(path: &[u8]) -> bool {
    path.ends_with(b"/") || matches!(path.rsplit(|&byte| byte == b'/').next(), Some(b"." | b".."))
}

/// Is `source` what the path that was `asked` for means? A sender does not get to choose.
pub(crate) fn check(asked: &[u8], source: &Source) -> Result<(), Error> {
    let name = asked.rsplit(|&byte| byte == b'/').next();
    let fits = if means_content(asked) {
        !source.only_one
    } else {
        source.only_one && name == Some(source.root.name.as_bytes())
    };
    if fits {
        Ok(())
    } else {
        Err(Error::Protocol(format!(
            "it sends {} where {} was asked for",
            source.root.name,
            crate::path::escape(asked)
        )))
    }
}

/// Opens the source at `path`.
pub(crate) fn open(path: &[u8], detail: &Detail, links: Links) -> Result<Opened, Error> {
    let whole = Path::new(OsStr::from_bytes(path));
    let unreadable = |error: crate::root::Error| {
        if error.is_not_found() {
            Error::SourceMissing {
                path: whole.to_owned(),
            }
        } else {
            Error::SourceUnreadable {
                path: whole.to_owned(),
                error: error.into_io(),
            }
        }
    };
    if means_content(path) {
        let root = Root::open(whole)
            .and_then(|root| root.following(links))
            .map_err(unreadable)?;
        let entry = root.top().own_entry(detail).map_err(unreadable)?;
        let incarnation = incarnation::of(&root);
        return Ok(Opened {
            root,
            only: None,
            source: Source {
                root: entry,
                incarnation,
                only_one: false,
            },
        });
    }
    let end = path.iter().rposition(|&byte| byte == b'/');
    let parent = match end {
        None => Path::new("."),
        Some(0) => Path::new("/"),
        Some(end) => Path::new(OsStr::from_bytes(&path[..end])),
    };
    let name =
        FileName::new(&path[end.map_or(0, |end| end + 1)..]).map_err(|_| Error::SourceMissing {
            path: whole.to_owned(),
        })?;
    let root = Root::open(parent)
        .and_then(|root| root.following(links))
        .map_err(unreadable)?;
    let entry = root.top().entry(&name, detail).map_err(unreadable)?;
    let entry = entry.ok_or_else(|| Error::SourceMissing {
        path: whole.to_owned(),
    })?;
    let incarnation = incarnation::of(&root);
    Ok(Opened {
        root,
        only: Some(name),
        source: Source {
            root: entry,
            incarnation,
            only_one: true,
        },
    })
}
