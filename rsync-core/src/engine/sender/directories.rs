//! The numbers given to listed directories, and the way back from number to directory.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::engine::connection::{ConnectionError, Outbox};
use crate::engine::handles::Handles;
use crate::entry::Entry;
use crate::path::RelPath;
use crate::root::{self, Dir, Root};
use crate::wire::message::{DirId, FromSender, Listing};

/// Directories listed so far.
pub(crate) struct Directories<'a> {
    paths: Mutex<Vec<RelPath>>,
    handles: Handles<'a>,
}

impl<'a> Directories<'a> {
    /// None is listed yet.
    pub(crate) fn new(root: &'a Root) -> Self {
        Self {
            paths: Mutex::new(Vec::new()),
            handles: Handles::new(root),
        }
    }

    /// Gives `listing` the next number and pushes it; remembers the directory if it is held open.
    /// Numbers reach the receiver in order.
    ///
    /// Gives the number, and the entries back.
    pub(crate) fn announce(
        &self,
        mut listing: Listing,
        dir: Option<&Arc<Dir>>,
        outbox: &Outbox<FromSender>,
    ) -> Result<(DirId, Vec<Entry>), ConnectionError> {
        let mut paths = self.lock();
        let id = DirId(u32::try_from(paths.len()).unwrap_or(u32::MAX));
        paths.push(listing.path.clone());
        if let Some(dir) = dir {
            self.handles.keep(&listing.path, dir);
        }
        listing.dir = id;
        Ok((id, push(listing, outbox)?))
    }

    /// Where the directory with this number is.
    pub(crate) fn path(&self, id: DirId) -> Option<RelPath> {
        self.lock().get(id.0 as usize).cloned()
    }

    /// The directory at `path`, held open.
    pub(crate) fn open(&self, path: &RelPath) -> Result<Arc<Dir>, root::Error> {
        self.handles.get(path)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<RelPath>> {
        self.paths.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Pushes (a part of) a listing, and gives its entries back.
pub(super) fn push(
    listing: Listing,
    outbox: &Outbox<FromSender>,
) -> Result<Vec<Entry>, ConnectionError> {
    let message = FromSender::Listing(listing);
    outbox.push(&message)?;
    Ok(match message {
        FromSender::Listing(listing) => listing.entries,
        _ => Vec::new(),
    })
}
