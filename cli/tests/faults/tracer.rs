//! A system that fails on demand: runs a command under `ptrace`, shows each system call that touches
//! files below a place or starts a thread, in all its processes and threads, and lets it through, has
//! it fail, or kills the process that makes it.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::calls::{Kind, Names, kind};

/// Longest time that a run may take, however it ends.
const PATIENCE: Duration = Duration::from_secs(60);
/// Longest path that is looked at, in bytes.
const MAX_PATH: usize = 4096;

/// Which process makes a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Role {
    /// The command itself.
    Client,
    /// The process that it started.
    Agent,
}

/// A call that is about to be made.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) role: Role,
    pub(crate) kind: &'static Kind,
    /// What it touches, seen from the place, which it is itself for what touches nothing.
    pub(crate) path: PathBuf,
}

/// What becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Pass,
    Fail(Errno),
    /// The whole process of this role ends at once.
    Kill(Role),
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct End {
    /// Nothing if it was killed.
    pub(crate) code: Option<i32>,
    /// A process of it was killed as its judge said.
    pub(crate) killed: bool,
    /// It did not end by itself.
    pub(crate) hung: bool,
    pub(crate) stderr: String,
}

/// Why nothing can be traced here, if so.
pub(crate) fn obstacle() -> Option<String> {
    let probe = run(
        &mut Command::new("true"),
        Path::new("/nowhere"),
        &mut |_| Verdict::Pass,
    );
    probe
        .err()
        .map(|error| format!("a process can not be traced here: {error}"))
}

/// Runs a command to its end, and that of everything it started. `judge` is asked about each call
/// below `place`.
#[allow(
    clippy::zombie_processes,
    reason = "whoever traces it also waits for it"
)]
pub(crate) fn run(
    command: &mut Command,
    place: &Path,
    judge: &mut dyn FnMut(&Call) -> Verdict,
) -> Result<End, Errno> {
    let said = tempfile::NamedTempFile::new().unwrap();
    // A shell that waits until it is traced, and then becomes the command.
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "read go; exec \"$@\"", "sh"])
        .arg(command.get_program())
        .args(command.get_args())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(said.reopen().unwrap())
        .process_group(0);
    if let Some(dir) = command.get_current_dir() {
        shell.current_dir(dir);
    }
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    let mut shell = shell.spawn().unwrap();
    let client = Pid::from_raw(shell.id().cast_signed());
    let options = Options::PTRACE_O_TRACESYSGOOD
        | Options::PTRACE_O_TRACECLONE
        | Options::PTRACE_O_TRACEFORK
        | Options::PTRACE_O_TRACEVFORK
        | Options::PTRACE_O_TRACEEXEC
        | Options::PTRACE_O_EXITKILL;
    if let Err(error) = ptrace::seize(client, options).and_then(|()| ptrace::interrupt(client)) {
        shell.kill().unwrap();
        shell.wait().unwrap();
        return Err(error);
    }
    shell.stdin.take().unwrap().write_all(b"\n").unwrap();

    // Dropping the sender calls the watchdog off.
    let (done, watch) = mpsc::channel::<()>();
    let watchdog = std::thread::spawn(move || {
        let hung = watch.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout);
        if hung {
            let _ = killpg(client, Signal::SIGKILL);
        }
        hung
    });
    let mut tracing = Tracing {
        client,
        place,
        threads: HashMap::new(),
        agent: None,
        code: None,
        killed: false,
    };
    tracing.until_all_ended(judge);
    drop(done);
    Ok(End {
        code: tracing.code,
        killed: tracing.killed,
        hung: watchdog.join().unwrap(),
        stderr: String::from_utf8_lossy(&fs::read(said.path()).unwrap()).into_owned(),
    })
}

/// A run under way.
struct Tracing<'a> {
    client: Pid,
    place: &'a Path,
    threads: HashMap<Pid, Thread>,
    agent: Option<Pid>,
    code: Option<i32>,
    killed: bool,
}

/// What is known of one thread.
struct Thread {
    process: Pid,
    /// What the call that it is in has to answer, if that is not up to the kernel.
    answer: Option<Errno>,
}

