//! A source, a destination and a state directory beside each other.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// An empty place.
pub(crate) struct Place {
    dir: TempDir,
    state: PathBuf,
}

impl Place {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("state");
        Self { dir, state }
    }

    /// A place whose state directory is on another file system, if there is one.
    pub(crate) fn with_state_elsewhere() -> Option<(Self, TempDir)> {
        use std::os::unix::fs::MetadataExt;
        let dir = tempfile::tempdir().unwrap();
        let elsewhere = TempDir::new_in("/dev/shm").ok()?;
        let device = |path: &Path| fs::metadata(path).unwrap().dev();
        if device(dir.path()) == device(elsewhere.path()) {
            return None;
        }
        let state = elsewhere.path().to_owned();
        Some((Self { dir, state }, elsewhere))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Runs a shell script here.
    pub(crate) fn shell(&self, script: &str) {
        let status = Command::new("sh")
            .args(["-euc", script])
            .current_dir(self.dir.path())
            .status();
        assert!(status.unwrap().success(), "{script}");
    }

    pub(crate) fn command(&self, args: &str) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("ksyncd"));
        command
            .current_dir(self.dir.path())
            .env_remove("RSYNC_RSH")
            .env("XDG_STATE_HOME", &self.state)
            .args(args.split_whitespace());
        command
    }

    /// Runs to the expected end.
    pub(crate) fn run(&self, args: &str, code: i32) -> Output {
        let output = self.command(args).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{args}: {output:?}");
        output
    }

    /// What rsync would have to do to make the one like the other, with everything that it knows.
    pub(crate) fn differences(&self, one: &str, other: &str) -> String {
        let output = Command::new("rsync")
            .args(["-aHAXnic", "--delete"])
            .arg(format!("{one}/"))
            .arg(format!("{other}/"))
            .current_dir(self.dir.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Takes the last run back, that undo, and that again: `d` is like `before`, like `after`, and
    /// like `before` again.
    pub(crate) fn there_and_back(&self, said: &str) {
        for want in ["before", "after", "before"] {
            self.run("undo", 0);
            assert_eq!(self.differences(want, "d"), "", "{said}: not as {want}");
        }
    }

    /// The remembered runs, the newest first.
    pub(crate) fn log(&self) -> Vec<serde_json::Value> {
        let output = self.run("log --json", 0);
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// A receipt that a run wrote here.
    pub(crate) fn receipt(&self, name: &str) -> serde_json::Value {
        serde_json::from_slice(&fs::read(self.path(name)).unwrap()).unwrap()
    }

    /// A remote shell for a host that is this one.
    pub(crate) fn remote_shell(&self) -> PathBuf {
        self.shell("printf '#!/bin/sh\\nshift\\nexec \"$@\"\\n' > rsh; chmod +x rsh");
        self.path("rsh")
    }

    /// Runs to success with an agent that is delivered; nothing, with a printed reason, if this
    /// build has none.
    pub(crate) fn run_with_agent(&self, args: &str) -> Option<Output> {
        let output = self.command(args).output().unwrap();
        if text(&output.stderr).contains("no agent") {
            eprintln!("skipped: this build has no agent to deliver");
            return None;
        }
        assert!(output.status.success(), "{args}: {output:?}");
        Some(output)
    }

    /// Everything below the state directory and beside the destination that holds old versions.
    pub(crate) fn kept_files(&self) -> usize {
        [&self.state, &self.path(".ksyncd.kept")]
            .map(|place| count(place))
            .iter()
            .sum()
    }
}

/// Numbered files below a directory.
fn count(dir: &Path) -> usize {
    let Ok(entries) = fs::read_dir(dir) else {
        return 0;
    };
    let entries = entries.map(Result::unwrap);
    entries
        .map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            let is_number = name.len() == 8 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
            if entry.file_type().unwrap().is_dir() {
                count(&entry.path())
            } else {
                usize::from(is_number)
            }
        })
        .sum()
}

/// True, with a printed reason, if a program that judges is missing.
pub(crate) fn lacks(tools: &[&str]) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let missing = tools
        .iter()
        .find(|tool| !std::env::split_paths(&path).any(|dir| dir.join(tool).is_file()));
    if let Some(tool) = missing {
        eprintln!("skipped: there is no {tool}");
    }
    missing.is_some()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
