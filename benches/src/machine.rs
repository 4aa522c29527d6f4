//! What the measurements were made on and with.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;

use serde::{Deserialize, Serialize};

/// A machine, as far as it matters, and the tools on it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Machine {
    /// Number of processors.
    pub processors: usize,
    /// What kind they are.
    pub model: String,
    /// GiB of memory.
    pub memory_gib: u64,
    /// The kernel.
    pub kernel: String,
    /// File system of the trees.
    pub file_system: String,
    /// First lines of what the tools say about themselves.
    pub versions: Vec<String>,
}

impl Machine {
    /// This one. The trees are in `dir`.
    pub fn this(dir: &Path, ksyncd: &Path) -> Self {
        let info = read("/proc/cpuinfo");
        let memory = value(&read("/proc/meminfo"), "MemTotal");
        let kib: u64 = memory.trim_end_matches(" kB").parse().unwrap_or(0);
        let ksyncd = ksyncd.to_string_lossy();
        let versions = [
            said(&ksyncd, &["--version"]),
            said("rsync", &["--version"]),
            said("tar", &["--version"]),
            said("unison", &["-version"]),
        ];
        Self {
            processors: thread::available_parallelism().map_or(0, usize::from),
            model: value(&info, "model name"),
            memory_gib: (kib + (1 << 19)) >> 20,
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            file_system: said("stat", &["-f", "-c", "%T", &dir.to_string_lossy()]),
            versions: versions
                .into_iter()
                .filter(|line| !line.is_empty())
                .collect(),
        }
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn value(text: &str, key: &str) -> String {
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    let mut values = lines
        .filter(|(name, _)| name.trim() == key)
        .map(|(_, value)| value);
    values.next().unwrap_or_default().trim().to_owned()
}

/// The first line that a program writes; nothing if there is no such program.
fn said(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output();
    let text = output.map_or_else(|_| Vec::new(), |output| output.stdout);
    let text = String::from_utf8_lossy(&text).into_owned();
    let line = text.lines().next().unwrap_or_default();
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_their_name() {
        assert_eq!(value("a: 1\nmodel name\t: Fast\nb:2", "model name"), "Fast");
        assert_eq!(value("a: 1", "b"), "");
    }

    #[test]
    fn a_program_that_is_not_there_says_nothing() {
        assert_eq!(said("/no/such/program", &[]), "");
        assert_eq!(said("printf", &["one   two\nthree"]), "one two");
    }
}
