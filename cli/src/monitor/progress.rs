//! How far the run is: a bar where standard error is a terminal, a line now and then elsewhere.
//!
//! How much there is to do is known only when the listing is complete; until then there is a count
//! and a rate, and no promise of an end. A further attempt of the run counts from nothing again: what
//! it wants is what the one before left.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressDrawTarget, ProgressStyle};
use rsync_core::monitor::{Event, Monitor};

use super::numbers::Numbers;
use super::{Closing, Lines, Watcher};
use crate::args::Sync;

/// Time between two lines where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

const WHILE_LISTING: &str = "{spinner} {bytes} in {msg} files  {bytes_per_sec}  {elapsed}";
const WITH_AN_END: &str =
    "{wide_bar} {percent:>3}%  {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left  {msg} files";

/// Shows how far a run is.
#[derive(Debug)]
pub(super) struct Progress {
    lines: Arc<Lines>,
    files: AtomicU64,
    wanted_files: AtomicU64,
    bytes: AtomicU64,
    wanted_bytes: AtomicU64,
    listed: AtomicBool,
    shape: Shape,
}

#[derive(Debug)]
enum Shape {
    Bar,
    Lines(Mutex<Moments>),
}

/// When lines were and are to be written.
#[derive(Debug)]
struct Moments {
    /// The attempt began.
    started: Instant,
    /// The last line was written.
    last: Instant,
}

impl Default for Moments {
    fn default() -> Self {
        let now = Instant::now();
        Self {
            started: now,
            last: now,
        }
    }
}

impl Progress {
    /// Shows progress if the command line wants it and there is a place for it.
    pub(super) fn open(args: &Sync, lines: &Arc<Lines>) -> Option<Self> {
        let asked_for = args.output.progress || args.change.partial_progress;
        let unwanted = args.output.quiet || args.output.json;
        if args.output.no_progress || (unwanted && !asked_for) {
            return None;
        }
        let shape = if std::io::stderr().is_terminal() {
            lines.bar().set_draw_target(ProgressDrawTarget::stderr());
            set_style(lines, WHILE_LISTING);
            Shape::Bar
        } else {
            Shape::Lines(Mutex::default())
        };
        Some(Self {
            lines: Arc::clone(lines),
            files: AtomicU64::new(0),
            wanted_files: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            wanted_bytes: AtomicU64::new(0),
            listed: AtomicBool::new(false),
            shape,
        })
    }

    fn begin_anew(&self) {
        self.listed.store(false, Ordering::Relaxed);
        for count in [
            &self.files,
            &self.wanted_files,
            &self.bytes,
            &self.wanted_bytes,
        ] {
            count.store(0, Ordering::Relaxed);
        }
        match &self.shape {
            Shape::Bar => {
                let bar = self.lines.bar();
                bar.unset_length();
                bar.reset();
                set_style(&self.lines, WHILE_LISTING);
            }
            Shape::Lines(moments) => {
                let mut moments = moments.lock().unwrap_or_else(PoisonError::into_inner);
                *moments = Moments::default();
            }
        }
    }

    fn files_text(&self) -> String {
        let files = Numbers::Grouped.show(self.files.load(Ordering::Relaxed));
        if self.listed.load(Ordering::Relaxed) {
            format!(
                "{files}/{}",
                Numbers::Grouped.show(self.wanted_files.load(Ordering::Relaxed))
            )
        } else {
            files
        }
    }

    fn line(&self, elapsed: Duration) -> String {
        let bytes = self.bytes.load(Ordering::Relaxed);
        let rate = bytes
            .checked_div(elapsed.as_secs().max(1))
            .unwrap_or_default();
        let mut line = format!(
            "ksyncd: {} in {} files, {}/s",
            Numbers::Binary.show(bytes),
            self.files_text(),
            Numbers::Binary.show(rate)
        );
        let wanted = self.wanted_bytes.load(Ordering::Relaxed);
        if self.listed.load(Ordering::Relaxed) && wanted > 0 {
            let percent = u128::from(bytes) * 100 / u128::from(wanted);
            line.push_str(&format!(", {}%", percent.min(100)));
            if let Some(left) = wanted.saturating_sub(bytes).checked_div(rate) {
                line.push_str(&format!(", {left} s left"));
            }
        }
        line
    }
}

fn set_style(lines: &Lines, template: &str) {
    if let Ok(style) = ProgressStyle::with_template(template) {
        lines.bar().set_style(style);
    }
}

