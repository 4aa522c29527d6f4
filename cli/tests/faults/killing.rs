//! Either end is killed at some call of the run: nothing is lost, the other end ends by itself, and
//! the next run puts all right.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::time::{Duration, Instant};

use crate::points::{self, Expected, Way, all_points, can_not_trace};
use crate::tracer::{self, Role, Verdict};
use crate::tree;

/// Moments for each victim of each way, in a usual run of the tests and in a long one.
const MOMENTS: u32 = 6;
const ALL_MOMENTS: u32 = 200;
/// How soon the other end has to be gone, traced as it is.
const SOON: Duration = Duration::from_secs(20);

/// The same moments in every run of the tests, and spread over all of the run.
fn moment(seed: u32, count: u32) -> u32 {
    let mut hasher = DefaultHasher::new();
    seed.hash(&mut hasher);
    u32::try_from(hasher.finish() % u64::from(count)).unwrap()
}

fn assert_survived(test: &str, way: Way) {
    if can_not_trace(test) {
        return;
    }
    let place = tree::make();
    let expected = Expected::at(&place);
    let count = points::counted(&place, way).values().sum();
    let moments = if all_points() { ALL_MOMENTS } else { MOMENTS };
    let (mut wrong, mut longest) = (Vec::new(), Duration::ZERO);
    let mut killed = 0;
    for victim in [Role::Client, Role::Agent] {
        for seed in 0..moments {
            let moment = moment(seed, count);
            let (mut seen, mut killed_at) = (0, None);
            tree::restore(&place);
            let end = tracer::run(&mut way.command(&place), &place.path(""), &mut |_| {
                seen += 1;
                if seen <= moment || killed_at.is_some() {
                    return Verdict::Pass;
                }
                killed_at = Some(Instant::now());
                Verdict::Kill(victim)
            });
            let end = end.unwrap();
            if let Some(at) = killed_at.filter(|_| end.killed) {
                killed += 1;
                longest = longest.max(at.elapsed());
            }
            if victim == Role::Client && end.killed && end.code.is_some() {
                wrong.push(format!("{victim:?} at call {moment}: it was not killed"));
            }
            if let Err(what) = expected.judge(&place, way, &end) {
                wrong.push(format!(
                    "{victim:?} killed at call {moment} of {count}: {what}"
                ));
            }
        }
    }
    eprintln!(
        "{test}: {killed} kills within {count} calls, {}, the other end gone after {longest:?} at most, {} wrong",
        expected.undone(),
        wrong.len()
    );
    points::assert_all_went_well(test, &wrong);
    assert!(killed > 0, "nothing was killed");
    assert!(longest < SOON, "the other end lived on for {longest:?}");
}

#[test]
fn a_pull_survives_the_death_of_either_end_at_any_call() {
    assert_survived("pull", Way::new("pull", ""));
}

#[test]
fn a_push_survives_the_death_of_either_end_at_any_call() {
    assert_survived("push", Way::new("push", ""));
}

/// Files may be half written then, and only then: that is what writing into them means.
#[test]
fn what_writes_into_files_is_put_right_by_the_next_run_after_a_death_at_any_call() {
    assert_survived("pull --inplace", Way::in_place("pull", "--inplace"));
    assert_survived("push --inplace", Way::in_place("push", "--inplace"));
}
