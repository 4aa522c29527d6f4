//! `ksyncd doctor`: would a pull work, and if not, what exactly is in the way?

use std::io::{self, Write};

use transport::doctor::{Examination, Finding, Verdict, examine};

use crate::args::Doctor;
use crate::conversation::{agents, patience};
use crate::errors::Failure;
use crate::exit::Exit;
use crate::locate;

/// Looks at everything that a pull would need, copies nothing, and prints what it finds.
pub(crate) fn doctor(args: &Doctor) -> Result<Exit, Failure> {
    let location = locate::there(&args.target, &args.reach)?;
    let (timeouts, _) = patience(&args.reach);
    let examination = examine(&location, &agents()?, &timeouts);
    print(&examination).map_err(|cause| Failure::Output { cause })?;
    let verdict = if examination.is_good() {
        Exit::Success
    } else {
        Exit::Startup
    };
    Ok(match examination.broken {
        // What broke has a code of its own.
        Some(error) => Failure::Transport(error).exit(),
        None => verdict,
    })
}

fn print(examination: &Examination) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for finding in &examination.findings {
        writeln!(out, "{finding}")?;
    }
    if let Some(error) = &examination.broken {
        let finding = Finding {
            verdict: Verdict::Fail,
            what: error.to_string(),
            fix: Some(Failure::advice(error).to_owned()),
        };
        writeln!(out, "{finding}")?;
    }
    let summary = if examination.is_good() {
        "a pull would work"
    } else {
        "a pull would fail"
    };
    writeln!(out, "{summary}")?;
    out.flush()
}
