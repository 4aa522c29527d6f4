//! What holds for a push as for a pull: deletions rest on a whole listing of the source that is known
//! and keep to their limits, and there is a receipt. What does not hold is said.

use std::fs;

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
fn d2_a_push_that_would_delete_more_than_the_share_deletes_nothing() {
    let place = Place::new();
    place.shell(
        "mkdir s d; for n in $(seq 150); do echo $n > d/$n; done; cp -a d s1; cp d/1 s/1; rm s1/[1-5]*",
    );
    for verb in ["-an", "-a"] {
        let said = text(&place.run(&format!("push {verb} --delete s/ d"), 25).stderr);
        assert!(said.contains("--max-delete-percent"), "{said}");
    }
    assert_eq!(count(&place, "d"), 150);
    let share = "push -a --delete --max-delete-percent=5 s1/ d";
    assert!(text(&place.run(share, 25).stderr).contains("--max-delete-percent"));
    place.run("push -a --delete --max-delete-percent=100 s/ d", 0);
    assert_eq!(count(&place, "d"), 1);
}

#[test]
fn d1_a_push_from_another_file_system_deletes_nothing_until_it_is_accepted() {
    let Some((place, elsewhere)) = Place::with_state_elsewhere() else {
        eprintln!("skipped: there is only one file system");
        return;
    };
    place.shell("mkdir here d; echo a > here/a; echo b > here/b; ln -s here s");
    place.run("push -a --delete s/ d", 0);
    // Made anew, as builds do, it is still the same to go by.
    place.shell("mv here old; mkdir here; echo a > here/a");
    place.run("push -a --delete s/ d", 0);
    assert!(!place.path("d/b").exists());
    // What was mounted there is not, or something else is.
    let other = elsewhere.path().join("volume");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("c"), "c").unwrap();
    place.shell(&format!("rm s; ln -s {} s", other.display()));
    for _ in 0..2 {
        let said = text(&place.run("push -a --delete s/ d", 25).stderr);
        assert!(said.contains("--accept-source"), "{said}");
        assert!(place.path("d/a").exists() && place.path("d/c").exists());
    }
    place.run("push -a --delete --accept-source s/ d", 0);
    assert!(!place.path("d/a").exists());
    fs::write(other.join("d"), "d").unwrap();
    fs::remove_file(other.join("c")).unwrap();
    place.run("push -a --delete s/ d", 0);
    assert!(!place.path("d/c").exists());
}

#[test]
fn a_push_has_a_receipt_of_what_is_there_and_that_can_be_verified_there() {
    let place = Place::new();
    place.shell(
        "mkdir -p s/sub d; echo one > s/a; echo two > s/sub/b; ln -s a s/link; mkfifo d/pipe",
    );
    let (rsh, there) = (place.remote_shell(), place.path("d"));
    let (rsh, there) = (rsh.display(), there.display());
    let push = format!("push -a --receipt=proof --rsh={rsh} s/ h:{there}");
    if place.run_with_agent(&push).is_none() {
        return;
    }
    let receipt = place.receipt("proof");
    let paths: Vec<&str> = receipt["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["path"].as_str().unwrap())
        .collect();
    assert_eq!(paths, [".", "a", "link", "pipe", "sub", "sub/b"]);
    assert_eq!(receipt["trees"]["source"], receipt["trees"]["destination"]);
    assert_eq!(receipt["counts"]["transferred"], 4);
    assert_ne!(receipt["target"]["route"], "");
    // An agent sees what this program sees.
    let verify = format!("verify --rsh={rsh} proof h:{there}");
    place.run(&verify, 0);
    place.run("verify proof d", 0);
    place.shell("printf 'tvo\n' > d/sub/b; touch -r s/sub/b d/sub/b; rm d/link; touch -r s d");
    for verify in [&verify, "verify proof d"] {
        let said = text(&place.run(verify, 23).stdout);
        assert_eq!(said, "link is missing\nsub/b differs in content\n");
    }
}

#[test]
fn a_push_within_this_machine_has_a_receipt_too() {
    let place = Place::new();
    place.shell("mkdir s; echo one > s/a; printf x > s/b");
    place.run("push -a --receipt=proof s/ d", 0);
    place.run("verify proof d", 0);
    place.run("push -a --receipt=single s/a e", 0);
    place.run("verify single e", 0);
    place.shell("echo two > d/a");
    place.run("verify proof d", 23);
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
