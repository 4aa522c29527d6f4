//! One command tries again, and two do not get into each other's way.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStderr, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rustix::fs::{FlockOperation, flock};
use serde_json::{Value, json};

use crate::place::{Place, text};

/// Longest time until a run has begun.
const PATIENCE: Duration = Duration::from_secs(30);

/// A remote shell that breaks the stream after some of the file, as often as it is told to.
fn breaking(times: u32, blocks: u32) -> Option<(Place, String)> {
    let place = Place::new();
    place.shell(&format!(
        "mkdir s; head -c 8000000 /dev/urandom > s/large; echo {times} > left
         cat > rsh <<'END'\n#!/bin/sh\ncd \"$(dirname \"$0\")\"; shift; left=$(cat left)
if [ $left -gt 0 ]; then echo $((left - 1)) > left; \"$@\" | dd bs=65536 count={blocks} 2>/dev/null
else exec \"$@\"; fi\nEND\nchmod +x rsh"
    ));
    let line = format!(
        "pull --no-compress --rsh={} h:{}/ d",
        place.path("rsh").display(),
        place.path("s").display()
    );
    let said = text(&place.command(&line).output().unwrap().stderr);
    if said.contains("no agent") {
        eprintln!("skipped: this build has no agent to deliver");
        return None;
    }
    place.shell(&format!("rm -rf d; echo {times} > left"));
    Some((place, line))
}

#[test]
fn a_connection_that_breaks_is_tried_again_and_each_attempt_is_told() {
    let Some((place, line)) = breaking(2, 60) else {
        return;
    };
    let said = text(&place.run(&format!("{line} --retries=3"), 0).stderr);
    assert!(said.contains("attempt 1 of 4 failed"), "{said}");
    assert!(said.contains("attempt 2 of 4 failed"), "{said}");
    assert!(!said.contains("attempt 3"), "{said}");
    place.shell("cmp s/large d/large; test $(ls -A d | wc -l) = 1");
    // All attempts are one run.
    place.run("undo", 0);
    assert!(!place.path("d").exists());
}

#[test]
fn what_attempts_bring_does_not_add_up() {
    let Some((place, line)) = breaking(1, 60) else {
        return;
    };
    let events = text(&place.run(&format!("{line} --json --retries=1"), 0).stdout);
    let events = events
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let events: Vec<Value> = events.collect();
    let attempts = events.iter().filter(|event| event["event"] == "connected");
    assert_eq!(attempts.count(), 2);
    let mut progress = events.iter().filter(|event| event["event"] == "progress");
    let last = progress.next_back().unwrap();
    assert_eq!(
        (&last["bytes"], &last["files"]),
        (&json!(8_000_000), &json!(1))
    );
}

#[test]
fn the_last_attempt_decides_and_without_retries_there_is_one() {
    let Some((place, line)) = breaking(9, 8) else {
        return;
    };
    let said = text(&place.run(&line, 12).stderr);
    assert!(!said.contains("attempt"), "{said}");
    let said = text(&place.run(&format!("{line} --retries=1"), 12).stderr);
    assert!(said.contains("attempt 1 of 2 failed"), "{said}");
}

#[test]
fn what_can_not_get_better_is_not_tried_again() {
    let place = Place::new();
    let said = text(&place.run("pull --retries=5 missing/ d", 23).stderr);
    assert!(!said.contains("attempt"), "{said}");
}

/// Takes the right to write to a destination, as a run does.
fn occupy(place: &Place, dir: &str) -> File {
    let dir = File::open(place.path(dir)).unwrap();
    flock(&dir, FlockOperation::NonBlockingLockExclusive).unwrap();
    dir
}

/// A run that has to wait, once it says so, and what it said.
fn waiting(place: &Place, line: &str) -> (Child, String, BufReader<ChildStderr>) {
    let mut run = place.command(line);
    let mut run = run.stderr(Stdio::piped()).spawn().unwrap();
    let mut words = BufReader::new(run.stderr.take().unwrap());
    let mut said = String::new();
    words.read_line(&mut said).unwrap();
    assert!(said.contains("waiting"), "{line}: {said}");
    (run, said, words)
}

#[test]
fn a_run_waits_a_little_for_a_destination_and_then_says_who_has_it() {
    let place = Place::new();
    place.shell("mkdir s d; echo x > s/x; echo old > d/old");
    place.run("pull s/ d", 0);
    let first = place.log()[0]["id"].as_str().unwrap().to_owned();
    let undo = format!("undo {first}");
    let held = occupy(&place, "d");
    let who = format!(
        "another run of ksyncd (process {}) writes to",
        std::process::id()
    );
    // All at once: each gives up after its patience.
    let lines = ["pull s/ d", "push s/ d", &undo].map(|line| {
        let mut run = place.command(line);
        (line, run.stderr(Stdio::piped()).spawn().unwrap())
    });
    for (line, run) in lines {
        let output = run.wait_with_output().unwrap();
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{line}: {said}");
        assert!(
            said.contains(&who) && said.contains("--wait"),
            "{line}: {said}"
        );
    }
    drop(held);
    place.run(&undo, 0);
    assert!(!place.path("d/x").exists());
}

