//! A server that lies: no run reports success with a wrong tree, none hangs, none leaves a process
//! behind, and every file of the destination is its old version or its new one.
//!
//! Faults come at points spread over the whole run. `KSYNCD_LIES=25` makes a hundred runs of
//! each lie for each way instead of four.

use std::fs;
use std::process::Command;
use std::time::Duration;

use testkit::{Cluster, Container, Fault, Lie, Pod, Way as Direction};

use super::site::{Site, web};
use super::tree::{differences, files, noise, plant};

/// Points for each lie, way, direction, and state of the agent.
fn points() -> u64 {
    let points = std::env::var("KSYNCD_LIES").ok();
    points.and_then(|points| points.parse().ok()).unwrap_or(1)
}

/// Bytes of a run with which nothing is wrong, up and down.
fn length(site: &Site, is_delivered: bool) -> [u64; 2] {
    prepare(site, is_delivered);
    let before = site.server.counts();
    site.run("pull -aH --delete web:/data/ out")
        .assert_success(site.way);
    fs::remove_dir_all(site.path("out")).unwrap();
    let after = site.server.counts();
    [after.up - before.up, after.down - before.down]
}

/// Makes the destination what it is before each run.
fn prepare(site: &Site, is_delivered: bool) {
    plant(&site.path("out"), 1);
    if !is_delivered {
        // There is nothing to remove before the first run.
        let _ = fs::remove_dir_all(site.there("tmp/.ksyncd-0"));
    }
}

/// Pulls with a fault at points spread over the run, over a destination that holds an old version.
/// Returns how many of the runs failed, for each way.
fn failures(lie: impl Fn(Direction) -> Lie + Sync) -> Vec<u64> {
    Site::each_at_once(web, |site| {
        plant(&site.there("data"), 2);
        let mut failures = 0;
        for is_delivered in [false, true] {
            let lengths = length(&site, is_delivered);
            for number in 0..points() {
                for (direction, len) in [Direction::Up, Direction::Down].into_iter().zip(lengths) {
                    // Somewhere in this part of the run, elsewhere each time.
                    let part = len / points();
                    let within = u64::from(noise(1, u8::from(is_delivered), number as u32)[0]);
                    let at = part * number + within * part / 256;
                    let fault = Fault::new(lie(direction)).after(direction, at);
                    prepare(&site, is_delivered);
                    failures += u64::from(!survives(&site, fault));
                }
            }
        }
        assert_eq!(site.left(), [], "{}", site.way.name);
        failures
    })
}

/// Whether a run with this fault succeeds, which it may do with the right tree only.
fn survives(site: &Site, fault: Fault) -> bool {
    let out = site.path("out");
    let (old, new) = (files(&out), files(&site.there("data")));
    let what = format!("{}: {fault:?}", site.way.name);

    site.server.lie([fault]);
    let ended = site.run("pull -aH --delete web:/data/ out");

    match ended.code {
        Some(0) => assert_eq!(
            differences(&site.there("data"), &out),
            "",
            "success: {what}"
        ),
        Some(3 | 5 | 10 | 12 | 23 | 24 | 25 | 30 | 35) => ended.assert_plain(),
        code => panic!("{code:?}: {what}: {}", ended.stderr),
    }
    for (name, content) in files(&out) {
        let is_temporary = name.contains(".ksyncd.");
        let is_a_version = [&old, &new]
            .iter()
            .any(|files| files.get(&name) == Some(&content));
        assert!(
            is_a_version || is_temporary,
            "{name:?} is neither old nor new: {what}"
        );
    }

    site.await_server();
    let again = site.run("pull -aH --delete web:/data/ out");
    assert_eq!(again.code, Some(0), "afterwards: {what}: {}", again.stderr);
    assert_eq!(
        differences(&site.there("data"), &out),
        "",
        "afterwards: {what}"
    );
    fs::remove_dir_all(&out).unwrap();
    ended.code == Some(0)
}

/// Most points are before the end of the run.
#[track_caller]
fn assert_most_failed(failures: &[u64]) {
    for failures in failures {
        assert!(*failures > points(), "{failures} failures");
    }
}

#[test]
fn output_that_ends_early_with_a_success() {
    assert_most_failed(&failures(|_| Lie::EndEarly));
}

#[test]
fn a_connection_that_breaks() {
    assert_most_failed(&failures(|_| Lie::Drop));
}

#[test]
fn a_container_that_dies() {
    assert_most_failed(&failures(|_| Lie::Die));
}

#[test]
fn a_server_that_starts_again() {
    assert_most_failed(&failures(|_| Lie::Restart));
}

#[test]
fn a_run_that_may_try_again_gets_over_a_connection_that_breaks() {
    Site::each_at_once(web, |site| {
        plant(&site.there("data"), 2);
        for lie in [Lie::Drop, Lie::EndEarly, Lie::Restart] {
            let execs = site.server.counts().execs();
            let what = format!("{}: {lie:?}", site.way.name);
            site.server
                .lie([Fault::new(lie).after(Direction::Down, 2_000_000)]);
            let ended = site.run("pull -aH --retries 5 web:/data/ out");
            assert_eq!(ended.code, Some(0), "{what}: {}", ended.stderr);
            assert_eq!(
                differences(&site.there("data"), &site.path("out")),
                "",
                "{what}"
            );
            assert!(site.server.counts().execs() - execs > 1, "{what}");
            fs::remove_dir_all(site.path("out")).unwrap();
        }
        assert_eq!(site.left(), [], "{}", site.way.name);
    });
}

