//! Letting a process use a part of a processor only, as a container's limit does.
//!
//! With a control group where this process may make one, else by stopping and continuing the
//! command's processes, as the kernel would, in periods of 100 ms.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::processes;

/// Length of a period: the default of Kubernetes.
const PERIOD: Duration = Duration::from_millis(100);
/// How often a stopped or running process is looked at.
const STEP: Duration = Duration::from_millis(5);

/// A limit that is in force.
#[derive(Debug)]
pub(crate) enum Limit {
    /// This process and its children are in a group of their own.
    Group {
        /// The group, a directory.
        group: PathBuf,
        /// The file by which a process gets back to where it was.
        home: PathBuf,
    },
    /// Somebody has to stop and continue the processes, so that they use this part.
    Stops(f64),
}

impl Limit {
    /// Limits this process and all that it starts from now on to `cpu` processors.
    ///
    /// # Errors
    /// If the number makes no sense.
    pub(crate) fn new(cpu: f64) -> Result<Self> {
        ensure!(
            (0.05..=64.0).contains(&cpu),
            "{cpu} is not a number of processors"
        );
        let name = format!("ksyncd-bench-{}", std::process::id());
        let quota = (PERIOD.as_micros() as f64 * cpu) as u64;
        let period = PERIOD.as_micros();
        let second = || {
            let root = Path::new("/sys/fs/cgroup");
            // It fails if it is so already, or for want of permission; then the next line fails.
            let _ = fs::write(root.join("cgroup.subtree_control"), "+cpu");
            let setting = [("cpu.max", format!("{quota} {period}"))];
            group(root, &name, &setting, &home(""))
        };
        let first = || {
            let root = Path::new("/sys/fs/cgroup/cpu");
            let setting = [
                ("cpu.cfs_period_us", period.to_string()),
                ("cpu.cfs_quota_us", quota.to_string()),
            ];
            group(root, &name, &setting, &home("cpu"))
        };
        Ok(second().or_else(first).unwrap_or(Self::Stops(cpu)))
    }

    /// Does what is left to do for a command that has been started.
    pub(crate) fn watch(&self, pid: u32) {
        if let &Self::Stops(cpu) = self {
            thread::spawn(move || stop_and_go(pid, cpu));
        }
    }

    /// Takes the limit away again.
    pub(crate) fn lift(self) {
        if let Self::Group { group, home } = self {
            // Nothing can be done about a group that remains; it is empty.
            let _ = fs::write(home, std::process::id().to_string());
            let _ = fs::remove_dir(group);
        }
    }
}

/// Makes a group with these settings and moves this process into it.
fn group(root: &Path, name: &str, settings: &[(&str, String)], home: &Path) -> Option<Limit> {
    let group = root.join(name);
    fs::create_dir(&group).ok()?;
    let enter = || {
        for (file, value) in settings {
            // A plain directory must not be taken for a group.
            if !group.join(file).exists() {
                return None;
            }
            fs::write(group.join(file), value).ok()?;
        }
        fs::write(group.join("cgroup.procs"), std::process::id().to_string()).ok()
    };
    match enter() {
        Some(()) => Some(Limit::Group {
            home: root.join(home).join("cgroup.procs"),
            group,
        }),
        None => {
            let _ = fs::remove_dir(&group);
            None
        }
    }
}

/// The group that this process is in, below the root of `controller`.
fn home(controller: &str) -> PathBuf {
    let text = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let path = text.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let named = parts.next()?.split(',').any(|name| name == controller);
        parts.next().filter(|_| named)
    });
    PathBuf::from(path.unwrap_or_default().trim_start_matches('/'))
}

fn stop_and_go(pid: u32, cpu: f64) {
    let quota = PERIOD.as_secs_f64() * cpu;
    let (mut left, mut seen, mut looked) = (quota, 0.0, Instant::now());
    let mut stopped = false;
    while let Some(used) = processes::cpu_of_tree(pid) {
        // As with the kernel's quota, what is not used in a period is lost.
        left = (left + looked.elapsed().as_secs_f64() * cpu).min(quota) - (used - seen);
        (seen, looked) = (used, Instant::now());
        let stop = left < 0.0;
        if stop != stopped {
            stopped = stop;
            let signal = if stop { Signal::STOP } else { Signal::CONT };
            for pid in processes::tree(pid, &|_| true) {
                let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
                // It may just have ended.
                let _ = pid.map(|pid| kill_process(pid, signal));
            }
        }
        thread::sleep(STEP);
    }
}
