//! Room for descriptors.

/// So many a run may hold: its directories, and one or two files for each thread.
#[cfg(target_os = "linux")]
const MANY: u32 = 4096;

/// Makes room for the descriptors of a run, as far as the process may have them. For a program's first
/// lines, before it has a second thread.
///
/// Linux makes the table of descriptors larger when it is full. If threads share it, whoever opens
/// something then waits until every processor has let go of the old one, which takes some 10
/// milliseconds (`expand_fdtable` in the kernel's `fs/file.c`), for each of several steps. A table never
/// becomes smaller.
pub fn expect_descriptors() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Resource, getrlimit};

        let allowed = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        let most = allowed.min(MANY.into()).saturating_sub(1) as i32;
        // One descriptor at the table's end, closed at once. Without room everything is slower, not wrong.
        let _ = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stderr(), most);
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::fs;

    use super::*;

    /// Room in the table of this process (`proc_pid_status(5)`).
    fn room() -> u32 {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let room = status.lines().find_map(|line| line.strip_prefix("FDSize:"));
        room.unwrap().trim().parse().unwrap()
    }

    #[test]
    fn there_is_room_before_anything_is_opened() {
        expect_descriptors();
        let allowed = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        let expected = allowed.map_or(MANY, |allowed| MANY.min(allowed as u32));
        assert!(room() >= expected, "{} of {expected}", room());
    }
}
