//! The run as lines of text: names, itemized changes and figures on standard output, trouble and
//! the closing account on standard error.

use std::sync::Arc;

use rsync_core::monitor::{Change, Event, Monitor, SkipReason};
use rsync_core::path::escape;

use super::numbers::Numbers;
use super::{Closing, Lines, Place, Watcher, itemize, stats, summary, trouble};
use crate::args::Sync;
use crate::exit::Exit;

/// Shows a run as text.
#[derive(Debug)]
pub(super) struct Console {
    lines: Arc<Lines>,
    style: itemize::Style,
    verbose: u8,
    itemize: u8,
    quiet: bool,
    stats: bool,
    numbers: Numbers,
}

impl Console {
    /// Shows what the command line asks for.
    pub(super) fn new(lines: Arc<Lines>, args: &Sync, style: itemize::Style) -> Self {
        Self {
            lines,
            style,
            verbose: args.essential.verbose,
            itemize: args.essential.itemize_changes,
            quiet: args.output.quiet,
            stats: args.output.stats,
            numbers: Numbers::of_level(args.output.human_readable),
        }
    }

    /// The line for an entry that was looked at, if it gets one.
    fn item(
        &self,
        path: &rsync_core::path::RelPath,
        entry: &rsync_core::entry::Entry,
        change: &Change,
    ) -> Option<String> {
        let unchanged_too = self.verbose > 1 || self.itemize > 1;
        match (change.is_none(), self.itemize > 0) {
            (true, _) if !unchanged_too => None,
            (_, true) => Some(self.style.line(path, entry, change)),
            (true, false) => Some(format!(
                "{} is uptodate",
                itemize::plain_name(path, &entry.kind)
            )),
            (false, false) if self.verbose > 0 => Some(itemize::name(path, &entry.kind)),
            (false, false) => None,
        }
    }

    fn complain(&self, sentence: &str) {
        self.lines.err(&format!("ksyncd: {sentence}"));
    }
}

impl Monitor for Console {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Connected {
                peer_version,
                protocol,
            } if self.verbose > 1 => {
                let version = escape(peer_version.as_bytes());
                self.lines.out(&format!(
                    "connected to ksyncd-agent {version}, protocol {protocol}"
                ));
            }
            Event::Item {
                path,
                entry,
                change,
            } => {
                if let Some(line) = self.item(path, entry, change) {
                    self.lines.out(&line);
                }
            }
            Event::Deleted { path, kind } => {
                if self.itemize > 0 {
                    self.lines.out(&itemize::deleted(path, kind));
                } else if self.verbose > 0 {
                    self.lines
                        .out(&format!("deleting {}", itemize::plain_name(path, kind)));
                }
            }
            Event::Skipped { path, reason } => {
                let needed = if *reason == SkipReason::SpecialFile {
                    1
                } else {
                    2
                };
                if self.verbose >= needed {
                    self.lines.out(&trouble::skipped(path, *reason));
                }
            }
            Event::Trouble { path, trouble } => self.complain(&trouble::sentence(path, trouble)),
            Event::DeletesWithheld { count, reason } => {
                self.complain(&trouble::withheld(*count, *reason))
            }
            _ => {}
        }
    }
}

impl Watcher for Console {
    fn pulse(&self) {
        self.lines.flush();
    }

    fn reached(&self, place: &Place) {
        if let Some(choice) = place.choice.as_ref().filter(|_| !self.quiet) {
            self.complain(choice);
        }
        if self.verbose > 0 {
            self.lines.out(&format!("connected {}", place.way));
        }
    }

    fn closing(&self, closing: &Closing) {
        if self.stats {
            self.lines.out("");
            stats::lines(closing, self.numbers)
                .iter()
                .for_each(|line| self.lines.out(line));
        }
        if self.quiet {
            return;
        }
        // The bar would be drawn again under the last line.
        self.lines.bar().finish_and_clear();
        self.complain(&summary::line(closing));
        let exit = closing.exit();
        if exit != Exit::Success {
            self.complain(&format!(
                "not everything was done (exit code {}): {}",
                exit.code(),
                exit.meaning()
            ));
        }
    }
}
