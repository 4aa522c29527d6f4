//! How much memory the processes of a run need.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

/// Runs a command to its end, which has to be a success. The most memory, in bytes, that each of
/// its processes that is the program or the agent held at once, as Linux tells.
pub(crate) fn peaks_of(mut command: Command) -> Vec<u64> {
    let mut run = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut peaks: BTreeMap<u32, u64> = BTreeMap::new();
    loop {
        for pid in with_descendants(run.id()) {
            if let Some(peak) = peak_of(pid) {
                peaks.insert(pid, peak);
            }
        }
        match run.try_wait().unwrap() {
            None => thread::sleep(Duration::from_millis(2)),
            Some(status) => {
                assert!(status.success(), "{status}");
                return peaks.into_values().collect();
            }
        }
    }
}

fn with_descendants(pid: u32) -> Vec<u32> {
    let mut found = vec![pid];
    let mut next = 0;
    while let Some(&pid) = found.get(next) {
        next += 1;
        let tasks = fs::read_dir(format!("/proc/{pid}/task"));
        for task in tasks.into_iter().flatten().flatten() {
            let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
            found.extend(
                children
                    .split(' ')
                    .filter_map(|pid| pid.parse::<u32>().ok()),
            );
        }
    }
    found
}

/// `VmHWM` of a process of this project (proc(5)).
fn peak_of(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let value = |key: &str| {
        status
            .lines()
            .find_map(|line| line.strip_prefix(key))
            .map(str::trim)
    };
    if !value("Name:")?.starts_with("ksyncd") {
        return None;
    }
    let kibibytes: u64 = value("VmHWM:")?.strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes << 10)
}
