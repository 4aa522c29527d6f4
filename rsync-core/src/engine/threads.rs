//! How many threads do the same work.

use std::num::NonZero;
use std::thread;

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

fn processors() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}
