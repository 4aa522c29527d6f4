//! Room for descriptors, and how many directories may be held open.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::process::{Resource, getrlimit, setrlimit};

/// So many a run may hold: its directories, and one or two files for each thread.
const MANY: u64 = 4096;
/// Part of a process's descriptors that directories may take which are held open to be there quickly.
const PART: u64 = 4;

/// Directories that this process holds open.
static OPEN: AtomicUsize = AtomicUsize::new(0);

/// Makes room for the descriptors of a run, as far as the process may have them. For a program's first
/// lines, before it has a second thread.
///
/// Many systems let a process have a few hundred, and more if it asks. Linux makes the table of descriptors
/// larger when it is full: if threads share it, whoever opens something then waits until every processor
/// has let go of the old one, which takes some 10 milliseconds (`expand_fdtable` in the kernel's
/// `fs/file.c`), for each of several steps. A table never becomes smaller.
pub fn expect_descriptors() {
    let mut limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(MANY, |most| most.min(MANY));
    if limit.current.is_some_and(|current| current < wanted) {
        limit.current = Some(wanted);
        // Without room everything is slower, not wrong.
        let _ = setrlimit(Resource::Nofile, limit);
    }
    #[cfg(target_os = "linux")]
    {
        // One descriptor at the table's end, closed at once.
        let last = allowed().saturating_sub(1) as i32;
        let _ = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stderr(), last);
    }
}

/// Descriptors that this process may have, at most [`MANY`].
fn allowed() -> u64 {
    let allowed = getrlimit(Resource::Nofile).current;
    allowed.map_or(MANY, |allowed| allowed.min(MANY))
}

/// Directories that may be held open only because they may be needed again.
pub(crate) fn most_held() -> usize {
    static MOST: OnceLock<usize> = OnceLock::new();
    *MOST.get_or_init(|| (allowed() / PART) as usize)
}

/// True while fewer directories are open than may be held only because they may be needed again.
pub(crate) fn may_hold_more() -> bool {
    OPEN.load(Ordering::Relaxed) < most_held()
}

/// Counts an open directory for as long as it is there.
#[derive(Debug)]
pub(super) struct Counted;

impl Counted {
    pub(super) fn new() -> Self {
        OPEN.fetch_add(1, Ordering::Relaxed);
        Self
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        OPEN.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::fs;

    use super::*;

    /// Room in the table of this process (`proc_pid_status(5)`).
    fn room() -> u64 {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let room = status.lines().find_map(|line| line.strip_prefix("FDSize:"));
        room.unwrap().trim().parse().unwrap()
    }

    #[test]
    fn there_is_room_before_anything_is_opened() {
        expect_descriptors();
        assert!(room() >= allowed(), "{} of {}", room(), allowed());
    }
}
