//! The queue between outboxes and writer: batches with room for a frame's header in front.

use std::collections::VecDeque;

use serde::Serialize;

use crate::session::Time;
use crate::wire::batch::{self, BatchError};
use crate::wire::frame::HEADER_LEN;
use crate::wire::limits::{FRAME_TARGET_LEN, MAX_UNPACKED_LEN};

/// Outboxes wait while so many bytes are queued.
const MAX_QUEUED_LEN: usize = 4 * FRAME_TARGET_LEN;
/// A batch that fills slowly goes out with the first message so long after its first one.
const LONGEST_WAIT: Time = Time::from_millis(5);
/// Empty buffers kept for the next batches.
const MAX_SPARE: usize = 6;

/// Batches that wait for the writer.
#[derive(Debug)]
pub(super) struct Outgoing {
    /// The batch that grows; starts with room for a header.
    current: Vec<u8>,
    /// When its first message came.
    since: Time,
    /// True if it goes out although it is not full.
    due: bool,
    /// Full batches, oldest first.
    full: VecDeque<Vec<u8>>,
    full_len: usize,
    spare: Vec<Vec<u8>>,
    /// A batch is full at this length.
    pub(super) frame_target: usize,
}

impl Outgoing {
    pub(super) fn new() -> Self {
        Self {
            current: empty_batch(Vec::new()),
            since: Time::ZERO,
            due: false,
            full: VecDeque::new(),
            full_len: 0,
            spare: Vec::new(),
            frame_target: FRAME_TARGET_LEN,
        }
    }

    pub(super) fn has_room(&self) -> bool {
        self.full_len < MAX_QUEUED_LEN
    }

    /// True if nothing is left to write.
    pub(super) fn is_empty(&self) -> bool {
        self.full.is_empty() && self.current.len() == HEADER_LEN
    }

    /// True if the writer should know of what is there.
    pub(super) fn is_due(&self) -> bool {
        self.next_len().is_some()
    }

    /// Lets go out what was appended so far, full or not.
    pub(super) fn flush(&mut self) {
        self.due = self.current.len() > HEADER_LEN;
    }

    /// Encodes a message behind the others. It goes out with the batch that they fill, or some
    /// time after the first of them.
    pub(super) fn append<M: Serialize>(
        &mut self,
        message: &M,
        now: Time,
    ) -> Result<(), BatchError> {
        let before = self.current.len();
        if before == HEADER_LEN {
            self.since = now;
        }
        batch::append(&mut self.current, message, MAX_UNPACKED_LEN)?;
        if self.current.len() - HEADER_LEN > MAX_UNPACKED_LEN {
            // Large messages behind others: they start a batch of their own.
            let mut own = self.empty_batch();
            own.extend_from_slice(&self.current[before..]);
            self.current.truncate(before);
            let others = std::mem::replace(&mut self.current, own);
            self.enqueue(others);
        }
        if self.current.len() - HEADER_LEN >= self.frame_target {
            let empty = self.empty_batch();
            let full = std::mem::replace(&mut self.current, empty);
            self.enqueue(full);
            self.due = false;
        }
        self.due |= now.saturating_sub(self.since) >= LONGEST_WAIT;
        Ok(())
    }

    /// Length of the next batch without its header, if there is one to be written.
    pub(super) fn next_len(&self) -> Option<usize> {
        let current = self.due.then_some(&self.current);
        let next = self.full.front().or(current)?;
        (next.len() > HEADER_LEN).then(|| next.len() - HEADER_LEN)
    }

    /// Takes the next batch that is to be written.
    pub(super) fn take(&mut self) -> Option<Vec<u8>> {
        self.next_len()?;
        if let Some(batch) = self.full.pop_front() {
            self.full_len -= batch.len();
            return Some(batch);
        }
        self.due = false;
        let empty = self.empty_batch();
        Some(std::mem::replace(&mut self.current, empty))
    }

    /// Gives a buffer back for later batches.
    pub(super) fn recycle(&mut self, buffer: Vec<u8>) {
        if self.spare.len() < MAX_SPARE {
            self.spare.push(buffer);
        }
    }

    fn enqueue(&mut self, batch: Vec<u8>) {
        self.full_len += batch.len();
        self.full.push_back(batch);
    }

    fn empty_batch(&mut self) -> Vec<u8> {
        empty_batch(self.spare.pop().unwrap_or_default())
    }
}

fn empty_batch(mut buffer: Vec<u8>) -> Vec<u8> {
    buffer.clear();
    buffer.resize(HEADER_LEN, 0);
    buffer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outgoing() -> Outgoing {
        let mut outgoing = Outgoing::new();
        outgoing.frame_target = 100;
        outgoing
    }

    #[test]
    fn messages_wait_for_a_full_batch_a_flush_or_their_time() {
        let mut outgoing = outgoing();
        outgoing.append(&vec![7u8; 40], Time::ZERO).unwrap();
        assert!(!outgoing.is_due() && !outgoing.is_empty());
        assert_eq!(outgoing.take(), None);
        outgoing.append(&vec![7u8; 70], Time::ZERO).unwrap();
        assert_eq!(outgoing.take().unwrap().len(), HEADER_LEN + 112);

        outgoing.append(&7u8, Time::ZERO).unwrap();
        outgoing.flush();
        assert_eq!(outgoing.take().unwrap().len(), HEADER_LEN + 1);

        outgoing.append(&7u8, Time::from_secs(1)).unwrap();
        outgoing
            .append(&7u8, Time::from_secs(1) + LONGEST_WAIT / 2)
            .unwrap();
        assert!(!outgoing.is_due());
        outgoing
            .append(&7u8, Time::from_secs(1) + LONGEST_WAIT)
            .unwrap();
        assert_eq!(outgoing.take().unwrap().len(), HEADER_LEN + 3);
        assert!(outgoing.is_empty());
    }

    #[test]
    fn a_flush_of_nothing_does_not_let_later_messages_out() {
        let mut outgoing = outgoing();
        outgoing.flush();
        outgoing.append(&7u8, Time::ZERO).unwrap();
        assert!(!outgoing.is_due());
    }

    #[test]
    fn what_comes_behind_a_full_batch_is_not_due_with_it() {
        let mut outgoing = outgoing();
        outgoing.append(&vec![7u8; 60], Time::ZERO).unwrap();
        outgoing.flush();
        outgoing.append(&vec![7u8; 60], Time::ZERO).unwrap();
        outgoing.append(&7u8, Time::ZERO).unwrap();
        assert_eq!(outgoing.take().unwrap().len(), HEADER_LEN + 122);
        assert!(!outgoing.is_due() && !outgoing.is_empty());
    }
}
