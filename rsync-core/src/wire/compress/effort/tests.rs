//! Runs over links of all speeds, with packers as they were measured.

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
const CODE_SLOWLY: Packer = Packer([(300e6, 0.240), (230e6, 0.220), (75e6, 0.211), (50e6, 0.198)]);

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
    let [swift, light, ..] = run(&mut Balance::new(), &packer, 12.5e6, 4.0);
    assert!(swift < 0.6 && light == 0.0, "{swift} {light}");
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
