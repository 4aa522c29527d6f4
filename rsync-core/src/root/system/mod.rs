//! The seam between the room and the platform: what Linux does better, and its portable twin.
//!
//! Both files offer the same names. The portable one is also compiled for tests on Linux, where
//! the two are held against each other.

use std::ffi::CStr;

use rustix::fd::AsFd;
use rustix::fs::FileType;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(any(test, not(target_os = "linux")))]
#[cfg_attr(target_os = "linux", allow(dead_code))]
pub(super) mod portable;

#[cfg(target_os = "linux")]
pub(super) use linux::*;
#[cfg(not(target_os = "linux"))]
pub(super) use portable::*;

/// Takes the names of a directory; the type is [`FileType::Unknown`] where the file system does
/// not tell. `.` and `..` are left out.
pub(super) type EachName<'a> = dyn FnMut(&CStr, FileType) + 'a;

/// A descriptor for changing an entry's metadata.
pub(super) struct EntryFd {
    pub(super) fd: rustix::fd::OwnedFd,
    /// True if the descriptor stands for the entry without giving access (`O_PATH`): the entry
    /// is then reached through `/proc/self/fd`.
    pub(super) by_path: bool,
}

impl EntryFd {
    /// The path of the entry for calls that take one and follow it, if the descriptor is not enough.
    pub(super) fn magic_path(&self) -> Option<String> {
        self.by_path.then(|| path_of(self.fd.as_fd()))
    }
}

fn is_dot_name(name: &CStr) -> bool {
    matches!(name.to_bytes(), b"." | b"..")
}
