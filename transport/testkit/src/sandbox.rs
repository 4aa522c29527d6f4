//! A container: a root directory, a mount namespace and a process namespace of its own.
//!
//! Its first process waits for the end of its input, which this process holds open: however this
//! process ends, the containers end with it. Whatever is executed in a container is a child of
//! `nsenter`, and stays in the container when nobody wants to hear of it any more, as it does in a
//! real one.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use tempfile::TempDir;

use crate::error::Error;
use crate::image;
use crate::pod::{Container, Image};

const INIT: &str = include_str!("init.sh");
/// Where programs are looked for, as container runtimes do it.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How long a container may take to die.
const DEATH: Timespec = Timespec {
    tv_sec: 10,
    tv_nsec: 0,
};

/// Why containers can not be run here; `None` if they can.
///
/// It takes root, `unshare` and `nsenter` (util-linux), and a static busybox.
pub fn unavailable() -> Option<&'static str> {
    if !rustix::process::geteuid().is_root() {
        return Some("containers take root");
    }
    if image::local_busybox().is_none() {
        return Some("busybox is not installed (Debian: busybox-static)");
    }
    let works = Command::new("unshare")
        .args(["--mount", "--pid", "--fork", "true"])
        .output()
        .is_ok_and(|output| output.status.success());
    (!works).then_some("namespaces can not be made here (unshare fails)")
}

/// A process that is in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// The pod and the container, as `POD/CONTAINER`.
    pub container: String,
    /// The process, as this computer numbers it.
    pub pid: u32,
    /// Its command line.
    pub command: String,
}

/// A container that runs once something is to be executed in it.
#[derive(Debug)]
pub(crate) struct Sandbox {
    /// `POD/CONTAINER`.
    name: String,
    spec: Container,
    root: PathBuf,
    /// Whose processes are shared, if not its own.
    target: Option<Arc<Sandbox>>,
    /// Removes the root with this.
    _own: Option<TempDir>,
    init: Mutex<Option<Init>>,
}

#[derive(Debug)]
struct Init {
    /// `unshare`, which takes the first process with it.
    child: Child,
    /// The first process, as this computer numbers it.
    pid: u32,
}

impl Sandbox {
    /// One with processes of its own, or with those of `target`.
    pub(crate) fn new(
        pod: &str,
        spec: Container,
        target: Option<Arc<Sandbox>>,
    ) -> Result<Self, Error> {
        let own = match &spec.image {
            Image::Directory(_) => None,
            _ => Some(
                tempfile::Builder::new()
                    .prefix("testkit-")
                    .tempdir()
                    .map_err(|error| Error::Root {
                        path: std::env::temp_dir(),
                        error,
                    })?,
            ),
        };
        let root = match (&spec.image, &own) {
            (Image::Directory(root), _) => root.clone(),
            (_, Some(own)) => own.path().join("root"),
            (_, None) => PathBuf::new(),
        };
        let root_error = |error| Error::Root {
            path: root.clone(),
            error,
        };
        fs::create_dir_all(&root).map_err(root_error)?;
        let root = fs::canonicalize(&root).map_err(root_error)?;
        image::unpack(&spec, &root)?;
        Ok(Self {
            name: format!("{pod}/{}", spec.name),
            spec,
            root,
            target,
            _own: own,
            init: Mutex::new(None),
        })
    }

    /// The root directory, as this computer sees it.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A command that executes `words` in here, with pipes for what `words` reads and writes.
    ///
    /// # Errors
    /// What a container runtime says if there is no such program, or if the container does not start.
    pub(crate) fn command(&self, words: &[String]) -> Result<tokio::process::Command, String> {
        let pid = self.start().map_err(|error| error.to_string())?;
        let [program, ..] = words else {
            return Err("you must specify at least one command for the container".to_owned());
        };
        self.look_up(pid, program)?;
        let mut command = if self.spec.is_32_bit {
            let mut command = tokio::process::Command::new("setarch");
            command.args(["i686", "--", "nsenter"]);
            command
        } else {
            tokio::process::Command::new("nsenter")
        };
        command.env_clear().env("PATH", PATH);
        command.env("HOSTNAME", self.name.split('/').next().unwrap_or_default());
        command.env(
            "HOME",
            self.spec
                .user
                .map_or("/root", |(uid, _)| if uid == 0 { "/root" } else { "/" }),
        );
        command.envs(
            self.spec
                .environment
                .iter()
                .map(|(name, value)| (name, value)),
        );
        command.arg(format!("--target={pid}"));
        command.args(["--mount", "--pid"]);
        command.arg(format!("--wdns={}", self.spec.working_directory));
        if let Some((uid, gid)) = self.spec.user {
            command.arg(format!("--setgid={gid}"));
            command.arg(format!("--setuid={uid}"));
        }
        command.arg("--").args(words);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Ok(command)
    }

    /// Ends everything in here, and returns when it has ended: nothing that ran here does anything
    /// any more. What is executed next starts it again.
    pub(crate) fn kill(&self) {
        if let Some(mut init) = self.lock().take() {
            let first = i32::try_from(init.pid).ok().and_then(Pid::from_raw);
            let first = first.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
            // The first process follows its parent, and all others follow the first.
            let _ = init.child.kill();
            let _ = init.child.wait();
            if let Some(first) = first {
                // It ends after the last of the others.
                let mut ended = [PollFd::new(&first, PollFlags::IN)];
                let _ = rustix::event::poll(&mut ended, Some(&DEATH));
            }
        }
    }

