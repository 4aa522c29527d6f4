//! From a workload, a service or labels to the right pod, or to all of them.

use testkit::workload::{cron_job, deployment, job_of, replica_set, service};
use testkit::{Cluster, Pod};

use super::site::Site;

const LABEL: (&str, &str) = ("app", "web");

fn replica(name: &str, set: &str) -> Pod {
    Pod::busybox(name)
        .label("app", "web")
        .owned_by("ReplicaSet", set)
}

/// A deployment between two revisions. The pods say who they are.
fn rollout() -> Option<Site> {
    let site = Site::any(
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
        site.put(pod, "data/who", pod);
    }
    Some(site)
}

#[test]
fn a_deployment_means_the_newest_ready_pod_of_its_newest_revision() {
    let Some(site) = rollout() else { return };
    let ended = site.run("pull deploy/web:/data/ d");
    ended.assert(0, &["pod web-new-1", "ready", "passed over: 1 terminating"]);
    assert_eq!(site.read("d/who"), "web-new-1");
}

#[test]
fn who_may_not_read_replica_sets_still_gets_a_pod_that_is_ready() {
    let Some(site) = rollout() else { return };
    site.server.deny("*", "replicasets");
    site.run("pull deploy/web:/data/ d").assert(0, &[]);
    assert!(["web-new-1", "web-old-1"].contains(&site.read("d/who").as_str()));
}

#[test]
fn a_named_pod_is_taken_in_its_namespace_without_reading_anything_else() {
    let cluster = Cluster::new()
        .pod(Pod::busybox("web").namespace("prod"))
        .deny("list", "*");
    let Some(site) = Site::any(cluster) else {
        return;
    };
    site.run("pull prod/web:/data/ d").assert(0, &[]);
    site.run("pull --namespace=prod pod/web:/data/ d")
        .assert(0, &[]);
    site.run("pull web:/data/ d").assert(
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
    let Some(site) = Site::any(cluster) else {
        return;
    };
    site.put("tidy-1-x", "data/who", "first");
    site.put("tidy-2-x", "data/who", "second");
    site.run("pull cronjob/tidy:/data/ d").assert(0, &[]);
    assert_eq!(site.read("d/who"), "second");
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
    let Some(site) = Site::any(cluster) else {
        return;
    };
    let ended = site.run("pull --selector=app=web :/data/ d");
    ended.assert(
        3,
        &["different things", "statefulset db", "--pod-policy=each"],
    );
    assert_eq!(site.server.counts().execs(), 0);
    assert!(!site.path("d").exists());
}

#[test]
fn labels_that_match_nothing_say_so() {
    let Some(site) = rollout() else { return };
    let nothing = site.run("pull --selector=app=none :/data/ d");
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
    let Some(site) = Site::any(cluster) else {
        return;
    };
    let ended = site.run("pull job/once:/data/ d");
    ended.assert(3, &["none of its pods can be used: 1 ended"]);
}

#[test]
fn every_replica_has_a_directory_of_its_own() {
    let Some(site) = rollout() else { return };
    let ended = site.run("pull --pod-policy=each svc/front:/data/ d");
    ended.assert(0, &["pod web-new-1", "pod web-new-2", "pod web-old-1"]);
    for pod in ["web-new-1", "web-new-2", "web-old-1"] {
        assert_eq!(site.read(&format!("d/{pod}/who")), pod);
    }
    assert!(!site.path("d/web-old-2").exists(), "it is terminating");
}

#[test]
fn a_push_reaches_every_replica() {
    let Some(site) = rollout() else { return };
    site.put_here("s/new", "for all");
    site.run("push --pod-policy=all s/ deploy/web:/data/")
        .assert(0, &[]);
    for pod in ["web-new-1", "web-new-2", "web-old-1"] {
        let root = site.server.root(pod, "app").unwrap();
        let pushed = std::fs::read_to_string(root.join("data/new")).unwrap();
        assert_eq!(pushed, "for all", "{pod}");
    }
    let terminating = site.root("web-old-2");
    assert!(!terminating.join("data/new").exists());
}

#[test]
fn a_pull_from_all_into_one_is_refused() {
    let Some(site) = rollout() else { return };
    let ended = site.run("pull --pod-policy=all deploy/web:/data/ d");
    ended.assert(1, &["--pod-policy can not be all", "use each"]);
}
