//! A queue between two threads that holds a bounded number of bytes, not of items.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// So many bytes are worth waking a consumer for.
const WAKING_LEN: usize = 64 << 10;

/// Items with their weight in bytes.
pub(crate) struct ByteQueue<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
    capacity: usize,
}

struct State<T> {
    items: VecDeque<(T, usize)>,
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
        state.items.push_back((item, bytes));
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
    pub(crate) fn pop(&self) -> Option<T> {
        let mut state = self.lock();
        loop {
            if let Some((item, bytes)) = state.items.pop_front() {
                let was_full = state.bytes >= self.capacity;
                state.bytes -= bytes;
                if was_full && state.bytes < self.capacity {
                    self.notify(&state);
                }
                return Some(item);
            }
            if state.closed {
                return None;
            }
            state = self.wait(state);
        }
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
            for expected in 0..1000u32 {
                assert!(queue.lock().bytes <= 13);
                assert_eq!(queue.pop(), Some(expected));
            }
            assert_eq!(queue.pop(), None);
        });
    }
}
