//! A root file system for the far end, and agents that are shell scripts.

// Each test file uses a part of this, which is test code itself.
#![allow(dead_code, clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

use std::borrow::Cow;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rsync_core::checksum::Digest;
use tempfile::TempDir;
use transport::agents::{Agents, Offer};
use transport::{Error, Reached, Target, Timeouts, reach};

/// An agent that says `hello` and where it works, then echoes its input. Its digest is made up,
/// and it says so itself when it is probed: a script can not hold its own.
pub(crate) struct ScriptedAgent {
    digest: Digest,
    image: Vec<u8>,
    /// As it is announced.
    len: u64,
    /// How often it was asked for.
    pub(crate) deliveries: AtomicUsize,
}

impl ScriptedAgent {
    pub(crate) fn new(number: u8) -> Arc<Self> {
        Self::not_executable_below(number, "/nonexistent")
    }

    /// One that a security policy keeps from being executed below a directory.
    pub(crate) fn not_executable_below(number: u8, directory: &str) -> Arc<Self> {
        let digest = Digest::from([number; 32]);
        let script = format!(
            "#!/bin/sh\n\
             case $PWD in {directory}*) exit 126 ;; esac\n\
             case $1 in\n\
             --probe) echo {digest} 0.1.0; exit ;;\n\
             esac\n\
             shift\n\
             if [ -x /bin/busybox ]; then box=/bin/busybox; fi\n\
             if [ \"$1\" = --once ]; then shift; $box rm \"$0\"; $box rmdir \"$PWD\"; fi\n\
             [ \"$1\" = --timeout=60 ] || exit 9\n\
             cd \"$2\"\n\
             echo \"hello from $PWD${{KSYNCD_OPENING:+, told $KSYNCD_OPENING}}\"\n\
             exec $box cat\n"
        );
        // More than a pipe holds, so that tools have something to over-read.
        let filler = "# filler\n".repeat(40_000);
        let image = (script + &filler).into_bytes();
        Arc::new(Self {
            digest,
            len: image.len() as u64,
            image,
            deliveries: AtomicUsize::new(0),
        })
    }

    /// One of which no more than the first half is ever sent.
    pub(crate) fn of_which_half_arrives(number: u8) -> Arc<Self> {
        let whole = Self::new(number);
        let half = whole.image[..whole.image.len() / 2].to_vec();
        Arc::new(Self {
            digest: whole.digest,
            len: whole.len,
            image: half,
            deliveries: AtomicUsize::new(0),
        })
    }

    pub(crate) fn deliveries(&self) -> usize {
        self.deliveries.load(Ordering::Relaxed)
    }

    pub(crate) fn file_name(&self) -> String {
        format!("ksyncd-agent-{}", self.digest)
    }
}

impl Agents for ScriptedAgent {
    fn offers(&self) -> Vec<Offer> {
        let machine = std::env::consts::ARCH.to_owned();
        vec![Offer {
            machine,
            digest: self.digest,
            len: self.len,
        }]
    }

    fn image(&self, _: &str) -> io::Result<Cow<'_, [u8]>> {
        self.deliveries.fetch_add(1, Ordering::Relaxed);
        Ok(Cow::Borrowed(&self.image))
    }
}

/// Reaches the far end of the command `words`.
pub(crate) fn reach_by(words: &[&str], agent: &Arc<ScriptedAgent>) -> Result<Reached, Error> {
    reach_saying(b"", words, agent)
}

/// The same, with something to be said to the agent first.
pub(crate) fn reach_saying(
    opening: &[u8],
    words: &[&str],
    agent: &Arc<ScriptedAgent>,
) -> Result<Reached, Error> {
    let command = words.iter().map(OsString::from).collect();
    let target = Target::RemoteShell {
        command,
        host: None,
    };
    reach(
        &target,
        Arc::clone(agent) as Arc<dyn Agents>,
        &Timeouts::default(),
        opening,
        &|_| (),
    )
}

/// Speaks with the agent, every byte value included, and ends it. The directory it works in.
pub(crate) fn converse(mut reached: Reached) -> String {
    let all_bytes: Vec<u8> = (0..=255).collect();
    reached.writer.write_all(&all_bytes).unwrap();
    drop(reached.writer);
    let mut said = Vec::new();
    reached.reader.read_to_end(&mut said).unwrap();
    reached.carrier.close(Timeouts::default().silence).unwrap();
    let greeting = said.iter().position(|&byte| byte == b'\n').unwrap();
    assert_eq!(said[greeting + 1..], all_bytes, "{}", said.escape_ascii());
    let greeting = String::from_utf8(said[..greeting].to_vec()).unwrap();
    greeting.strip_prefix("hello from ").unwrap().to_owned()
}

/// A root file system that holds busybox, one link to it as the shell, and `/dev/null`.
pub(crate) struct Root {
    directory: TempDir,
}

impl Root {
    /// `None`, with a printed reason, where there can be none.
    pub(crate) fn new() -> Option<Self> {
        let busybox = ["/bin/busybox", "/usr/bin/busybox"]
            .into_iter()
            .map(Path::new);
        let Some(busybox) = busybox.into_iter().find(|file| file.exists()) else {
            eprintln!("skipped: there is no busybox (Debian: busybox-static)");
            return None;
        };
        if !is_root() {
            eprintln!("skipped: chroot needs root");
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        let root = Self { directory };
        root.make("bin", 0o755);
        root.make("dev", 0o755);
        root.make("tmp", 0o1777);
        fs::copy(busybox, root.path("bin/busybox")).unwrap();
        symlink("busybox", root.path("bin/sh")).unwrap();
        let null = root.path("dev/null");
        let status = Command::new("mknod")
            .arg("-m666")
            .arg(null)
            .args(["c", "1", "3"])
            .status();
        assert!(status.unwrap().success());
        Some(root)
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.directory.path().join(below)
    }

    pub(crate) fn make(&self, below: &str, mode: u32) {
        fs::create_dir_all(self.path(below)).unwrap();
        fs::set_permissions(self.path(below), fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Reaches into it by `chroot`.
    pub(crate) fn reach(&self, agent: &Arc<ScriptedAgent>) -> Result<Reached, Error> {
        reach_by(&["chroot", self.directory.path().to_str().unwrap()], agent)
    }

    /// Reaches into it after `mounts`, shell commands that run with `$ROOT` set and in a mount
    /// namespace of their own, which takes the mounts with it when it ends.
    pub(crate) fn reach_with(
        &self,
        mounts: &str,
        agent: &Arc<ScriptedAgent>,
    ) -> Result<Reached, Error> {
        let script = format!("set -e; ROOT=$1; shift; {mounts}\nexec chroot \"$ROOT\" \"$@\"");
        let root = self.directory.path().to_str().unwrap();
        reach_by(&["unshare", "-m", "sh", "-c", &script, "sh", root], agent)
    }

    /// Every name below the directory, sorted.
    pub(crate) fn names(&self, below: &str) -> Vec<String> {
        let mut names = Vec::new();
        let mut pending = vec![self.path(below)];
        while let Some(directory) = pending.pop() {
            for entry in fs::read_dir(directory).unwrap() {
                let entry = entry.unwrap();
                let name = entry
                    .path()
                    .strip_prefix(self.path(below))
                    .unwrap()
                    .to_owned();
                names.push(name.to_str().unwrap().to_owned());
                if entry.file_type().unwrap().is_dir() {
                    pending.push(entry.path());
                }
            }
        }
        names.sort();
        names
    }
}

pub(crate) fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().unwrap();
    output.stdout.trim_ascii() == b"0"
}
