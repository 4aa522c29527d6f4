//! What processes use: processor time and memory.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitCode, ExitStatus};

use anyhow::{Context, Result};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use serde::{Deserialize, Serialize};

/// What some processes have used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// Seconds of processor time, in the program and in the kernel.
    pub cpu: f64,
    /// Most memory that one of the processes had at a time, in bytes.
    pub peak: u64,
}

/// What this process has used.
pub fn own() -> Usage {
    usage(UsageWho::RUSAGE_SELF)
}

/// What all processes have used that this one started and that have ended, with all that these
/// started and waited for.
pub fn children() -> Usage {
    usage(UsageWho::RUSAGE_CHILDREN)
}

fn usage(who: UsageWho) -> Usage {
    getrusage(who).map_or_else(
        |_| Usage::default(),
        |usage| {
            let micros =
                usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
            Usage {
                cpu: micros as f64 / 1e6,
                peak: u64::try_from(usage.max_rss()).unwrap_or_default() * 1024,
            }
        },
    )
}

/// Writes a report as JSON.
///
/// # Errors
/// If the file can not be written.
pub fn write(path: &Path, report: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(report)?;
    std::fs::write(path, text).with_context(|| path.display().to_string())
}

/// The exit code to end with after a child ended with `status`, as a shell does it.
pub fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status
        .code()
        .or(status.signal().map(|signal| 128 + signal))
        .unwrap_or(1);
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}
