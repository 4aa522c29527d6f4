//! How hard to pack for a slow link: as hard as the link leaves time for.
//!
//! A run begins with the quickest step. While packing, or what else has to share the processors, is
//! the bottleneck, fewer bytes gain nothing; and to wait for a processor that both ends share looks
//! like waiting for the link, so that a step down to the quickest would rarely be seen to be due.
//!
//! Once the link takes clearly longer than packing, a further step is tried: it costs up to a few
//! times as much processor time and saves a twentieth to a fifth of the bytes. Whether it costs more
//! than the link leaves time for depends on data and processor, and shows soon: a step that leaves the
//! link waiting for the packer is taken back. If less passes then than before, it was right all the
//! same: smaller frames can make up for a link that waits at times. It is taken again, and kept for a
//! while whatever waits for what. Otherwise it is tried again after a time that grows with every
//! failure.
//!
//! Pure: durations come in, an effort comes out.

use std::time::Duration;

/// How hard to pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// The codec's own level, cut to what it has.
    Level(i32),
    /// 300 to 1000 MB/s on one core, for text.
    Swift,
    /// A twentieth fewer bytes than [`Effort::Swift`], at three quarters of its speed.
    Light,
    /// A fifth fewer bytes than [`Effort::Light`] for regular text, at a quarter to a half of
    /// its speed.
    Thorough,
    /// A twentieth fewer bytes than [`Effort::Thorough`], at half to two thirds of its speed.
    Deep,
}

/// So much time on the link and in the packer is looked at together: longer than a busy processor
/// keeps a thread waiting for its turn.
const SPAN: Duration = Duration::from_millis(250);
/// A further step is tried once waiting for the link takes longer than packing, so many times.
const WAITING_BEFORE_LIGHT: f32 = 1.0;
const WAITING_BEFORE_THOROUGH: f32 = 1.5;
const WAITING_BEFORE_DEEP: f32 = 0.75;
/// The same to go from [`Effort::Swift`] to [`Effort::Thorough`] at once.
const WAITING_BEFORE_LEAP: f32 = 2.0;
/// A step is taken back once waiting for the link takes less than this part of the time that packing
/// takes. A packer that is the bottleneck still waits for a fiftieth: the calls of `write`.
const HARDLY_WAITED: f32 = 0.06;
/// The same for [`Effort::Light`], which saves least.
const HARDLY_WAITED_WITH_LIGHT: f32 = 0.25;
/// How long a step that was taken back is not tried again, at first and at most.
const FIRST_REST: Duration = Duration::from_secs(2);
const MAX_REST: Duration = Duration::from_secs(120);
/// How long a step that was taken back by mistake is kept, at first and at most: so late can it be
/// noticed that the link became fast.
const FIRST_STAY: Duration = Duration::from_secs(2);
const MAX_STAY: Duration = Duration::from_secs(8);
/// So many times as much has to have passed with a step for having taken it back to be a mistake: a
/// busy machine makes a difference of its own.
const CLEARLY_MORE: f32 = 1.03;
/// Weight of the last span in the average of what passes with one effort.
const LAST: f32 = 0.25;

/// The memory of what packing and the link have taken.
#[derive(Debug)]
pub(super) struct Balance {
    effort: Effort,
    packing: Duration,
    waiting: Duration,
    /// Bytes before they were packed.
    bytes: u64,
    /// Bytes a second that passed with the present effort, about.
    rate: Option<f32>,
    taken_back: Option<TakenBack>,
    /// How long no step is taken back.
    stay: Duration,
    next_stay: Duration,
    /// How long no further step is tried.
    rest: Duration,
    next_rest: Duration,
}

/// A step that was taken back.
#[derive(Debug, Clone, Copy)]
struct TakenBack {
    effort: Effort,
    /// Bytes a second that passed with it.
    rate: f32,
    /// A span has ended since: in the first, more passes than later, as the link has room for it.
    is_settled: bool,
}

impl Balance {
    pub(super) fn new() -> Self {
        Self {
            effort: Effort::Swift,
            packing: Duration::ZERO,
            waiting: Duration::ZERO,
            bytes: 0,
            rate: None,
            taken_back: None,
            stay: Duration::ZERO,
            next_stay: FIRST_STAY,
            rest: Duration::ZERO,
            next_rest: FIRST_REST,
        }
    }

