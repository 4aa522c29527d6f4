//! From a command line to an exit code.

use std::ffi::OsString;

use rsync_core::root::expect_descriptors;

use crate::args::{self, Command, Parsed};
use crate::errors::Failure;
use crate::exit::Exit;
use crate::mapping::Verb;
use crate::{doctor, generate, history, run, undo, verify};

/// Does what the command line says; every failure has been reported when this returns.
pub(crate) fn main(args: impl IntoIterator<Item = OsString>) -> Exit {
    expect_descriptors();
    let done = args::parse(args).and_then(|Parsed { command, matches }| match command {
        Command::Pull(sync) => run::sync(&sync, &matches, Verb::Pull),
        Command::Push(sync) => run::sync(&sync, &matches, Verb::Push),
        Command::Doctor(args) => doctor::doctor(&args),
        Command::Verify(sync) => verify::verify(*sync, &matches),
        Command::Log(log) => history::log(&log),
        Command::Undo(args) => undo::undo(&args),
        Command::Completions { shell } => generate::completions(shell),
        Command::Man { dir } => generate::man(dir.as_deref()),
        Command::Agent { args } => agent(args),
    });
    done.unwrap_or_else(|failure: Failure| failure.report())
}

/// Is the other end of a sync within this machine.
fn agent(args: Vec<OsString>) -> Result<Exit, Failure> {
    let program = OsString::from("ksyncd-agent");
    ksyncd_agent::run(std::iter::once(program).chain(args))
        .map(|()| Exit::Success)
        .map_err(Failure::OwnAgent)
}
