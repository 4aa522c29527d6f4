//! Does a conversation get anywhere? A peer that drips is alive for ever.
//!
//! Three rules, all far from what the slowest link and the slowest disk do:
//! - a frame that has begun arrives at [`MIN_FRAME_RATE`] or faster, the usual timeout apart;
//! - messages flow, in either direction. After [`PATIENCE`] timeouts in which nothing came and nothing
//!   went but signs of life, the conversation is over. A byte of messages buys a second, up to the
//!   whole patience. That much time it is because either end may read all of a large tree without
//!   having anything to say;
//! - enough of them flow. [`SLOW_PATIENCE`] timeouts, a whole week, are there for all that is slower
//!   than [`MIN_RATE`] together; so many bytes buy a second of it back.
//!
//! A peer that says a small message a second looks like one that reads a large file a second for its
//! digest, and may be that. So the third rule ends the one after a week, and only then the other, which
//! has read tens of terabytes by then; longer timeouts make longer weeks. Links are not that slow:
//! 64 kbit/s are thirty times as much.

use super::Time;

/// Bytes a second in which a frame arrives at least, once it has begun: a quarter of what the first
/// mobile telephones could carry.
pub const MIN_FRAME_RATE: u64 = 256;
/// So many timeouts may pass without a message: four hours, with the usual timeout of a minute.
pub const PATIENCE: u32 = 240;
/// Bytes of messages a second, both directions together, that are enough for ever.
pub const MIN_RATE: u64 = 256;
/// So many timeouts may pass below that: a week, with the usual timeout of a minute.
pub const SLOW_PATIENCE: u32 = 10_080;

/// Whether a peer gets anywhere.
#[derive(Debug, Clone)]
pub(super) struct Progress {
    timeout: Time,
    /// When the frame that has begun has to be here.
    frame_until: Option<Time>,
    /// For a conversation in which hardly anything is said.
    quiet: Purse,
    /// For one in which too little is.
    slow: Purse,
}

impl Progress {
    /// Starts with all patience.
    pub(super) fn new(now: Time, timeout: Time) -> Self {
        Self {
            timeout,
            frame_until: None,
            quiet: Purse::full(now, timeout.saturating_mul(PATIENCE), 1),
            slow: Purse::full(now, timeout.saturating_mul(SLOW_PATIENCE), MIN_RATE),
        }
    }

    /// The header of a frame with so many bytes of payload arrived.
    pub(super) fn frame_begins(&mut self, now: Time, len: usize) {
        let rate = Time::from_secs(len as u64 / MIN_FRAME_RATE);
        self.frame_until = Some(now.saturating_add(self.timeout).saturating_add(rate));
    }

    /// All of it did.
    pub(super) fn frame_ends(&mut self) {
        self.frame_until = None;
    }

    /// So many bytes of messages came or went.
    pub(super) fn moved(&mut self, now: Time, len: usize) {
        self.quiet.buy(now, len);
        self.slow.buy(now, len);
    }

    /// When the frame that has begun has to be here, if one has.
    pub(super) fn frame_until(&self) -> Option<Time> {
        self.frame_until
    }

    /// Time for a conversation in which hardly anything is said.
    pub(super) fn quiet(&self) -> &Purse {
        &self.quiet
    }

    /// Time for a conversation in which too little is said.
    pub(super) fn slow(&self) -> &Purse {
        &self.slow
    }
}

/// Time that passes and is bought back by messages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Purse {
    /// Most that there is ever left.
    most: Time,
    /// Bytes that buy a second.
    price: u64,
    until: Time,
}

impl Purse {
    fn full(now: Time, most: Time, price: u64) -> Self {
        Self {
            most,
            price,
            until: now.saturating_add(most),
        }
    }

    fn buy(&mut self, now: Time, len: usize) {
        // Not in seconds: small frames would buy nothing.
        let nanos = (len as u64).saturating_mul(1_000_000_000) / self.price;
        let bought = self.until.saturating_add(Time::from_nanos(nanos));
        self.until = bought.min(now.saturating_add(self.most));
    }

    /// Most that there is ever left.
    pub(super) fn most(&self) -> Time {
        self.most
    }

    /// When nothing is left.
    pub(super) fn until(&self) -> Time {
        self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Time = Time::from_secs(60);
    const HOUR: Time = Time::from_secs(3600);

    #[test]
    fn patience_lasts_for_hours_and_is_bought_back_a_second_a_byte() {
        let mut progress = Progress::new(Time::ZERO, TIMEOUT);
        assert_eq!(progress.quiet().until(), HOUR * 4);
        progress.moved(HOUR, 600);
        assert_eq!(progress.quiet().until(), HOUR * 4 + TIMEOUT * 10);
        progress.moved(HOUR, 1 << 20);
        assert_eq!(
            progress.quiet().until(),
            HOUR * 5,
            "never more than all of it"
        );
    }

    #[test]
    fn a_week_of_slowness_is_bought_back_at_the_least_rate() {
        let mut progress = Progress::new(Time::ZERO, TIMEOUT);
        assert_eq!(progress.slow().until(), HOUR * 168);
        for _ in 0..256 {
            progress.moved(HOUR, 1);
        }
        assert_eq!(progress.slow().until(), HOUR * 168 + Time::from_secs(1));
        progress.moved(HOUR, 1 << 20);
        assert_eq!(
            progress.slow().until(),
            HOUR * 169,
            "never more than all of it"
        );
    }

    #[test]
    fn a_long_timeout_does_not_overflow() {
        let mut progress = Progress::new(Time::ZERO, Time::MAX);
        progress.frame_begins(HOUR, usize::MAX);
        progress.moved(HOUR, usize::MAX);
        assert_eq!(progress.frame_until(), Some(Time::MAX));
        assert_eq!(progress.quiet().until(), Time::MAX);
        assert_eq!(progress.slow().until(), Time::MAX);
    }
}
