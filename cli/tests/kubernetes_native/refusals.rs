//! What is refused, missing or not possible: each with its own sentence and code, in time.

use testkit::workload::deployment;
use testkit::{Cluster, Container, Pod};

use super::bench::Bench;

fn web() -> Cluster {
    Cluster::new().pod(Pod::busybox("web"))
}

#[test]
fn what_is_not_there_is_named() {
    let Some(bench) = Bench::new(web()) else {
        return;
    };
    for (target, words) in [
        ("nobody", "there is no pod nobody in namespace default"),
        ("deploy/x", "there is no deployment x in namespace default"),
        ("svc/x", "there is no service x"),
        ("cronjob/x", "there is no cron job x"),
    ] {
        let ended = bench.run(&format!("pull --via=native {target}:/data/ d"));
        ended.assert(3, &[words, "check its name"]);
    }
    let ended = bench.run("pull --via=native --container=db web:/data/ d");
    ended.assert(
        3,
        &["pod web has no container db; it has app", "--container"],
    );
    let ended = bench.run("pull --via=native web:/absent/ d");
    ended.assert(23, &["/absent/ does not exist"]);
    assert!(!bench.path("d").exists());
}

#[test]
fn a_missing_right_is_named_in_the_servers_words() {
    let Some(bench) = Bench::new(web().object(deployment("web", ("app", "web")))) else {
        return;
    };
    bench.server.deny("get", "pods");
    let ended = bench.run("pull --via=native web:/data/ d");
    ended.assert(5, &["access was denied", "pods", "ask for that right"]);
    bench.server.allow("get", "pods");
    bench.server.deny("get", "deployments");
    let ended = bench.run("pull --via=native deploy/web:/data/ d");
    ended.assert(5, &["access was denied", "deployments"]);
    assert_eq!(bench.server.counts().execs(), 0);
}

#[test]
fn without_any_right_to_execute_both_ways_fail_and_say_which_right() {
    let Some(bench) = Bench::new(web().deny("*", "pods/exec")) else {
        return;
    };
    let ended = bench.run("pull web:/data/ d");
    ended.assert(5, &["pods/exec"]);
}

#[test]
fn credentials_that_have_expired_are_told_from_missing_rights() {
    let Some(bench) = Bench::new(web()) else {
        return;
    };
    bench.server.expire_credentials(true);
    let ended = bench.run("pull --via=native web:/data/ d");
    ended.assert(5, &["does not accept the credentials", "log in"]);
}

#[test]
fn a_program_that_brings_no_credentials_is_quoted() {
    let Some(bench) = Bench::new(web()) else {
        return;
    };
    bench.here(
        "login",
        "#!/bin/sh\necho 'the session has expired' >&2\nexit 1\n",
    );
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(bench.path("login"), mode).unwrap();
    bench.here(
        "config",
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: x\n\
             clusters: [{{name: c, cluster: {{server: {:?}}}}}]\n\
             contexts: [{{name: x, context: {{cluster: c, user: u}}}}]\n\
             users: [{{name: u, user: {{exec: {{command: {:?}, interactiveMode: Never,\
             apiVersion: client.authentication.k8s.io/v1}}}}}}]\n",
            bench.server.url(),
            bench.path("login"),
        ),
    );
    let ended = bench.run("pull --via=native --kubeconfig=config web:/data/ d");
    ended.assert(
        5,
        &["no credentials", "said: the session has expired", "log in"],
    );
}

#[test]
fn a_cluster_that_is_gone_is_unreachable() {
    let Some(bench) = Bench::new(web()) else {
        return;
    };
    let config = std::fs::read_to_string(bench.path("kubeconfig")).unwrap();
    // A port where nothing listens any more.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    bench.here("gone", config.replace(&bench.server.url(), &address));
    let ended = bench.run("pull --via=native --kubeconfig=gone web:/data/ d");
    ended.assert(10, &["can not be reached", "refused", "check the network"]);
}

#[test]
fn an_image_without_a_shell_says_so() {
    let program = assert_cmd::cargo::cargo_bin!("ksyncd");
    let pod = Pod::new("bare").container(Container::program("app", program));
    let Some(bench) = Bench::new(Cluster::new().pod(pod)) else {
        return;
    };
    let ended = bench.run("pull --via=native bare:/ d");
    ended.assert(5, &["there is no shell", "--container"]);
}

#[test]
fn an_image_where_nothing_can_be_executed_names_the_places() {
    let pod = Pod::new("tight").container(
        Container::busybox("app")
            .read_only()
            .writable("/tmp")
            .no_execution("/tmp"),
    );
    let Some(bench) = Bench::new(Cluster::new().pod(pod)) else {
        return;
    };
    let ended = bench.run("pull --via=native tight:/data/ d");
    ended.assert(
        5,
        &[
            "/tmp does not allow execution",
            "is not writable",
            "emptyDir",
        ],
    );
}

/// An image with nothing but the files in question and a program that waits.
fn bare() -> Pod {
    let program = assert_cmd::cargo::cargo_bin!("ksyncd");
    Pod::new("bare").container(Container::program("app", program))
}

#[test]
fn beside_an_image_without_a_shell_a_container_is_added_once() {
    let Some(bench) = Bench::new(Cluster::new().pod(bare())) else {
        return;
    };
    bench.there("bare", "srv/a/b", "inside");
    let line = "pull -v --via=native --agent-image=busybox bare:/srv/ d";
    bench.run(line).assert(0, &["container ksyncd-app-"]);
    assert_eq!(bench.read("d/a/b"), "inside");
    bench.there("bare", "srv/a/b", "changed inside");
    let again = bench.run(line);
    again.assert(0, &["1 transferred"]);
    assert_eq!(bench.read("d/a/b"), "changed inside");
    assert!(
        !again.err.contains("for the agent"),
        "it was there: {again:?}"
    );

    bench.here("s/c", "pushed");
    let push = "push --via=native --agent-image=busybox s/ bare:/srv/";
    bench.run(push).assert(0, &[]);
    let root = bench.server.root("bare", "app").unwrap();
    assert_eq!(
        std::fs::read_to_string(root.join("srv/c")).unwrap(),
        "pushed"
    );
}

#[test]
fn who_may_not_add_a_container_is_told_which_right_it_takes() {
    let cluster = Cluster::new()
        .pod(bare())
        .deny("patch", "pods/ephemeralcontainers");
    let Some(bench) = Bench::new(cluster) else {
        return;
    };
    let ended = bench.run("pull --via=native --agent-image=busybox bare:/srv/ d");
    ended.assert(5, &["access was denied", "pods/ephemeralcontainers"]);
}
