//! The lies, as kubectl tells them on: over WebSocket and over SPDY.

use std::fs;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use testkit::{Cluster, Fault, Lie, Pod, Server, Way};

use super::bench::{Bench, MINORS, noise, program, web};

const LEN: usize = 1_000_000;

/// The newest kubectl there is, by both protocols, with a file to read in the container.
fn both(cluster: impl Fn() -> Cluster) -> Vec<Bench> {
    if let Some(reason) = testkit::unavailable() {
        eprintln!("skipped: {reason}");
        return Vec::new();
    }
    let Some(program) = MINORS.into_iter().rev().find_map(program) else {
        eprintln!("skipped: kubectl is not installed");
        return Vec::new();
    };
    let benches = [cluster(), cluster().without_websocket()]
        .map(|cluster| Bench::new(cluster, program.clone()));
    for bench in &benches {
        fs::write(bench.root().join("data/file"), noise(LEN)).unwrap();
    }
    benches.into()
}

/// Over SPDY kubectl takes the end of a connection for a success, whatever was on its way.
#[track_caller]
fn assert_fails_or_is_spdy(bench: &Bench, output: &Output) {
    let is_spdy = bench.server.counts().spdy > 0;
    assert_eq!(output.status.success(), is_spdy, "{:?}", output.stderr);
}

const READ: &str = "exec web -- cat /data/file";

#[test]
fn output_loses_its_tail_and_success_is_reported() {
    for bench in both(web) {
        bench.server.lie([Fault::new(Lie::CutTail(4096))]);
        let output = bench.succeed_with_bytes(READ);
        assert!(output == noise(LEN)[..LEN - 4096], "{} bytes", output.len());
        assert!(
            bench.succeed_with_bytes(READ) == noise(LEN),
            "the next exec is honest"
        );
    }
}

#[test]
fn output_ends_early_and_success_is_reported() {
    for bench in both(web) {
        bench
            .server
            .lie([Fault::new(Lie::EndEarly).after(Way::Down, 12_345)]);
        let output = bench.succeed_with_bytes(READ);
        assert!(output == noise(LEN)[..12_345], "{} bytes", output.len());
    }
}

#[test]
fn a_connection_breaks_after_as_many_bytes_as_were_asked_for() {
    for bench in both(web) {
        bench
            .server
            .lie([Fault::new(Lie::Drop).after(Way::Down, 12_345)]);
        let output = bench.run(READ);
        assert_eq!(output.stdout, noise(LEN)[..12_345]);
        assert_fails_or_is_spdy(&bench, &output);

        bench
            .server
            .lie([Fault::new(Lie::Drop).after(Way::Up, 100_000)]);
        let output = bench.feed("exec -i web -- wc -c", noise(10_000_000));
        assert_fails_or_is_spdy(&bench, &output);
        assert_eq!(bench.server.counts().up, 100_000);
    }
}

#[test]
fn a_stall_delays_what_comes_after_it_and_nothing_is_lost() {
    let stall = Duration::from_millis(500);
    for bench in both(web) {
        for (way, at) in [
            (Way::Down, Way::Down),
            (Way::Up, Way::Up),
            (Way::Down, Way::Up),
        ] {
            bench
                .server
                .lie([Fault::new(Lie::Stall(way, stall)).after(at, 1000)]);
            let start = Instant::now();
            let output = bench.feed("exec -i web -- cat", noise(LEN));
            assert!(start.elapsed() >= stall);
            assert!(output.stdout == noise(LEN), "{} bytes", output.stdout.len());
        }
    }
}

#[test]
fn noise_comes_before_output() {
    for bench in both(web) {
        bench
            .server
            .lie([Fault::new(Lie::Noise(b"Welcome!\n".to_vec()))]);
        assert_eq!(bench.succeed("exec web -- echo hello"), "Welcome!\nhello\n");
    }
}

#[test]
fn a_container_that_dies_is_reported_and_started_again() {
    for bench in both(web) {
        bench
            .server
            .lie([Fault::new(Lie::Die).after(Way::Down, 100)]);
        let output = bench.run("exec web -- yes");
        assert_eq!(output.status.code(), Some(137), "{output:?}");
        assert_eq!(bench.server.leftovers(), []);
        let restarts = "get pod web -o jsonpath={.status.containerStatuses[0].restartCount}";
        assert_eq!(bench.succeed(restarts), "1");
        assert_eq!(bench.succeed("exec web -- echo hello"), "hello\n");
    }
}

