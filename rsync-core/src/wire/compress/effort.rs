//! How hard to pack for a slow link: as hard as the link leaves time for.
//!
//! While packing takes a small part of the time that its result takes on the link, the next step is
//! tried: it costs a few times as much processor time and saves a tenth or a fifth of the bytes. A
//! step that leaves the link waiting for the packer is taken back, and tried again after a time that
//! grows with every failure.
//!
//! Pure: durations come in, an effort comes out.

use std::time::Duration;

/// How hard to pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// The codec's own level, cut to what it has.
    Level(i32),
    /// 300 to 800 MB/s on one core, for text.
    Light,
    /// A fifth fewer bytes than [`Effort::Light`] for regular text, at a quarter of its speed.
    Thorough,
    /// A twentieth fewer bytes than [`Effort::Thorough`], at half of its speed.
    Deep,
}

/// So much time on the link and in the packer is looked at together: longer than a busy processor
/// keeps a thread waiting for its turn.
const SPAN: Duration = Duration::from_millis(250);
/// The next step is tried once the link takes longer than packing, so many times.
const WAITING_BEFORE_THOROUGH: u32 = 3;
const WAITING_BEFORE_DEEP: u32 = 2;
/// A step is taken back once the link takes less than this part of the time that packing takes.
const HARDLY_WAITED_PART: u32 = 8;
/// How long a step that was taken back is not tried again, at first and at most.
const FIRST_REST: Duration = Duration::from_secs(2);
const MAX_REST: Duration = Duration::from_secs(120);

/// The memory of what packing and the link have taken.
#[derive(Debug)]
pub(super) struct Balance {
    effort: Effort,
    packing: Duration,
    waiting: Duration,
    /// How long no further step is tried.
    rest: Duration,
    next_rest: Duration,
}

impl Balance {
    pub(super) fn new() -> Self {
        Self {
            effort: Effort::Light,
            packing: Duration::ZERO,
            waiting: Duration::ZERO,
            rest: Duration::ZERO,
            next_rest: FIRST_REST,
        }
    }

    pub(super) fn effort(&self) -> Effort {
        self.effort
    }

    /// A packed frame went out while more data was waiting behind it: times as in
    /// [`super::policy::Sent`]. True if the effort is another one from now on.
    pub(super) fn sent(&mut self, packing: Duration, waiting: Duration) -> bool {
        self.packing += packing;
        self.waiting += waiting;
        let elapsed = self.packing + self.waiting;
        if elapsed < SPAN {
            return false;
        }
        self.rest = self.rest.saturating_sub(elapsed);
        let next = if self.waiting < self.packing / HARDLY_WAITED_PART {
            self.less()
        } else if self.rest.is_zero() {
            self.more()
        } else {
            self.effort
        };
        (self.packing, self.waiting) = (Duration::ZERO, Duration::ZERO);
        std::mem::replace(&mut self.effort, next) != next
    }

    /// The step before this one, which failed.
    fn less(&mut self) -> Effort {
        let before = match self.effort {
            Effort::Deep => Effort::Thorough,
            Effort::Thorough => Effort::Light,
            lowest => return lowest,
        };
        self.rest = self.next_rest;
        self.next_rest = (self.next_rest * 4).min(MAX_REST);
        before
    }