impl Tracing<'_> {
    fn until_all_ended(&mut self, judge: &mut dyn FnMut(&Call) -> Verdict) {
        // What other threads of the tests start is none of this thread's business.
        let only_ours = WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD;
        loop {
            let (pid, signal) = match waitpid(None, Some(only_ours)) {
                Ok(WaitStatus::PtraceSyscall(pid)) => {
                    self.stopped_at_call(pid, judge);
                    (pid, None)
                }
                Ok(WaitStatus::Stopped(pid, signal)) => (pid, Some(signal)),
                Ok(WaitStatus::Exited(pid, code)) => {
                    self.threads.remove(&pid);
                    if pid == self.client {
                        self.code = Some(code);
                    }
                    continue;
                }
                Ok(WaitStatus::Signaled(pid, ..)) => {
                    self.threads.remove(&pid);
                    continue;
                }
                Ok(status) => (status.pid().unwrap(), None),
                Err(Errno::ECHILD) => return,
                Err(error) => panic!("waiting: {error}"),
            };
            // One that was killed meanwhile is told of by the next wait.
            let _ = ptrace::syscall(pid, signal);
        }
    }

    fn stopped_at_call(&mut self, pid: Pid, judge: &mut dyn FnMut(&Call) -> Verdict) {
        let (Ok(mut registers), Ok(stop)) = (ptrace::getregs(pid), ptrace::syscall_info(pid))
        else {
            return;
        };
        let process = self.process_of(pid);
        let thread = self.threads.entry(pid).or_insert(Thread {
            process,
            answer: None,
        });
        // Stops come in pairs, but the first of a process may be the second of a pair.
        if stop.op != nix::libc::PTRACE_SYSCALL_INFO_ENTRY {
            if let Some(error) = thread.answer.take() {
                registers.rax = i64::from(-(error as i32)).cast_unsigned();
                let _ = ptrace::setregs(pid, registers);
            }
            return;
        }
        let Some(kind) = kind(registers.orig_rax) else {
            return;
        };
        let arguments = [
            registers.rdi,
            registers.rsi,
            registers.rdx,
            registers.r10,
            registers.r8,
        ];
        let touched = match kind.names {
            Names::Nowhere => Some(self.place.to_owned()),
            names => touched(pid, names, &arguments),
        };
        let Some(path) = touched else {
            return;
        };
        let Ok(path) = path.strip_prefix(self.place) else {
            return;
        };
        let role = if process == self.client {
            Role::Client
        } else {
            self.agent = Some(process);
            Role::Agent
        };
        let call = Call {
            role,
            kind,
            path: path.into(),
        };
        match judge(&call) {
            Verdict::Pass => {}
            Verdict::Fail(error) => {
                // No call has this number, so nothing happens.
                registers.orig_rax = u64::MAX;
                let _ = ptrace::setregs(pid, registers);
                self.threads
                    .entry(pid)
                    .and_modify(|thread| thread.answer = Some(error));
            }
            Verdict::Kill(victim) => {
                let victim = match victim {
                    Role::Client => Some(self.client),
                    Role::Agent => self.agent,
                };
                // It may not have begun, or be gone already.
                self.killed |= victim.is_some_and(|victim| kill(victim, Signal::SIGKILL).is_ok());
            }
        }
    }

    fn process_of(&self, thread: Pid) -> Pid {
        if let Some(known) = self.threads.get(&thread) {
            return known.process;
        }
        let status = fs::read_to_string(format!("/proc/{thread}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("Tgid:"));
        let process = line.and_then(|text| text.trim().parse().ok());
        process.map_or(thread, Pid::from_raw)
    }
}

/// The path of what a call touches; nothing if that is not a file.
fn touched(thread: Pid, names: Names, arguments: &[u64; 5]) -> Option<PathBuf> {
    let link = |fd: &str| fs::read_link(format!("/proc/{thread}/fd/{fd}")).ok();
    let working = || fs::read_link(format!("/proc/{thread}/cwd")).ok();
    // Descriptors are 32 bits wide; what is above them may be anything.
    let opened = |argument: u64| match (argument as u32).cast_signed() {
        nix::libc::AT_FDCWD => working(),
        fd => link(&fd.to_string()),
    };
    match names {
        Names::Fd(fd) => opened(arguments[fd]),
        Names::At(dir, name) => {
            let name = string(thread, arguments[name])?;
            if name.is_absolute() {
                return Some(name);
            }
            Some(opened(arguments[dir])?.join(name))
        }
        Names::Nowhere => None,
        Names::Path(path) => {
            let path = string(thread, arguments[path])?;
            match path.strip_prefix("/proc/self/fd") {
                Ok(fd) => link(fd.to_str()?),
                Err(_) => Some(working()?.join(path)),
            }
        }
    }
}

/// A string in the memory of a thread; empty if there is none.
fn string(thread: Pid, address: u64) -> Option<PathBuf> {
    if address == 0 {
        return Some(PathBuf::new());
    }
    let memory = File::open(format!("/proc/{thread}/mem")).ok()?;
    let mut bytes = vec![0; MAX_PATH];
    // What is behind the end of a page may not be there.
    let page = MAX_PATH - usize::try_from(address).ok()? % MAX_PATH;
    let mut len = memory.read_at(&mut bytes[..page], address).ok()?;
    if !bytes[..len].contains(&0) && len < MAX_PATH {
        let next = address.checked_add(u64::try_from(len).ok()?)?;
        len += memory.read_at(&mut bytes[len..], next).ok()?;
    }
    let end = bytes[..len].iter().position(|&byte| byte == 0)?;
    Some(PathBuf::from(OsStr::from_bytes(&bytes[..end])))
}
