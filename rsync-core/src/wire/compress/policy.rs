//! Whether the next frame is worth packing: decided from what the last ones did.
//!
//! With [`Compression::Level`] every frame is packed as long as the data [shrinks](super::shrinks). With
//! [`Compression::Auto`] the link has to be the bottleneck too: a frame that waits for a slow link
//! gains by being smaller, on a faster one packing costs more than it saves. A peer that is far
//! away is packed for until its link turns out to be fast; one that is near, perhaps on this very
//! machine, only once the link has been slow for a while: a busy processor looks like a slow link
//! for a moment. The link is only measured while more data is waiting: time in `write` plus time
//! without credit, as far as that is not the consumer's.
//!
//! While frames are packed, the link drains in the time that packing takes, and its speed can not
//! be told apart from the packer's. If the link is hardly ever waited for, raw frames are tried
//! again for a while, at growing intervals. How hard to pack for a slow link is decided by
//! [`effort`](super::effort).
//!
//! Pure: durations come in, a decision comes out.

use std::time::Duration;

use super::effort::{Balance, Effort};
pub use super::shrinking::Decision;
use super::shrinking::Shrinking;
use crate::options::Compression;

/// Bytes a second below which a link to a peer nearby is worth packing for.
const SLOW_NEAR: u64 = 80_000_000;
/// The same for a peer that is far away. Such a link is shared with others.
const SLOW_FAR: u64 = 200_000_000;
/// The shortest round trip to a peer that is far away.
pub const FAR: Duration = Duration::from_millis(5);
/// Shorter batches travel raw: nothing to gain, and they are waited for.
pub const MIN_LEN: usize = 256;

/// So many bytes are packed before anything is known of a link to a peer nearby: most runs are over
/// by then, and of a long one it is little.
const EARLY_BYTES: u64 = 6 << 20;

/// The shortest time from which a speed is computed: longer than a busy processor keeps a thread
/// waiting for its turn.
const MIN_MEASURED: Duration = Duration::from_millis(50);
/// Older measurements count for less: sums are halved when they reach this.
const MEASURED_SPAN: Duration = Duration::from_millis(250);
const MEASURED_BYTES: u64 = 8 << 20;
/// Packed bytes after which raw frames may be tried again on a link that is not waited for.
const FIRST_TRIAL_AFTER: u64 = 16 << 20;
const MAX_TRIAL_AFTER: u64 = 1 << 30;
/// What became of a frame while more data was waiting behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// Bytes before packing.
    pub unpacked_len: usize,
    /// Bytes on the wire.
    pub wire_len: usize,
    /// Time it took to pack; zero for a raw frame.
    pub packing: Duration,
    /// Time it took to write, with the time spent waiting for the link before.
    pub waiting: Duration,
}

/// What is known of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Speed {
    /// Nothing but how far away the peer is.
    Unknown,
    Slow,
    Fast,
}

/// The decision's memory.
#[derive(Debug)]
pub struct Policy {
    wish: Compression,
    is_far: bool,
    speed: Speed,
    /// Bytes that were to be sent so far.
    decided_on: u64,
    data: Shrinking,
    bytes: u64,
    packing: Duration,
    waiting: Duration,
    packed_since_trial: u64,
    trial_after: u64,
    balance: Balance,
}

impl Policy {
    /// A policy that has seen nothing.
    pub fn new(wish: Compression) -> Self {
        Self {
            wish,
            is_far: false,
            speed: Speed::Unknown,
            decided_on: 0,
            data: Shrinking::default(),
            bytes: 0,
            packing: Duration::ZERO,
            waiting: Duration::ZERO,
            packed_since_trial: 0,
            trial_after: FIRST_TRIAL_AFTER,
            balance: Balance::new(),
        }
    }

    /// How hard to pack the next frame.
    pub fn effort(&self) -> Effort {
        match self.wish {
            Compression::Level(level) => Effort::Level(level),
            Compression::Auto | Compression::Off => self.balance.effort(),
        }
    }

    /// The shortest round trip that was seen.
    pub fn round_trip(&mut self, shortest: Duration) {
        let seemed_far = std::mem::replace(&mut self.is_far, shortest >= FAR);
        // Its link was held to be slow where one nearby is not.
        if seemed_far && !self.is_far && self.speed == Speed::Slow {
            self.speed = Speed::Unknown;
            self.balance = Balance::new();
            self.forget();
        }
    }

