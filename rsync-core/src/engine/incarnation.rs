//! Tells one life of a source from the next.

use crate::path::FileName;
use crate::root::Root;

/// Changes when the container restarts, the pod is another, or the root is another directory or
/// volume: a hash over the root's device and inode, the host's name and the start time of the
/// first process of this process's PID name space (proc(5), field 22 of `/proc/1/stat`).
pub(crate) fn of(root: &Root) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    if let Ok(identity) = root.identity() {
        hasher
            .update(&identity.device.to_le_bytes())
            .update(&identity.inode.to_le_bytes());
    }
    hasher.update(rustix::system::uname().nodename().to_bytes());
    hasher.update(&[0]);
    let stat = std::fs::read_to_string("/proc/1/stat").unwrap_or_default();
    // The second field is a name in parentheses that may hold spaces.
    let start = stat
        .rsplit(')')
        .next()
        .and_then(|rest| rest.split_whitespace().nth(19));
    hasher.update(start.unwrap_or_default().as_bytes());
    let mut incarnation = [0; 16];
    incarnation.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    incarnation
}

/// Tells whether a source of this computer is on the file system that it was on. A directory made
/// anew is none to be afraid of, as every second build makes its results anew; one whose volume is not
/// mounted, or another one, is.
pub(crate) fn of_own(root: &Root, only: Option<&FileName>) -> [u8; 16] {
    let below = only.and_then(|only| root.top().open_dir(only).ok());
    let identity = match below {
        Some(dir) => dir.identity(),
        None => root.identity(),
    };
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"file system ");
    if let Ok(identity) = identity {
        hasher.update(&identity.device.to_le_bytes());
    }
    let mut incarnation = [0; 16];
    incarnation.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    incarnation
}
