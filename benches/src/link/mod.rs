//! A link: a remote shell that is slow and far away, or just counts what passes.
//!
//! It starts a command and carries its standard streams, each direction with a rate and a delay of
//! its own, or else as fast as a pipe: `splice` moves the bytes then, and none is copied. There is
//! no loss and no congestion, so a tool sees what it would see on a good line with warm windows.
//! The same program is the remote shell of every tool.

mod direction;
mod plain;
pub mod rate;
mod turns;

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use direction::Direction;
use rate::Rate;
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use serde::{Deserialize, Serialize};
use turns::{End, Turns};

use crate::usage::{self, Usage};

/// Run a command behind a link that is slow and far away.
#[derive(Debug, Args)]
pub struct Link {
    /// So many bits a second in each direction, such as 100mbit; without it, as fast as a pipe
    #[arg(long, value_name = "RATE")]
    pub rate: Option<Rate>,
    /// How long each byte is under way, such as 20ms: half of a round trip
    #[arg(long, value_name = "TIME", value_parser = rate::delay)]
    pub delay: Option<Duration>,
    /// Write what was counted to this file, as JSON
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Leave out the first word of the command: what calls this says a host first
    #[arg(long)]
    pub skip_host: bool,
    /// Put these words before the command; commas or blanks are between them
    #[arg(long, value_name = "WORDS")]
    pub through: Option<String>,
    /// Let `meter` run the command there and write what it used to this file
    #[arg(long, value_name = "FILE")]
    pub meter: Option<PathBuf>,
    /// Let it use so many processors at most, such as 0.5; needs --meter
    #[arg(long, value_name = "NUMBER", requires = "meter")]
    pub cpu: Option<f64>,
    /// The command and its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    pub words: Vec<String>,
}

/// What a link counted.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Report {
    /// Bytes to the far end.
    pub up: u64,
    /// Bytes from there.
    pub down: u64,
    /// Round trips.
    pub exchanges: u64,
    /// What the link itself used.
    pub link: Usage,
    /// What all used that it started.
    pub children: Usage,
}

/// Counters of both directions.
struct Counts {
    up: AtomicU64,
    down: AtomicU64,
    turns: Mutex<Turns>,
}

impl Counts {
    fn said(&self, end: End, len: usize) -> bool {
        let counter = match end {
            End::Near => &self.up,
            End::Far => &self.down,
        };
        counter.fetch_add(len as u64, Ordering::Relaxed);
        self.turns().said(end)
    }

    fn heard(&self) {
        self.turns().heard();
    }

    fn turns(&self) -> std::sync::MutexGuard<'_, Turns> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Link {
    /// Runs the command and ends with its status.
    ///
    /// # Errors
    /// If it can not be started, or the report not be written.
    pub fn run(self) -> Result<ExitCode> {
        // It lives as long as the process: the thread that reads standard input may never end.
        let counts: &'static Counts = Box::leak(Box::new(Counts {
            up: AtomicU64::new(0),
            down: AtomicU64::new(0),
            turns: Mutex::new(Turns::new()),
        }));
        let mut child = self.start()?;
        let (to, from) = (child.stdin.take(), child.stdout.take());
        let (to, from) = to.zip(from).context("the command has no pipes")?;
        // Not as Rust's standard streams, which have buffers.
        let (near_from, near_to) = (blocking(io::stdin())?, blocking(io::stdout())?);
        rustix::stdio::dup2_stdout(File::open("/dev/null")?)?;
        match self.rate {
            Some(rate) => {
                let delay = self.delay.unwrap_or_default();
                let up: &'static Direction = Box::leak(Box::new(Direction::new(rate, delay)));
                thread::spawn(move || up.send(near_from, |len| counts.said(End::Near, len)));
                thread::spawn(move || up.deliver(to, || counts.heard()));
                let down = Direction::new(rate, delay);
                thread::scope(|scope| {
                    scope.spawn(|| down.send(from, |len| counts.said(End::Far, len)));
                    down.deliver(near_to, || counts.heard());
                });
            }
            None => {
                let pass = move |end| {
                    move |len| {
                        if counts.said(end, len) {
                            counts.heard();
                        }
                    }
                };
                thread::spawn(move || plain::carry(near_from, to, pass(End::Near)));
                plain::carry(from, near_to, pass(End::Far));
            }
        }
        let status = child.wait()?;
        if let Some(path) = &self.report {
            let report = Report {
                up: counts.up.load(Ordering::Relaxed),
                down: counts.down.load(Ordering::Relaxed),
                exchanges: counts.turns().complete(),
                link: usage::own(),
                children: usage::children(),
            };
            usage::write(path, &report)?;
        }
        Ok(usage::exit_code(status))
    }

    fn start(&self) -> Result<Child> {
        let mut words: Vec<String> = Vec::new();
        if let Some(through) = &self.through {
            words.extend(through.split([' ', ',']).map(str::to_owned));
        }
        if let Some(path) = &self.meter {
            words.push(std::env::current_exe()?.display().to_string());
            words.extend([
                "meter".to_owned(),
                "--report".to_owned(),
                path.display().to_string(),
            ]);
            words.extend(self.cpu.map(|cpu| format!("--cpu={cpu}")));
            words.push("--".to_owned());
        }
        words.extend(self.words.iter().skip(usize::from(self.skip_host)).cloned());
        let (program, args) = words.split_first().context("there is no command")?;
        Command::new(program)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{program} can not be started"))
    }
}

/// The same file, where reading and writing wait: rsync gives its remote shell sockets that do not.
fn blocking(file: impl AsFd) -> io::Result<File> {
    let flags = fcntl_getfl(&file)?;
    fcntl_setfl(&file, flags - OFlags::NONBLOCK)?;
    Ok(File::from(rustix::io::dup(file)?))
}