    pub(super) fn effort(&self) -> Effort {
        self.effort
    }

    /// True if there is no quicker effort.
    pub(super) fn is_swiftest(&self) -> bool {
        self.effort == Effort::Swift
    }

    /// A packed frame went out while more data was waiting behind it: as in [`super::policy::Sent`].
    /// True if the effort is another one from now on.
    pub(super) fn sent(&mut self, len: usize, packing: Duration, waiting: Duration) -> bool {
        self.packing += packing;
        self.waiting += waiting;
        self.bytes = self.bytes.saturating_add(len as u64);
        let elapsed = self.packing + self.waiting;
        if elapsed < SPAN {
            return false;
        }
        self.rest = self.rest.saturating_sub(elapsed);
        self.stay = self.stay.saturating_sub(elapsed);
        let rate = self.bytes as f32 / elapsed.as_secs_f32();
        let waiting = self.waiting.as_secs_f32() / self.packing.as_secs_f32();
        let next = self.next(rate, waiting);
        self.bytes = 0;
        (self.packing, self.waiting) = (Duration::ZERO, Duration::ZERO);
        let changes = std::mem::replace(&mut self.effort, next) != next;
        if changes {
            self.rate = None;
        }
        changes
    }

    /// The effort after a span in which `rate` bytes a second passed and the link was waited for
    /// `waiting` times as long as packing took.
    fn next(&mut self, rate: f32, waiting: f32) -> Effort {
        let less = self.less(waiting);
        // Where the link waits for less effort as well there is nothing to compare.
        if let Some(before) = self.taken_back.take().filter(|_| less == self.effort) {
            if !before.is_settled {
                self.taken_back = Some(TakenBack {
                    is_settled: true,
                    ..before
                });
                return self.effort;
            }
            if rate * CLEARLY_MORE < before.rate {
                self.stay = self.next_stay;
                self.next_stay = (self.next_stay * 2).min(MAX_STAY);
                // No failure after all.
                self.rest = Duration::ZERO;
                self.next_rest = (self.next_rest / 4).max(FIRST_REST);
                return before.effort;
            }
        }
        let average = self
            .rate
            .map_or(rate, |before| before + LAST * (rate - before));
        self.rate = Some(average);
        if less != self.effort && self.stay.is_zero() {
            self.taken_back = Some(TakenBack {
                effort: self.effort,
                rate: average,
                is_settled: false,
            });
            // Of several steps back in a row only the first begins a rest.
            if self.rest.is_zero() {
                self.rest = self.next_rest;
                self.next_rest = (self.next_rest * 4).min(MAX_REST);
            }
            less
        } else if self.rest.is_zero() {
            self.more(waiting)
        } else {
            self.effort
        }
    }

    /// The step before this one, if this one failed: `waiting` is in parts of packing.
    fn less(&self, waiting: f32) -> Effort {
        match self.effort {
            Effort::Deep if waiting < HARDLY_WAITED => Effort::Thorough,
            Effort::Thorough if waiting < HARDLY_WAITED => Effort::Light,
            Effort::Light if waiting < HARDLY_WAITED_WITH_LIGHT => Effort::Swift,
            right => right,
        }
    }

