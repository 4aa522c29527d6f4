//! Directories kept open, so that no path is walked twice for neighbours.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::path::RelPath;
use crate::root::{self, Dir, Root};

/// Most directories kept open at a time; fewer where the process may not have many descriptors.
const MAX_OPEN: usize = 256;

/// Opens directories beneath one root and keeps the latest open.
pub(crate) struct Handles<'a> {
    root: &'a Root,
    open: Mutex<HashMap<RelPath, Arc<Dir>>>,
}

impl<'a> Handles<'a> {
    /// Nothing is open yet.
    pub(crate) fn new(root: &'a Root) -> Self {
        Self {
            root,
            open: Mutex::new(HashMap::new()),
        }
    }

    /// The directory at `path`, which no link leads to.
    pub(crate) fn get(&self, path: &RelPath) -> Result<Arc<Dir>, root::Error> {
        if let Some(dir) = self.lock().get(path) {
            return Ok(Arc::clone(dir));
        }
        let dir = Arc::new(self.root.top().open_beneath(path)?);
        self.keep(path, &dir);
        Ok(dir)
    }

    /// Remembers an open directory.
    pub(crate) fn keep(&self, path: &RelPath, dir: &Arc<Dir>) {
        let mut open = self.lock();
        if open.len() >= MAX_OPEN.min(root::most_held() / 2) {
            open.clear();
        }
        open.insert(path.clone(), Arc::clone(dir));
    }

    /// Forgets everything at and below `path`, which is about to be moved or removed.
    pub(crate) fn forget(&self, path: &RelPath) {
        self.lock().retain(|kept, _| !kept.starts_with(path));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<RelPath, Arc<Dir>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
