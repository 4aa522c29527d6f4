//! How many threads do the same work.

use std::num::NonZero;
use std::ops::Range;
use std::thread::{self, Scope, ScopedJoinHandle};

use crate::engine::error::Error;

/// Threads for work of which as many as `most` would keep a large machine busy.
///
/// Half as many as there are processors, because the other half of a run works at the same time:
/// other threads here, and where both ends are on one machine the other end. More of them would
/// only wait for each other's locks.
pub(super) fn threads(most: usize) -> usize {
    (processors() / 2).clamp(1, most)
}

/// The same while everything else of a run waits for that work, at both ends.
pub(super) fn threads_alone(most: usize) -> usize {
    processors().clamp(1, most)
}

/// As [`threads`], for work that waits now and then, as what creates files waits for the file system's
/// journal: one more, where there is a processor for it.
pub(super) fn threads_that_wait(most: usize) -> usize {
    (processors() / 2 + 1).clamp(1, most)
}

/// Starts a thread of `scope`.
///
/// # Errors
/// The system lets this process have no more of them.
pub(super) fn start<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() -> T + Send + 'scope,
) -> Result<ScopedJoinHandle<'scope, T>, Error> {
    thread::Builder::new()
        .spawn_scoped(scope, work)
        .map_err(Error::NoThread)
}

/// Starts further threads of `scope` for the same work, each with one of the `numbers`, as far as the system
/// lets this process have them. Tells how many those are.
pub(super) fn start_more<'scope>(
    scope: &'scope Scope<'scope, '_>,
    numbers: Range<usize>,
    work: impl Fn(usize) + Copy + Send + 'scope,
) -> usize {
    numbers
        .take_while(|&number| start(scope, move || work(number)).is_ok())
        .count()
}

fn processors() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}