    /// A further step, if there is time for it.
    fn more(&self, waiting: f32) -> Effort {
        match self.effort {
            Effort::Swift if waiting > WAITING_BEFORE_LEAP => Effort::Thorough,
            Effort::Swift if waiting > WAITING_BEFORE_LIGHT => Effort::Light,
            Effort::Light if waiting > WAITING_BEFORE_THOROUGH => Effort::Thorough,
            Effort::Thorough if waiting > WAITING_BEFORE_DEEP => Effort::Deep,
            enough => enough,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: f64 = 256.0 * 1024.0;

    const EFFORTS: [Effort; 4] = [Effort::Swift, Effort::Light, Effort::Thorough, Effort::Deep];

    /// A packer: bytes a second and what is left of a byte, for each effort.
    struct Packer([(f64, f64); 4]);

    /// Records in JSON and source code in small files, measured on a quick machine.
    const JSON: Packer = Packer([
        (1000e6, 0.112),
        (840e6, 0.114),
        (235e6, 0.091),
        (145e6, 0.087),
    ]);
    const CODE: Packer = Packer([
        (530e6, 0.240),
        (430e6, 0.220),
        (105e6, 0.211),
        (61e6, 0.198),
    ]);
    /// The same on a slow one, which is not slower by the same part for each effort.
    const JSON_SLOWLY: Packer = Packer([
        (560e6, 0.112),
        (350e6, 0.114),
        (160e6, 0.091),
        (116e6, 0.087),
    ]);
    const CODE_SLOWLY: Packer =
        Packer([(300e6, 0.240), (230e6, 0.220), (75e6, 0.211), (50e6, 0.198)]);

    impl Packer {
        /// This one with a part of a processor.
        fn slowed(&self, part: f64) -> Self {
            Self(self.0.map(|(speed, ratio)| (speed * part, ratio)))
        }

        /// How long a frame takes to pack, and how long the link, of `link` bytes a second, is waited
        /// for: it carries what was packed before while the next frame is packed.
        fn frame(&self, effort: Effort, link: f64) -> (f64, f64) {
            let (speed, ratio) = self.0[index(effort)];
            let packing = FRAME / speed;
            let calls = packing / 50.0;
            (packing, (FRAME * ratio / link - packing).max(calls))
        }

        /// How long a frame takes with the effort that is best for the link.
        fn best(&self, link: f64) -> f64 {
            let times = EFFORTS.map(|effort| {
                let (packing, waiting) = self.frame(effort, link);
                packing + waiting
            });
            times.into_iter().fold(f64::INFINITY, f64::min)
        }
    }

    fn index(effort: Effort) -> usize {
        EFFORTS.iter().position(|of| *of == effort).unwrap()
    }

    /// Sends for `seconds`. Returns how long each effort was in use.
    fn run(balance: &mut Balance, packer: &Packer, link: f64, seconds: f64) -> [f64; 4] {
        let mut times = [0.0; 4];
        while times.iter().sum::<f64>() < seconds {
            let effort = balance.effort();
            let (packing, waiting) = packer.frame(effort, link);
            times[index(effort)] += packing + waiting;
            balance.sent(
                FRAME as usize,
                Duration::from_secs_f64(packing),
                Duration::from_secs_f64(waiting),
            );
        }
        times
    }

    #[test]
    fn a_run_takes_little_longer_than_with_the_best_effort_for_its_link() {
        const FRAMES: u32 = 2000;
        let parts = [CODE.slowed(0.5), CODE.slowed(0.25), JSON.slowed(0.25)];
        for packer in [JSON, CODE, JSON_SLOWLY, CODE_SLOWLY].iter().chain(&parts) {
            for link in [1, 2, 4, 6, 8, 10, 12, 15, 20, 25, 30, 40, 60, 80, 125, 1000] {
                let link = f64::from(link) * 1e6;
                let mut balance = Balance::new();
                let mut elapsed = 0.0;
                for _ in 0..FRAMES {
                    let (packing, waiting) = packer.frame(balance.effort(), link);
                    elapsed += packing + waiting;
                    balance.sent(
                        FRAME as usize,
                        Duration::from_secs_f64(packing),
                        Duration::from_secs_f64(waiting),
                    );
                }
                let best = packer.best(link) * f64::from(FRAMES);
                assert!(
                    elapsed < best * 1.2,
                    "{elapsed} {best} {:?} {link}",
                    packer.0
                );
            }
        }
    }

    #[test]
    fn a_slow_link_is_packed_harder_for_soon() {
        for packer in [JSON_SLOWLY, CODE, CODE_SLOWLY] {
            let [swift, light, thorough, deep] = run(&mut Balance::new(), &packer, 12.5e6, 10.0);
            assert!(
                swift + light < 0.6 && deep < 1.0,
                "{swift} {light} {thorough} {deep}"
            );
        }
    }

    #[test]
    fn a_very_slow_link_is_packed_hardest_for() {
        for packer in [JSON, CODE, JSON_SLOWLY, CODE_SLOWLY] {
            let [.., deep] = run(&mut Balance::new(), &packer, 1e6, 10.0);
            assert!(deep > 9.0, "{deep}");
        }
    }

    #[test]
    fn a_fast_link_is_never_packed_harder_for() {
        for packer in [JSON, CODE, JSON_SLOWLY, CODE_SLOWLY] {
            for link in [80e6, 125e6, 1e9] {
                let [swift, ..] = run(&mut Balance::new(), &packer, link, 10.0);
                assert!(swift > 10.0, "{link}");
            }
        }
    }

    /// As in a run with small files over a fast link, of which both ends shared two processors.
    #[test]
    fn to_wait_for_a_processor_is_not_to_wait_for_the_link() {
        let mut balance = Balance::new();
        for waiting in [55, 18, 9, 39, 49, 31, 83, 25, 18, 22, 14, 44, 24].repeat(100) {
            balance.sent(
                FRAME as usize,
                Duration::from_millis(250),
                Duration::from_millis(250) * waiting / 100,
            );
            assert!(balance.is_swiftest());
        }
    }

    #[test]
    fn part_of_a_processor_is_not_asked_for_more_than_it_can() {
        let [.., thorough, deep] = run(&mut Balance::new(), &CODE.slowed(0.5), 12.5e6, 10.0);
        assert!(thorough < 1.0 && deep == 0.0, "{thorough} {deep}");
    }

    /// As with a packer that the rest of the run disturbs: it is the bottleneck, and yet more passes
    /// than with less effort.
    #[test]
    fn a_step_with_which_more_passes_is_kept_although_the_link_waits() {
        let packer = JSON_SLOWLY.slowed(0.8);
        let (packing, waiting) = packer.frame(Effort::Thorough, 12.5e6);
        assert!(waiting < 0.06 * packing);
        let [swift, light, ..] = run(&mut Balance::new(), &packer, 12.5e6, 30.0);
        assert!(swift + light < 3.0, "{swift} {light}");
    }

    #[test]
    fn a_link_that_became_fast_is_noticed_even_after_a_step_was_right_all_the_same() {
        let mut balance = Balance::new();
        let packer = JSON_SLOWLY.slowed(0.8);
        run(&mut balance, &packer, 12.5e6, 30.0);
        let [swift, light, ..] = run(&mut balance, &packer, 125e6, 30.0);
        assert!(swift + light > 20.0, "{swift} {light}");
    }

    #[test]
    fn a_link_that_became_fast_is_packed_less_hard_for_at_once() {
        let mut balance = Balance::new();
        run(&mut balance, &CODE, 1e6, 10.0);
        assert_eq!(balance.effort(), Effort::Deep);
        let [swift, ..] = run(&mut balance, &CODE, 125e6, 10.0);
        assert!(swift > 9.0, "{swift}");
    }

    #[test]
    fn a_link_that_became_slow_is_packed_harder_for() {
        let mut balance = Balance::new();
        run(&mut balance, &CODE, 125e6, 10.0);
        let [swift, light, ..] = run(&mut balance, &CODE, 5e6, 10.0);
        assert!(swift + light < 0.6, "{swift} {light}");
    }

    #[test]
    fn a_link_that_is_fast_only_for_a_while_is_packed_harder_for_soon_after() {
        let mut balance = Balance::new();
        run(&mut balance, &CODE, 1e6, 10.0);
        run(&mut balance, &CODE, 125e6, 5.0);
        let [.., deep] = run(&mut balance, &CODE, 1e6, 10.0);
        assert!(deep > 9.0, "{deep}");
    }

    /// Data for which a step costs far more than it does for others.
    #[test]
    fn a_step_that_fails_is_tried_ever_more_rarely() {
        let costly = Packer([(900e6, 0.21), (800e6, 0.2), (20e6, 0.19), (10e6, 0.18)]);
        let [.., thorough, _] = run(&mut Balance::new(), &costly, 20e6, 300.0);
        assert!(thorough > 0.0 && thorough < 3.0, "{thorough}");
    }

    #[test]
    fn a_moment_without_the_processor_or_the_link_changes_nothing_for_long() {
        let mut balance = Balance::new();
        run(&mut balance, &JSON_SLOWLY, 12.5e6, 2.0);
        balance.sent(FRAME as usize, Duration::from_millis(20), Duration::ZERO);
        let [.., thorough, deep] = run(&mut balance, &JSON_SLOWLY, 12.5e6, 10.0);
        assert!(thorough + deep > 10.0, "{thorough} {deep}");
    }
}
