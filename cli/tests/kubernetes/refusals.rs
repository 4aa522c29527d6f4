//! What the API refuses, and how its user hears of it.

use std::fs;

use testkit::Pod;
use testkit::workload::deployment;

use super::site::{Site, web};

#[test]
fn what_is_not_there_is_named() {
    for site in Site::each(web) {
        site.run("pull none:/data/ out")
            .assert(3, &["none", "check its name"]);
        let ended = site.run("pull --container nope web:/data/ out");
        ended.assert(3, &["--container"]);
        let ended = site.run("pull web:/nonexistent/ out");
        ended.assert(23, &["/nonexistent"]);
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
            ended.assert(5, &["use --via=kubectl"]);
            continue;
        }
        ended.assert(0, &[]);
        let copy = fs::read_to_string(site.path("out/file"));
        assert_eq!(copy.unwrap(), "content");
        assert_eq!(site.server.counts().spdy, 1);
    }
}

#[test]
fn who_may_not_execute_is_told_so() {
    for site in Site::each(|| web().deny("*", "pods/exec")) {
        let ended = site.run("pull web:/data/ out");
        ended.assert(5, &["pods/exec"]);
        if site.way.is_native() {
            let rule = [
                "neither get nor create pods/exec in namespace default",
                "verbs get and create",
            ];
            ended.assert(5, &rule);
        }
        assert!(!site.path("out").exists());
    }
}

#[test]
fn credentials_that_have_expired_are_named() {
    for site in Site::each(web) {
        site.server.expire_credentials(true);
        let ended = site.run("pull web:/data/ out");
        ended.assert(5, &["log in"]);
        assert!(!site.path("out").exists());
    }
}

#[test]
fn a_pod_that_has_ended_is_no_target() {
    for site in Site::each(|| web().pod(Pod::busybox("done").phase("Succeeded"))) {
        let ended = site.run("pull done:/data/ out");
        ended.assert(3, &[]);
    }
}

#[test]
fn what_is_not_there_is_named_in_words_of_our_own() {
    let Some(site) = Site::any(web()) else {
        return;
    };
    for (target, words) in [
        ("nobody", "there is no pod nobody in namespace default"),
        ("deploy/x", "there is no deployment x in namespace default"),
        ("svc/x", "there is no service x"),
        ("cronjob/x", "there is no cron job x"),
    ] {
        let ended = site.run(&format!("pull --via=native {target}:/data/ d"));
        ended.assert(3, &[words, "check its name"]);
    }
    let ended = site.run("pull --via=native --container=db web:/data/ d");
    ended.assert(
        3,
        &["pod web has no container db; it has app", "--container"],
    );
    let ended = site.run("pull --via=native web:/absent/ d");
    ended.assert(23, &["/absent/ does not exist"]);
    assert!(!site.path("d").exists());
}

#[test]
fn a_missing_right_is_named_in_the_servers_words() {
    let Some(site) = Site::any(web().object(deployment("web", ("app", "web")))) else {
        return;
    };
    site.server.deny("get", "pods");
    let ended = site.run("pull --via=native web:/data/ d");
    ended.assert(5, &["access was denied", "pods", "ask for that right"]);
    site.server.allow("get", "pods");
    site.server.deny("get", "deployments");
    let ended = site.run("pull --via=native deploy/web:/data/ d");
    ended.assert(5, &["access was denied", "deployments"]);
    assert_eq!(site.server.counts().execs(), 0);
}

#[test]
fn a_program_that_brings_no_credentials_is_quoted() {
    let Some(site) = Site::any(web()) else {
        return;
    };
    site.put_program(
        "login",
        "#!/bin/sh\necho 'the session has expired' >&2\nexit 1\n",
    );
    site.put_here(
        "config",
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: x\n\
             clusters: [{{name: c, cluster: {{server: {:?}}}}}]\n\
             contexts: [{{name: x, context: {{cluster: c, user: u}}}}]\n\
             users: [{{name: u, user: {{exec: {{command: {:?}, interactiveMode: Never,\
             apiVersion: client.authentication.k8s.io/v1}}}}}}]\n",
            site.server.url(),
            site.path("login"),
        ),
    );
    let ended = site.run("pull --via=native --kubeconfig=config web:/data/ d");
    ended.assert(
        5,
        &["no credentials", "said: the session has expired", "log in"],
    );
}

#[test]
fn a_cluster_that_is_gone_is_unreachable() {
    let Some(site) = Site::any(web()) else {
        return;
    };
    let config = std::fs::read_to_string(site.path("kubeconfig")).unwrap();
    // A port where nothing listens any more.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    site.put_here("gone", config.replace(&site.server.url(), &address));
    let ended = site.run("pull --via=native --kubeconfig=gone web:/data/ d");
    ended.assert(10, &["can not be reached", "refused", "check the network"]);
}