#[test]
fn a_stall_is_waited_for() {
    let failures = failures(|way| Lie::Stall(way, Duration::from_millis(300)));
    assert!(
        failures.iter().all(|&failures| failures == 0),
        "{failures:?}"
    );
}

#[test]
fn a_pod_that_is_replaced_during_a_run_ends_it() {
    Site::each_at_once(web, |site| {
        plant(&site.there("data"), 2);
        let [_, len] = length(&site, true);
        for number in 0..points() {
            let fault =
                Fault::new(Lie::Replace).after(Direction::Down, 1 + len * number / points());
            let old = files(&site.there("data"));
            site.server.lie([fault]);
            fs::create_dir_all(site.path("out")).unwrap();
            let ended = site.run("pull -aH web:/data/ out");
            assert!(
                matches!(ended.code, Some(5 | 10 | 12)),
                "{}: {ended:?}",
                site.way.name
            );
            ended.assert_plain();
            for (name, content) in files(&site.path("out")) {
                let is_temporary = name.contains(".ksyncd.");
                assert!(old.get(&name) == Some(&content) || is_temporary, "{name:?}");
            }
            // The next pod begins with nothing.
            assert_eq!(files(&site.there("data")).len(), 0);
            plant(&site.there("data"), 2);
        }
        assert_eq!(site.left(), []);
    });
}

#[test]
fn a_pod_that_is_replaced_before_the_exec_is_noticed_or_pulled_from_as_a_whole() {
    let images = tempfile::tempdir().unwrap();
    for (number, site) in Site::each(Cluster::new).into_iter().enumerate() {
        let root = images.path().join(number.to_string());
        site.server.add_pod(Pod::busybox("web")).unwrap();
        let copied = Command::new("cp")
            .arg("-a")
            .arg(site.there(""))
            .arg(&root)
            .status();
        assert!(copied.unwrap().success());
        plant(&root.join("data"), 3);
        let successor = Pod::new("web").container(Container::directory("app", &root));
        site.server
            .add_pod(Pod::busybox("web").successor(successor))
            .unwrap();
        plant(&site.there("data"), 2);

        site.server.lie([Fault::new(Lie::Replace)]);
        let ended = site.run("pull -aH web:/data/ out");
        // Where nobody but kubectl chooses the pod, it is the one that has the name by then.
        if site.way.is_native() || ended.code != Some(0) {
            ended.assert(site.way, 12, &["the pod was replaced", "run again"]);
            site.run("pull -aH web:/data/ out").assert_success(site.way);
        }
        assert_eq!(differences(&root.join("data"), &site.path("out")), "");
        assert_eq!(site.left(), []);
    }
}

#[test]
fn noise_before_the_first_word_of_the_agent_does_no_harm() {
    Site::each_at_once(web, |site| {
        plant(&site.there("data"), 1);
        let profile = b"Welcome to web!\r\n\x1b[2Jksyncd have /tmp\nno line feed";
        site.server.lie([Fault::new(Lie::Noise(profile.to_vec()))]);
        site.run("pull -aH web:/data/ out").assert_success(site.way);
        assert_eq!(differences(&site.there("data"), &site.path("out")), "");
        assert_eq!(site.left(), []);

        site.server
            .lie([Fault::new(Lie::Noise(vec![b'x'; 1_000_000]))]);
        let ended = site.run("pull -aH web:/data/ never");
        ended.assert(site.way, 5, &[]);
        assert!(!site.path("never").exists());
        assert_eq!(site.left(), []);
    });
}

#[test]
fn a_tail_that_is_lost_does_no_harm_to_a_conversation() {
    Site::each_at_once(web, |site| {
        plant(&site.there("data"), 1);
        for len in [1, 4096, 1 << 20] {
            site.server.lie([Fault::new(Lie::CutTail(len))]);
            let ended = site.run("pull -aH web:/data/ out");
            let is_right = differences(&site.there("data"), &site.path("out")).is_empty();
            assert!(
                ended.code != Some(0) || is_right,
                "{}: {len}",
                site.way.name
            );
        }
        assert_eq!(site.left(), []);
    });
}

#[test]
fn answers_to_pings_that_come_late_do_no_harm() {
    Site::each_at_once(web, |site| {
        plant(&site.there("data"), 1);
        let late = Fault::new(Lie::DelayPongs(Duration::from_secs(3)));
        let stall = Lie::Stall(Direction::Down, Duration::from_secs(7));
        site.server
            .lie([late, Fault::new(stall).after(Direction::Down, 1_000_000)]);
        site.run("pull -aH web:/data/ out").assert_success(site.way);
        assert_eq!(differences(&site.there("data"), &site.path("out")), "");
        assert_eq!(site.left(), []);
    });
}

#[test]
fn silence_ends_a_run_when_patience_does() {
    Site::each_at_once(web, |site| {
        plant(&site.there("data"), 1);
        site.server
            .lie([Fault::new(Lie::Silence).after(Direction::Down, 1_000_000)]);
        let ended = site.run("pull -aH --timeout 3 web:/data/ out");
        ended.assert(site.way, 30, &[]);
    });
}

#[test]
#[ignore = "takes a minute: so long an agent waits for a client of which it hears nothing"]
fn an_agent_that_hears_nothing_more_ends_itself() {
    for site in Site::each(web).into_iter().take(1) {
        plant(&site.there("data"), 1);
        site.server
            .lie([Fault::new(Lie::Silence).after(Direction::Down, 1_000_000)]);
        site.run("pull -aH --timeout 3 web:/data/ out")
            .assert(site.way, 30, &[]);
        assert_ne!(site.server.leftovers(), []);
        assert_eq!(site.left_after(Duration::from_secs(180)), []);
    }
}
