//! Connections that break or lie: never a success with a wrong tree, and always an end.

use std::time::Duration;

use testkit::{Cluster, Fault, Lie, Pod, Way};

use super::bench::{Bench, noise, tree};

const LEN: usize = 4 << 20;

/// A pod with a large file, which is here already in an older version.
fn bench() -> Option<Bench> {
    let bench = Bench::new(Cluster::new().pod(Pod::busybox("web")))?;
    bench.there("web", "data/file", noise(LEN, 1));
    bench.there("web", "data/other", "other");
    // So that the faults meet the sync and not the delivery.
    bench
        .run("pull --via=native web:/data/ warm")
        .assert(0, &[]);
    bench.here("d/file", noise(LEN, 2));
    Some(bench)
}

/// What is there is the old version or the new one. What arrived of a file may be kept beside it.
fn assert_unharmed(bench: &Bench) {
    let there = tree(&bench.path("warm"));
    for (name, content) in tree(&bench.path("d")) {
        if name.display().to_string().starts_with(".ksyncd.") {
            continue;
        }
        let is_old = name.as_os_str() == "file" && content == noise(LEN, 2);
        assert!(is_old || there.get(&name) == Some(&content), "{name:?}");
    }
}

fn fails(fault: Fault) {
    let Some(bench) = bench() else { return };
    bench.server.lie([fault.clone()]);
    let ended = bench.run("pull --via=native --timeout=5 web:/data/ d");
    assert_ne!(ended.code, Some(0), "{fault:?}: {ended:?}");
    assert!(!ended.err.is_empty(), "{fault:?}");
    assert_unharmed(&bench);
    // A server that starts again is away for a moment.
    let again = || bench.run("pull --via=native web:/data/ d");
    let came = (0..50).map(|_| again()).find(|ended| {
        std::thread::sleep(Duration::from_millis(20));
        ended.code != Some(10)
    });
    came.unwrap().assert(0, &[]);
    assert_eq!(tree(&bench.path("warm")), tree(&bench.path("d")));
}

#[test]
fn a_connection_that_drops_is_an_error_wherever_it_drops() {
    for at in [0, 1, 100, 5_000, 1 << 20] {
        fails(Fault::new(Lie::Drop).after(Way::Down, at));
    }
}

#[test]
fn an_end_with_success_in_the_middle_is_an_error() {
    for at in [10, 3_000, 1 << 20] {
        fails(Fault::new(Lie::EndEarly).after(Way::Down, at));
    }
}

#[test]
fn a_container_that_dies_is_an_error() {
    // Before the agent can have sent all of it.
    fails(Fault::new(Lie::Die).after(Way::Down, 100));
}

#[test]
fn a_server_that_starts_again_is_an_error() {
    fails(Fault::new(Lie::Restart).after(Way::Down, 1 << 20));
}

#[test]
fn silence_ends_with_the_patience_of_the_user() {
    fails(Fault::new(Lie::Silence).after(Way::Down, 1 << 20));
}

#[test]
fn a_short_stall_in_either_direction_is_waited_for() {
    for way in [Way::Up, Way::Down] {
        let Some(bench) = bench() else { return };
        let stall = Lie::Stall(way, Duration::from_secs(2));
        bench.server.lie([Fault::new(stall).after(way, 1)]);
        bench.run("pull --via=native web:/data/ d").assert(0, &[]);
        assert_eq!(tree(&bench.path("warm")), tree(&bench.path("d")));
    }
}

#[test]
fn a_tail_that_is_cut_off_is_an_error_or_was_not_needed() {
    for len in [1, 8, 100] {
        let Some(bench) = bench() else { return };
        bench.server.lie([Fault::new(Lie::CutTail(len))]);
        let ended = bench.run("pull --via=native --timeout=5 web:/data/ d");
        if ended.code == Some(0) {
            assert_eq!(tree(&bench.path("warm")), tree(&bench.path("d")));
        } else {
            assert_unharmed(&bench);
        }
    }
}

#[test]
fn a_pod_that_is_replaced_before_it_is_entered_is_named_beside_its_successor() {
    let Some(bench) = bench() else { return };
    bench.server.lie([Fault::new(Lie::Replace)]);
    let ended = bench.run("pull --via=native web:/data/ e");
    assert_ne!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended.err.contains("replaced meanwhile") && ended.err.matches("UID").count() == 2,
        "{ended:?}"
    );
}

