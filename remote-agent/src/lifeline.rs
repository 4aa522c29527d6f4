//! The agent lives no longer than its client.
//!
//! A process started by `kubectl exec` or `docker exec` outlives its client: nobody kills it.
//! So it ends itself, whatever its threads are doing (one may hang in a system call on a dead
//! file system), when
//!
//! - the client's stream ended, or nobody reads it any more, and [`GRACE`] has passed, or
//! - the client has said nothing for the timeout and [`SLACK`], though somebody was listening. A
//!   client that lives sends heartbeats more often than that, and the engine gives up before, if its
//!   threads can.
//!
//! Time is counted in ticks of this process, not read from a clock: a container that was frozen
//! or a computer that slept must not find its client dead on waking.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

/// Length of a tick.
const TICK: Duration = Duration::from_secs(1);
/// Ticks that the agent may go on for without a client.
pub(crate) const GRACE: u32 = 15;
/// Ticks beyond the timeout that a client may be silent for.
pub(crate) const SLACK: u32 = 60;

/// The client's stream, watched.
#[derive(Debug)]
pub(crate) struct Lifeline<R> {
    stream: R,
    pulse: Arc<Pulse>,
}

impl<R: Read> Lifeline<R> {
    pub(crate) fn new(stream: R, timeout: Duration) -> (Self, Arc<Pulse>) {
        let pulse = Arc::new(Pulse::new(timeout));
        (
            Self {
                stream,
                pulse: Arc::clone(&pulse),
            },
            pulse,
        )
    }
}

impl<R: Read> Read for Lifeline<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.pulse.set(LISTENING);
        let result = self.stream.read(buffer);
        let ended = match &result {
            Ok(0) => !buffer.is_empty(),
            Ok(_) => false,
            Err(error) => error.kind() != io::ErrorKind::Interrupted,
        };
        self.pulse.set(if ended { GONE } else { BUSY });
        result
    }
}

impl<R> Drop for Lifeline<R> {
    fn drop(&mut self) {
        self.pulse.set(GONE);
    }
}

const BUSY: u8 = 0;
const LISTENING: u8 = 1;
const GONE: u8 = 2;

/// What is known about the client's life.
#[derive(Debug)]
pub(crate) struct Pulse {
    state: AtomicU8,
    ticks: AtomicU32,
    /// Ticks that a client may be silent for.
    silence: u32,
}

/// Why an agent ends itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Death {
    /// The stream ended.
    #[error("the client is gone")]
    Gone,
    /// Nothing came for too long.
    #[error("the client was silent for {0} seconds")]
    Silent(u32),
}

impl Pulse {
    fn new(timeout: Duration) -> Self {
        let timeout = u32::try_from(timeout.as_secs()).unwrap_or(u32::MAX);
        Self {
            state: AtomicU8::new(BUSY),
            ticks: AtomicU32::new(0),
            silence: timeout.saturating_add(SLACK),
        }
    }

    fn set(&self, state: u8) {
        // A stream that ended stays so: its time must not start anew with each attempt to read.
        if self.state.load(Ordering::Relaxed) != GONE {
            self.ticks.store(0, Ordering::Relaxed);
            self.state.store(state, Ordering::Relaxed);
        }
    }

    /// Another tick has passed.
    fn tick(&self) -> Option<Death> {
        let ticks = self.ticks.fetch_add(1, Ordering::Relaxed) + 1;
        match self.state.load(Ordering::Relaxed) {
            GONE if ticks > GRACE => Some(Death::Gone),
            LISTENING if ticks > self.silence => Some(Death::Silent(self.silence)),
            _ => None,
        }
    }

    /// Ends the process when the client is dead, from a thread of its own.
    ///
    /// # Errors
    /// If there can be no such thread.
    pub(crate) fn watch(self: Arc<Self>) -> io::Result<()> {
        let watch = move || {
            loop {
                thread::sleep(TICK);
                if let Some(death) = self.tick() {
                    // Nobody may be there to read it.
                    let _ = writeln!(io::stderr(), "ksyncd-agent: {death}");
                    std::process::exit(1);
                }
            }
        };
        thread::Builder::new()
            .name("lifeline".to_owned())
            .spawn(watch)
            .map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(60);
    const SILENCE: u32 = 60 + SLACK;

    fn ticks_until_death(pulse: &Pulse) -> Option<(u32, Death)> {
        (1..1000).find_map(|tick| pulse.tick().map(|death| (tick, death)))
    }

    #[test]
    fn a3_the_agent_ends_soon_after_the_stream_does() {
        let (mut lifeline, pulse) = Lifeline::new(&b"x"[..], TIMEOUT);
        assert_eq!(lifeline.read(&mut [0; 8]).unwrap(), 1);
        assert_eq!(lifeline.read(&mut [0; 8]).unwrap(), 0);
        for _ in 0..GRACE {
            assert_eq!(pulse.tick(), None);
            assert_eq!(lifeline.read(&mut [0; 8]).unwrap(), 0);
        }
        assert_eq!(pulse.tick(), Some(Death::Gone));
    }

    #[test]
    fn a3_the_agent_ends_when_nobody_reads_its_client_any_more() {
        let (lifeline, pulse) = Lifeline::new(&b"x"[..], TIMEOUT);
        drop(lifeline);
        assert_eq!(ticks_until_death(&pulse), Some((GRACE + 1, Death::Gone)));
    }

    #[test]
    fn a3_the_agent_ends_when_its_client_is_silent() {
        for timeout in [1, 60, 500] {
            let pulse = Pulse::new(Duration::from_secs(timeout));
            pulse.set(LISTENING);
            let silence = timeout as u32 + SLACK;
            let death = Some((silence + 1, Death::Silent(silence)));
            assert_eq!(ticks_until_death(&pulse), death);
        }
    }

    #[test]
    fn a_client_that_speaks_keeps_the_agent_alive() {
        let (mut lifeline, pulse) = Lifeline::new(io::repeat(0), TIMEOUT);
        for _ in 0..10 * SILENCE {
            assert_eq!(pulse.tick(), None);
            assert_eq!(lifeline.read(&mut [0; 1]).unwrap(), 1);
        }
    }

    #[test]
    fn an_agent_that_is_busy_is_not_waiting_for_its_client() {
        let (mut lifeline, pulse) = Lifeline::new(&b"x"[..], TIMEOUT);
        assert_eq!(lifeline.read(&mut [0; 1]).unwrap(), 1);
        assert_eq!(ticks_until_death(&pulse), None);
    }
}
