//! Does a conversation get anywhere? A peer that drips is alive for ever.
//!
//! Two rules, both far from what the slowest link does:
//! - a frame that has begun arrives at [`MIN_FRAME_RATE`] or faster, the usual timeout apart;
//! - messages flow, in either direction. After [`PATIENCE`] timeouts in which nothing came and nothing
//!   went but signs of life, the conversation is over. A byte of messages buys a second, up to the
//!   whole patience, so that a frame now and then buys no eternity. That much time it is because
//!   either end may read all of a large tree without having anything to say.

use super::Time;

/// Bytes a second in which a frame arrives at least, once it has begun: a quarter of what the first
/// mobile telephones could carry.
pub const MIN_FRAME_RATE: u64 = 256;
/// So many timeouts may pass without a message: four hours, with the usual timeout of a minute.
pub const PATIENCE: u32 = 240;

/// Whether a peer gets anywhere.
#[derive(Debug, Clone)]
pub(super) struct Progress {
    timeout: Time,
    /// When the frame that has begun has to be here.
    frame_until: Option<Time>,
    /// When messages have to have come or gone.
    until: Time,
}

impl Progress {
    /// Starts with all patience.
    pub(super) fn new(now: Time, timeout: Time) -> Self {
        let mut progress = Self {
            timeout,
            frame_until: None,
            until: now,
        };
        progress.until = now.saturating_add(progress.patience());
        progress
    }

    /// How long it may take until messages come or go.
    pub(super) fn patience(&self) -> Time {
        self.timeout.saturating_mul(PATIENCE)
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
        let bought = self.until.saturating_add(Time::from_secs(len as u64));
        self.until = bought.min(now.saturating_add(self.patience()));
    }

    /// When the frame that has begun has to be here, if one has.
    pub(super) fn frame_until(&self) -> Option<Time> {
        self.frame_until
    }

    /// When messages have to have come or gone.
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
        assert_eq!(progress.until(), HOUR * 4);
        progress.moved(HOUR, 600);
        assert_eq!(progress.until(), HOUR * 4 + TIMEOUT * 10);
        progress.moved(HOUR, 1 << 20);
        assert_eq!(progress.until(), HOUR * 5, "never more than all of it");
    }

    #[test]
    fn a_long_timeout_does_not_overflow() {
        let mut progress = Progress::new(Time::ZERO, Time::MAX);
        progress.frame_begins(HOUR, usize::MAX);
        progress.moved(HOUR, usize::MAX);
        assert_eq!(progress.frame_until(), Some(Time::MAX));
        assert_eq!(progress.until(), Time::MAX);
    }
}