#[test]
fn a_pod_that_is_replaced_in_the_middle_is_named_beside_its_successor() {
    let Some(bench) = bench() else { return };
    let fault = Fault::new(Lie::Replace).after(Way::Down, 1 << 20);
    bench.server.lie([fault]);
    let ended = bench.run("pull --via=native web:/data/ d");
    ended.assert(12, &["replaced meanwhile", "web (UID", "run again"]);
    assert_unharmed(&bench);
}

#[test]
fn what_a_login_script_says_first_does_no_harm() {
    let Some(bench) = bench() else { return };
    let noise = Lie::Noise(b"Welcome!\r\n\x1b[2J".to_vec());
    bench.server.lie([Fault::new(noise)]);
    bench.run("pull --via=native web:/data/ d").assert(0, &[]);
}

/// `KSYNCD_LIES` says how many runs of each kind; the points are the same every time.
#[test]
fn no_lie_at_any_point_makes_a_success_of_a_wrong_tree() {
    let runs = std::env::var("KSYNCD_LIES").map_or(4, |runs| runs.parse().unwrap());
    let kinds = [
        Lie::Drop,
        Lie::EndEarly,
        Lie::Die,
        Lie::Replace,
        Lie::CutTail(0),
    ];
    for kind in kinds {
        let Some(bench) = bench() else { return };
        let good = tree(&bench.path("warm"));
        let points = noise(8 * runs, 7);
        for point in points.chunks(8) {
            let point = point
                .iter()
                .fold(0, |sum, &byte| sum << 8 | u64::from(byte));
            // What was put in place is replaced with its pod.
            if kind == Lie::Replace {
                bench.there("web", "data/file", noise(LEN, 1));
                bench.there("web", "data/other", "other");
            }
            bench.here("d/file", noise(LEN, 2));
            let lie = match kind {
                Lie::CutTail(_) => Lie::CutTail((point % 5000) as usize),
                ref kind => kind.clone(),
            };
            let fault = Fault::new(lie).after(Way::Down, point % (LEN as u64 + 50_000));
            bench.server.lie([fault.clone()]);
            let ended = bench.run("pull --via=native --timeout=5 web:/data/ d");
            if ended.code == Some(0) {
                assert_eq!(good, tree(&bench.path("d")), "{fault:?}: {ended:?}");
            } else {
                assert!(!ended.err.is_empty(), "{fault:?}");
                assert_unharmed(&bench);
            }
        }
        assert_nothing_is_left(&bench);
    }
}

fn assert_nothing_is_left(bench: &Bench) {
    let until = std::time::Instant::now() + Duration::from_secs(60);
    while !bench.server.leftovers().is_empty() {
        assert!(
            std::time::Instant::now() < until,
            "{:?}",
            bench.server.leftovers()
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Ends the program by a signal in the middle of a sync that takes its time.
fn signalled(signal: &str) -> Option<(Bench, Option<i32>)> {
    let bench = bench()?;
    let line = "pull --via=native --bwlimit=64 --no-compress web:/data/ d";
    let mut child = bench.command(line).spawn().unwrap();
    // The agent is at work once there is a temporary.
    let is_under_way = || tree(&bench.path("d")).len() > 1;
    while !is_under_way() {
        assert_eq!(child.try_wait().unwrap(), None, "it has ended");
        std::thread::sleep(Duration::from_millis(5));
    }
    let pid = child.id().to_string();
    let kill = std::process::Command::new("kill")
        .args([signal, &pid])
        .status();
    assert!(kill.unwrap().success());
    let code = child.wait().unwrap().code();
    Some((bench, code))
}

#[test]
fn an_interrupt_ends_both_ends_and_leaves_the_old_file() {
    let Some((bench, code)) = signalled("-INT") else {
        return;
    };
    assert_eq!(code, Some(20));
    assert_unharmed(&bench);
    assert_nothing_is_left(&bench);
}

#[test]
fn an_agent_whose_client_is_killed_ends_by_itself() {
    let Some((bench, code)) = signalled("-KILL") else {
        return;
    };
    assert_eq!(code, None);
    assert_nothing_is_left(&bench);
}
