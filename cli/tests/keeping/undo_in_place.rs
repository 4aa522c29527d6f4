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
fn a_file_that_does_not_only_grow_comes_back_whole() {
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

/// Makes a large file in `d`, and one in `s` that differs in two places and is longer.
const LARGE: &str = "
    mkdir s d; seq 1000000 > d/image; sed '5s/5/6/; 700000s/7/8/' d/image > s/image
    echo more >> s/image; touch -d 2001-01-01 d/image; cp -a d before";

#[test]
fn of_a_large_file_only_what_is_overwritten_is_kept() {
    if lacks(&["rsync"]) {
        return;
    }
    let place = Place::new();
    place.shell(LARGE);
    place.run("pull -a --inplace --undo-keep=100k s/ d", 0);
    place.shell("cp -a d after; cmp s/image d/image");
    assert!(
        (1..100 << 10).contains(&kept_bytes(&place)),
        "{:?}",
        place.log()
    );
    place.run("undo --undo-keep=100M", 0);
    assert_eq!(place.differences("before", "d"), "");
    place.run("undo", 0);
    assert_eq!(place.differences("after", "d"), "");
}

#[test]
fn what_runs_overwrite_one_after_the_other_comes_back_one_after_the_other() {
    if lacks(&["rsync"]) {
        return;
    }
    let place = Place::new();
    place.shell(LARGE);
    for round in 0..3 {
        place.shell(&format!(
            "cp -a d was{round}; sed -i '{round}5s/5/x/; 60000{round}s/6/y/' s/image"
        ));
        place.run("pull -a --inplace s/ d", 0);
    }
    let runs = place.log();
    for (round, run) in [2, 1, 0].into_iter().zip(runs) {
        place.run(&format!("undo {}", run["id"].as_str().unwrap()), 0);
        assert_eq!(place.differences(&format!("was{round}"), "d"), "");
    }
}

#[test]
fn a_file_that_was_edited_after_parts_of_it_were_overwritten_stays_till_it_is_as_it_was() {
    if lacks(&["rsync"]) {
        return;
    }
    let place = Place::new();
    place.shell(LARGE);
    place.run("pull -a --inplace s/ d", 0);
    let pulled = place.log()[0]["id"].as_str().unwrap().to_owned();
    place.shell("cp -a d/image pulled; sed 9s/9/mine/ pulled > d/image; cp -a d/image mine");
    let said = text(&place.run(&format!("undo {pulled}"), 23).stderr);
    assert!(said.contains("ksyncd: image: "), "{said}");
    place.shell("cmp mine d/image; cat pulled > d/image; touch -r pulled d/image");
    place.run(&format!("undo {pulled}"), 0);
    assert_eq!(place.differences("before", "d"), "");
}