impl Monitor for Progress {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Connected { .. } => self.begin_anew(),
            Event::Listed {
                wanted_bytes,
                wanted_files,
                ..
            } => {
                self.wanted_bytes.store(*wanted_bytes, Ordering::Relaxed);
                self.wanted_files.store(*wanted_files, Ordering::Relaxed);
                self.listed.store(true, Ordering::Relaxed);
                if matches!(self.shape, Shape::Bar) {
                    self.lines.bar().set_length(*wanted_bytes);
                    set_style(&self.lines, WITH_AN_END);
                }
            }
            Event::Progress { bytes, files } => {
                self.bytes.fetch_add(*bytes, Ordering::Relaxed);
                self.files.fetch_add(*files, Ordering::Relaxed);
            }
            _ => {}
        }
    }
}

impl Watcher for Progress {
    fn pulse(&self) {
        match &self.shape {
            Shape::Bar => {
                let bar = self.lines.bar();
                bar.set_message(self.files_text());
                bar.set_position(self.bytes.load(Ordering::Relaxed));
                bar.tick();
            }
            Shape::Lines(moments) => {
                let now = Instant::now();
                let mut moments = moments.lock().unwrap_or_else(PoisonError::into_inner);
                if now.duration_since(moments.last) >= LINE_EVERY {
                    moments.last = now;
                    self.lines
                        .err(&self.line(now.duration_since(moments.started)));
                }
            }
        }
    }

    fn closing(&self, _: &Closing) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress() -> Progress {
        Progress {
            lines: Arc::default(),
            files: AtomicU64::new(0),
            wanted_files: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            wanted_bytes: AtomicU64::new(0),
            listed: AtomicBool::new(false),
            shape: Shape::Lines(Mutex::default()),
        }
    }

    #[test]
    fn no_end_is_promised_while_the_listing_goes_on() {
        let progress = progress();
        progress.event(&Event::Progress {
            bytes: 10 << 20,
            files: 3,
        });
        assert_eq!(
            progress.line(Duration::from_secs(2)),
            "ksyncd: 10.00M in 3 files, 5.00M/s"
        );
    }

    #[test]
    fn a_complete_listing_gives_a_share_and_the_time_left() {
        let progress = progress();
        progress.event(&Event::Listed {
            entries: 9,
            wanted_bytes: 40 << 20,
            wanted_files: 8,
        });
        progress.event(&Event::Progress {
            bytes: 10 << 20,
            files: 3,
        });
        assert_eq!(
            progress.line(Duration::from_secs(2)),
            "ksyncd: 10.00M in 3/8 files, 5.00M/s, 25%, 6 s left"
        );
    }

    /// What is told of one file of a gibibyte that an attempt brought as far as `bytes`.
    fn attempt(progress: &dyn Monitor, bytes: u64) {
        progress.event(&Event::Connected {
            peer_version: "1",
            protocol: 1,
        });
        progress.event(&Event::Listed {
            entries: 1,
            wanted_bytes: 1 << 30,
            wanted_files: 1,
        });
        let files = u64::from(bytes == 1 << 30);
        progress.event(&Event::Progress { bytes, files });
    }

    #[test]
    fn attempts_do_not_add_up() {
        let progress = progress();
        attempt(&progress, 954 << 20);
        attempt(&progress, 1 << 30);
        assert_eq!(
            progress.line(Duration::from_secs(2)),
            "ksyncd: 1.00G in 1/1 files, 512.00M/s, 100%, 0 s left"
        );
    }

    #[test]
    fn the_bar_of_a_further_attempt_begins_at_its_beginning() {
        let progress = Progress {
            shape: Shape::Bar,
            ..progress()
        };
        attempt(&progress, 954 << 20);
        progress.pulse();
        progress.event(&Event::Connected {
            peer_version: "1",
            protocol: 1,
        });
        let bar = progress.lines.bar();
        assert_eq!((bar.position(), bar.length()), (0, None));
        attempt(&progress, 1 << 30);
        progress.pulse();
        assert_eq!((bar.position(), bar.length()), (1 << 30, Some(1 << 30)));
    }

    #[test]
    fn more_than_was_announced_is_never_more_than_everything() {
        let progress = progress();
        progress.event(&Event::Listed {
            entries: 1,
            wanted_bytes: 1,
            wanted_files: 1,
        });
        progress.event(&Event::Progress {
            bytes: u64::MAX,
            files: 1,
        });
        assert!(progress.line(Duration::ZERO).contains("100%"));
    }

    #[test]
    fn the_templates_of_the_bar_are_valid() {
        for template in [WHILE_LISTING, WITH_AN_END] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
