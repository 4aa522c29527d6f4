//! Delivery into images that hold a shell and hardly anything else, by `chroot`.

// Helpers are test code too.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::sync::Arc;
use std::time::Duration;

use common::{Root, ScriptedAgent, converse};
use transport::delivery::{Delivered, Failure, Why};
use transport::{Cause, Error, Target, Timeouts, reach};

/// An ordinary user in the image.
const SOMEBODY: u32 = 1234;

fn tried(error: Error) -> Vec<(String, Why)> {
    match error {
        Error::Delivery {
            failure: Failure::Nowhere(tried),
            ..
        } => tried
            .into_iter()
            .map(|tried| (String::from_utf8(tried.place).unwrap(), tried.why))
            .collect(),
        error => panic!("{error}"),
    }
}

#[test]
fn an_image_with_nothing_but_busybox_gets_an_agent() {
    let Some(root) = Root::new() else { return };
    let agent = ScriptedAgent::new(1);
    let reached = root.reach(&agent).unwrap();
    assert!(
        matches!(&reached.how, Delivered::Uploaded { place, .. } if place == b"/tmp/.ksyncd-0")
    );
    assert_eq!(converse(reached), "/");
    let kept = format!(".ksyncd-0/{}", agent.file_name());
    assert_eq!(root.names("tmp"), [".ksyncd-0", &kept]);
    let mode = |name: &str| fs::metadata(root.path(name)).unwrap().permissions().mode() & 0o7777;
    assert_eq!(
        (mode("tmp/.ksyncd-0"), mode(&format!("tmp/{kept}"))),
        (0o700, 0o700)
    );
}

#[test]
fn an_image_without_a_null_device_gets_an_agent_too() {
    let Some(root) = Root::new() else { return };
    fs::remove_dir_all(root.path("dev")).unwrap();
    let reached = root.reach(&ScriptedAgent::new(1)).unwrap();
    assert!(matches!(reached.how, Delivered::Uploaded { .. }));
    assert_eq!(converse(reached), "/");
}

#[test]
fn the_second_run_reuses_the_agent_and_a_new_agent_does_not() {
    let Some(root) = Root::new() else { return };
    let agent = ScriptedAgent::new(1);
    for _ in 0..2 {
        converse(root.reach(&agent).unwrap());
    }
    let reached = root.reach(&agent).unwrap();
    assert_eq!(
        reached.how,
        Delivered::Reused {
            place: b"/tmp/.ksyncd-0".to_vec()
        }
    );
    converse(reached);
    assert_eq!(agent.deliveries(), 1);

    let newer = ScriptedAgent::new(2);
    converse(root.reach(&newer).unwrap());
    assert_eq!(newer.deliveries(), 1);
}

#[test]
fn a_place_where_nothing_may_be_executed_is_passed_over_and_left_clean() {
    // Where there is /proc, what was sent once serves all places.
    for (proc, deliveries) in [("mount -t proc none \"$ROOT/proc\"", 1), ("true", 3)] {
        let Some(root) = Root::new() else { return };
        root.make("var/tmp", 0o1777);
        root.make("dev/shm", 0o1777);
        root.make("proc", 0o555);
        let agent = ScriptedAgent::new(1);
        let mounts = format!(
            "mount -t tmpfs -o noexec none \"$ROOT/tmp\"; \
             mount -t tmpfs -o noexec none \"$ROOT/dev/shm\"; {proc}"
        );
        let reached = root.reach_with(&mounts, &agent).unwrap();
        let Delivered::Uploaded { place, .. } = &reached.how else {
            panic!("{:?}", reached.how)
        };
        assert_eq!(place, b"/var/tmp/.ksyncd-0");
        assert_eq!(agent.deliveries(), deliveries, "{proc}");
        converse(reached);
        // Seen from inside, where the mounts were: nothing was left but the one that runs.
        assert_eq!(
            root.names("var/tmp"),
            [".ksyncd-0", &format!(".ksyncd-0/{}", agent.file_name())]
        );
    }
}

#[test]
fn a_place_that_has_room_for_one_agent_only_gets_one() {
    let Some(root) = Root::new() else { return };
    root.make("proc", 0o555);
    let agent = ScriptedAgent::new(1);
    let mounts =
        "mount -t tmpfs -o size=512k none \"$ROOT/tmp\"; mount -t proc none \"$ROOT/proc\"";
    let reached = root.reach_with(mounts, &agent).unwrap();
    assert!(
        matches!(&reached.how, Delivered::Uploaded { place, .. } if place.starts_with(b"/tmp"))
    );
    converse(reached);
}

