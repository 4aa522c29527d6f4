//! What holds for a push as for a pull: deletions rest on a whole listing and keep to their limit,
//! and one destination has one run at a time. What does not hold is said.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::place::{Place, text};

fn count(place: &Place, dir: &str) -> usize {
    fs::read_dir(place.path(dir)).unwrap().count()
}

#[test]
fn d1_a_push_from_an_empty_source_deletes_nothing_and_says_how_to_go_on() {
    let place = Place::new();
    place.shell("mkdir s d; echo a > d/a; echo b > d/b");
    let said = text(&place.run("push -a --delete s/ d", 25).stderr);
    assert!(said.contains("--delete-from-empty"), "{said}");
    assert_eq!(count(&place, "d"), 2);
    place.run("push -a --delete --delete-from-empty s/ d", 0);
    assert_eq!(count(&place, "d"), 0);
}

#[test]
fn d1_a_push_of_a_source_with_a_hole_deletes_nothing() {
    let place = Place::new();
    // A loop of links can not be followed by anybody, not even by root.
    place.shell("mkdir s d; echo a > s/a; ln -s loop s/loop; echo b > d/b");
    place.run("push -a -L --delete s/ d", 23);
    assert!(place.path("d/b").exists() && place.path("d/a").exists());
}

#[test]
fn d2_a_push_deletes_no_more_than_the_limit() {
    let place = Place::new();
    place.shell("mkdir s d; echo a > s/a; for n in 1 2 3 4 5 6; do echo $n > d/$n; done");
    let said = text(&place.run("push -a --delete --max-delete=2 s/ d", 25).stderr);
    assert!(said.contains("--max-delete"), "{said}");
    assert_eq!(count(&place, "d"), 5, "one came and two went");
    place.run("push -a --delete --max-delete=0 s/ d", 25);
    assert_eq!(count(&place, "d"), 5);
}

#[test]
fn a_push_keeps_nothing_and_says_so_where_somebody_looks_for_it() {
    let place = Place::new();
    place.shell("mkdir s d; echo a > s/a; echo old > d/a; echo b > d/b");
    place.run("push -a --delete --delete-from-empty s/ d", 0);
    assert!(place.log().is_empty());
    let said = text(&place.run("undo", 3).stderr);
    assert!(said.contains("push"), "{said}");
    let help = text(&place.run("push --help", 0).stdout);
    assert!(help.contains("--backup-dir"), "{help}");
    assert!(help.contains("can not be undone"), "{help}");
    // What there is instead.
    place.shell("echo newer > s/a");
    place.run("push -a --backup --backup-dir=before s/ d", 0);
    assert_eq!(fs::read_to_string(place.path("d/before/a")).unwrap(), "a\n");
}

#[test]
fn a_second_run_to_the_destination_of_a_push_refuses_or_waits() {
    let place = Place::new();
    place.shell("mkdir s d t; head -c 6000000 /dev/urandom > s/large; echo x > t/x");
    let mut first = place.command("push --bwlimit=2M s/ d");
    first.stdout(Stdio::null()).stderr(Stdio::null());
    let mut first = first.spawn().unwrap();
    let start = Instant::now();
    while count(&place, "d") == 0 {
        let waited = start.elapsed();
        assert!(waited < Duration::from_secs(30), "it did not begin");
        std::thread::sleep(Duration::from_millis(2));
    }
    for verb in ["push", "pull"] {
        let refused = text(&place.run(&format!("{verb} t/ d"), 3).stderr);
        assert!(refused.contains("another run"), "{verb}: {refused}");
    }
    let waited = text(&place.run("push --wait t/ d", 0).stderr);
    assert!(waited.contains("waiting"), "{waited}");
    assert!(first.wait().unwrap().success());
    place.shell("cmp s/large d/large; cmp t/x d/x");
}
