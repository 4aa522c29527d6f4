//! `ksyncd undo`: takes a run back, and remembers that as a run.

use std::io::{self, Write};
use std::path::Path;

use rsync_core::engine::keeper::Keeper;
use rsync_core::keep::{self, Conflict, Journal, JournalError, Record, Undone};
use rsync_core::path::escape;
use rsync_core::root::{Error, Root};

use crate::args::Undo;
use crate::attempts;
use crate::errors::Failure;
use crate::exit::Exit;
use crate::state::{Ended, Recorded, Run, State, Verbs};

/// Mode of a destination that has to be made again, until it gets the one it had.
const PRIVATE: u32 = 0o700;

/// Takes a run back.
pub(crate) fn undo(args: &Undo) -> Result<Exit, Failure> {
    let state = State::open().map_err(Failure::State)?;
    let runs = state.all().map_err(Failure::StateBroken)?;
    let mut run = choose(runs, args.run.as_deref())?;
    let destination = run.account.destination.clone();
    let records = match Journal::read(&run.journal()) {
        // It was cut before it changed anything.
        Err(JournalError::Io(error)) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        read => read.map_err(|error| Failure::NotUndoable {
            id: run.account.id.clone(),
            reason: error.to_string(),
        })?,
    };
    let root = open(&destination, &records, &run)?;
    let began = Run::begin(
        state,
        Verbs::Undo,
        run.account.id.clone(),
        &destination,
        args.budget(),
    );
    let this = began.map_err(Failure::StateBroken)?;
    this.keeping().open(&root, false);

    if let Some(earlier) = run.undoes() {
        keep::forget_progress(&earlier).map_err(Failure::StateBroken)?;
    }
    let undone = keep::undo(
        &run.directory,
        &records,
        &root,
        this.keeping(),
        &mut complain,
    );
    let undone = undone.map_err(|error| failure(&run, &error))?;
    if undone.root_is_left_over {
        this.keeping().remove_root();
        // Whoever put something there meanwhile keeps it.
        let _ = std::fs::remove_dir(&destination);
    }
    finish(this, &mut run, undone, args.budget())
}

/// The run that is named, or the last one.
fn choose(mut runs: Vec<Recorded>, named: Option<&str>) -> Result<Recorded, Failure> {
    if let Some(named) = named {
        runs.retain(|run| run.account.id.starts_with(named));
        if runs.len() > 1 {
            runs.retain(|run| run.account.id == named);
        }
    } else {
        runs.retain(|run| run.account.undone_by.is_none());
    }
    let run = runs.pop().ok_or_else(|| Failure::NoSuchRun {
        id: named.map(str::to_owned),
    })?;
    let refuse = |reason: String| {
        Err(Failure::NotUndoable {
            id: run.account.id.clone(),
            reason,
        })
    };
    if let Some(by) = &run.account.undone_by {
        return refuse(format!("{by} has undone it already; undo that one instead"));
    }
    if run.is_running() {
        return refuse("it is still under way; wait until it has ended".to_owned());
    }
    Ok(run)
}

/// Opens the destination, if it is still the directory that the run wrote to.
fn open(destination: &Path, records: &[Record], run: &Recorded) -> Result<Root, Failure> {
    let was_removed = matches!(records.last(), Some(Record::RemovedRoot));
    let opened = if was_removed {
        Root::open_or_create(destination, PRIVATE)
    } else {
        open_root_of(destination, records)
    };
    let root = opened.map_err(|error| failure(run, &error))?;
    let identity = root.identity().map_err(|error| failure(run, &error))?;
    if let Some(&Record::Root { device, inode, .. }) = records.first()
        && !was_removed
        && (device, inode) != (identity.device, identity.inode)
    {
        return Err(Failure::NotUndoable {
            id: run.account.id.clone(),
            reason: format!(
                "{} is not the directory any more that it wrote to",
                escape(destination.as_os_str().as_encoded_bytes())
            ),
        });
    }
    match attempts::until_free(|| root.lock()) {
        Ok(true) => Ok(root),
        Ok(false) => Err(Failure::Engine(
            rsync_core::engine::Error::DestinationBusy {
                path: destination.to_owned(),
                holder: root.lock_holder(),
            },
        )),
        Err(error) => Err(failure(run, &error)),
    }
}

/// A run that wrote a single file had the directory above for its root.
fn open_root_of(destination: &Path, records: &[Record]) -> Result<Root, Error> {
    let is_root = |root: &Root| match (records.first(), root.identity()) {
        (Some(&Record::Root { device, inode, .. }), Ok(found)) => {
            (device, inode) == (found.device, found.inode)
        }
        _ => false,
    };
    match (Root::open(destination), destination.parent()) {
        (Ok(root), _) if is_root(&root) => Ok(root),
        (opened, Some(parent)) => match Root::open(parent) {
            Ok(above) if is_root(&above) => Ok(above),
            _ => opened,
        },
        (opened, None) => opened,
    }
}

fn complain(path: &rsync_core::path::RelPath, conflict: &Conflict) {
    let why = match conflict {
        Conflict::Failed(error) => format!(
            "cannot {}: {}",
            error.operation,
            crate::errors::words_of(&error.source)
        ),
        conflict => conflict.to_string(),
    };
    let path = if path.is_root() {
        ".".to_owned()
    } else {
        path.to_string()
    };
    // If standard error is gone there is nobody left to tell.
    let _ = writeln!(io::stderr().lock(), "ksyncd: {path}: {why}");
}

fn finish(this: Run, run: &mut Recorded, undone: Undone, budget: u64) -> Result<Exit, Failure> {
    let exit = if undone.conflicts == 0 {
        Exit::Success
    } else {
        Exit::Partial
    };
    let id = this.id().to_owned();
    let mut ended = Ended::new(exit.code(), None, &this.keeping().kept());
    ended.transferred = undone.restored;
    let is_whole = undone.conflicts == 0;
    let can_be_undone = undone.restored > 0;
    this.end(ended, budget).map_err(Failure::StateBroken)?;
    if is_whole {
        run.undone(&id).map_err(Failure::StateBroken)?;
    }
    let mut said = format!(
        "{}: {} changes taken back, {} left alone",
        run.account.id, undone.restored, undone.conflicts
    );
    if can_be_undone {
        said.push_str(&format!("; ksyncd undo {id} takes this back"));
    }
    let _ = writeln!(io::stderr().lock(), "ksyncd: {said}");
    Ok(exit)
}

fn failure(run: &Recorded, error: &Error) -> Failure {
    Failure::NotUndoable {
        id: run.account.id.clone(),
        reason: format!("{error}: {}", crate::errors::words_of(&error.source)),
    }
}
