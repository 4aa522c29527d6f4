//! The queue between outboxes and writer: batches with room for a frame's header in front.

use std::collections::VecDeque;

use serde::Serialize;

use crate::wire::batch::{self, BatchError};
use crate::wire::frame::HEADER_LEN;
use crate::wire::limits::{FRAME_TARGET_LEN, MAX_UNPACKED_LEN};

/// Outboxes wait while so many bytes are queued.
const MAX_QUEUED_LEN: usize = 4 * FRAME_TARGET_LEN;
/// Empty buffers kept for the next batches.
const MAX_SPARE: usize = 6;

/// Batches that wait for the writer.
#[derive(Debug)]
pub(super) struct Outgoing {
    /// The batch that grows; starts with room for a header.
    current: Vec<u8>,
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
            full: VecDeque::new(),
            full_len: 0,
            spare: Vec::new(),
            frame_target: FRAME_TARGET_LEN,
        }
    }

    pub(super) fn has_room(&self) -> bool {
        self.full_len < MAX_QUEUED_LEN
    }

    /// True if there are full batches, which the writer should know of.
    pub(super) fn has_full(&self) -> bool {
        !self.full.is_empty()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.next_len().is_none()
    }

    /// Encodes a message behind the others.
    pub(super) fn append<M: Serialize>(&mut self, message: &M) -> Result<(), BatchError> {
        let before = self.current.len();
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
        }
        Ok(())
    }

    /// Length of the next batch without its header, if there is one.
    pub(super) fn next_len(&self) -> Option<usize> {
        let next = self.full.front().unwrap_or(&self.current);
        (next.len() > HEADER_LEN).then(|| next.len() - HEADER_LEN)
    }

    /// Takes the next batch, full or not.
    pub(super) fn take(&mut self) -> Option<Vec<u8>> {
        self.next_len()?;
        if let Some(batch) = self.full.pop_front() {
            self.full_len -= batch.len();
            return Some(batch);
        }
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
