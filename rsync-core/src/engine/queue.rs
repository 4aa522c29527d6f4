//! A queue between two threads that holds a bounded number of bytes, not of items.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

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
}

impl<T> ByteQueue<T> {
    /// A queue that takes items while it holds less than `capacity` bytes.
    pub(crate) fn new(capacity: usize) -> Self {
        let state = State {
            items: VecDeque::new(),
            bytes: 0,
            closed: false,
        };
        Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
            capacity,
        }
    }

    /// Adds an item, after waiting for room. Once the queue is closed items are dropped.
    pub(crate) fn push(&self, item: T, bytes: usize) {
        let mut state = self.lock();
        while state.bytes >= self.capacity && !state.closed {
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if state.closed {
            return;
        }
        state.bytes += bytes;
        state.items.push_back((item, bytes));
        drop(state);
        self.changed.notify_all();
    }

    /// The next item, after waiting for one; nothing once the queue is closed and empty.
    pub(crate) fn pop(&self) -> Option<T> {
        let mut state = self.lock();
        loop {
            if let Some((item, bytes)) = state.items.pop_front() {
                let was_full = state.bytes >= self.capacity;
                state.bytes -= bytes;
                drop(state);
                if was_full {
                    self.changed.notify_all();
                }
                return Some(item);
            }
            if state.closed {
                return None;
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Lets the other side come to an end: what is queued can still be taken, nothing is added.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
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
