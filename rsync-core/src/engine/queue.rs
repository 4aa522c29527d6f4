//! A queue between two threads that is bounded by the bytes, not by the number of its items.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// So many bytes are worth waking a consumer for.
const WAKING_LEN: usize = 64 << 10;

/// Items, and what all of them weigh in bytes.
pub(crate) struct ByteQueue<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
    capacity: usize,
}

struct State<T> {
    items: VecDeque<T>,
    bytes: usize,
    closed: bool,
    /// Threads that wait for a change: waking nobody would still be a system call.
    waiting: usize,
}

impl<T> ByteQueue<T> {
    /// A queue that takes items while it holds less than `capacity` bytes.
    pub(crate) fn new(capacity: usize) -> Self {
        let state = State {
            items: VecDeque::new(),
            bytes: 0,
            closed: false,
            waiting: 0,
        };
        Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
            capacity,
        }
    }

    /// Adds an item, after waiting for room. Who waits for it is woken once there is much;
    /// [`Self::wake`] has to follow the last one. Once the queue is closed items are dropped.
    pub(crate) fn push(&self, item: T, bytes: usize) {
        let mut state = self.lock();
        while state.bytes >= self.capacity && !state.closed {
            state = self.wait(state);
        }
        if state.closed {
            return;
        }
        state.bytes += bytes;
        state.items.push_back(item);
        if state.bytes >= WAKING_LEN.min(self.capacity) {
            self.notify(&state);
        }
    }

    /// Wakes a consumer that waits although there is something.
    pub(crate) fn wake(&self) {
        let state = self.lock();
        if !state.items.is_empty() {
            self.notify(&state);
        }
    }

    /// The next item, after waiting for one; nothing once the queue is closed and empty.
    ///
    /// `taken`, which is the consumer's, holds the ones after it: to take many at once takes the
    /// lock once. So a consumer may have as much again in its hands as the queue holds.
    pub(crate) fn pop(&self, taken: &mut VecDeque<T>) -> Option<T> {
        if taken.is_empty() {
            let mut state = self.lock();
            while state.items.is_empty() {
                if state.closed {
                    return None;
                }
                state = self.wait(state);
            }
            std::mem::swap(&mut state.items, taken);
            let was_full = state.bytes >= self.capacity;
            state.bytes = 0;
            if was_full {
                self.notify(&state);
            }
        }
        taken.pop_front()
    }

    /// Lets the other side come to an end: what is queued can still be taken, nothing is added.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        self.notify(&state);
    }

    fn wait<'a>(&self, mut state: MutexGuard<'a, State<T>>) -> MutexGuard<'a, State<T>> {
        state.waiting += 1;
        let mut state = self
            .changed
            .wait(state)
            .unwrap_or_else(PoisonError::into_inner);
        state.waiting -= 1;
        state
    }

    fn notify(&self, state: &State<T>) {
        if state.waiting > 0 {
            self.changed.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_queue_makes_its_producer_wait_and_loses_nothing() {
        let queue = ByteQueue::new(10);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for number in 0..1000u32 {
                    queue.push(number, 4);
                    if number % 7 == 0 {
                        queue.wake();
                    }
                }
                queue.close();
            });
            let mut taken = VecDeque::new();
            for expected in 0..1000u32 {
                assert!(queue.lock().bytes <= 13);
                assert_eq!(queue.pop(&mut taken), Some(expected));
                assert!(taken.len() <= 3);
            }
            assert_eq!(queue.pop(&mut taken), None);
        });
    }
}