#[test]
fn a_delivery_of_which_everything_is_killed_leaves_nothing() {
    let Some(root) = Root::new() else { return };
    root.make("proc", 0o555);
    let agent = ScriptedAgent::of_which_half_arrives(1);
    let timeouts = Timeouts {
        silence: Duration::from_secs(2),
        ..Timeouts::default()
    };
    // The first process takes all others with it, and itself goes with the client.
    let script = "mount -t proc none \"$1/proc\"; exec chroot \"$@\"";
    let directory = root.path("");
    let words = ["unshare", "-mpf", "--kill-child", "sh", "-c", script, "sh"];
    let words = words.into_iter().chain(directory.to_str());
    let command = words.map(OsString::from).collect();
    let target = Target::RemoteShell {
        command,
        host: None,
    };
    let error = reach(&target, Arc::clone(&agent) as _, &timeouts, b"", &|_| ()).unwrap_err();
    assert!(matches!(error, Error::TimedOut { .. }), "{error}");
    assert_eq!(agent.deliveries(), 1);
    assert_eq!(root.names("tmp"), [""; 0]);
}

#[test]
fn the_first_copy_is_removed_when_another_place_serves() {
    let Some(root) = Root::new() else { return };
    root.make("var/tmp", 0o1777);
    let agent = ScriptedAgent::not_executable_below(1, "/tmp/");
    let reached = root.reach(&agent).unwrap();
    assert!(
        matches!(&reached.how, Delivered::Uploaded { place, .. } if place.starts_with(b"/var"))
    );
    converse(reached);
    assert_eq!(root.names("tmp"), [""; 0]);
}

#[test]
fn nothing_is_left_where_no_place_serves() {
    let Some(root) = Root::new() else { return };
    root.make("var/tmp", 0o1777);
    root.make("root", 0o700);
    let agent = ScriptedAgent::not_executable_below(1, "/");
    let tried = tried(root.reach(&agent).unwrap_err());
    assert!(
        tried.contains(&("/var/tmp".to_owned(), Why::NotExecutable)),
        "{tried:?}"
    );
    for place in ["tmp", "var/tmp", "root"] {
        assert_eq!(root.names(place), [""; 0]);
    }
    assert!(root.names("").iter().all(|name| !name.contains("ksyncd")));
}

#[test]
fn an_image_that_is_read_only_but_for_one_place_gets_an_agent_there() {
    let Some(root) = Root::new() else { return };
    root.make("run", 0o755);
    let agent = ScriptedAgent::new(1);
    let mounts = "mount --bind \"$ROOT\" \"$ROOT\"; cd \"$ROOT\"; \
        mount -o remount,bind,ro \"$ROOT\"; mount -t tmpfs none \"$ROOT/run\"";
    let reached = root.reach_with(mounts, &agent).unwrap();
    let Delivered::Uploaded { place, .. } = &reached.how else {
        panic!("{:?}", reached.how)
    };
    assert_eq!(place, b"/run/.ksyncd-0");
    converse(reached);
}

#[test]
fn an_image_without_any_place_to_execute_is_told_so_place_by_place() {
    let Some(root) = Root::new() else { return };
    root.make("run", 0o755);
    let agent = ScriptedAgent::new(1);
    let mounts = "export HOME=/ TMPDIR=/tmp; mount --bind \"$ROOT\" \"$ROOT\"; cd \"$ROOT\"; \
        mount -o remount,bind,ro \"$ROOT\"; \
        mount -t tmpfs -o noexec none \"$ROOT/tmp\"; mount -t tmpfs -o size=64k none \"$ROOT/run\"";
    let error = root.reach_with(mounts, &agent).unwrap_err();
    let message = error.to_string();
    for part in [
        "/tmp does not allow execution",
        "/run is full",
        "/ is not writable",
    ] {
        assert!(message.contains(part), "{message}");
    }
    assert!(tried(error).contains(&("/tmp".to_owned(), Why::NotExecutable)));
}

#[test]
fn a_disk_that_fills_up_half_way_costs_another_delivery_and_nothing_else() {
    let Some(root) = Root::new() else { return };
    root.make("var/tmp", 0o1777);
    let agent = ScriptedAgent::new(1);
    let mounts = "mount -t tmpfs -o size=64k none \"$ROOT/tmp\"";
    let reached = root.reach_with(mounts, &agent).unwrap();
    let Delivered::Uploaded { place, .. } = &reached.how else {
        panic!("{:?}", reached.how)
    };
    assert_eq!(place, b"/var/tmp/.ksyncd-0");
    assert_eq!(agent.deliveries(), 2);
    converse(reached);
}

