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
        site.run("pull -aH web:/data/ out").assert_success(site.way);
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
fn where_nothing_can_be_written_every_place_is_named() {
    for site in Site::each(|| pod(Container::busybox("app").read_only())) {
        let ended = site.run("pull web:/data/ out");
        ended.assert(site.way, 5, &["/tmp is not writable"]);
        assert!(!site.path("out").exists());
        assert_eq!(site.left(), []);
    }
}

#[test]
fn a_machine_without_an_agent_is_named() {
    for site in Site::each(|| pod(Container::busybox("app").of_32_bits())) {
        let ended = site.run("pull web:/data/ out");
        ended.assert(site.way, 4, &["i686"]);
        assert!(!site.path("out").exists());
    }
}

#[test]
fn an_image_without_a_shell_is_told_so() {
    for site in Site::each(|| pod(Container::program("app", "/bin/busybox"))) {
        fs::write(site.there("data/file"), "content").unwrap();
        let ended = site.run("pull web:/data/ out");
        ended.assert(site.way, 5, &["there is no shell"]);
        assert!(!site.path("out").exists());
    }
}
