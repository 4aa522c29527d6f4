//! Images and security contexts in which there is little to work with.

use std::fs;

use testkit::{Cluster, Container, Pod};

use super::site::Site;
use super::tree::{differences, plant};

fn pod(container: Container) -> Cluster {
    Cluster::new().pod(Pod::new("web").container(container))
}

/// Pulls a tree, which has to work.
fn assert_works(container: impl Fn() -> Container) {
    for site in Site::each(|| pod(container())) {
        plant(&site.there("data"), 1);
        site.run("pull -aH web:/data/ out").assert(0, &[]);
        assert_eq!(differences(&site.there("data"), &site.path("out")), "");
        assert_eq!(site.left(), []);
    }
}

#[test]
fn a_user_without_rights_in_a_read_only_root_needs_one_writable_place() {
    assert_works(|| {
        Container::busybox("app")
            .read_only()
            .user(1234, 1234)
            .writable("/tmp")
    });
}

#[test]
fn a_writable_place_elsewhere_than_in_tmp_serves_too() {
    assert_works(|| {
        let container = Container::busybox("app").read_only().user(1234, 1234);
        container.writable("/cache").working_directory("/cache")
    });
}

#[test]
fn where_nothing_may_be_executed_in_tmp_another_place_serves() {
    assert_works(|| Container::busybox("app").no_execution("/tmp"));
}

#[test]
fn where_nothing_can_be_executed_every_place_is_named_with_what_helps() {
    let tight = || {
        let container = Container::busybox("app").read_only();
        container.writable("/tmp").no_execution("/tmp")
    };
    for site in Site::each(|| pod(tight())) {
        let ended = site.run("pull web:/data/ out");
        let why = [
            "/tmp does not allow execution",
            "is not writable",
            "emptyDir",
        ];
        ended.assert(5, &why);
        assert!(!site.path("out").exists());
        assert_eq!(site.left(), []);
    }
}

#[test]
fn where_nothing_can_be_written_every_place_is_named() {
    for site in Site::each(|| pod(Container::busybox("app").read_only())) {
        let ended = site.run("pull web:/data/ out");
        ended.assert(5, &["/tmp is not writable"]);
        assert!(!site.path("out").exists());
        assert_eq!(site.left(), []);
    }
}

#[test]
fn a_machine_without_an_agent_is_named() {
    for site in Site::each(|| pod(Container::busybox("app").of_32_bits())) {
        let ended = site.run("pull web:/data/ out");
        ended.assert(4, &["i686"]);
        assert!(!site.path("out").exists());
    }
}

#[test]
fn an_image_without_a_shell_is_told_so() {
    for site in Site::each(|| pod(Container::program("app", "/bin/busybox"))) {
        fs::write(site.there("data/file"), "content").unwrap();
        let ended = site.run("pull web:/data/ out");
        ended.assert(5, &["there is no shell", "--container", "--agent-image"]);
        assert!(!site.path("out").exists());
    }
}

/// An image with nothing but the files in question and a program that waits.
fn bare() -> Pod {
    let program = assert_cmd::cargo::cargo_bin!("ksyncd");
    Pod::new("bare").container(Container::program("app", program))
}

#[test]
fn beside_an_image_without_a_shell_a_container_is_added_once() {
    let Some(site) = Site::any(Cluster::new().pod(bare())) else {
        return;
    };
    site.put("bare", "srv/a/b", "inside");
    let line = "pull -v --via=native --agent-image=busybox bare:/srv/ d";
    site.run(line).assert(0, &["container ksyncd-app-"]);
    assert_eq!(site.read("d/a/b"), "inside");
    site.put("bare", "srv/a/b", "changed inside");
    let again = site.run(line);
    again.assert(0, &["1 transferred"]);
    assert_eq!(site.read("d/a/b"), "changed inside");
    assert!(
        !again.err.contains("for the agent"),
        "it was there: {again:?}"
    );

    site.put_here("s/c", "pushed");
    let push = "push --via=native --agent-image=busybox s/ bare:/srv/";
    site.run(push).assert(0, &[]);
    let root = site.root("bare");
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
    let Some(site) = Site::any(cluster) else {
        return;
    };
    let ended = site.run("pull --via=native --agent-image=busybox bare:/srv/ d");
    ended.assert(5, &["access was denied", "pods/ephemeralcontainers"]);
}
