//! The two ways in, and which is taken.

use testkit::{Cluster, Container, Pod};

use super::site::{Site, web};
use super::skipped::has_kubectl;

#[test]
fn the_native_way_is_taken_where_it_works() {
    let Some(site) = Site::any(web()) else { return };
    site.put("web", "data/a", "a");
    let ended = site.run("pull -v web:/data/ d");
    ended.assert(0, &["by WebSocket (v5.channel.k8s.io)"]);
    assert_eq!(site.server.counts().websocket, 1);
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
        let Some(site) = Site::any(cluster) else {
            return;
        };
        site.put("web", "data/a", "a");
        let ended = site.run("pull -v web:/data/ d");
        ended.assert(0, &["by kubectl, because", reason]);
        assert_eq!(site.read("d/a"), "a");
        let alone = site.run("pull --via=native web:/data/ d");
        alone.assert(5, &[reason, "--via=kubectl"]);
    }
}

#[test]
fn without_a_configuration_kubectl_is_left_and_says_what_is_wrong() {
    let Some(site) = Site::any(web()) else {
        return;
    };
    let native = site.run("pull --via=native --kubeconfig=absent web:/data/ d");
    native.assert(
        5,
        &["absent can not be read", "No such file", "--kubeconfig"],
    );
    let native = site.run("pull --via=native --context=absent web:/data/ d");
    native.assert(5, &["absent", "--context"]);
    assert_eq!(site.server.counts().execs(), 0);
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
    let Some(site) = Site::any(cluster) else {
        return;
    };
    site.put("web-1", "data/a", "one");
    for line in [
        "pull -v --via=kubectl svc/front:/data/ d",
        "pull -v --via=kubectl --selector=app=web :/data/ d",
    ] {
        let ended = site.run(line);
        ended.assert(0, &["pod web-1", "1 terminating", "by kubectl"]);
        assert_eq!(site.read("d/a"), "one");
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
        let Some(site) = Site::any(Cluster::new().pod(pod)) else {
            return;
        };
        for container in ["app", "side"] {
            let root = site.server.root("web", container).unwrap();
            std::fs::write(root.join("data/who"), container).unwrap();
        }
        site.run(line).assert(0, &[]);
        assert_eq!(site.read("d/who"), expected, "{line}");
    }
}
