//! Trying again what may go better in a while: a connection that broke, a destination that another
//! run writes to. Each attempt goes on from what the one before brought.
//!
//! A destination is waited for a little even if nobody said so: the agent of a client that was killed
//! lives on until it notices.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rsync_core::engine;

use crate::args::Reach;
use crate::errors::Failure;
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::monitor::Lines;

/// Pause before the second attempt; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// Longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Pause before another look whether a destination is free.
const BUSY_PAUSE: Duration = Duration::from_millis(500);
/// How long a destination that is not free is waited for without `--wait`.
const BUSY_PATIENCE: Duration = Duration::from_secs(5);
/// How soon an interrupt ends a pause.
const POLL: Duration = Duration::from_millis(50);

/// Makes attempts until one succeeds, fails for good, or was the last.
pub(crate) fn until_done<T>(
    reach: &Reach,
    lines: &Arc<Lines>,
    interrupt: &Interrupt,
    mut attempt: impl FnMut() -> Result<T, Failure>,
) -> Result<T, Failure> {
    let mut failed = 0;
    let mut waits_since = None;
    loop {
        let failure = match attempt() {
            Err(failure) if !interrupt.happened() => failure,
            outcome => return outcome,
        };
        let busy = failure.busy();
        if let Some(busy) = busy.as_ref().filter(|_| waits_since.is_none()) {
            let how_long = if reach.wait {
                "waiting until that has ended".to_owned()
            } else {
                format!("waiting up to {} s for that", BUSY_PATIENCE.as_secs())
            };
            lines.err(&format!("ksyncd: {busy}; {how_long}"));
        }
        let may_wait = busy.is_some()
            && (waits_since.get_or_insert_with(Instant::now).elapsed() < BUSY_PATIENCE
                || reach.wait);
        let pause = if may_wait {
            BUSY_PAUSE
        } else if failed < reach.retries && may_go_better(&failure) {
            failed += 1;
            waits_since = None;
            let pause = pause_after(failed);
            let (attempts, secs) = (reach.retries.saturating_add(1), pause.as_secs());
            lines.err(&format!(
                "ksyncd: attempt {failed} of {attempts} failed: {failure}; trying again in {secs} s"
            ));
            pause
        } else {
            return Err(failure);
        };
        rest(pause, interrupt);
    }
}

/// Takes a lock that somebody else may be about to let go; false if nobody did.
pub(crate) fn until_free<E>(mut lock: impl FnMut() -> Result<bool, E>) -> Result<bool, E> {
    let until = Instant::now() + BUSY_PATIENCE;
    while !lock()? {
        if Instant::now() >= until {
            return Ok(false);
        }
        std::thread::sleep(BUSY_PAUSE);
    }
    Ok(true)
}

fn pause_after(failed: u32) -> Duration {
    let doubled = 1u32.checked_shl(failed - 1).unwrap_or(u32::MAX);
    FIRST_PAUSE.saturating_mul(doubled).min(LONGEST_PAUSE)
}

fn rest(pause: Duration, interrupt: &Interrupt) {
    let until = Instant::now() + pause;
    while Instant::now() < until && !interrupt.happened() {
        std::thread::sleep(POLL);
    }
}

/// The way there is what failed, and not what is at its end.
fn may_go_better(failure: &Failure) -> bool {
    match failure {
        Failure::Broken(_) | Failure::Engine(engine::Error::Connection(_)) => true,
        Failure::Transport(_) => matches!(
            failure.exit(),
            Exit::Socket | Exit::Startup | Exit::Timeout | Exit::ConnectTimeout
        ),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_minute_and_no_further() {
        let pauses: Vec<u64> = (1..9).map(|failed| pause_after(failed).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(pause_after(u32::MAX), LONGEST_PAUSE);
    }
}