#[test]
fn a2_what_another_user_planted_at_the_agents_place_is_not_used() {
    let plants: [fn(&Root, &str); 7] = [
        // A directory that is somebody else's, with an agent in it.
        |root, name| {
            root.make("tmp/.ksyncd-0", 0o777);
            plant(root, &format!("tmp/.ksyncd-0/{name}"));
            chown(root.path("tmp/.ksyncd-0"), Some(SOMEBODY), Some(SOMEBODY)).unwrap();
        },
        // A link to a directory that is somebody else's.
        |root, name| {
            root.make("tmp/evil", 0o777);
            plant(root, &format!("tmp/evil/{name}"));
            chown(root.path("tmp/evil"), Some(SOMEBODY), Some(SOMEBODY)).unwrap();
            symlink("evil", root.path("tmp/.ksyncd-0")).unwrap();
        },
        // A private directory that is somebody else's.
        |root, _| {
            root.make("tmp/.ksyncd-0", 0o700);
            chown(root.path("tmp/.ksyncd-0"), Some(SOMEBODY), Some(SOMEBODY)).unwrap();
        },
        // A link to a private directory of ours.
        |root, _| {
            root.make("tmp/private", 0o700);
            symlink("private", root.path("tmp/.ksyncd-0")).unwrap();
        },
        // A directory of ours that others can write to.
        |root, name| {
            root.make("tmp/.ksyncd-0", 0o777);
            plant(root, &format!("tmp/.ksyncd-0/{name}"));
        },
        // A file.
        |root, _| plant(root, "tmp/.ksyncd-0"),
        // A link that leads nowhere.
        |root, _| symlink("/nonexistent", root.path("tmp/.ksyncd-0")).unwrap(),
    ];
    for planted in plants {
        let Some(root) = Root::new() else { return };
        let agent = ScriptedAgent::new(1);
        planted(&root, &agent.file_name());
        let before = root.names("tmp");

        let reached = root.reach(&agent).unwrap();

        let Delivered::Uploaded { place, .. } = &reached.how else {
            panic!("{:?}", reached.how)
        };
        assert!(place.starts_with(b"/tmp/.ksyncd-") && place.len() > b"/tmp/.ksyncd-0".len());
        converse(reached);
        assert!(!root.path("tmp/stolen").exists());
        assert_eq!(root.names("tmp"), before, "what is used once is removed");
    }
}

/// A would-be agent of another user, which answers as ours does.
fn plant(root: &Root, name: &str) {
    let script = format!(
        "#!/bin/sh\necho > /tmp/stolen\necho {}\n",
        name.rsplit('-').next().unwrap()
    );
    fs::write(root.path(name), script).unwrap();
    fs::set_permissions(root.path(name), fs::Permissions::from_mode(0o777)).unwrap();
    chown(root.path(name), Some(SOMEBODY), Some(SOMEBODY)).unwrap();
}

#[test]
fn a2_an_agent_within_our_directory_that_is_not_ours_or_a_link_is_replaced() {
    let Some(root) = Root::new() else { return };
    let agent = ScriptedAgent::new(1);
    root.make("tmp/.ksyncd-0", 0o700);
    plant(&root, &format!("tmp/.ksyncd-0/{}", agent.file_name()));
    converse(root.reach(&agent).unwrap());
    assert!(!root.path("tmp/stolen").exists());
    assert_eq!(agent.deliveries(), 1);
}

#[test]
fn an_image_without_a_shell_is_told_so() {
    let Some(root) = Root::new() else { return };
    fs::remove_file(root.path("bin/sh")).unwrap();
    let error = root.reach(&ScriptedAgent::new(1)).unwrap_err();
    assert_eq!(error.cause(), Some(Cause::NoShell), "{error}");
}

#[test]
fn a_user_other_than_root_has_a_place_of_its_own() {
    let Some(root) = Root::new() else { return };
    let agent = ScriptedAgent::new(1);
    converse(root.reach(&agent).unwrap());
    let directory = root.path("");
    let userspec = format!("--userspec={SOMEBODY}:{SOMEBODY}");
    let reached =
        common::reach_by(&["chroot", &userspec, directory.to_str().unwrap()], &agent).unwrap();
    let Delivered::Uploaded { place, .. } = &reached.how else {
        panic!("{:?}", reached.how)
    };
    assert_eq!(place, b"/tmp/.ksyncd-1234");
    converse(reached);
}
