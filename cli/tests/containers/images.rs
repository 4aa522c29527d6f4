//! Images and containers in which there is little to work with.

use std::fs;

use super::daemon::Daemon;

/// A container of the image with a shell, with these options.
fn busy(docker: &Daemon, options: &str) -> String {
    let options: Vec<_> = options.split(' ').map(str::to_owned).collect();
    docker.container("busy", &options)
}

#[test]
fn a_user_without_rights_in_a_read_only_root_needs_one_writable_place() {
    let Some(docker) = Daemon::get() else { return };
    for place in ["/tmp", "/cache"] {
        let place_there = format!("--tmpfs={place}:exec --workdir={place}");
        let options = format!("--read-only --user=1234:1234 {place_there}");
        let container = busy(&docker, &options);
        let target = format!("docker:{container}");
        docker
            .run(&format!("pull {target}:/data/ d"))
            .assert(0, &[]);
        assert_eq!(docker.read("d/inside"), "from an image with a shell");
        docker.here("s/a", "pushed");
        docker
            .run(&format!("push s/ {target}:{place}/s/"))
            .assert(0, &[]);
        docker
            .run(&format!("pull {target}:{place}/s/ e"))
            .assert(0, &[]);
        assert_eq!(docker.read("e/a"), "pushed");
        fs::remove_dir_all(docker.path("d")).unwrap();
    }
}

#[test]
fn where_nothing_may_be_executed_in_tmp_another_place_serves() {
    let Some(docker) = Daemon::get() else { return };
    let container = busy(&docker, "--tmpfs=/tmp:noexec");
    let ended = docker.run(&format!("pull docker:{container}:/data/ d"));
    ended.assert(0, &[]);
    assert_eq!(docker.read("d/inside"), "from an image with a shell");
}

#[test]
fn where_nothing_can_be_executed_every_place_is_named_with_what_helps() {
    let Some(docker) = Daemon::get() else { return };
    let container = busy(&docker, "--read-only --tmpfs=/tmp:noexec");
    for verb in ["pull", "doctor"] {
        let line = format!("{verb} docker:{container}:/data/ d");
        let line = line.trim_end_matches(if verb == "doctor" { " d" } else { "" });
        let why = ["/tmp does not allow execution", "--tmpfs=/tmp:exec"];
        docker.run(line).assert(5, &why);
    }
    assert!(!docker.path("d").exists());
}

#[test]
fn an_image_without_a_shell_gets_its_agent_as_an_archive() {
    let Some(docker) = Daemon::get() else { return };
    let container = docker.container("bare", &[]);
    for _ in 0..2 {
        let ended = docker.run(&format!("pull docker:{container}:/data/ d"));
        ended.assert(0, &["1 entries"]);
        assert_eq!(docker.read("d/inside"), "from an image without a shell");
        fs::remove_dir_all(docker.path("d")).unwrap();
    }
    docker.here("s/b", "pushed");
    let push = format!("push s/ docker:{container}:/data/");
    docker.run(&push).assert(0, &[]);
    docker.docker(&["cp", &format!("{container}:/data/b"), "b"]);
    assert_eq!(docker.read("b"), "pushed");
    docker
        .run(&format!("doctor docker:{container}:/data/"))
        .assert(0, &["note  there is no shell", "a pull would work"]);
}

#[test]
fn neither_a_shell_nor_a_place_to_write_says_exactly_that() {
    let Some(docker) = Daemon::get() else { return };
    let container = docker.container("bare", &["--read-only".to_owned()]);
    let target = format!("docker:{container}:/data/");
    docker
        .run(&format!("pull {target} d"))
        .assert(5, &["there is no shell", "read-only"]);
    docker
        .run(&format!("doctor {target}"))
        .assert(5, &["there is no shell", "read-only", "a pull would fail"]);
}
