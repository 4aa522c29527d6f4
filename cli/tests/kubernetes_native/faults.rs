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

/// What is there is the old version or the new one.
fn assert_unharmed(bench: &Bench) {
    let there = tree(&bench.path("warm"));
    for (name, content) in tree(&bench.path("d")) {
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
    fails(Fault::new(Lie::Die).after(Way::Down, 1 << 20));
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
