//! `ksyncd log`: the runs that are remembered, the newest first.

use std::io::{self, Write};

use rsync_core::path::escape;
use serde::Serialize;

use crate::args::Log;
use crate::errors::Failure;
use crate::exit::Exit;
use crate::state::{Recorded, State, Verbs};

/// Prints the runs.
pub(crate) fn log(args: &Log) -> Result<Exit, Failure> {
    let state = State::open().map_err(Failure::State)?;
    let runs = state.all().map_err(Failure::StateBroken)?;
    let dest = args
        .dest
        .as_deref()
        .and_then(|dest| std::path::absolute(dest).ok());
    let shown = runs
        .iter()
        .rev()
        .filter(|run| dest.as_ref().is_none_or(|dest| run.wrote_to(dest)));
    let mut out = io::stdout().lock();
    let mut print =
        |line: String| writeln!(out, "{line}").map_err(|cause| Failure::Output { cause });
    for run in shown {
        print(if args.json { json(run)? } else { line(run) })?;
    }
    Ok(Exit::Success)
}

impl Recorded {
    fn wrote_to(&self, dest: &std::path::Path) -> bool {
        // As it was written, a slash at the end or not.
        self.account.destination.components().eq(dest.components())
    }

    /// How it ended, in a word.
    fn outcome(&self) -> &'static str {
        match (&self.account.ended, &self.account.undone_by) {
            (_, Some(_)) => "undone",
            (Some(ended), None) if ended.exit_code == 0 => "done",
            (Some(_), None) => "incomplete",
            (None, None) if self.is_running() => "running",
            (None, None) => "cut",
        }
    }
}

fn line(run: &Recorded) -> String {
    use std::os::unix::ffi::OsStrExt;
    let account = &run.account;
    let ended = account.ended.clone().unwrap_or_default();
    let what = match account.command {
        Verbs::Pull => "pull",
        Verbs::Undo => "undo",
    };
    let mut line = format!(
        "{}  {}  {:<10}  {what} {} -> {}: {} transferred, {} deleted, {} kept",
        account.id,
        account.started.strftime("%Y-%m-%d %H:%M:%SZ"),
        run.outcome(),
        escape(account.source.as_bytes()),
        escape(account.destination.as_os_str().as_bytes()),
        ended.transferred,
        ended.deleted,
        crate::monitor::size(run.kept_bytes()),
    );
    if ended.not_kept > 0 {
        line.push_str(&format!(", {} not kept", ended.not_kept));
    }
    line
}

#[derive(Serialize)]
struct Line<'a> {
    outcome: &'static str,
    kept_bytes: u64,
    #[serde(flatten)]
    account: &'a crate::state::Account,
}

fn json(run: &Recorded) -> Result<String, Failure> {
    let line = Line {
        outcome: run.outcome(),
        kept_bytes: run.kept_bytes(),
        account: &run.account,
    };
    serde_json::to_string(&line).map_err(|error| Failure::StateBroken(error.into()))
}
