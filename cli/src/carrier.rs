//! What carries the stream, and how it ends when the run is interrupted.
//!
//! The other end has to get the chance to put its tree in order: first it is told that nothing
//! more comes, by the end of its input. Only what does not end on that is ended by force.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use transport::Carrier as Link;

use crate::interrupt::Interrupt;

/// How long a write that is under way may take before the stream is closed over its head.
const WRITE_PATIENCE: Duration = Duration::from_millis(500);
/// How long the other end may take to put its tree in order.
const TIDY_PATIENCE: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(5);

type Input = Arc<Mutex<Option<Box<dyn Write + Send>>>>;

/// What carries the stream, which an interrupt ends.
pub(crate) struct Carrier(Arc<Mutex<Option<Link>>>);

impl Carrier {
    /// Takes charge of `link`, to which `writer` leads. What comes back leads there too, until
    /// the run is interrupted.
    pub(crate) fn new(
        link: Link,
        writer: Box<dyn Write + Send>,
        interrupt: &Interrupt,
    ) -> (Self, Box<dyn Write + Send>) {
        let link = Arc::new(Mutex::new(Some(link)));
        let input: Input = Arc::new(Mutex::new(Some(writer)));
        let (to_end, to_close) = (Self(Arc::clone(&link)), Arc::clone(&input));
        interrupt.on_interrupt(move || {
            let is_closed = close(&to_close);
            // Not here: a second interrupt is to be heard.
            let end = move || {
                if is_closed {
                    thread::sleep(TIDY_PATIENCE);
                }
                drop(to_end.take());
            };
            // Without another thread nobody gets a chance: the program ends in a hurry then.
            let _ = thread::Builder::new().name("carrier".to_owned()).spawn(end);
        });
        (Self(link), Box::new(Interruptible(input)))
    }

    /// What carries the stream, unless it has been ended.
    pub(crate) fn take(&self) -> Option<Link> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Closes the program's input; false if a write that does not end is in the way.
fn close(input: &Input) -> bool {
    let until = Instant::now() + WRITE_PATIENCE;
    loop {
        match input.try_lock() {
            Ok(mut input) => {
                input.take();
                return true;
            }
            Err(TryLockError::Poisoned(input)) => {
                input.into_inner().take();
                return true;
            }
            Err(TryLockError::WouldBlock) if Instant::now() >= until => return false,
            Err(TryLockError::WouldBlock) => thread::sleep(POLL),
        }
    }
}

/// The program's input, until it is closed.
struct Interruptible(Input);

impl Interruptible {
    fn with<T>(&self, act: impl FnOnce(&mut dyn Write) -> io::Result<T>) -> io::Result<T> {
        let mut input = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match input.as_mut() {
            Some(writer) => act(writer),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }
}

impl Write for Interruptible {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.with(|writer| writer.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.with(|writer| writer.flush())
    }
}

impl Drop for Interruptible {
    /// The program's input ends with its last user, though who interrupts could still close it.
    fn drop(&mut self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}