    /// The next step, if there is time for it.
    fn more(&self) -> Effort {
        match self.effort {
            Effort::Light if self.waiting > self.packing * WAITING_BEFORE_THOROUGH => {
                Effort::Thorough
            }
            Effort::Thorough if self.waiting > self.packing * WAITING_BEFORE_DEEP => Effort::Deep,
            enough => enough,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: f64 = 256.0 * 1024.0;

    /// A packer: bytes a second and what is left of a byte, for each effort.
    struct Packer([(f64, f64); 3]);

    /// Measured with records in JSON, and with source code in small files.
    const JSON: Packer = Packer([(840e6, 0.114), (235e6, 0.091), (145e6, 0.087)]);
    const CODE: Packer = Packer([(430e6, 0.220), (105e6, 0.211), (61e6, 0.198)]);

    impl Packer {
        /// This one with a part of a processor.
        fn slowed(&self, part: f64) -> Self {
            Self(self.0.map(|(speed, ratio)| (speed * part, ratio)))
        }
    }

    /// Sends for `seconds` over a link of `link` bytes a second, which carries what was packed
    /// before while the next frame is packed. Returns how long each effort was in use.
    fn run(balance: &mut Balance, packer: &Packer, link: f64, seconds: f64) -> [f64; 3] {
        let mut times = [0.0; 3];
        while times.iter().sum::<f64>() < seconds {
            let index = match balance.effort() {
                Effort::Thorough => 1,
                Effort::Deep => 2,
                _ => 0,
            };
            let (speed, ratio) = packer.0[index];
            let packing = FRAME / speed;
            let waiting = (FRAME * ratio / link - packing).max(0.0);
            times[index] += packing + waiting;
            balance.sent(
                Duration::from_secs_f64(packing),
                Duration::from_secs_f64(waiting),
            );
        }
        times
    }

    #[test]
    fn a_slow_link_is_packed_harder_for_within_half_a_second() {
        for packer in [JSON, CODE] {
            let [light, thorough, deep] = run(&mut Balance::new(), &packer, 12.5e6, 10.0);
            assert!(light < 0.5 && deep == 0.0, "{light} {thorough} {deep}");
        }
    }

    #[test]
    fn a_very_slow_link_is_packed_hardest_for() {
        for packer in [JSON, CODE] {
            let [light, thorough, deep] = run(&mut Balance::new(), &packer, 1e6, 10.0);
            assert!(light + thorough < 1.0, "{light} {thorough} {deep}");
        }
    }

    #[test]
    fn a_fast_link_is_never_packed_harder_for() {
        for packer in [JSON, CODE] {
            for link in [60e6, 125e6, 1e9] {
                let [_, thorough, deep] = run(&mut Balance::new(), &packer, link, 10.0);
                assert_eq!((thorough, deep), (0.0, 0.0), "{link}");
            }
        }
    }

    #[test]
    fn half_a_processor_is_not_asked_for_more_than_it_can() {
        let [_, thorough, deep] = run(&mut Balance::new(), &CODE.slowed(0.5), 12.5e6, 10.0);
        assert_eq!((thorough, deep), (0.0, 0.0));
        let [light, _, deep] = run(&mut Balance::new(), &JSON.slowed(0.5), 4e6, 10.0);
        assert!(light < 0.5 && deep == 0.0, "{light} {deep}");
    }

    #[test]
    fn a_link_that_became_fast_is_packed_less_hard_for_at_once() {
        let mut balance = Balance::new();
        run(&mut balance, &CODE, 1e6, 10.0);
        assert_eq!(balance.effort(), Effort::Deep);
        let [light, ..] = run(&mut balance, &CODE, 125e6, 10.0);
        assert!(light > 9.0, "{light}");
    }

    #[test]
    fn a_link_that_became_slow_is_packed_harder_for() {
        let mut balance = Balance::new();
        run(&mut balance, &CODE, 125e6, 10.0);
        let [light, ..] = run(&mut balance, &CODE, 5e6, 10.0);
        assert!(light < 0.5, "{light}");
    }

    /// Data for which the second step costs far more than it does for others.
    #[test]
    fn a_step_that_fails_is_tried_ever_more_rarely() {
        let costly = Packer([(800e6, 0.2), (20e6, 0.19), (10e6, 0.18)]);
        let [light, thorough, _] = run(&mut Balance::new(), &costly, 20e6, 300.0);
        assert!(thorough > 0.0 && thorough < 3.0, "{light} {thorough}");
    }

    #[test]
    fn a_moment_without_the_processor_or_the_link_changes_nothing_for_long() {
        let mut balance = Balance::new();
        run(&mut balance, &JSON, 12.5e6, 2.0);
        balance.sent(Duration::from_millis(30), Duration::ZERO);
        let [light, ..] = run(&mut balance, &JSON, 12.5e6, 10.0);
        assert_eq!(light, 0.0);
    }
}
