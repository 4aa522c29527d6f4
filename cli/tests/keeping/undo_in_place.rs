//! A file that is changed where it is comes back; one that only grew needs no copy for that.

use std::fs;

use crate::place::{Place, lacks, text};

/// Makes a file that grows, in `d` and, longer, in `s`.
const GROWING: &str = "
    mkdir s d; seq 50000 > d/log; cp d/log s/log; echo more >> s/log; chmod 640 s/log
    touch -d 2001-01-01 d/log; cp -a d before";

fn kept_bytes(place: &Place) -> u64 {
    place.log()[0]["kept_bytes"].as_u64().unwrap()
}

#[test]
fn a_file_that_only_grew_is_kept_by_its_length() {
    if lacks(&["rsync"]) {
        return;
    }
    for options in [
        "-a --inplace",
        "-a --append",
        "-r --append",
        "-rI --inplace",
    ] {
        let place = Place::new();
        place.shell(GROWING);
        place.run(&format!("pull {options} s/ d"), 0);
        place.shell("cp -a d after; cmp s/log d/log");
        assert_eq!(
            (kept_bytes(&place), place.kept_files()),
            (0, 0),
            "{options}"
        );
        place.there_and_back(options);
    }
}

#[test]
fn a_file_that_does_not_only_grow_is_kept_whole() {
    if lacks(&["rsync"]) {
        return;
    }
    let changes = [
        "seq 60000 > s/log; sed -i 1s/1/2/ s/log",
        "head -c 100000 d/log > s/log",
        ": > s/log",
        "echo front > s/log; cat d/log >> s/log",
    ];
    for change in changes {
        let place = Place::new();
        place.shell(GROWING);
        place.shell(change);
        place.run("pull -a --inplace s/ d", 0);
        place.shell("cp -a d after; cmp s/log d/log");
        assert!(kept_bytes(&place) > 0, "{change}");
        place.there_and_back(change);
    }
}

#[test]
fn a_file_that_grew_on_after_the_run_stays_as_it_is() {
    let place = Place::new();
    place.shell(GROWING);
    place.run("pull -a --inplace s/ d", 0);
    place.shell("echo mine >> d/log; cp -a d/log mine");
    let said = text(&place.run("undo", 23).stderr);
    assert!(said.contains("ksyncd: log: "), "{said}");
    place.shell("cmp mine d/log");
}

#[test]
fn a_file_that_was_replaced_after_the_run_stays_as_it_is() {
    let others = [
        "rm d/log; echo mine > d/log",
        "rm d/log; mkdir d/log",
        "rm d/log; ln -s ../s/log d/log",
        "rm d/log",
    ];
    for other in others {
        let place = Place::new();
        place.shell(GROWING);
        place.run("pull -a --inplace s/ d", 0);
        place.shell(&format!("{other}; cp -a d mine; cp s/log longer"));
        let said = text(&place.run("undo", 23).stderr);
        assert!(said.contains("ksyncd: log: "), "{other}: {said}");
        place.shell("diff -r d mine; cmp s/log longer");
    }
}

#[test]
fn what_runs_add_one_after_the_other_is_taken_away_one_after_the_other() {
    if lacks(&["rsync"]) {
        return;
    }
    let place = Place::new();
    place.shell(GROWING);
    for round in 0..3 {
        place.shell(&format!("cp -a d was{round}; echo round {round} >> s/log"));
        place.run("pull -a --inplace s/ d", 0);
    }
    let runs = place.log();
    for (round, run) in [2, 1, 0].into_iter().zip(runs) {
        place.run(&format!("undo {}", run["id"].as_str().unwrap()), 0);
        assert_eq!(place.differences(&format!("was{round}"), "d"), "");
    }
    assert_eq!(
        fs::read(place.path("d/log")).unwrap(),
        fs::read(place.path("before/log")).unwrap()
    );
}
