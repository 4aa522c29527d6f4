//! The directory in which something is going to be done.

use std::sync::Arc;

use crate::engine::receiver::shared::Shared;
use crate::path::RelPath;
use crate::root::{self, Dir};

/// A directory of the destination that something waits for: held open while there are descriptors to
/// spare, opened again where there were none.
///
/// Files that are to come may be in as many directories as there are files, and wait until the listing is
/// complete.
#[derive(Debug, Clone)]
pub(super) enum Parent {
    Open(Arc<Dir>),
    Closed(RelPath),
}

impl Parent {
    /// For something that is going to be done in `dir`.
    pub(super) fn of(dir: &Arc<Dir>) -> Self {
        if root::may_hold_more() {
            Self::Open(Arc::clone(dir))
        } else {
            Self::Closed(dir.path().clone())
        }
    }

    /// The directory, open.
    ///
    /// # Errors
    /// It is not there any more, or can not be opened.
    pub(super) fn open(&self, shared: &Shared<'_>) -> Result<Arc<Dir>, root::Error> {
        match (self, &shared.handles) {
            (Self::Open(dir), _) => Ok(Arc::clone(dir)),
            (Self::Closed(path), Some(handles)) => handles.get(path),
            (Self::Closed(path), None) => Err(root::Error {
                operation: "open",
                path: path.as_bytes().to_vec(),
                source: std::io::ErrorKind::NotFound.into(),
            }),
        }
    }
}
