//! Standard output and standard error, shared with a progress bar.
//!
//! Lines for standard output are gathered and written a few times a second, with the bar out of
//! the way. A reader that goes away (`| head`) does not end the run; the first error is kept and
//! comes out of [`Lines::finish`].

use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use indicatif::ProgressBar;

/// Gathered lines are written at the latest when there are this many bytes of them.
const MOST_GATHERED: usize = 64 << 10;

/// Both outputs of the program.
#[derive(Debug)]
pub(crate) struct Lines {
    gathered: Mutex<Gathered>,
    bar: ProgressBar,
}

#[derive(Debug, Default)]
struct Gathered {
    bytes: Vec<u8>,
    error: Option<io::Error>,
}

impl Default for Lines {
    fn default() -> Self {
        Self {
            gathered: Mutex::default(),
            bar: ProgressBar::hidden(),
        }
    }
}

impl Lines {
    /// The bar that the lines make room for; hidden until somebody gives it a place.
    pub(crate) fn bar(&self) -> &ProgressBar {
        &self.bar
    }

    /// Adds a line to standard output.
    pub(crate) fn out(&self, line: &str) {
        let mut gathered = self.lock();
        gathered.bytes.extend_from_slice(line.as_bytes());
        gathered.bytes.push(b'\n');
        if gathered.bytes.len() > MOST_GATHERED {
            self.write(&mut gathered);
        }
    }

    /// Writes a line to standard error at once, after what standard output is still owed.
    pub(crate) fn err(&self, line: &str) {
        let mut gathered = self.lock();
        self.write(&mut gathered);
        self.bar.suspend(|| {
            // There is no third place to complain to.
            let _ = writeln!(io::stderr().lock(), "{line}");
        });
    }

    /// Writes what has been gathered.
    pub(crate) fn flush(&self) {
        self.write(&mut self.lock());
    }

    /// Takes the bar away, writes what is left and reports the first error of all writes.
    pub(crate) fn finish(&self) -> io::Result<()> {
        self.bar.finish_and_clear();
        self.flush();
        self.lock().error.take().map_or(Ok(()), Err)
    }

    fn write(&self, gathered: &mut Gathered) {
        if gathered.bytes.is_empty() {
            return;
        }
        let bytes = std::mem::take(&mut gathered.bytes);
        if gathered.error.is_some() {
            return;
        }
        let written = self.bar.suspend(|| {
            let mut out = io::stdout().lock();
            out.write_all(&bytes).and_then(|()| out.flush())
        });
        gathered.error = written.err();
    }

    fn lock(&self) -> MutexGuard<'_, Gathered> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
