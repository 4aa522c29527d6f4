//! Looking at running processes through `/proc`.

use std::fs;
use std::path::PathBuf;

/// Ticks in a second, in which `/proc` counts processor time on every Linux of today.
const TICKS: f64 = 100.0;

/// A process and all that descend from it, leaving out those, and their descendants, that are not
/// wanted.
pub(crate) fn tree(pid: u32, wanted: &dyn Fn(u32) -> bool) -> Vec<u32> {
    let mut found = Vec::new();
    let mut next = vec![pid];
    while let Some(pid) = next.pop() {
        if !wanted(pid) || found.contains(&pid) {
            continue;
        }
        found.push(pid);
        let tasks = fs::read_dir(format!("/proc/{pid}/task"))
            .into_iter()
            .flatten();
        for task in tasks.flatten() {
            let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
            next.extend(
                children
                    .split_whitespace()
                    .filter_map(|pid| pid.parse::<u32>().ok()),
            );
        }
    }
    found
}

/// Most memory that a process had at a time, in bytes.
pub(crate) fn peak(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim()
        .strip_suffix(" kB")?
        .parse::<u64>()
        .ok()
        .map(|kib| kib * 1024)
}

/// The program that a process executes.
pub(crate) fn program(pid: u32) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{pid}/exe")).ok()
}

/// Seconds that a process and all that descend from it have used. None if it has ended.
pub(crate) fn cpu_of_tree(pid: u32) -> Option<f64> {
    let used = cpu(pid)?;
    Some(
        used + tree(pid, &|_| true)
            .into_iter()
            .skip(1)
            .filter_map(cpu)
            .sum::<f64>(),
    )
}

/// Seconds that a process has used, with its children that have ended.
fn cpu(pid: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may hold anything, but is the last thing in parentheses.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace();
    if matches!(fields.next()?, "Z" | "X") {
        return None;
    }
    let ticks: u64 = fields
        .skip(10)
        .take(4)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    Some(ticks as f64 / TICKS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_and_a_program() {
        let pid = std::process::id();
        assert!(peak(pid).unwrap() > 100_000);
        assert_eq!(program(pid), std::env::current_exe().ok());
        assert!(cpu_of_tree(pid).is_some());
    }

    #[test]
    fn children_belong_to_the_tree_unless_they_are_not_wanted() {
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .unwrap();
        let (pid, own) = (child.id(), std::process::id());
        let all = tree(own, &|_| true);
        let some = tree(own, &|wanted| wanted != pid);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(all.contains(&own) && all.contains(&pid));
        assert!(some.contains(&own) && !some.contains(&pid));
        assert_eq!(cpu_of_tree(pid), None);
    }
}