    /// Ends everything in here but the first process.
    pub(crate) fn kill_others(&self) {
        for process in self.processes() {
            let pid = i32::try_from(process.pid).ok().and_then(Pid::from_raw);
            if let Some(pid) = pid {
                // It may have ended by itself meanwhile.
                let _ = kill_process(pid, Signal::KILL);
            }
        }
    }

    /// The first process, if the container runs.
    pub(crate) fn first(&self) -> Option<u32> {
        self.lock().as_ref().map(|init| init.pid)
    }

    /// What runs in here beside the first process. What a target's processes are is its own affair.
    pub(crate) fn processes(&self) -> Vec<Process> {
        let Some(init) = self.first().filter(|_| self.target.is_none()) else {
            return Vec::new();
        };
        let Ok(namespace) = fs::read_link(format!("/proc/{init}/ns/pid")) else {
            return Vec::new();
        };
        let Ok(all) = fs::read_dir("/proc") else {
            return Vec::new();
        };
        all.flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter(|&pid: &u32| pid != init && !is_zombie(pid))
            .filter(|pid| {
                fs::read_link(format!("/proc/{pid}/ns/pid")).is_ok_and(|link| link == namespace)
            })
            .map(|pid| Process {
                container: self.name.clone(),
                pid,
                command: command_line(pid),
            })
            .collect()
    }

    /// The first process, which is started if it is not there.
    fn start(&self) -> Result<u32, Error> {
        let mut init = self.lock();
        if let Some(init) = &mut *init
            && matches!(init.child.try_wait(), Ok(None))
        {
            return Ok(init.pid);
        }
        let started = self.spawn().map_err(|why| Error::Container {
            name: self.name.clone(),
            why,
        })?;
        let pid = started.pid;
        *init = Some(started);
        Ok(pid)
    }

    fn spawn(&self) -> Result<Init, String> {
        let busybox = image::local_busybox().ok_or("busybox is not installed")?;
        let mut command = match &self.target {
            None => {
                let mut command = Command::new("unshare");
                command.arg("--pid");
                command
            }
            Some(target) => {
                let target = target.start().map_err(|error| error.to_string())?;
                let mut command = Command::new("nsenter");
                command.args([&format!("--target={target}"), "--pid", "--no-fork", "--"]);
                command.arg("unshare");
                command
            }
        };
        command
            .args(["--mount", "--fork", "--kill-child"])
            .args(["--propagation", "private", "/bin/sh", "-c", INIT, "init"])
            .arg(&self.root)
            .arg(&busybox)
            .arg(if self.spec.is_read_only { "ro" } else { "rw" })
            .args(self.spec.writable.iter().map(|place| format!("rw={place}")))
            .args(
                self.spec
                    .no_execution
                    .iter()
                    .map(|place| format!("noexec={place}")),
            )
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| error.to_string())?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            // Without a line the reason is on standard error.
            let _ = BufReader::new(stdout).read_line(&mut line);
        }
        match line.trim().parse() {
            Ok(pid) => Ok(Init { child, pid }),
            Err(_) => {
                let mut why = String::new();
                if let Some(mut stderr) = child.stderr.take() {
                    let _ = stderr.read_to_string(&mut why);
                }
                let _ = child.kill();
                let _ = child.wait();
                Err(why.trim().to_owned())
            }
        }
    }

    /// Finds `program` as a container runtime does.
    fn look_up(&self, pid: u32, program: &str) -> Result<(), String> {
        let failed = |why: &str| {
            format!(
                "error executing command in container: failed to exec in container: failed to start \
                 exec: OCI runtime exec failed: exec failed: unable to start container process: \
                 exec: \"{program}\": {why}: unknown"
            )
        };
        let root = format!("/proc/{pid}/root/");
        let open = |path: &Path, flags| -> rustix::io::Result<OwnedFd> {
            rustix::fs::open(path, flags | OFlags::CLOEXEC, Mode::empty())
        };
        let root = open(Path::new(&root), OFlags::PATH | OFlags::DIRECTORY)
            .map_err(|error| failed(&error.to_string()))?;
        let is_program = |path: &Path| {
            let flags = OFlags::PATH | OFlags::CLOEXEC;
            rustix::fs::openat2(&root, path, flags, Mode::empty(), ResolveFlags::IN_ROOT)
                .and_then(rustix::fs::fstat)
                .is_ok_and(|stat| {
                    rustix::fs::FileType::from_raw_mode(stat.st_mode).is_file()
                        && stat.st_mode & 0o111 != 0
                })
        };
        if program.contains('/') {
            let path = Path::new(&self.spec.working_directory).join(program);
            if !is_program(&path) {
                return Err(failed(&format!(
                    "stat {program}: no such file or directory"
                )));
            }
        } else if !PATH
            .split(':')
            .any(|place| is_program(&Path::new(place).join(program)))
        {
            return Err(failed("executable file not found in $PATH"));
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Option<Init>> {
        self.init.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.kill();
    }
}

fn is_zombie(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        let after_name = stat.rsplit_once(") ").map(|(_, rest)| rest);
        after_name.is_some_and(|rest| rest.starts_with('Z'))
    })
}

fn command_line(pid: u32) -> String {
    let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&words)
        .replace('\0', " ")
        .trim()
        .to_owned()
}