    /// What to do with a batch of `len` bytes.
    pub fn decide(&mut self, len: usize) -> Decision {
        self.decided_on = self.decided_on.saturating_add(len as u64);
        let worth_it = match self.wish {
            Compression::Off => false,
            Compression::Level(_) => true,
            Compression::Auto => self.is_slow() || self.is_early(),
        };
        if !worth_it || len < MIN_LEN {
            return Decision::Raw;
        }
        self.data.decide(len)
    }

    /// A sample was packed for [`Decision::Probe`], or a whole frame for [`Decision::Pack`].
    pub fn probed(&mut self, shrank: bool) {
        self.data.probed(shrank);
    }

    /// A frame went out while more data was waiting behind it.
    pub fn sent(&mut self, sent: Sent) {
        if self.wish != Compression::Auto {
            return;
        }
        self.bytes = self.bytes.saturating_add(sent.wire_len as u64);
        if self.is_slow() {
            self.packing += sent.packing;
            if !sent.packing.is_zero() {
                let len = sent.unpacked_len;
                if self.balance.sent(len, sent.packing, sent.waiting) {
                    self.forget();
                    return;
                }
            }
        }
        self.waiting += sent.waiting;
        let elapsed = self.packing + self.waiting;
        if elapsed < MIN_MEASURED {
            return;
        }
        if self.is_slow() {
            self.consider_raw_frames(sent);
        } else if bytes_per_second(self.bytes, elapsed) < self.slow() {
            self.speed = Speed::Slow;
            self.packed_since_trial = 0;
            self.forget();
        }
        if elapsed > MEASURED_SPAN || self.bytes > MEASURED_BYTES {
            self.bytes /= 2;
            self.packing /= 2;
            self.waiting /= 2;
        }
    }

    fn consider_raw_frames(&mut self, sent: Sent) {
        if sent.packing.is_zero() {
            // Raw for want of shrinking: tells the link's speed directly.
            let fast = 2 * self.slow();
            if self.packing.is_zero() && bytes_per_second(self.bytes, self.waiting) > fast {
                self.speed = Speed::Fast;
                self.forget();
            }
            return;
        }
        self.packed_since_trial = self.packed_since_trial.saturating_add(sent.wire_len as u64);
        let hardly_waited = self.waiting < self.packing / 4;
        if hardly_waited && self.balance.is_swiftest() && self.packed_since_trial > self.trial_after
        {
            self.speed = Speed::Fast;
            self.trial_after = (self.trial_after * 2).min(MAX_TRIAL_AFTER);
            self.forget();
        }
    }

    fn is_early(&self) -> bool {
        self.speed == Speed::Unknown && self.decided_on <= EARLY_BYTES
    }

    fn is_slow(&self) -> bool {
        match self.speed {
            Speed::Unknown => self.is_far,
            Speed::Slow => true,
            Speed::Fast => false,
        }
    }

    /// Bytes a second of a slow link.
    fn slow(&self) -> u64 {
        if self.is_far { SLOW_FAR } else { SLOW_NEAR }
    }

    fn forget(&mut self) {
        self.bytes = 0;
        self.packing = Duration::ZERO;
        self.waiting = Duration::ZERO;
    }
}

