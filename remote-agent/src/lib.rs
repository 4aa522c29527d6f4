//! The agent: what `ksyncd` starts inside a container in place of rsync.
//!
//! It is one static executable that needs nothing around it: no shared library, no `/proc`, no
//! `/dev`, no configuration. Delivered by `transport`, it serves one client over its standard
//! input and output and ends with it:
//!
//! - `serve [--once] [--timeout=SECONDS] [DIRECTORY]`: works in `DIRECTORY`; with `--once` it first
//!   removes itself; after so many seconds without its client it ends.
//!   In its environment it may find what the client says first (`opening`).
//! - `--probe`: prints the BLAKE3 of its own executable and its version. Whoever put it there
//!   learns so that it can be executed there and arrived whole.
//! - `--version`.
//!
//! It never decides anything: roots, filters, options and limits are the client's. It leaves no
//! process behind (`lifeline`). What it says to people is one sentence on standard error.

mod invocation;
mod leftovers;
mod lifeline;
mod opening;
mod probe;
mod serve;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use rsync_core::words;

pub use invocation::{BadInvocation, Invocation};
pub use probe::Identity;

/// Why the agent failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It was called in a way that it does not understand.
    #[error(transparent)]
    Invocation(#[from] BadInvocation),
    /// Something around the conversation failed.
    #[error("cannot {operation}: {}", words::of(error))]
    System {
        /// What was tried.
        operation: &'static str,
        /// What the system said.
        #[source]
        error: io::Error,
    },
    /// The sync failed.
    #[error(transparent)]
    Engine(#[from] rsync_core::engine::Error),
}

impl Error {
    fn system(operation: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::System { operation, error }
    }
}

/// Does what the arguments of the process ask for; the first is the program itself.
///
/// # Errors
/// [`Error`], to be told in one sentence.
pub fn run(args: impl IntoIterator<Item = OsString>) -> Result<(), Error> {
    let mut args = args.into_iter();
    let program = args.next().unwrap_or_else(|| "ksyncd-agent".into());
    match Invocation::parse(args)? {
        Invocation::Serve {
            once,
            timeout,
            directory,
        } => serve::serve(&program, once, timeout, directory),
        Invocation::Probe => say(&Identity::of(&program)?),
        Invocation::Version => say(&format_args!("ksyncd-agent {}", env!("CARGO_PKG_VERSION"))),
    }
}

/// Tells why the agent failed.
pub fn fail(error: &Error) -> ExitCode {
    // Nobody may be there to read it.
    let _ = writeln!(io::stderr(), "ksyncd-agent: {error}");
    ExitCode::FAILURE
}

fn say(text: &dyn std::fmt::Display) -> Result<(), Error> {
    writeln!(io::stdout(), "{text}").map_err(Error::system("write to standard output"))
}
