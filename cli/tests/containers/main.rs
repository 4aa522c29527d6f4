//! Containers, services of compose and volumes, with a real docker daemon of the tests' own, and
//! containers of a real podman.
//!
//! Without root, docker, podman and a static busybox there are none: the tests say so and pass.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

mod daemon;
mod images;
mod podman;
mod speed;

use daemon::Daemon;

#[test]
fn a_tree_goes_into_a_container_and_comes_back() {
    let Some(docker) = Daemon::get() else { return };
    let container = docker.container("busy", &[]);
    docker.here("s/sub/a", "there and back");
    docker
        .run(&format!("push s/ docker:{container}:/data/"))
        .assert(0, &[]);
    docker
        .run(&format!("pull docker:{container}:/data/ d"))
        .assert(0, &[]);
    assert_eq!(docker.read("d/sub/a"), "there and back");
    assert_eq!(docker.execs(&container), 2, "one for each run");
    docker
        .run(&format!("doctor docker:{container}:/data/"))
        .assert(0, &["a pull would work"]);
}

#[test]
fn a_service_of_compose_is_found_by_its_labels() {
    let Some(docker) = Daemon::get() else { return };
    let labels = |project: &str, number: u32| {
        [
            "--label=com.docker.compose.service=db".to_owned(),
            format!("--label=com.docker.compose.project={project}"),
            format!("--label=com.docker.compose.container-number={number}"),
        ]
    };
    let second = docker.container("busy", &labels("shop", 2));
    let first = docker.container("busy", &labels("shop", 1));
    for (container, who) in [(&first, "first"), (&second, "second")] {
        docker.docker(&[
            "exec",
            container,
            "sh",
            "-c",
            &format!("mkdir /data; echo {who} >/data/who"),
        ]);
    }
    docker.run("pull compose:db:/data/ d").assert(0, &[]);
    assert_eq!(docker.read("d/who"), "first\n");

    docker.container("busy", &labels("other", 1));
    docker.run("pull compose:db:/data/ d").assert(
        3,
        &[
            "several projects have a service db: other, shop",
            "compose:PROJECT/SERVICE:PATH",
        ],
    );
    docker.run("pull compose:shop/db:/data/ d").assert(0, &[]);
    docker
        .run("pull compose:none:/data/ d")
        .assert(3, &["no container of the service none is running"]);
}

#[test]
fn a_project_of_compose_is_reached_by_the_names_of_its_services() {
    let Some(docker) = Daemon::get() else { return };
    docker.here(
        "shop.yaml",
        "version: '2.4'\n\
         services:\n\
        \x20 db: {image: 'busy:local', network_mode: none}\n\
        \x20 web: {image: 'busy:local', network_mode: none, volumes: ['pages:/srv']}\n\
         volumes: {pages: {}}\n",
    );
    let project = ["--project-name=shop", "--file=shop.yaml"];
    if !docker.compose(&[&project[..], &["up", "--detach"]].concat()) {
        return;
    }
    docker.here("s/sub/a", "of the web");
    docker.run("push s/ compose:web:/srv/").assert(0, &[]);
    docker.run("pull compose:shop/web:/srv/ d").assert(0, &[]);
    assert_eq!(docker.read("d/sub/a"), "of the web");
    docker.run("pull compose:db:/srv/ e").assert(23, &["/srv"]);
    // The volume that it made, beside the container that mounts it.
    let volume = "pull --helper-image=busy:local volume:shop_pages:/ f";
    docker.run(volume).assert(0, &[]);
    assert_eq!(docker.read("f/sub/a"), "of the web");

    assert!(docker.compose(&[&project[..], &["stop"]].concat()));
    docker
        .run("pull compose:web:/srv/ d")
        .assert(3, &["no container of the service web is running"]);
}

#[test]
fn a_volume_is_reached_beside_a_container_of_its_own_that_goes_again() {
    let Some(docker) = Daemon::get() else { return };
    docker.docker(&["volume", "create", "things"]);
    docker.here("s/a", "kept");
    let helper = "--helper-image=busy:local";
    docker
        .run(&format!("push {helper} s/ volume:things:/sub/"))
        .assert(0, &[]);
    docker
        .run(&format!("pull {helper} volume:things:/ d"))
        .assert(0, &[]);
    assert_eq!(docker.read("d/sub/a"), "kept");
    docker.wait_until("no container is left", || {
        docker
            .docker(&["ps", "--all", "--quiet", "--filter=volume=things"])
            .is_empty()
    });
    docker
        .run(&format!("pull {helper} volume:absent:/ d"))
        .assert(3, &["there is no volume absent"]);
    assert_eq!(docker.docker(&["volume", "ls", "--quiet"]).trim(), "things");
}

#[test]
fn what_is_not_there_is_named() {
    let Some(docker) = Daemon::get() else { return };
    docker
        .run("pull docker:nobody:/data/ d")
        .assert(3, &["No such container"]);
}
