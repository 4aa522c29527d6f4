//! There may be no further thread, from each of them on, or once.

use nix::errno::Errno;

use crate::calls::Class;
use crate::points::{Expected, Way, assert_all_went_well, can_not_trace, choose, counted};
use crate::tracer::{self, Role, Verdict};
use crate::tree;

/// Points of each way and role in a usual run of the tests.
const SAMPLE: usize = 7;

fn assert_few_threads_do(way: Way, role: Role) {
    let test = format!("{} with few threads, {role:?}", way.verb);
    if can_not_trace(&test) {
        return;
    }
    let place = tree::make();
    let starts = |key: &crate::points::Key| key.class == Class::Start && key.role == role;
    let calls = counted(&place, way);
    let count = calls.iter().filter(|(key, _)| starts(key));
    let count: u32 = count.map(|(_, count)| count).sum();
    // Each of them, and one more than there usually are.
    let all: Vec<u32> = (1..=count + 1).collect();
    let expected = Expected::at(&place);
    let (mut succeeded, mut wrong) = (0, Vec::new());
    // One after the other, as what fails once is met by one of them only.
    let once = all.iter().map(|&first| (first, true));
    let from = choose(&all, SAMPLE).into_iter().map(|first| (first, false));
    for (first, is_once) in from.chain(once) {
        let mut seen = 0;
        tree::restore(&place);
        let end = tracer::run(&mut way.command(&place), &place.path(""), &mut |call| {
            if call.kind.class != Class::Start || call.role != role {
                return Verdict::Pass;
            }
            seen += 1;
            match seen < first || (is_once && seen > first) {
                true => Verdict::Pass,
                false => Verdict::Fail(Errno::EAGAIN),
            }
        });
        match expected.judge(&place, way, &end.unwrap()) {
            Ok(success) => succeeded += u32::from(success),
            Err(what) => wrong.push(format!(
                "none at the start number {first}, once: {is_once}: {what}"
            )),
        }
    }
    assert_all_went_well(&test, &wrong);
    eprintln!("{test}: {count} started usually, {succeeded} runs went on to a success");
    assert!(succeeded > 0, "none succeeded");
}

#[test]
fn a_pull_with_few_threads_at_either_end_is_whole_or_says_so() {
    assert_few_threads_do(Way::new("pull", ""), Role::Client);
    assert_few_threads_do(Way::new("pull", ""), Role::Agent);
}

#[test]
fn a_push_with_few_threads_at_either_end_is_whole_or_says_so() {
    assert_few_threads_do(Way::new("push", ""), Role::Client);
    assert_few_threads_do(Way::new("push", ""), Role::Agent);
}
