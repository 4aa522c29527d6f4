//! One measured run of one tool.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, WaitOptions, kill_process_group, waitpgid};
use serde::{Deserialize, Serialize};

use crate::link::Report;
use crate::processes;
use crate::usage::{self, Usage};

/// How often memory is looked at. What is missed is what grows in the last moment.
const LOOK: Duration = Duration::from_millis(10);
/// How long a tool's processes may go on after it has ended.
const LAST_MOMENTS: Duration = Duration::from_secs(3);
/// Bytes of a tool's complaints that are kept.
const TAIL_LEN: u64 = 400;

/// What a run took.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Seconds from start to end.
    pub wall: f64,
    /// At this end, without the link.
    pub near: Usage,
    /// At the other end.
    pub far: Option<Usage>,
    /// Bytes sent, bytes received and round trips, where there was a link.
    pub wire: Option<Wire>,
}

/// What passed a link.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Wire {
    /// Bytes to the far end.
    pub up: u64,
    /// Bytes from there.
    pub down: u64,
    /// Round trips.
    pub exchanges: u64,
}

/// Where the link and the meter leave their reports.
#[derive(Debug)]
pub(crate) struct Reports {
    /// The link's.
    pub(crate) link: PathBuf,
    /// The meter's, at the far end.
    pub(crate) meter: PathBuf,
    /// What the tool complains about.
    pub(crate) said: PathBuf,
    /// Whether what runs at the far end descends from the link.
    pub(crate) far_is_here: bool,
}

/// Runs a command to its end.
///
/// # Errors
/// If it can not be started, fails, or takes longer than `patience`.
pub(crate) fn run(mut command: Command, reports: &Reports, patience: Duration) -> Result<Sample> {
    use std::os::unix::process::CommandExt;
    for path in [&reports.link, &reports.meter] {
        // It is there only after an earlier run.
        let _ = fs::remove_file(path);
    }
    let before = usage::children();
    let start = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(&reports.said)?)
        .process_group(0)
        .spawn()
        .with_context(|| command.get_program().display().to_string())?;
    let pid = child.id();
    let (end, ended) = channel();
    let peak = AtomicU64::new(0);
    let status = thread::scope(|scope| {
        let (peak, deadline) = (&peak, start + patience);
        scope.spawn(move || watch(pid, peak, &ended, deadline));
        let status = child.wait();
        let wall = start.elapsed();
        // The watcher is gone already if it lost its patience.
        let _ = end.send(());
        status.map(|status| (status, wall))
    });
    let (status, wall) = status?;
    end_group(&child);
    if wall >= patience {
        bail!("it was stopped after {} s", patience.as_secs());
    }
    if !status.success() {
        bail!("{status}: {}", last_words(&reports.said));
    }
    let used = usage::children().cpu - before.cpu;
    let report: Option<Report> = read(&reports.link);
    let far: Option<Usage> = read(&reports.meter);
    let link = report.as_ref().map_or(0.0, |report| {
        let children = if reports.far_is_here {
            report.children.cpu
        } else {
            0.0
        };
        report.link.cpu + children
    });
    Ok(Sample {
        wall: wall.as_secs_f64(),
        near: Usage {
            cpu: (used - link).max(0.0),
            peak: peak.into_inner(),
        },
        far,
        wire: report.map(|report| Wire {
            up: report.up,
            down: report.down,
            exchanges: report.exchanges,
        }),
    })
}

/// Looks at the memory of the tool's processes until it has ended, and ends it at the deadline.
fn watch(pid: u32, peak: &AtomicU64, ended: &Receiver<()>, deadline: Instant) {
    let own = std::env::current_exe().ok();
    // The link and what runs behind it is not this end.
    let near = |pid| processes::program(pid).is_some_and(|program| Some(program) != own);
    loop {
        let most = processes::tree(pid, &near)
            .into_iter()
            .filter_map(processes::peak)
            .max();
        peak.fetch_max(most.unwrap_or(0), Ordering::Relaxed);
        if ended.recv_timeout(LOOK) != Err(RecvTimeoutError::Timeout) {
            return;
        }
        if Instant::now() >= deadline {
            kill_group(pid);
            return;
        }
    }
}

/// Waits for what a tool left running, and ends it if that takes long.
fn end_group(child: &Child) {
    let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) else {
        return;
    };
    let deadline = Instant::now() + LAST_MOMENTS;
    // Orphans become children of this process, if it asked for them.
    while waitpgid(group, WaitOptions::NOHANG).is_ok() {
        if Instant::now() >= deadline {
            kill_group(child.id());
        }
        thread::sleep(Duration::from_millis(2));
    }
}

fn kill_group(pid: u32) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // Usually there is no such group any more.
        let _ = kill_process_group(pid, Signal::KILL);
    }
}

fn read<T: for<'a> Deserialize<'a>>(path: &Path) -> Option<T> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

fn last_words(path: &Path) -> String {
    let tail = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let len = file.metadata()?.len();
        file.seek(SeekFrom::Start(len.saturating_sub(TAIL_LEN)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let text = String::from_utf8_lossy(&tail().unwrap_or_default()).into_owned();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, patience: Duration) -> Result<Sample> {
        let dir = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let reports = Reports {
            link: dir.path().join("link"),
            meter: dir.path().join("meter"),
            said: dir.path().join("said"),
            far_is_here: true,
        };
        run(command, &reports, patience)
    }

    #[test]
    fn a_command_that_fails_is_quoted() {
        let error = shell("echo no such thing >&2; exit 3", Duration::from_secs(60)).unwrap_err();
        assert_eq!(error.to_string(), "exit status: 3: no such thing");
    }

    #[test]
    fn a_command_that_does_not_end_is_stopped() {
        let error = shell("sleep 600", Duration::from_millis(50)).unwrap_err();
        assert!(
            error.to_string().starts_with("it was stopped after"),
            "{error}"
        );
    }

    #[test]
    fn a_command_has_a_time_and_memory() {
        let sample = shell("sleep 0.1", Duration::from_secs(60)).unwrap();
        assert!(sample.wall >= 0.1);
        assert!(sample.near.peak > 0);
        assert_eq!(sample.wire, None);
    }
}
