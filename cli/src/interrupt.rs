//! Ctrl-C and its kin: the run ends, its temporary files go, the exit code is 20.
//!
//! The first SIGINT, SIGTERM or SIGHUP is passed on to whoever registered with `on_interrupt`,
//! who closes the connection; the engine then fails, and on its way out removes what it had begun.
//! If that takes longer than [`PATIENCE`], or a second signal comes, the program ends at once.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;

use crate::exit::Exit;
use crate::monitor::Lines;

/// How long an interrupted run may take to clean up.
const PATIENCE: Duration = Duration::from_secs(5);

/// Watches for signals from its creation to the end of the program.
#[derive(Clone)]
pub(crate) struct Interrupt {
    shared: Arc<Shared>,
}

struct Shared {
    happened: AtomicBool,
    /// Put in order before the program ends in a hurry.
    lines: Mutex<Arc<Lines>>,
    close: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl Interrupt {
    /// Starts to watch; `lines` is put in order before the program ends in a hurry.
    pub(crate) fn watch(lines: Arc<Lines>) -> io::Result<Self> {
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
        // A file that may not become so long is a failure of that file. Handled instead of ignored, which
        // programs that are started would inherit.
        signal_hook::flag::register(SIGXFSZ, Arc::default())?;
        let shared = Arc::new(Shared {
            happened: AtomicBool::new(false),
            lines: Mutex::new(lines),
            close: Mutex::default(),
        });
        let interrupt = Self { shared };
        let watching = interrupt.clone();
        thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                for _ in signals.forever() {
                    watching.signal();
                }
            })?;
        Ok(interrupt)
    }

    /// From now on it is these lines that are put in order before the program ends in a hurry.
    pub(crate) fn guard(&self, lines: Arc<Lines>) {
        *self
            .shared
            .lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = lines;
    }

    /// Registers what makes a waiting run fail: closing its connection. Replaces the one before;
    /// is called at once if the signal has come already.
    pub(crate) fn on_interrupt(&self, close: impl FnOnce() + Send + 'static) {
        *self.close() = Some(Box::new(close));
        if self.happened() {
            self.run_close();
        }
    }

    /// True once a signal has come.
    pub(crate) fn happened(&self) -> bool {
        self.shared.happened.load(Ordering::SeqCst)
    }

    fn signal(&self) {
        if self.shared.happened.swap(true, Ordering::SeqCst) {
            self.end_now();
        }
        let waiting = self.clone();
        let guard = thread::Builder::new()
            .name("patience".to_owned())
            .spawn(move || {
                thread::sleep(PATIENCE);
                waiting.end_now();
            });
        if guard.is_err() {
            self.end_now();
        }
        self.run_close();
    }

    fn run_close(&self) {
        let close = self.close().take();
        if let Some(close) = close {
            close();
        }
    }

    fn close(&self) -> std::sync::MutexGuard<'_, Option<Box<dyn FnOnce() + Send>>> {
        self.shared
            .close
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn end_now(&self) -> ! {
        let lines = self.shared.lines.lock();
        let _ = lines.unwrap_or_else(PoisonError::into_inner).finish();
        std::process::exit(Exit::Interrupted.code().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn a_signal_closes_the_connection_also_if_it_came_first() {
        let interrupt = Interrupt::watch(Arc::default()).unwrap();
        let (closed, was_closed) = channel();
        let early = closed.clone();
        interrupt.on_interrupt(move || early.send("early").unwrap());
        assert!(!interrupt.happened());

        interrupt.shared.happened.store(true, Ordering::SeqCst);
        interrupt.run_close();
        assert_eq!(was_closed.recv(), Ok("early"));
        interrupt.on_interrupt(move || closed.send("late").unwrap());
        assert_eq!(was_closed.recv(), Ok("late"));
    }
}
