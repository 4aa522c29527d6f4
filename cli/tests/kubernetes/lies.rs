//! A server that lies, story by story. `matrix.rs` has the same lies at random points.

use std::fs;
use std::io::Write;
use std::process::Command;
use std::time::Duration;

use testkit::{Cluster, Container, Fault, Lie, Pod, Way as Direction};

use super::site::{Site, web};
use super::tree::{differences, files, noise, plant};

#[test]
fn a_run_that_may_try_again_gets_over_a_connection_that_breaks() {
    Site::each_at_once(web, |site| {
        plant(&site.there("data"), 2);
        for lie in [Lie::Drop, Lie::EndEarly, Lie::Restart] {
            let execs = site.server.counts().execs();
            let what = format!("{}: {lie:?}", site.way.name);
            site.server
                .lie([Fault::new(lie).after(Direction::Down, 2_000_000)]);
            let ended = site.run("pull -aH --retries 5 web:/data/ out");
            assert_eq!(ended.code, Some(0), "{what}: {}", ended.err);
            assert_eq!(
                differences(&site.there("data"), &site.path("out")),
                "",
                "{what}"
            );
            assert!(site.server.counts().execs() - execs > 1, "{what}");
            fs::remove_dir_all(site.path("out")).unwrap();
        }
        assert_eq!(site.left(), [], "{}", site.way.name);
    });
}

#[test]
fn a_container_that_dies_in_the_middle_of_a_file_is_always_an_error() {
    // Four times what can be on its way when it dies.
    const LEN: usize = 4 << 20;
    Site::each_at_once(web, |site| {
        site.put("web", "data/file", noise(LEN, 1, 0));
        site.put("web", "data/other", "other");
        site.run("pull web:/data/ warm").assert(0, &[]);
        for _ in 0..5 {
            site.put_here("out/file", noise(LEN, 2, 0));
            let fault = Fault::new(Lie::Die).after(Direction::Down, 1 << 20);
            site.server.lie([fault.clone()]);
            let ended = site.run("pull web:/data/ out");
            assert_eq!(site.server.told(), [fault]);
            assert_eq!(ended.code, Some(12), "{ended:?}");
            assert_eq!(files(&site.path("out"))["file"], noise(LEN, 2, 0));
            fs::remove_dir_all(site.path("out")).unwrap();
        }
    });
}

#[test]
fn a_pod_that_is_replaced_in_the_middle_is_named_beside_its_successor() {
    Site::each_at_once(web, |site| {
        plant(&site.there("data"), 1);
        let fault = Fault::new(Lie::Replace).after(Direction::Down, 1 << 20);
        site.server.lie([fault]);
        let ended = site.run("pull -aH web:/data/ out");
        ended.assert(12, &["replaced meanwhile", "web (UID", "run again"]);
        assert_eq!(ended.err.matches("UID").count(), 2, "{ended:?}");
    });
}

#[test]
fn a_pod_that_is_replaced_before_the_exec_is_noticed_or_pulled_from_as_a_whole() {
    let images = tempfile::tempdir().unwrap();
    for (number, site) in Site::each(Cluster::new).into_iter().enumerate() {
        let root = images.path().join(number.to_string());
        site.server.add_pod(Pod::busybox("web")).unwrap();
        let copied = Command::new("cp")
            .arg("-a")
            .arg(site.there(""))
            .arg(&root)
            .status();
        assert!(copied.unwrap().success());
        plant(&root.join("data"), 3);
        let successor = Pod::new("web").container(Container::directory("app", &root));
        site.server
            .add_pod(Pod::busybox("web").successor(successor))
            .unwrap();
        plant(&site.there("data"), 2);

        site.server.lie([Fault::new(Lie::Replace)]);
        let ended = site.run("pull -aH web:/data/ out");
        // Where nobody but kubectl chooses the pod, it is the one that has the name by then.
        if site.way.is_native() || ended.code != Some(0) {
            ended.assert(12, &["the pod was replaced", "run again"]);
            site.run("pull -aH web:/data/ out").assert(0, &[]);
        }
        assert_eq!(differences(&root.join("data"), &site.path("out")), "");
        assert_eq!(site.left(), []);
    }
}

