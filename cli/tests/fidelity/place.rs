//! A source and a destination, and the program that makes the one like the other.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use crate::judge::copy;

/// Which end the program itself is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Pull,
    Push,
}

/// Who looks after the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Agent {
    /// The program itself, once more.
    Own,
    /// The static agent that the program embeds, in an image that holds nothing but busybox.
    Delivered,
    /// The same where there is no `/proc` and nothing in `/tmp` may be executed.
    Cramped,
}

/// One of the ways from a source to a destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Way {
    pub(crate) verb: Verb,
    pub(crate) agent: Agent,
}

/// A source `s` and a destination `d`, each in a directory of its own.
pub(crate) struct Place {
    dir: TempDir,
    pub(crate) way: Way,
}

/// An empty place for each of the usual ways that is possible here.
pub(crate) fn places() -> impl Iterator<Item = Place> {
    places_with(&[Agent::Own, Agent::Delivered])
}

/// An empty place for each way that is possible here.
pub(crate) fn all_places() -> impl Iterator<Item = Place> {
    places_with(&[Agent::Own, Agent::Delivered, Agent::Cramped])
}

fn places_with(agents: &'static [Agent]) -> impl Iterator<Item = Place> {
    let agents = if is_root() && find_program("busybox").is_some() {
        agents
    } else {
        skipped("with the delivered agent: needs root and busybox (Debian: busybox-static)");
        &agents[..1]
    };
    let verbs = [Verb::Pull, Verb::Push];
    let ways = agents
        .iter()
        .flat_map(move |&agent| verbs.map(|verb| Way { verb, agent }));
    ways.map(|way| {
        eprintln!("{way:?}");
        Place::new(way)
    })
}

/// Says that a test, or a part of it, is not run.
pub(crate) fn skipped(reason: &str) {
    let thread = std::thread::current();
    eprintln!("{}: skipped: {reason}", thread.name().unwrap_or("test"));
}

/// True, with a printed reason, if a test that needs `tools` can not be run.
pub(crate) fn lacks(tools: &[&str]) -> bool {
    let missing = tools.iter().find(|tool| find_program(tool).is_none());
    if let Some(tool) = missing {
        skipped(&format!("there is no {tool}"));
    }
    missing.is_some()
}

/// True, with a printed reason, if this is not root or a test that needs `tools` can not be run.
pub(crate) fn lacks_root_or(tools: &[&str]) -> bool {
    if !is_root() {
        skipped("needs root");
        return true;
    }
    lacks(tools)
}

/// True where the parts of tests that take long are to be run too.
pub(crate) fn is_asked_for_everything() -> bool {
    std::env::var_os("KSYNCD_TEST_EVERYTHING").is_some()
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|dir| dir.join(name))
        .find(|file| file.is_file())
}

/// The program under test.
pub(crate) fn program() -> OsString {
    std::env::var_os("KSYNCD_PROGRAM")
        .unwrap_or_else(|| assert_cmd::cargo::cargo_bin!("ksyncd").into())
}

impl Place {
    pub(crate) fn new(way: Way) -> Self {
        let dir = tempfile::tempdir().unwrap();
        // Tests that run the program as somebody else come through here.
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let place = Self { dir, way };
        fs::create_dir(place.path("near")).unwrap();
        fs::create_dir_all(place.path("root/far")).unwrap();
        if way.agent != Agent::Own {
            place.make_image();
        }
        fs::create_dir(place.source()).unwrap();
        place
    }

    /// busybox, a shell, the users of this machine, `/dev/null`, and places for temporary files and mounts.
    fn make_image(&self) {
        for dir in ["bin", "dev", "proc", "tmp", "var/tmp"] {
            fs::create_dir_all(self.path("root").join(dir)).unwrap();
        }
        for dir in ["root/tmp", "root/var/tmp"] {
            fs::set_permissions(self.path(dir), fs::Permissions::from_mode(0o1777)).unwrap();
        }
        fs::create_dir(self.path("root/etc")).unwrap();
        for file in ["passwd", "group"] {
            fs::copy(
                Path::new("/etc").join(file),
                self.path("root/etc").join(file),
            )
            .unwrap();
        }
        let busybox = find_program("busybox").unwrap();
        fs::copy(busybox, self.path("root/bin/busybox")).unwrap();
        symlink("busybox", self.path("root/bin/sh")).unwrap();
        let null = self.path("root/dev/null");
        let null = null.to_str().unwrap();
        shell(&format!("mknod -m666 {null} c 1 3"));
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.dir.path().join(below)
    }

    fn base(&self, is_near: bool) -> PathBuf {
        self.path(if is_near { "near" } else { "root/far" })
    }

    /// The directory that the source is in.
    pub(crate) fn source_base(&self) -> PathBuf {
        self.base(self.way.verb == Verb::Push)
    }

    /// The directory that the destination is in, or will be.
    pub(crate) fn dest_base(&self) -> PathBuf {
        self.base(self.way.verb == Verb::Pull)
    }

    pub(crate) fn source(&self) -> PathBuf {
        self.source_base().join("s")
    }

    pub(crate) fn dest(&self) -> PathBuf {
        self.dest_base().join("d")
    }

    /// Makes a file of the source, with the directories above it.
    pub(crate) fn write(&self, name: impl AsRef<OsStr>, content: impl AsRef<[u8]>) {
        write(&self.source().join(name.as_ref()), content);
    }

    /// Makes a file of the destination, with the directories above it.
    pub(crate) fn write_dest(&self, name: impl AsRef<OsStr>, content: impl AsRef<[u8]>) {
        write(&self.dest().join(name.as_ref()), content);
    }

