//! Who this process is, as far as that decides what it may do to a tree.

use std::fs;

use rustix::fs::Mode;
use rustix::process::{getegid, geteuid, getgroups, umask as replace_umask};

/// Permission bits of a umask.
const UMASK_BITS: u32 = 0o777;

/// True for the super-user.
pub fn is_superuser() -> bool {
    geteuid().is_root()
}

/// The groups the process is in, in no order; one may come twice.
pub fn own_groups() -> Vec<u32> {
    let mut groups: Vec<u32> = getgroups()
        .unwrap_or_default()
        .into_iter()
        .map(|group| group.as_raw())
        .collect();
    groups.push(getegid().as_raw());
    groups
}

/// The bits that new entries do not get.
pub fn umask() -> u32 {
    // Linux tells without a change (proc_pid_status(5)); elsewhere asking means setting. What
    // other threads create in between is private, not public.
    told_umask().unwrap_or_else(|| {
        let mask = replace_umask(Mode::RWXG | Mode::RWXO);
        replace_umask(mask);
        raw(mask) & UMASK_BITS
    })
}

// Modes are narrower on some platforms.
#[allow(clippy::useless_conversion)]
fn raw(mode: Mode) -> u32 {
    mode.as_raw_mode().into()
}

fn told_umask() -> Option<u32> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let value = status
        .lines()
        .find_map(|line| line.strip_prefix("Umask:"))?;
    u32::from_str_radix(value.trim(), 8)
        .ok()
        .map(|mask| mask & UMASK_BITS)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, OpenOptionsExt};

    use super::*;

    #[test]
    fn the_umask_is_what_a_new_file_does_not_get() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("file");
        fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o777)
            .open(&path)
            .unwrap();
        assert_eq!(
            fs::metadata(&path).unwrap().mode() & 0o777,
            0o777 & !umask()
        );
    }

    #[test]
    fn the_effective_group_is_one_of_the_groups() {
        assert!(own_groups().contains(&getegid().as_raw()));
    }
}
