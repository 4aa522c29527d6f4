//! Credit: how many bytes of messages may be in flight in one direction.
//!
//! The receiving end grants, the sending end spends. A frame costs the length of its payload on
//! the wire, but at least [`MIN_FRAME_COST`], which bounds the number of queued frames as well.
//! The window starts at what the hello granted and doubles, up to [`MAX_CREDIT`], whenever a
//! whole window is consumed within about two round trips: then it is the window that limits the
//! link, not the consumer.

use super::Time;
use crate::wire::limits::{MAX_CREDIT, MAX_FRAME_LEN, MIN_FRAME_COST};

/// What a frame of `len` payload bytes costs.
pub fn cost(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX).max(MIN_FRAME_COST)
}

/// What this end may still send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    left: u32,
}

impl Allowance {
    /// The credit that the peer's hello granted.
    pub fn new(granted: u32) -> Self {
        Self { left: granted }
    }

    /// True if a frame of `len` payload bytes may go out now.
    pub fn covers(&self, len: usize) -> bool {
        cost(len) <= self.left
    }

    /// A frame of `len` payload bytes, which was covered, goes out.
    pub fn spend(&mut self, len: usize) {
        self.left = self.left.saturating_sub(cost(len));
    }

    /// The peer grants more. False if that would be more than anyone may have.
    #[must_use]
    pub fn add(&mut self, granted: u32) -> bool {
        match self.left.checked_add(granted) {
            Some(left) if left <= MAX_CREDIT => {
                self.left = left;
                true
            }
            _ => false,
        }
    }

    /// Bytes that may still be sent.
    pub fn left(&self) -> u32 {
        self.left
    }
}

/// What this end has granted, and when it grants more.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// Bytes that may be in flight or queued here.
    size: u32,
    /// Bytes that the peer may still send.
    outstanding: u32,
    /// Bytes consumed and not granted again yet.
    owed: u32,
    /// Bytes consumed since `measured_from`.
    consumed: u32,
    measured_from: Time,
}

impl Window {
    /// The window that our hello announces.
    pub fn new(granted: u32) -> Self {
        Self {
            size: granted,
            outstanding: granted,
            owed: 0,
            consumed: 0,
            measured_from: Time::ZERO,
        }
    }

    /// A frame of `len` payload bytes is announced. False if the peer has no credit for it.
    #[must_use]
    pub fn admit(&mut self, len: usize) -> bool {
        match self.outstanding.checked_sub(cost(len)) {
            Some(left) => {
                self.outstanding = left;
                true
            }
            None => false,
        }
    }

    /// An admitted frame of `len` payload bytes was taken out of the queue.
    pub fn consume(&mut self, now: Time, len: usize, round_trip: Option<Time>) {
        self.owed = self.owed.saturating_add(cost(len));
        self.consumed = self.consumed.saturating_add(cost(len));
        if self.consumed < self.size {
            return;
        }
        let took = now.saturating_sub(self.measured_from);
        if round_trip.is_some_and(|round_trip| took <= round_trip * 2) {
            let grown = self.size.saturating_mul(2).min(MAX_CREDIT);
            self.owed = self.owed.saturating_add(grown - self.size);
            self.size = grown;
        }
        self.consumed = 0;
        self.measured_from = now;
    }

    /// The credit to grant now, if it is time: at a quarter of the window, and early enough that
    /// the peer can always send the largest frame once everything is consumed.
    pub fn take_grant(&mut self) -> Option<u32> {
        let spare = self.size.saturating_sub(MAX_FRAME_LEN as u32);
        if self.owed == 0 || self.owed < (self.size / 4).min(spare) {
            return None;
        }
        let grant = std::mem::take(&mut self.owed);
        self.outstanding = self.outstanding.saturating_add(grant);
        Some(grant)
    }

    /// True if an eighth of it was used since it was as large as it is.
    pub fn is_in_use(&self) -> bool {
        self.consumed >= self.size / 8
    }

    /// Bytes that may be in flight or queued here at most.
    pub fn size(&self) -> u32 {
        self.size
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::limits::MIN_CREDIT;

    const ROUND_TRIP: Option<Time> = Some(Time::from_millis(10));
    const FRAME: usize = 256 << 10;

    fn consume_window(window: &mut Window, from: Time, took: Time) {
        let frames = window.size() as usize / FRAME;
        for frame in 1..=frames {
            assert!(window.admit(FRAME));
            let now = from + took * frame as u32 / frames as u32;
            window.consume(now, FRAME, ROUND_TRIP);
            window.take_grant();
        }
    }

    #[test]
    fn a_window_used_up_within_two_round_trips_doubles_up_to_the_cap() {
        let mut window = Window::new(MIN_CREDIT);
        let mut now = Time::ZERO;
        for size in [2, 4, 8, 8] {
            consume_window(&mut window, now, Time::from_millis(20));
            now += Time::from_millis(20);
            assert_eq!(window.size(), size << 20);
        }
    }

    #[test]
    fn a_slow_consumer_keeps_its_window() {
        let mut window = Window::new(MIN_CREDIT);
        consume_window(&mut window, Time::ZERO, Time::from_millis(21));
        assert_eq!(window.size(), MIN_CREDIT);
    }

    #[test]
    fn a_frame_without_credit_is_not_admitted() {
        let mut window = Window::new(MIN_CREDIT);
        assert!(window.admit(MIN_CREDIT as usize));
        assert!(!window.admit(1));
        window.consume(Time::ZERO, MIN_CREDIT as usize, None);
        assert!(!window.admit(1), "consumed is not yet granted");
        assert_eq!(window.take_grant(), Some(MIN_CREDIT));
        assert!(window.admit(1));
    }

    #[test]
    fn tiny_frames_are_bounded_in_number() {
        let mut window = Window::new(MIN_CREDIT);
        let admitted = (0..).take_while(|_| window.admit(1)).count();
        assert_eq!(admitted, (MIN_CREDIT / MIN_FRAME_COST) as usize);
    }

    #[test]
    fn once_all_is_consumed_the_largest_frame_can_be_sent_whatever_was_sent_before() {
        for len in [1, 1000, FRAME, FRAME + 1, MAX_FRAME_LEN - 1] {
            for size in [MIN_CREDIT, 2 * MIN_CREDIT, MAX_CREDIT] {
                let (mut window, mut allowance) = (Window::new(size), Allowance::new(size));
                for _ in 0..100 {
                    assert!(
                        allowance.covers(MAX_FRAME_LEN),
                        "{size} after frames of {len}"
                    );
                    allowance.spend(len);
                    assert!(window.admit(len));
                    window.consume(Time::ZERO, len, None);
                    if let Some(grant) = window.take_grant() {
                        assert!(allowance.add(grant));
                    }
                }
            }
        }
    }

    #[test]
    fn x7_nobody_gets_more_credit_than_anyone_may_have() {
        let mut allowance = Allowance::new(MAX_CREDIT);
        assert!(!allowance.add(1));
        assert!(!allowance.add(u32::MAX));
        assert_eq!(allowance.left(), MAX_CREDIT);
    }
}
