//! What the API refuses, and how its user hears of it.

use std::fs;

use testkit::{Container, Pod};

use super::site::{Site, web};

#[test]
fn what_is_not_there_is_named() {
    for site in Site::each(web) {
        site.run("pull none:/data/ out")
            .assert(site.way, 3, &["none", "check its name"]);
        let ended = site.run("pull --container nope web:/data/ out");
        ended.assert(site.way, 3, &["--container"]);
        let ended = site.run("pull web:/nonexistent/ out");
        ended.assert(site.way, 23, &["/nonexistent"]);
        assert!(!site.path("out").exists());
        assert_eq!(site.left(), []);
    }
}

#[test]
fn who_may_only_create_gets_in_by_spdy() {
    for site in Site::each(|| web().deny("get", "pods/exec")) {
        fs::write(site.there("data/file"), "content").unwrap();
        let ended = site.run("pull web:/data/ out");
        if site.way.is_native() {
            // The client that ksyncd has speaks no SPDY, and was to be used alone.
            ended.assert(site.way, 5, &["use --via=kubectl"]);
            continue;
        }
        ended.assert_success(site.way);
        let copy = fs::read_to_string(site.path("out/file"));
        assert_eq!(copy.unwrap(), "content");
        assert_eq!(site.server.counts().spdy, 1);
    }
}

#[test]
fn who_may_not_execute_is_told_so() {
    for site in Site::each(|| web().deny("*", "pods/exec")) {
        let ended = site.run("pull web:/data/ out");
        ended.assert(site.way, 5, &["pods/exec"]);
        assert!(!site.path("out").exists());
    }
}

#[test]
fn credentials_that_have_expired_are_named() {
    for site in Site::each(web) {
        site.server.expire_credentials(true);
        let ended = site.run("pull web:/data/ out");
        ended.assert(site.way, 5, &["log in"]);
        assert!(!site.path("out").exists());
    }
}

#[test]
fn a_pod_that_has_ended_is_no_target() {
    for site in Site::each(|| web().pod(Pod::busybox("done").phase("Succeeded"))) {
        let ended = site.run("pull done:/data/ out");
        ended.assert(site.way, 3, &[]);
    }
}

#[test]
fn a_container_is_chosen_by_name() {
    let both = || {
        let pod = Pod::new("both").container(Container::busybox("a"));
        web().pod(pod.container(Container::busybox("b")))
    };
    for site in Site::each(both) {
        let root = site.server.root("both", "b").unwrap();
        fs::write(root.join("data/file"), "of b").unwrap();
        site.run("pull --container b both:/data/ out")
            .assert_success(site.way);
        assert_eq!(fs::read_to_string(site.path("out/file")).unwrap(), "of b");
    }
}
