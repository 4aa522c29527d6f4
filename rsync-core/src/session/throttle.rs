//! A limit on the bytes that go out in a second (`--bwlimit`).
//!
//! The generic cell rate algorithm (ITU-T I.371): each frame moves the time at which the next one
//! may start; a pause earns at most a burst.

use super::Time;

/// How much unused time a pause can earn.
const BURST: Time = Time::from_millis(100);

/// When may the next frame start?
#[derive(Debug, Clone, Copy)]
pub struct Throttle {
    /// Bytes a second; 0 is no limit.
    rate: u64,
    free_at: Time,
}

impl Throttle {
    /// A limit of `rate` bytes a second; 0 is none.
    pub fn new(rate: u64) -> Self {
        Self {
            rate,
            free_at: Time::ZERO,
        }
    }

    /// From when on the next frame may start.
    pub fn free_at(&self) -> Time {
        self.free_at
    }

    /// A frame of `len` bytes starts.
    pub fn sent(&mut self, now: Time, len: usize) {
        if self.rate == 0 {
            return;
        }
        let nanos = u128::from(len as u64) * 1_000_000_000 / u128::from(self.rate);
        let takes = Time::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        let from = self.free_at.max(now.saturating_sub(BURST));
        self.free_at = from.saturating_add(takes);
    }

    /// A good length for frames: at low rates a long frame would be a long silence.
    pub fn frame_target(&self, most: usize) -> usize {
        const LEAST: u64 = 4 << 10;
        match self.rate {
            0 => most,
            rate => usize::try_from((rate / 8).max(LEAST)).map_or(most, |target| target.min(most)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes_sent_within(time: Time, rate: u64, len: usize) -> u64 {
        let mut throttle = Throttle::new(rate);
        let (mut now, mut sent) = (Time::ZERO, 0);
        while now < time {
            throttle.sent(now, len);
            sent += len as u64;
            now = now.max(throttle.free_at());
        }
        sent
    }

    #[test]
    fn the_rate_is_kept_whatever_the_frames() {
        for len in [100, 4096, 256 << 10] {
            let sent = bytes_sent_within(Time::from_secs(100), 1_000_000, len);
            let slack = 100_000 + len as u64;
            assert!(
                sent.abs_diff(100_000_000) <= slack,
                "{sent} in frames of {len}"
            );
        }
    }

    #[test]
    fn a_long_pause_does_not_earn_a_long_burst() {
        let mut throttle = Throttle::new(1000);
        throttle.sent(Time::from_secs(1000), 1000);
        assert_eq!(throttle.free_at(), Time::from_secs(1001) - BURST);
    }

    #[test]
    fn no_limit_never_waits() {
        let mut throttle = Throttle::new(0);
        throttle.sent(Time::ZERO, usize::MAX);
        assert_eq!(throttle.free_at(), Time::ZERO);
        assert_eq!(throttle.frame_target(99), 99);
    }

    #[test]
    fn frames_are_short_at_low_rates() {
        assert_eq!(Throttle::new(80_000).frame_target(1 << 18), 10_000);
        assert_eq!(Throttle::new(10).frame_target(1 << 18), 4 << 10);
    }
}
