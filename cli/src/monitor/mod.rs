//! What the user sees of a run: every way of showing it is a [`Watcher`], and a [`Watch`] feeds
//! them all.
//!
//! Events come from several threads at once; each watcher has its own lock. Names from the other
//! end are escaped before they reach a terminal or a log, and exact only in JSON.

mod console;
mod itemize;
mod json;
mod lines;
mod log;
mod numbers;
mod progress;
mod stats;
mod summary;
mod trouble;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use rsync_core::monitor::{Event, Monitor};
use rsync_core::receipt::Receipt;

use crate::args::Sync;
use crate::errors::Failure;
use crate::exit::Exit;

pub(crate) use itemize::Direction;
pub(crate) use json::Path as JsonPath;
pub(crate) use lines::Lines;

/// A number of bytes with a unit.
pub(crate) fn size(bytes: u64) -> String {
    numbers::Numbers::Binary.show(bytes)
}

/// How often watchers are given the chance to refresh what they show.
const PULSE: Duration = Duration::from_millis(200);

/// Something that shows a run.
trait Watcher: Monitor + Send {
    /// A moment has passed: refresh what is shown.
    fn pulse(&self) {}
    /// The other end was reached: the pod that was chosen, if there was a choice, and the way.
    fn reached(&self, _place: &Place) {}
    /// The run is over and this is its account.
    fn closing(&self, closing: &Closing);
    /// The run could not be completed.
    fn failure(&self, _failure: &Failure) {}
}

/// The account of a run, as it is shown at the end.
#[derive(Debug, Clone)]
pub(crate) struct Closing {
    /// What became of every entry.
    pub(crate) receipt: Receipt,
    /// Bytes sent over the connection.
    pub(crate) sent: u64,
    /// Bytes received over the connection.
    pub(crate) received: u64,
    /// Bytes of the agent that were sent before, over the same connection; 0 if it was there.
    pub(crate) agent_bytes: u64,
    /// How long the run took.
    pub(crate) elapsed: Duration,
    /// Nothing was changed because nothing should be.
    pub(crate) dry_run: bool,
}

impl Closing {
    /// The exit code that the account calls for.
    pub(crate) fn exit(&self) -> Exit {
        Exit::of_receipt(&self.receipt)
    }
}

/// Where the other end is.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// The pod and why this one, if there were several.
    pub(crate) choice: Option<String>,
    /// The way to it.
    pub(crate) way: String,
}

/// All watchers of a run.
pub(crate) struct Watch {
    lines: Arc<Lines>,
    watchers: Vec<Box<dyn Watcher>>,
    /// Something was changed, or would be.
    has_changes: AtomicBool,
}

impl Watch {
    /// Opens what the command line asks for; fails if the log file can not be opened.
    pub(crate) fn open(args: &Sync, direction: Direction) -> Result<Self, Failure> {
        let output = &args.output;
        let lines = Arc::new(Lines::default());
        let style = itemize::Style {
            direction,
            times: !args.metadata.no_times,
        };
        let mut watchers: Vec<Box<dyn Watcher>> = Vec::new();
        if let Some(path) = &output.log_file {
            watchers.push(Box::new(log::Log::open(path, style)?));
        }
        if let Some(progress) = progress::Progress::open(args, &lines) {
            watchers.push(Box::new(progress));
        }
        if output.json {
            watchers.push(Box::new(json::Json::new(
                Arc::clone(&lines),
                args.essential.verbose > 1,
            )));
        } else {
            watchers.push(Box::new(console::Console::new(
                Arc::clone(&lines),
                args,
                style,
            )));
        }
        Ok(Self {
            lines,
            watchers,
            has_changes: AtomicBool::new(false),
        })
    }

    /// The output that all watchers share, for whoever has to end the program in a hurry.
    pub(crate) fn lines(&self) -> Arc<Lines> {
        Arc::clone(&self.lines)
    }

    /// True once an entry was changed or deleted, or would be, be it the top of the tree.
    pub(crate) fn has_changes(&self) -> bool {
        self.has_changes.load(Ordering::Relaxed)
    }

    /// Runs `work` while the watchers are refreshed a few times a second.
    pub(crate) fn during<T>(&self, work: impl FnOnce() -> T) -> T {
        std::thread::scope(|scope| {
            // Dropped when `work` returns or unwinds, which ends the thread.
            let (_running, stopped) = channel::<()>();
            let refresh = move || {
                while stopped.recv_timeout(PULSE) == Err(RecvTimeoutError::Timeout) {
                    self.watchers.iter().for_each(|watcher| watcher.pulse());
                }
            };
            // Where there can be no such thread, what is shown changes less often.
            let _ = std::thread::Builder::new().spawn_scoped(scope, refresh);
            work()
        })
    }

    /// Shows where the other end is.
    pub(crate) fn reached(&self, place: &Place) {
        self.watchers
            .iter()
            .for_each(|watcher| watcher.reached(place));
    }

    /// Shows the account of the run and says how it ended.
    pub(crate) fn closing(&self, closing: &Closing) -> Exit {
        self.watchers
            .iter()
            .for_each(|watcher| watcher.closing(closing));
        let exit = closing.exit();
        match self.lines.finish() {
            Err(cause) if exit == Exit::Success => Failure::Output { cause }.report(),
            _ => exit,
        }
    }

    /// Shows why the run could not be completed and says how it ended.
    pub(crate) fn failure(&self, failure: &Failure) -> Exit {
        self.watchers
            .iter()
            .for_each(|watcher| watcher.failure(failure));
        let _ = self.lines.finish();
        failure.report()
    }
}

impl Monitor for Watch {
    fn event(&self, event: &Event<'_>) {
        let is_change = match event {
            Event::Item { change, .. } => !change.is_none(),
            Event::Deleted { .. } => true,
            _ => false,
        };
        if is_change {
            self.has_changes.store(true, Ordering::Relaxed);
        }
        self.watchers
            .iter()
            .for_each(|watcher| watcher.event(event));
    }
}
