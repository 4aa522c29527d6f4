//! Running a command at the far end and telling what it used there.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use clap::Args;
use rustix::process::{WaitOptions, getpid, set_child_subreaper, wait};

use crate::limit::Limit;
use crate::usage;

/// Run a command and write down what it used.
#[derive(Debug, Args)]
pub struct Meter {
    /// Write what it used to this file, as JSON
    #[arg(long, value_name = "FILE")]
    pub report: PathBuf,
    /// Let it use so many processors at most, such as 0.5
    #[arg(long, value_name = "NUMBER")]
    pub cpu: Option<f64>,
    /// The command and its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    pub words: Vec<String>,
}

impl Meter {
    /// Runs the command and ends with its status.
    ///
    /// # Errors
    /// If it can not be started or limited, or the report not be written.
    pub fn run(self) -> Result<ExitCode> {
        // What the command leaves behind becomes a child of this process and is counted as well.
        set_child_subreaper(Some(getpid()))?;
        let limit = self.cpu.map(Limit::new).transpose()?;
        let (program, args) = self.words.split_first().context("there is no command")?;
        let mut child = Command::new(program)
            .args(args)
            .spawn()
            .with_context(|| format!("{program} can not be started"))?;
        if let Some(limit) = &limit {
            limit.watch(child.id());
        }
        let status = child.wait()?;
        while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
        usage::write(&self.report, &usage::children())?;
        if let Some(limit) = limit {
            limit.lift();
        }
        Ok(usage::exit_code(status))
    }
}
