//! Which life of a source the user agreed to: deletions rest on it.

use std::io;
use std::path::Path;

use rsync_core::checksum::Digest;
use rsync_core::engine::Incarnation;

use super::{State, write_whole};

/// What is remembered of one source and one destination.
#[derive(Debug)]
pub(crate) struct Baseline {
    path: std::path::PathBuf,
}

impl Baseline {
    /// For a target, a path there, and a path here.
    pub(crate) fn of(state: &State, target: &str, source: &[u8], destination: &Path) -> Self {
        use std::os::unix::ffi::OsStrExt;
        let here = std::path::absolute(destination).unwrap_or_else(|_| destination.to_owned());
        let mut name = Vec::new();
        for part in [target.as_bytes(), source, here.as_os_str().as_bytes()] {
            name.extend_from_slice(&(part.len() as u64).to_le_bytes());
            name.extend_from_slice(part);
        }
        let digest = Digest::of(&name);
        Self {
            path: state.sources().join(digest.to_string()),
        }
    }

    /// The life of the source that was agreed to; nothing before the first run.
    pub(crate) fn agreed(&self) -> Option<Incarnation> {
        let text = std::fs::read_to_string(&self.path).ok()?;
        u128::from_str_radix(text.trim(), 16)
            .ok()
            .map(u128::to_be_bytes)
    }

    /// Agrees to a life of the source.
    pub(crate) fn agree(&self, incarnation: Incarnation) -> io::Result<()> {
        let text = format!("{:032x}\n", u128::from_be_bytes(incarnation));
        write_whole(&self.path, text.as_bytes())
    }
}
