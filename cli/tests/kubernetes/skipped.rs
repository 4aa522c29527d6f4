//! What can not be tested on this computer, and why.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where several minor versions of kubectl may be.
const KUBECTL: &str = "/usr/lib/google-cloud-sdk/bin";

/// Why none of this can be tested here.
pub(crate) fn missing() -> Option<&'static str> {
    // A build for checks only may have been told to bring no agent.
    let is_without_agent = option_env!("KSYNCD_AGENTS_DIR").is_some_and(|directory| {
        let agent = Path::new(directory)
            .join(std::env::consts::ARCH)
            .join("ksyncd-agent");
        !agent.is_file()
    });
    if is_without_agent {
        return Some("this build of ksyncd has no agent");
    }
    testkit::unavailable()
}

/// Where kubectl of this minor version would be.
pub(crate) fn kubectl(minor: u32) -> PathBuf {
    Path::new(KUBECTL).join(format!("kubectl.1.{minor}"))
}

/// Whether there is a kubectl to fall back to.
pub(crate) fn has_kubectl() -> bool {
    let version = Command::new("kubectl")
        .args(["version", "--client"])
        .output();
    let works = version.is_ok_and(|output| output.status.success());
    if !works {
        skip("there is no kubectl");
    }
    works
}

pub(crate) fn skip(reason: &str) {
    let _ = writeln!(std::io::stderr(), "skipped: {reason}");
}