/// A pipe holds that much, and the server reads half of it at once.
const UNDER_WAY: u64 = 96 << 10;

#[test]
fn from_a_container_that_dies_comes_no_more_than_was_under_way() {
    for bench in both(web) {
        // Dying takes its time, and not always the same.
        for _ in 0..10 {
            // Others that have to die with it.
            let others = bench
                .command("exec web -- sh -c")
                .arg("(yes | yes | cat) >/dev/null 2>&1 &")
                .status();
            assert!(others.unwrap().success());
            bench
                .server
                .lie([Fault::new(Lie::Die).after(Way::Down, 1 << 20)]);
            let before = bench.server.counts().down;
            assert!(!bench.run("exec web -- cat /dev/zero").status.success());
            let came = bench.server.counts().down - before;
            assert!(came <= (1 << 20) + UNDER_WAY, "{came} bytes");
        }
    }
}

#[test]
fn what_came_to_happen_is_told_and_what_did_not_is_not() {
    for bench in both(web) {
        let early = Fault::new(Lie::Drop).after(Way::Down, 12_345);
        let late = Fault::new(Lie::Drop).after(Way::Down, 10 * LEN as u64);
        let cut = Fault::new(Lie::CutTail(4096));
        for fault in [&early, &late, &cut] {
            bench.server.lie([fault.clone()]);
            bench.run(READ);
        }
        assert_eq!(bench.server.told(), [early, cut]);
        assert_eq!(bench.server.told(), []);
    }
}

#[test]
fn a_pod_is_replaced_by_another_of_its_name() {
    let uid = "get pod web -o jsonpath={.metadata.uid}";
    for bench in both(web) {
        for fault in [
            Fault::new(Lie::Replace),
            Fault::new(Lie::Replace).after(Way::Down, 10),
        ] {
            let before = bench.succeed(uid);
            bench.server.lie([fault]);
            let output = bench
                .command("exec web -- sh -c")
                .arg("while test -e /data/file; do echo more; sleep 0.1; done; exit 3")
                .output()
                .unwrap();
            assert!(matches!(output.status.code(), Some(3 | 137)), "{output:?}");
            assert_ne!(bench.succeed(uid), before);
            assert!(!bench.root().join("data/file").exists());
            fs::write(bench.root().join("data/file"), "").unwrap();
        }
    }
}

#[test]
fn a_server_comes_back_on_its_port_after_a_restart() {
    for bench in both(web) {
        bench
            .server
            .lie([Fault::new(Lie::Restart).after(Way::Down, 100)]);
        let output = bench.run("exec web -- yes");
        assert_fails_or_is_spdy(&bench, &output);
        let patience = Instant::now() + Duration::from_secs(30);
        while !bench.run("get pods -o name").status.success() {
            assert!(Instant::now() < patience, "the server does not come back");
        }
        // Nobody told the command that nobody listens.
        assert_eq!(bench.server.leftovers().len(), 1);
    }
}

#[test]
fn in_silence_neither_end_hears_anything() {
    for bench in both(web) {
        bench
            .server
            .lie([Fault::new(Lie::Silence).after(Way::Up, 1)]);
        let mut command = bench.command("exec -i web -- cat");
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        std::io::Write::write_all(&mut stdin, b"hello").unwrap();
        while bench.server.counts().up == 0 {
            std::thread::sleep(Duration::from_millis(10));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        std::thread::sleep(Duration::from_millis(200));
        assert_eq!(bench.server.leftovers().len(), 1, "its input has not ended");
    }
}

#[test]
fn expired_credentials_are_refused_until_they_are_renewed() {
    for bench in both(web) {
        bench.server.expire_credentials(true);
        let output = bench.run("exec web -- true");
        assert!(
            String::from_utf8_lossy(&output.stderr).contains("must be logged in"),
            "{output:?}"
        );
        bench.server.expire_credentials(false);
        bench.succeed("exec web -- true");
    }
}

#[test]
fn a_server_shows_what_is_added_and_removed() {
    if testkit::unavailable().is_some() {
        return;
    }
    let server = Server::start(Cluster::new()).unwrap();
    assert!(server.root("web", "app").is_err());
    server.add_pod(Pod::busybox("web")).unwrap();
    assert!(server.root("web", "app").unwrap().join("bin/sh").exists());
    assert!(server.remove_pod("web"));
    assert!(!server.remove_pod("web"));
    assert!(!server.replace_pod("web").unwrap());
}