#[test]
fn noise_before_the_first_word_of_the_agent_does_no_harm() {
    Site::each_at_once(web, |site| {
        plant(&site.there("data"), 1);
        let profile = b"Welcome to web!\r\n\x1b[2Jksyncd have /tmp\nno line feed";
        site.server.lie([Fault::new(Lie::Noise(profile.to_vec()))]);
        site.run("pull -aH web:/data/ out").assert(0, &[]);
        assert_eq!(differences(&site.there("data"), &site.path("out")), "");
        assert_eq!(site.left(), []);

        site.server
            .lie([Fault::new(Lie::Noise(vec![b'x'; 1_000_000]))]);
        let ended = site.run("pull -aH web:/data/ never");
        ended.assert(5, &[]);
        assert!(!site.path("never").exists());
        assert_eq!(site.left(), []);
    });
}

#[test]
fn a_tail_that_is_lost_does_no_harm_to_a_conversation() {
    Site::each_at_once(web, |site| {
        plant(&site.there("data"), 1);
        for len in [1, 4096, 1 << 20] {
            site.server.lie([Fault::new(Lie::CutTail(len))]);
            let ended = site.run("pull -aH web:/data/ out");
            let is_right = differences(&site.there("data"), &site.path("out")).is_empty();
            assert!(
                ended.code != Some(0) || is_right,
                "{}: {len}",
                site.way.name
            );
        }
        assert_eq!(site.left(), []);
    });
}

#[test]
fn the_last_words_of_an_agent_that_fails_may_be_lost_and_it_is_still_an_error() {
    Site::each_at_once(web, |site| {
        for len in [1, 64, 1 << 20] {
            let fault = Fault::new(Lie::CutTail(len));
            site.server.lie([fault.clone()]);
            let ended = site.run("pull -aH web:/nonexistent/ out");
            assert_eq!(site.server.told(), [fault]);
            assert!(matches!(ended.code, Some(5 | 12 | 23)), "{ended:?}");
            ended.assert_plain();
            assert!(!site.path("out").exists());
        }
        assert_eq!(site.left(), []);
    });
}

#[test]
fn answers_to_pings_that_come_late_do_no_harm() {
    Site::each_at_once(web, |site| {
        plant(&site.there("data"), 1);
        let late = Fault::new(Lie::DelayPongs(Duration::from_secs(3)));
        let stall = Lie::Stall(Direction::Down, Duration::from_secs(7));
        site.server.lie([
            late.clone(),
            Fault::new(stall).after(Direction::Down, 1_000_000),
        ]);
        site.run("pull -aH web:/data/ out").assert(0, &[]);
        // Where ksyncd itself sends enough, its client sends no pings.
        let was_told = site.server.told().contains(&late);
        assert!(was_told || site.way.is_native(), "{}", site.way.name);
        assert_eq!(differences(&site.there("data"), &site.path("out")), "");
        assert_eq!(site.left(), []);
    });
}

#[test]
fn silence_ends_both_ends_when_the_patience_of_the_user_does() {
    Site::each_at_once(web, |site| {
        plant(&site.there("data"), 1);
        let fault = Fault::new(Lie::Silence).after(Direction::Down, 1_000_000);
        site.server.lie([fault]);
        let ended = site.run("pull -aH --timeout=3 web:/data/ out");
        ended.assert(30, &["silent for 3 s", "--timeout"]);
        // Long before the minute after which an agent ends that was told nothing.
        let soon = Duration::from_secs(30);
        assert_eq!(site.left_after(soon), [], "{}", site.way.name);
    });
}

/// Over WebSocket kubectl itself ends when its pings are not answered for a minute.
#[test]
#[ignore = "takes more than a minute: so long an agent waits that was told nothing"]
fn a_stall_of_more_than_a_minute_is_waited_for_by_a_user_who_says_so() {
    Site::each_at_once(web, |site| {
        plant(&site.there("data"), 1);
        for way in [Direction::Up, Direction::Down] {
            // There may be nothing that a second run would stall.
            let _ = fs::remove_dir_all(site.path("out"));
            let stall = Lie::Stall(way, Duration::from_secs(70));
            let fault = Fault::new(stall).after(Direction::Down, 1_000_000);
            site.server.lie([fault.clone()]);
            let ended = site.run_within(
                Duration::from_secs(180),
                "pull -aH --timeout=100 --contimeout=100 web:/data/ out",
            );
            assert_eq!(site.server.told(), [fault]);
            let (name, last) = (site.way.name, ended.err.lines().last());
            let _ = writeln!(std::io::stderr(), "{name}: {way:?}: {last:?}");
            assert!(ended.code == Some(0) || !site.way.is_native(), "{ended:?}");
        }
    });
}