    pub(crate) fn read_dest(&self, name: &str) -> Vec<u8> {
        fs::read(self.dest().join(name)).unwrap()
    }

    /// Makes the destination a copy of the source, down to the last attribute.
    pub(crate) fn copy(&self) {
        copy(&self.source(), &self.dest());
    }

    /// Runs shell commands in the source's directory.
    pub(crate) fn in_source(&self, script: &str) {
        run_shell_in(&self.source(), script);
    }

    /// Runs shell commands in the destination's directory.
    pub(crate) fn in_dest(&self, script: &str) {
        run_shell_in(&self.dest(), script);
    }

    /// Makes the destination and runs shell commands in it.
    pub(crate) fn in_dest_made(&self, script: &str) {
        fs::create_dir(self.dest()).unwrap();
        self.in_dest(script);
    }

    /// Makes what is in the destination like what is in the source.
    pub(crate) fn sync(&self, args: &str) -> Run {
        self.run(args, "s/", "d")
    }

    /// Runs with two paths relative to where the source and the destination are.
    pub(crate) fn run(&self, args: &str, source: &str, dest: &str) -> Run {
        Run::of(args, self.command(args, source, dest).output().unwrap())
    }

    pub(crate) fn command(&self, args: &str, source: &str, dest: &str) -> Command {
        let mut command = Command::new(program());
        self.complete(&mut command, args, source, dest);
        command
    }

    /// The same as [`Place::sync`], by a command that runs the program given as its arguments.
    pub(crate) fn sync_through(&self, wrapper: &[&str], args: &str) -> Run {
        let mut command = Command::new(wrapper[0]);
        command.args(&wrapper[1..]).arg(program());
        self.complete(&mut command, args, "s/", "d");
        Run::of(args, command.output().unwrap())
    }

    /// The path of the source as the end that owns it knows it.
    pub(crate) fn seen_source(&self) -> String {
        match self.way {
            Way {
                verb: Verb::Pull,
                agent: Agent::Delivered | Agent::Cramped,
            } => "/far/s/".into(),
            _ => format!("{}/", self.source().display()),
        }
    }

    fn complete(&self, command: &mut Command, args: &str, source: &str, dest: &str) {
        let Way { verb, agent } = self.way;
        command
            .current_dir(self.dir.path())
            .env_remove("RSYNC_RSH")
            .env("XDG_STATE_HOME", self.dir.path().join("state"))
            .stdin(Stdio::null())
            .arg(if verb == Verb::Pull { "pull" } else { "push" })
            // rsync takes whatever the source has.
            .arg("--trust-source")
            .args(words(args));
        if agent != Agent::Own {
            command.arg("--rsh").arg(self.remote_shell());
        }
        let location = |base: PathBuf, name: &str, is_near: bool| -> OsString {
            let path = [base.as_os_str().as_bytes(), b"/", name.as_bytes()].concat();
            if is_near || agent == Agent::Own {
                return OsStr::from_bytes(&path).to_owned();
            }
            format!(":/far/{name}").into()
        };
        command
            .arg(location(self.source_base(), source, verb == Verb::Push))
            .arg(location(self.dest_base(), dest, verb == Verb::Pull));
    }

    /// A command that enters the image, in a mount namespace of its own.
    fn remote_shell(&self) -> String {
        let mount = match self.way.agent {
            Agent::Cramped => "mount -t tmpfs -o noexec none \"$0/tmp\"",
            _ => "mount -t proc none \"$0/proc\"",
        };
        let root = self.path("root");
        let root = root.to_str().unwrap();
        // As with a container engine's program, whoever ends this command does not end the agent.
        format!("unshare -m sh -ec '{mount}; chroot \"$0\" \"$@\"' {root}")
    }
}

/// The words of a command line; in those that hold a filter rule `_` stands for a space.
pub(crate) fn words(line: &str) -> impl Iterator<Item = String> + '_ {
    line.split_whitespace()
        .map(|word| match word.strip_prefix("--filter=") {
            Some(_) => word.replace('_', " "),
            None => word.to_owned(),
        })
}

fn write(path: &Path, content: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// Runs shell commands.
pub(crate) fn shell(script: &str) {
    run_shell_in(Path::new("/"), script);
}

pub(crate) fn run_shell_in(dir: &Path, script: &str) {
    let output = Command::new("sh")
        .args(["-ec", script])
        .current_dir(dir)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{script}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// What a run of the program left behind.
pub(crate) struct Run {
    args: String,
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Run {
    pub(crate) fn of(args: &str, output: Output) -> Self {
        Self {
            args: args.to_owned(),
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Insists on a success.
    #[track_caller]
    pub(crate) fn done(self) -> Self {
        self.ended(0)
    }

    /// Insists on an exit code.
    #[track_caller]
    pub(crate) fn ended(self, code: i32) -> Self {
        let Self { args, out, err, .. } = &self;
        assert_eq!(self.code, Some(code), "{args}\n{err}\n{out}");
        self
    }

    /// The itemized lines, sorted, with one letter for both directions.
    pub(crate) fn changes(&self) -> Vec<String> {
        sorted_changes(&self.out)
    }
}

/// Itemized lines, sorted; content that is sent is shown as content that is received.
pub(crate) fn sorted_changes(out: &str) -> Vec<String> {
    let mut lines: Vec<String> = out
        .lines()
        .map(|line| match line.strip_prefix('<') {
            Some(rest) => format!(">{rest}"),
            None => line.to_owned(),
        })
        .collect();
    lines.sort();
    lines
}
