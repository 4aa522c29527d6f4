//! The part of the source that the matcher sees: bytes that wait to be sent, the position, and
//! bytes ahead of it.
//!
//! ```text
//!   ... | gap            | ahead                    | ...
//!       passed, unsent   ^ position                 ^ read so far
//! ```
//!
//! Every byte is read once in large pieces, goes into a plain digest while it is in the cache, and is
//! moved at most when the buffer's end is reached.

use std::io::{self, Read};

use crate::checksum::{Digest, Hasher};

/// Bytes asked of the source at once.
const READ_LEN: usize = 256 << 10;

/// A window that moves over `source` once.
pub(super) struct Window<'b, R> {
    source: R,
    buffer: &'b mut Vec<u8>,
    gap: usize,
    position: usize,
    end: usize,
    /// Offset in the source of the buffer's first byte.
    base: u64,
    at_end: bool,
    hasher: Option<Hasher>,
}

impl<'b, R: Read> Window<'b, R> {
    /// A window that can hold a gap of `max_gap` bytes and `max_ahead` bytes ahead. All that is read
    /// goes into `hasher`.
    pub(super) fn new(
        source: R,
        hasher: Option<Hasher>,
        buffer: &'b mut Vec<u8>,
        max_gap: usize,
        max_ahead: usize,
    ) -> Self {
        let capacity = max_gap + max_ahead + READ_LEN;
        if buffer.len() < capacity {
            buffer.resize(capacity, 0);
        }
        Self {
            source,
            buffer,
            gap: 0,
            position: 0,
            end: 0,
            base: 0,
            at_end: false,
            hasher,
        }
    }

    /// Reads until at least `ahead` bytes are ahead, or the source ends.
    #[inline]
    pub(super) fn fill(&mut self, ahead: usize) -> io::Result<()> {
        while self.end - self.position < ahead && !self.at_end {
            self.read()?;
        }
        Ok(())
    }

    fn read(&mut self) -> io::Result<()> {
        if self.buffer.len() - self.end < READ_LEN {
            self.buffer.copy_within(self.gap..self.end, 0);
            self.base += self.gap as u64;
            self.position -= self.gap;
            self.end -= self.gap;
            self.gap = 0;
        }
        let room_end = (self.end + READ_LEN).min(self.buffer.len());
        let room = &mut self.buffer[self.end..room_end];
        match self.source.read(room) {
            Ok(0) => self.at_end = true,
            Ok(len) => {
                // A reader that claims more than it was given is broken, not a reason to panic.
                let piece = room.get(..len).ok_or(io::ErrorKind::InvalidData)?;
                if let Some(hasher) = &mut self.hasher {
                    hasher.update(piece);
                }
                self.end += len;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
        Ok(())
    }

    /// Bytes passed but not yet sent.
    pub(super) fn gap(&self) -> &[u8] {
        &self.buffer[self.gap..self.position]
    }

    /// Bytes read but not yet passed.
    #[inline]
    pub(super) fn ahead(&self) -> &[u8] {
        &self.buffer[self.position..self.end]
    }

    /// Offset of the position in the source.
    pub(super) fn offset(&self) -> u64 {
        self.base + self.position as u64
    }

    /// Passes the next `len` bytes; they become part of the gap.
    pub(super) fn advance(&mut self, len: usize) {
        debug_assert!(self.position + len <= self.end);
        self.position += len;
    }

    /// Forgets the first `len` bytes of the gap: they are sent.
    pub(super) fn sent(&mut self, len: usize) {
        debug_assert!(self.gap + len <= self.position);
        self.gap += len;
    }

    /// Digest of all that was read, if it is taken.
    pub(super) fn digest(&self) -> Option<Digest> {
        self.hasher.as_ref().map(Hasher::digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives out its bytes in pieces of changing length, with interruptions.
    struct Drips<'a>(&'a [u8], usize);

    impl Read for Drips<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.1 += 1;
            if self.1.is_multiple_of(3) {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let len = (self.1 * 7919 % 5000).max(1).min(buffer.len());
            self.0.read(&mut buffer[..len])
        }
    }

    #[test]
    fn every_byte_passes_once_and_in_order() {
        let source: Vec<u8> = (0..3_000_000u32)
            .map(|i| (i.wrapping_mul(i) >> 7) as u8)
            .collect();
        let mut buffer = Vec::new();
        let hasher = Some(Hasher::new());
        let mut window = Window::new(Drips(&source, 0), hasher, &mut buffer, 10_000, 3000);
        let mut seen = Vec::new();
        loop {
            window.fill(3000).unwrap();
            if window.ahead().is_empty() {
                break;
            }
            assert!(
                window.ahead().len() >= 3000
                    || window.ahead().len() == source.len() - seen.len() - window.gap().len()
            );
            window.advance(window.ahead().len().min(2999));
            if window.gap().len() > 7000 {
                seen.extend_from_slice(window.gap());
                window.sent(window.gap().len());
            }
            assert_eq!(window.offset(), (seen.len() + window.gap().len()) as u64);
        }
        seen.extend_from_slice(window.gap());
        assert!(seen == source);
        assert_eq!(window.digest(), Some(Digest::of(&source)));
    }
}