#[test]
fn a_destination_that_becomes_free_meanwhile_is_taken() {
    for line in [
        "pull s/ d",
        "push s/ d",
        "pull --wait s/ d",
        "push --wait s/ d",
    ] {
        let place = Place::new();
        place.shell("mkdir s d; echo x > s/x");
        let held = occupy(&place, "d");
        let (mut run, ..) = waiting(&place, line);
        drop(held);
        assert!(run.wait().unwrap().success(), "{line}");
        place.shell("cmp s/x d/x");
    }
}

#[test]
fn what_is_told_to_wait_waits_longer_than_others() {
    let place = Place::new();
    place.shell("mkdir s d; echo x > s/x");
    let held = occupy(&place, "d");
    let (mut patient, said, _words) = waiting(&place, "pull --wait s/ d");
    assert!(said.contains("until that has ended"), "{said}");
    place.run("pull s/ d", 3);
    assert!(patient.try_wait().unwrap().is_none());
    drop(held);
    assert!(patient.wait().unwrap().success());
    place.shell("cmp s/x d/x");
}

/// Names below the directory of runs.
fn runs(place: &Place) -> usize {
    let runs = place.path("state/ksyncd/.ksyncd.kept/runs");
    std::fs::read_dir(runs).unwrap().count()
}

#[test]
fn a_run_counts_as_the_last_one_from_when_it_has_its_destination() {
    let place = Place::new();
    place.shell("mkdir s d; echo x > s/x");
    let held = occupy(&place, "d");
    let (mut patient, ..) = waiting(&place, "pull --wait s/ d");
    place.run("pull s/ first", 0);
    assert_eq!(place.log().len(), 1);
    place.run("undo", 0);
    assert!(!place.path("first").exists());

    place.run("pull s/ second", 0);
    drop(held);
    assert!(patient.wait().unwrap().success());
    // It wrote last, though it began before all others.
    place.run("undo", 0);
    assert!(!place.path("d/x").exists() && place.path("second/x").exists());
}

#[test]
fn nothing_remains_of_a_run_that_was_killed_while_it_waited() {
    let place = Place::new();
    place.shell("mkdir s d; echo x > s/x");
    let _held = occupy(&place, "d");
    let (mut killed, ..) = waiting(&place, "pull --wait s/ d");
    let (mut patient, ..) = waiting(&place, "pull --wait s/ d");
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert_eq!(runs(&place), 2);
    place.run("pull s/ e", 0);
    // One that is done, and one that still waits.
    assert_eq!((runs(&place), place.log().len()), (2, 1));
    patient.kill().unwrap();
    patient.wait().unwrap();
    place.run("pull s/ f", 0);
    assert_eq!((runs(&place), place.log().len()), (2, 2));
}

/// The agent of a client that was killed holds the destination until it notices.
#[test]
fn a_push_after_one_that_was_killed_waits_for_its_agent_to_end() {
    let place = Place::new();
    place.shell("mkdir s d t; head -c 6000000 /dev/urandom > s/large; echo x > t/x");
    let mut first = place.command("push --bwlimit=1M s/ d");
    let mut first = first.stderr(Stdio::null()).spawn().unwrap();
    let start = Instant::now();
    let is_begun = || std::fs::read_dir(place.path("d")).unwrap().count() > 0;
    while !is_begun() {
        assert!(start.elapsed() < PATIENCE, "it did not begin");
        std::thread::sleep(Duration::from_millis(2));
    }
    let children = format!("/proc/{0}/task/{0}/children", first.id());
    let Ok(children) = std::fs::read_to_string(children) else {
        eprintln!("skipped: the system does not tell who started whom");
        first.kill().unwrap();
        first.wait().unwrap();
        return;
    };
    let agent = Pid::from_raw(children.trim().parse().unwrap());
    // It does not notice before it goes on.
    kill(agent, Signal::SIGSTOP).unwrap();
    first.kill().unwrap();
    first.wait().unwrap();
    let (mut second, said, _words) = waiting(&place, "push t/ d");
    assert!(said.contains(&format!("(process {agent})")), "{said}");
    kill(agent, Signal::SIGCONT).unwrap();
    assert!(second.wait().unwrap().success());
    place.shell("cmp t/x d/x");
}
