//! What works with an honest server.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::Stdio;

use testkit::{Cluster, Container, Pod, workload};

use super::bench::{Bench, noise, web};

#[test]
fn pods_are_listed_and_shown() {
    for bench in Bench::each(|| web().pod(Pod::busybox("db").label("app", "db"))) {
        let names = bench.succeed("get pods -l app=db -o name");
        assert_eq!(names, "pod/db\n");
        assert!(bench.succeed("get pods").contains("web"));
        let phase = bench.succeed("get pod/web -o jsonpath={.status.phase}");
        assert_eq!(phase, "Running");
        let missing = bench.run("get pod/none");
        let said = String::from_utf8_lossy(&missing.stderr);
        assert!(said.contains("pods \"none\" not found"), "{said}");
    }
}

#[test]
fn a_watch_tells_what_changes() {
    for bench in Bench::each(web) {
        let mut command = bench.command("get pods -w -o name");
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert_eq!(lines.next().unwrap().unwrap(), "pod/web");
        bench.server.add_pod(Pod::busybox("late")).unwrap();
        assert_eq!(lines.next().unwrap().unwrap(), "pod/late");
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

#[test]
fn a_command_has_streams_and_an_exit_code() {
    for bench in Bench::each(web) {
        let line = bench
            .command("exec web -- sh -c")
            .arg("echo out; echo err >&2; exit 7")
            .output()
            .unwrap();
        assert_eq!(line.status.code(), Some(7), "{line:?}");
        assert_eq!(line.stdout, b"out\n");
        assert!(line.stderr.starts_with(b"err\n"), "{line:?}");
        assert_eq!(bench.server.counts().execs(), 1);
        assert_eq!(bench.server.leftovers(), []);
    }
}

#[test]
fn standard_input_ends_and_output_goes_on() {
    for bench in Bench::each(web) {
        let line = bench.feed("exec -i web -- sh -c cat;echo${IFS}end", b"hello ".to_vec());
        assert!(line.status.success(), "{line:?}");
        assert_eq!(line.stdout, b"hello end\n");
    }
}

#[test]
fn a_hundred_megabytes_arrive_in_both_directions() {
    let bytes = noise(100_000_000);
    for bench in Bench::each(web) {
        let echo = bench.feed("exec -i web -- cat", bytes.clone());
        assert!(echo.status.success(), "{:?}", echo.stderr);
        assert!(
            echo.stdout == bytes,
            "{} bytes came back",
            echo.stdout.len()
        );
        let counts = bench.server.counts();
        assert_eq!((counts.up, counts.down), (100_000_000, 100_000_000));
    }
}

#[test]
fn files_are_copied_both_ways() {
    for bench in Bench::each(web) {
        let bytes = noise(3_000_000);
        fs::write(bench.root().join("data/there"), &bytes).unwrap();
        bench.succeed("cp web:/data/there here");
        assert!(fs::read(bench.path("here")).unwrap() == bytes);
        bench.succeed("cp here web:/data/back");
        assert!(fs::read(bench.root().join("data/back")).unwrap() == bytes);
    }
}

#[test]
fn without_websocket_kubectl_takes_spdy() {
    for bench in Bench::each(|| web().without_websocket()) {
        assert_eq!(bench.succeed("exec web -- echo hello"), "hello\n");
        let counts = bench.server.counts();
        assert_eq!((counts.websocket, counts.spdy), (0, 1));
    }
}

#[test]
fn who_may_only_create_gets_in_by_spdy() {
    for bench in Bench::each(|| web().deny("get", "pods/exec")) {
        assert_eq!(bench.succeed("exec web -- echo hello"), "hello\n");
        assert_eq!(bench.server.counts().spdy, 1);
        bench.server.deny("create", "pods/exec");
        let refused = bench.run("exec web -- echo hello");
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(
            said.contains("cannot create resource \"pods/exec\""),
            "{said}"
        );
    }
}

#[test]
fn a_workload_leads_to_its_pod() {
    let cluster = || {
        web()
            .object(workload::deployment("site", ("app", "web")))
            .object(workload::service("door", ("app", "web")))
    };
    for bench in Bench::each(cluster) {
        assert_eq!(bench.succeed("exec deploy/site -- echo hello"), "hello\n");
        assert_eq!(bench.succeed("exec svc/door -- echo hello"), "hello\n");
    }
}

#[test]
fn what_is_not_there_is_named() {
    let cluster = || {
        let both = Pod::new("both")
            .container(Container::busybox("a"))
            .container(Container::busybox("b"));
        web().pod(both).pod(Pod::busybox("done").phase("Succeeded"))
    };
    let cases = [
        ("exec none -- true", "pods \"none\" not found"),
        ("exec web -c nope -- true", "nope"),
        ("exec done -- true", "completed pod"),
        (
            "exec web -- nonesuch",
            "exec: \"nonesuch\": executable file not found in $PATH",
        ),
    ];
    for bench in Bench::each(cluster) {
        for (line, words) in cases {
            let output = bench.run(line);
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{line}: {said}");
            assert!(said.contains(words), "{line}: {said}");
        }
        assert_eq!(bench.succeed("exec both -c b -- echo hello"), "hello\n");
    }
}

#[test]
fn what_a_client_leaves_behind_is_counted_and_ends_with_the_server() {
    for bench in Bench::each(web).into_iter().take(1) {
        fs::write(bench.root().join("data/file"), "ready\n").unwrap();
        let mut command = bench
            .command("exec web -- tail -f /data/file")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut ready = [0; 6];
        command
            .stdout
            .take()
            .unwrap()
            .read_exact(&mut ready)
            .unwrap();
        command.kill().unwrap();
        command.wait().unwrap();
        let left = bench.server.leftovers();
        assert_eq!(left.len(), 1, "{left:?}");
        assert_eq!(left[0].command, "tail -f /data/file");
        drop(bench);
        assert!(!Path::new(&format!("/proc/{}", left[0].pid)).exists());
    }
}

#[test]
fn an_ephemeral_container_sees_the_files_of_its_target() {
    let cluster =
        || Cluster::new().pod(Pod::new("web").container(Container::program("app", "/bin/busybox")));
    for bench in Bench::each(cluster) {
        fs::write(bench.root().join("data/file"), "content").unwrap();
        bench.succeed("debug web --image=any --target=app -c visitor -- sleep 1000");
        let seen = bench.succeed("exec web -c visitor -- cat /proc/1/root/data/file");
        assert_eq!(seen, "content");
        assert_eq!(bench.server.leftovers(), []);
        let state = "get pod web -o jsonpath={.status.ephemeralContainerStatuses[0].state.running}";
        assert_ne!(bench.succeed(state), "");

        bench.server.deny("patch", "pods/ephemeralcontainers");
        let refused = bench.run("debug web --image=any --target=app -c other -- sleep 1000");
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(said.contains("pods/ephemeralcontainers"), "{said}");
    }
}

#[test]
fn a_user_can_ask_for_rights() {
    for bench in Bench::each(|| web().deny("get", "pods/exec")) {
        let get = bench.run("auth can-i get pods --subresource=exec");
        assert_eq!(get.stdout, b"no\n", "{get:?}");
        assert_eq!(
            bench.succeed("auth can-i create pods --subresource=exec"),
            "yes\n"
        );
    }
}
