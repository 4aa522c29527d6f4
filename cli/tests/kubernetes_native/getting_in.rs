//! The two ways in, and which is taken.

use testkit::{Cluster, Container, Pod};

use super::bench::{Bench, has_kubectl, noise, tree};

fn web() -> Cluster {
    Cluster::new().pod(Pod::busybox("web"))
}

fn fill(bench: &Bench) {
    for n in 0..200 {
        bench.there("web", &format!("data/{}/{n}", n % 7), format!("file {n}"));
    }
    bench.there("web", "data/large", noise(3 << 20, 1));
}

#[test]
fn a_tree_comes_through_the_native_client_by_one_exec_and_leaves_no_process() {
    let Some(bench) = Bench::new(web()) else {
        return;
    };
    fill(&bench);
    let ended = bench.run("pull -v --via=native web:/data/ d");
    ended.assert(0, &["by WebSocket (v5.channel.k8s.io)", "208 entries"]);
    let root = bench.server.root("web", "app").unwrap();
    assert_eq!(tree(&root.join("data")), tree(&bench.path("d")));
    assert_eq!(bench.server.counts().execs(), 1);
    bench
        .run("pull --via=native web:/data/ d")
        .assert(0, &["0 transferred"]);
    assert_eq!(bench.server.counts().execs(), 2);
    assert!(bench.server.leftovers().is_empty());
}

#[test]
fn a_tree_goes_through_the_native_client_and_comes_back_as_a_delta() {
    let Some(bench) = Bench::new(web()) else {
        return;
    };
    let mut large = noise(8 << 20, 2);
    bench.here("s/large", &large);
    bench.here("s/sub/small", "small");
    bench.run("push --via=native s/ web:/data/").assert(0, &[]);
    let root = bench.server.root("web", "app").unwrap();
    assert_eq!(tree(&root.join("data")), tree(&bench.path("s")));

    let before = bench.server.counts().up;
    large[5_000_000] ^= 1;
    bench.here("s/large", &large);
    bench.run("push --via=native s/ web:/data/").assert(0, &[]);
    assert_eq!(tree(&root.join("data")), tree(&bench.path("s")));
    let sent = bench.server.counts().up - before;
    assert!(sent < 1 << 20, "{sent} bytes for one that changed");
}

#[test]
fn where_a_websocket_is_refused_kubectl_goes_in_and_the_reason_is_said() {
    if !has_kubectl() {
        return;
    }
    for (cluster, reason) in [
        (web().deny("get", "pods/exec"), "pods/exec"),
        (web().without_websocket(), "refuses a WebSocket"),
        (web().without_v5(), "version 4"),
    ] {
        let Some(bench) = Bench::new(cluster) else {
            return;
        };
        bench.there("web", "data/a", "a");
        let ended = bench.run("pull -v web:/data/ d");
        ended.assert(0, &["by kubectl, because", reason]);
        assert_eq!(bench.read("d/a"), "a");
        let alone = bench.run("pull --via=native web:/data/ d");
        alone.assert(5, &[reason, "--via=kubectl"]);
    }
}

#[test]
fn without_a_configuration_kubectl_is_left_and_says_what_is_wrong() {
    let Some(bench) = Bench::new(web()) else {
        return;
    };
    let native = bench.run("pull --via=native --kubeconfig=absent web:/data/ d");
    native.assert(
        5,
        &["absent can not be read", "No such file", "--kubeconfig"],
    );
    let native = bench.run("pull --via=native --context=absent web:/data/ d");
    native.assert(5, &["absent", "--context"]);
    assert_eq!(bench.server.counts().execs(), 0);
}

#[test]
fn kubectl_finds_pods_by_the_same_rules() {
    if !has_kubectl() {
        return;
    }
    let label = ("app", "web");
    let cluster = Cluster::new()
        .pod(Pod::busybox("web-1").label("app", "web"))
        .pod(Pod::busybox("web-2").label("app", "web").terminating())
        .object(testkit::workload::service("front", label));
    let Some(bench) = Bench::new(cluster) else {
        return;
    };
    bench.there("web-1", "data/a", "one");
    for line in [
        "pull -v --via=kubectl svc/front:/data/ d",
        "pull -v --via=kubectl --selector=app=web :/data/ d",
    ] {
        let ended = bench.run(line);
        ended.assert(0, &["pod web-1", "1 terminating", "by kubectl"]);
        assert_eq!(bench.read("d/a"), "one");
    }
}

#[test]
fn containers_are_chosen_by_name_by_annotation_and_by_order() {
    let pod = || {
        Pod::new("web")
            .container(Container::busybox("app"))
            .container(Container::busybox("side"))
    };
    let annotated = pod().annotation("kubectl.kubernetes.io/default-container", "side");
    for (pod, line, expected) in [
        (pod(), "pull web:/data/ d", "app"),
        (pod(), "pull --container=side web:/data/ d", "side"),
        (annotated, "pull web:/data/ d", "side"),
    ] {
        let Some(bench) = Bench::new(Cluster::new().pod(pod)) else {
            return;
        };
        for container in ["app", "side"] {
            let root = bench.server.root("web", container).unwrap();
            std::fs::write(root.join("data/who"), container).unwrap();
        }
        bench.run(line).assert(0, &[]);
        assert_eq!(bench.read("d/who"), expected, "{line}");
    }
}