fn bytes_per_second(bytes: u64, time: Duration) -> u64 {
    let nanos = time.as_nanos().max(1);
    u64::try_from(u128::from(bytes) * 1_000_000_000 / nanos).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: usize = 256 << 10;

    /// Sends frames over a link of `link` bytes a second with a packer of `packer` bytes a second
    /// that halves everything; returns how many of them were packed.
    fn run(policy: &mut Policy, frames: usize, link: u64, packer: u64) -> usize {
        let time = |bytes: usize, speed: u64| Duration::from_secs_f64(bytes as f64 / speed as f64);
        let mut packed = 0;
        for _ in 0..frames {
            let decision = policy.decide(FRAME);
            if decision != Decision::Raw {
                policy.probed(true);
            }
            let (wire_len, packing) = match decision {
                Decision::Raw => (FRAME, Duration::ZERO),
                _ => (FRAME / 2, time(FRAME, packer)),
            };
            packed += usize::from(decision != Decision::Raw);
            let waiting = time(wire_len, link).saturating_sub(packing);
            policy.sent(Sent {
                unpacked_len: FRAME,
                wire_len,
                packing,
                waiting,
            });
        }
        packed
    }

    #[test]
    fn a_slow_link_is_packed_for_from_the_first_frames_on() {
        for link in [1_000_000, 10_000_000, 50_000_000] {
            let packed = run(&mut Policy::new(Compression::Auto), 1000, link, 200_000_000);
            assert!(packed > 950, "{packed} frames on {link}");
        }
    }

    fn far_away() -> Policy {
        let mut policy = Policy::new(Compression::Auto);
        policy.round_trip(FAR);
        policy
    }

    #[test]
    fn a_peer_far_away_is_packed_for_at_once_unless_its_link_is_fast() {
        assert_eq!(far_away().decide(FRAME), Decision::Probe);
        let packed = run(&mut far_away(), 1000, 125_000_000, 200_000_000);
        assert!(packed > 800, "{packed} frames");
        let packed = run(&mut far_away(), 4000, 2_000_000_000, 200_000_000);
        assert!(packed < 400, "{packed} frames");
    }

    #[test]
    fn a_peer_that_only_seemed_far_away_is_no_longer_packed_for() {
        for frames in [0, 1000] {
            let mut policy = far_away();
            run(&mut policy, frames, 125_000_000, 200_000_000);
            policy.round_trip(FAR / 2);
            let packed = run(&mut policy, 1000, 125_000_000, 200_000_000);
            assert!(packed * FRAME <= EARLY_BYTES as usize, "{packed} frames");
            let packed = run(&mut policy, 1000, 10_000_000, 200_000_000);
            assert!(packed > 900, "{packed} frames");
        }
    }

    #[test]
    fn a_slow_packer_is_not_a_slow_link() {
        let mut policy = Policy::new(Compression::Auto);
        let packed = run(&mut policy, 1000, 2_000_000_000, 20_000_000);
        assert_eq!((packed * FRAME) as u64, EARLY_BYTES);
    }

    #[test]
    fn a_moment_without_the_processor_is_not_a_slow_link() {
        let mut policy = Policy::new(Compression::Auto);
        let mut early = 0;
        for _ in 0..1000 {
            if policy.decide(FRAME) != Decision::Raw {
                early += FRAME as u64;
                policy.probed(true);
            }
            for waiting in [20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0] {
                policy.sent(Sent {
                    unpacked_len: FRAME,
                    wire_len: FRAME,
                    packing: Duration::ZERO,
                    waiting: Duration::from_millis(waiting),
                });
            }
        }
        assert_eq!(early, EARLY_BYTES);
    }

    #[test]
    fn a_fast_link_is_only_packed_for_at_first() {
        for link in [200_000_000, 2_000_000_000] {
            let packed = run(&mut Policy::new(Compression::Auto), 1000, link, 200_000_000);
            assert_eq!((packed * FRAME) as u64, EARLY_BYTES, "only at first");
        }
    }

    #[test]
    fn a_link_that_became_fast_is_noticed() {
        let mut policy = Policy::new(Compression::Auto);
        run(&mut policy, 100, 5_000_000, 200_000_000);
        let packed = run(&mut policy, 2000, 2_000_000_000, 200_000_000);
        assert!(packed < 700, "{packed} frames");
    }

    #[test]
    fn a_link_that_became_slow_is_noticed() {
        let mut policy = Policy::new(Compression::Auto);
        run(&mut policy, 1000, 2_000_000_000, 200_000_000);
        let packed = run(&mut policy, 100, 5_000_000, 200_000_000);
        assert!(packed > 90, "{packed} frames");
    }

    #[test]
    fn off_is_off_and_a_level_is_always_on() {
        assert_eq!(
            run(&mut Policy::new(Compression::Off), 100, 1_000, 200_000_000),
            0
        );
        let mut always = Policy::new(Compression::Level(7));
        assert_eq!(run(&mut always, 100, u64::MAX, 200_000_000), 100);
        assert_eq!(always.effort(), Effort::Level(7));
    }

    #[test]
    fn text_behind_a_little_noise_is_packed_soon() {
        const LITTLE: usize = 8 << 10;
        let mut policy = far_away();
        let mut packed = 0;
        for _ in 0..10 {
            for frame in 0..40 {
                let is_text = frame >= 20;
                let decision = policy.decide(LITTLE);
                if decision != Decision::Raw {
                    policy.probed(is_text);
                    packed += usize::from(is_text);
                }
            }
        }
        assert_eq!(packed, 200);
    }

    #[test]
    fn tiny_batches_travel_raw() {
        assert_eq!(
            Policy::new(Compression::Level(3)).decide(MIN_LEN - 1),
            Decision::Raw
        );
    }
}
