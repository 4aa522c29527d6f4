//! One command tries again, and two do not get into each other's way.

use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::place::{Place, text};

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

#[test]
fn a_second_run_into_one_destination_refuses_or_waits() {
    let place = Place::new();
    place.shell("mkdir s d t; head -c 6000000 /dev/urandom > s/large; echo x > t/x");
    let mut first = place.command("pull --bwlimit=2M s/ d");
    first.stdout(Stdio::null()).stderr(Stdio::null());
    let mut first = first.spawn().unwrap();
    let start = Instant::now();
    while std::fs::read_dir(place.path("d")).unwrap().count() == 0 {
        assert!(
            start.elapsed() < Duration::from_secs(30),
            "it did not begin"
        );
        std::thread::sleep(Duration::from_millis(2));
    }
    let refused = text(&place.run("pull t/ d", 3).stderr);
    assert!(refused.contains("another run"), "{refused}");
    place.run("undo", 3);
    let waited = text(&place.run("pull --wait t/ d", 0).stderr);
    assert!(waited.contains("waiting"), "{waited}");
    assert!(first.wait().unwrap().success());
    place.shell("cmp s/large d/large; cmp t/x d/x");
}
