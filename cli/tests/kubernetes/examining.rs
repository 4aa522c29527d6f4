//! `ksyncd doctor`: what would stop a pull is found before, with what to do about it.

use testkit::workload::deployment;
use testkit::{Cluster, Container, Pod};

use super::site::Site;
use super::skipped::has_kubectl;

fn web() -> Cluster {
    let pod = Pod::busybox("web").label("app", "web");
    Cluster::new()
        .pod(pod)
        .object(deployment("web", ("app", "web")))
}

#[test]
fn where_a_pull_would_work_everything_passes_and_nothing_is_left() {
    let Some(site) = Site::any(web()) else {
        return;
    };
    site.put("web", "data/a", "a");
    for target in ["web:/data/", "web", "pod/web:"] {
        let ended = site.run(&format!("doctor --via=native {target}"));
        ended.assert(
            0,
            &[
                "you may get pods",
                "container app (runtime containerd)",
                "by WebSocket",
                "there is an agent for Linux",
                "the agent can live in /tmp",
                "files can be watched",
                "a pull would work",
            ],
        );
        assert!(!ended.out.contains("FAIL") && !ended.out.contains("note"));
    }
    let root = site.root("web");
    assert_eq!(std::fs::read_dir(root.join("tmp")).unwrap().count(), 0);
    assert_eq!(site.left(), []);
}

#[test]
fn a_missing_right_is_named_with_the_command_that_gives_it() {
    let Some(site) = Site::any(web().deny("*", "pods/exec").deny("list", "replicasets")) else {
        return;
    };
    let ended = site.run("doctor --via=native deploy/web:/data/");
    assert_ne!(ended.code, Some(0));
    for words in [
        "pass  you may get deployments",
        "note  you may not list replicasets",
        "FAIL  you may neither get nor create pods/exec",
        "--verb=get,create --resource=pods/exec",
        "a pull would fail",
    ] {
        assert!(ended.out.contains(words), "{words} in {}", ended.out);
    }
}

#[test]
fn where_only_spdy_is_allowed_it_says_so_and_a_pull_would_work() {
    if !has_kubectl() {
        return;
    }
    let Some(site) = Site::any(web().deny("get", "pods/exec")) else {
        return;
    };
    let ended = site.run("doctor web:/data/");
    ended.assert(
        0,
        &[
            "note  you may create pods/exec and not get it",
            "by kubectl",
        ],
    );
    site.run("pull web:/data/ d").assert(0, &[]);
}

#[test]
fn a_container_without_a_place_for_the_agent_fails_as_a_pull_does() {
    let tight = Container::busybox("app")
        .read_only()
        .writable("/tmp")
        .no_execution("/tmp");
    let Some(site) = Site::any(Cluster::new().pod(Pod::new("tight").container(tight))) else {
        return;
    };
    let ended = site.run("doctor tight:/data/");
    ended.assert(5, &["/tmp does not allow execution", "emptyDir"]);
    site.run("pull tight:/data/ d").assert(5, &[]);
}

#[test]
fn a_container_that_would_have_to_be_added_is_announced_with_the_right_it_takes() {
    let program = assert_cmd::cargo::cargo_bin!("ksyncd");
    let pod = Pod::new("bare").container(Container::program("app", program));
    let Some(site) = Site::any(Cluster::new().pod(pod)) else {
        return;
    };
    let line = "doctor --via=native --agent-image=busybox bare:/srv/";
    site.run(line).assert(
        0,
        &[
            "pass  you may patch pods/ephemeralcontainers",
            "note  there is no shell: a container of the image busybox would be added",
        ],
    );
    site.server.deny("patch", "pods/ephemeralcontainers");
    site.run(line).assert(5, &["FAIL  you may not patch"]);
    let without = site.run("doctor --via=native bare:/srv/");
    without.assert(5, &["there is no shell", "--agent-image"]);
}

#[test]
fn what_can_not_be_read_is_named() {
    let user = Container::busybox("app").user(999, 999);
    let Some(site) = Site::any(Cluster::new().pod(Pod::new("web").container(user))) else {
        return;
    };
    site.put("web", "data/open", "a");
    site.put("web", "data/secret", "b");
    let secret = site.root("web").join("data/secret");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(secret, mode).unwrap();
    let ended = site.run("doctor web:/data/");
    ended.assert(5, &["1 of 3 entries can not be read, such as /data/secret"]);
    site.run("doctor web:/nowhere")
        .assert(5, &["/nowhere does not exist"]);
}

#[test]
fn a_machine_without_an_agent_fails() {
    let old = Container::busybox("app").of_32_bits();
    let Some(site) = Site::any(Cluster::new().pod(Pod::new("old").container(old))) else {
        return;
    };
    let ended = site.run("doctor old:/data/");
    ended.assert(5, &["there is no agent for Linux i686"]);
}

#[test]
fn what_is_not_there_ends_with_the_code_of_a_pull() {
    let Some(site) = Site::any(web()) else {
        return;
    };
    let ended = site.run("doctor --via=native nobody:/data/");
    ended.assert(
        3,
        &["FAIL  nobody: there is no pod nobody", "a pull would fail"],
    );
}

#[test]
fn other_targets_get_the_checks_that_apply() {
    let Some(site) = Site::any(Cluster::new()) else {
        return;
    };
    site.put_here("s/a", "a");
    // A remote shell that stays here.
    site.put_program("rsh", "#!/bin/sh\nexec \"$@\"\n");
    let rsh = site.path("rsh").display().to_string();
    let path = site.path("s").display().to_string();
    let ended = site.run(&format!("doctor --rsh={rsh} :{path}/"));
    ended.assert(0, &["a shell answers, by", "all of 2 entries can be read"]);
    assert!(!ended.out.contains("pods"));
}
