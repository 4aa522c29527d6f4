//! From a workload, a service or labels to the right pod, or to all of them.

use testkit::workload::{cron_job, deployment, job_of, replica_set, service};
use testkit::{Cluster, Pod};

use super::bench::Bench;

const LABEL: (&str, &str) = ("app", "web");

fn replica(name: &str, set: &str) -> Pod {
    Pod::busybox(name)
        .label("app", "web")
        .owned_by("ReplicaSet", set)
}

/// A deployment between two revisions. The pods say who they are.
fn rollout() -> Option<Bench> {
    let bench = Bench::new(
        Cluster::new()
            .object(deployment("web", LABEL))
            .object(replica_set("web-new", "web", 10, LABEL))
            .object(replica_set("web-old", "web", 9, LABEL))
            .object(service("front", LABEL))
            .pod(replica("web-new-1", "web-new"))
            .pod(replica("web-new-2", "web-new").not_ready())
            .pod(replica("web-old-1", "web-old"))
            .pod(replica("web-old-2", "web-old").terminating()),
    )?;
    for pod in ["web-new-1", "web-new-2", "web-old-1", "web-old-2"] {
        bench.there(pod, "data/who", pod);
    }
    Some(bench)
}

#[test]
fn a_deployment_means_the_newest_ready_pod_of_its_newest_revision() {
    let Some(bench) = rollout() else { return };
    let ended = bench.run("pull deploy/web:/data/ d");
    ended.assert(0, &["pod web-new-1", "ready", "passed over: 1 terminating"]);
    assert_eq!(bench.read("d/who"), "web-new-1");
}

#[test]
fn who_may_not_read_replica_sets_still_gets_a_pod_that_is_ready() {
    let Some(bench) = rollout() else { return };
    bench.server.deny("*", "replicasets");
    bench.run("pull deploy/web:/data/ d").assert(0, &[]);
    assert!(["web-new-1", "web-old-1"].contains(&bench.read("d/who").as_str()));
}

#[test]
fn a_named_pod_is_taken_in_its_namespace_without_reading_anything_else() {
    let cluster = Cluster::new()
        .pod(Pod::busybox("web").namespace("prod"))
        .deny("list", "*");
    let Some(bench) = Bench::new(cluster) else {
        return;
    };
    bench.run("pull prod/web:/data/ d").assert(0, &[]);
    bench
        .run("pull --namespace=prod pod/web:/data/ d")
        .assert(0, &[]);
    bench.run("pull web:/data/ d").assert(
        3,
        &["there is no pod web in namespace default", "--namespace"],
    );
}

#[test]
fn a_cron_job_means_the_pod_of_its_latest_job() {
    let cluster = Cluster::new()
        .object(cron_job("tidy"))
        .object(job_of("tidy-1", "tidy", ("job", "tidy-1")))
        .object(job_of("tidy-2", "tidy", ("job", "tidy-2")))
        .pod(Pod::busybox("tidy-2-x").label("job", "tidy-2"))
        .pod(Pod::busybox("tidy-1-x").label("job", "tidy-1"));
    let Some(bench) = Bench::new(cluster) else {
        return;
    };
    bench.there("tidy-1-x", "data/who", "first");
    bench.there("tidy-2-x", "data/who", "second");
    bench.run("pull cronjob/tidy:/data/ d").assert(0, &[]);
    assert_eq!(bench.read("d/who"), "second");
}

#[test]
fn labels_that_match_different_workloads_are_ambiguous() {
    let cluster = Cluster::new()
        .pod(
            Pod::busybox("db-0")
                .label("app", "web")
                .owned_by("StatefulSet", "db"),
        )
        .pod(replica("web-1", "web-5f6"));
    let Some(bench) = Bench::new(cluster) else {
        return;
    };
    let ended = bench.run("pull --selector=app=web :/data/ d");
    ended.assert(
        3,
        &["different things", "statefulset db", "--pod-policy=each"],
    );
    assert_eq!(bench.server.counts().execs(), 0);
    assert!(!bench.path("d").exists());
}

#[test]
fn labels_that_match_nothing_say_so() {
    let Some(bench) = rollout() else { return };
    let nothing = bench.run("pull --selector=app=none :/data/ d");
    nothing.assert(3, &["pods with app=none: no pod matches"]);
}

#[test]
fn a_workload_whose_pods_have_all_ended_says_so() {
    let cluster = Cluster::new()
        .object(testkit::workload::job("once", ("job", "once")))
        .pod(
            Pod::busybox("once-x")
                .label("job", "once")
                .phase("Succeeded"),
        );
    let Some(bench) = Bench::new(cluster) else {
        return;
    };
    let ended = bench.run("pull job/once:/data/ d");
    ended.assert(3, &["none of its pods can be used: 1 ended"]);
}

#[test]
fn every_replica_has_a_directory_of_its_own() {
    let Some(bench) = rollout() else { return };
    let ended = bench.run("pull --pod-policy=each svc/front:/data/ d");
    ended.assert(0, &["pod web-new-1", "pod web-new-2", "pod web-old-1"]);
    for pod in ["web-new-1", "web-new-2", "web-old-1"] {
        assert_eq!(bench.read(&format!("d/{pod}/who")), pod);
    }
    assert!(!bench.path("d/web-old-2").exists(), "it is terminating");
}

#[test]
fn a_push_reaches_every_replica() {
    let Some(bench) = rollout() else { return };
    bench.here("s/new", "for all");
    bench
        .run("push --pod-policy=all s/ deploy/web:/data/")
        .assert(0, &[]);
    for pod in ["web-new-1", "web-new-2", "web-old-1"] {
        let root = bench.server.root(pod, "app").unwrap();
        let pushed = std::fs::read_to_string(root.join("data/new")).unwrap();
        assert_eq!(pushed, "for all", "{pod}");
    }
    let terminating = bench.server.root("web-old-2", "app").unwrap();
    assert!(!terminating.join("data/new").exists());
}

#[test]
fn a_pull_from_all_into_one_is_refused() {
    let Some(bench) = rollout() else { return };
    let ended = bench.run("pull --pod-policy=all deploy/web:/data/ d");
    ended.assert(1, &["--pod-policy can not be all", "use each"]);
}
