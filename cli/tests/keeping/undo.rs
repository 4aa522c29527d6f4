//! A run that is undone has not been, and an undo that is undone neither.

use crate::place::{Place, lacks, text};

/// Makes `d` with everything that can be in a tree, and `s` with everything that can happen to it.
const TREES: &str = "
    mkdir d; cd d; mkdir -p sub/deep gone/a empty closed wasdir
    echo one > f; echo two > g; ln g g2; ln -s f l; echo x > sub/x; echo deep > sub/deep/d
    echo z > gone/a/z; seq 50000 > moved; echo s > same; mkfifo pipe; echo r > closed/r
    echo dir > waslink; echo m > mode; echo in > wasdir/in; truncate -s 1M holes
    touch -d 2001-01-01 mode f g; chmod 555 closed
    touch -d 2001-02-03 empty gone/a gone wasdir sub/deep sub closed .
    cp -a . ../s; cd ../s
    echo ONE > f; echo TWOO > g; rm -r gone l empty wasdir waslink pipe; ln -s g l
    mv moved sub/elsewhere; echo new > new; mkdir newdir waslink; echo n > newdir/n; chmod 600 mode
    echo file > wasdir; echo w > waslink/w; echo D >> sub/deep/d; chmod 700 sub
    chmod 755 closed; echo R > closed/r2; chmod 555 closed; touch -d 2010-10-10 sub";

fn there_and_back(place: &Place, options: &str) {
    // Without --delete a directory does not make way for a file.
    let code = if options.contains("--delete") { 0 } else { 23 };
    place.shell(TREES);
    place.shell("cp -a d before");
    place.run(&format!("pull {options} s/ d"), code);
    place.shell("cp -a d after");
    assert_ne!(place.differences("before", "d"), "");
    place.there_and_back(options);
}

#[test]
fn an_undone_run_leaves_the_tree_as_it_was_and_its_own_undo_brings_it_back() {
    if lacks(&["rsync"]) {
        return;
    }
    for options in [
        "-aH --delete",
        "-aH",
        "-aH --delete-before",
        "-aH --inplace --delete",
        "-aH --delete --backup --backup-dir=old",
        "-rlt --delete",
        "-r",
    ] {
        there_and_back(&Place::new(), options);
    }
}

#[test]
fn old_versions_lie_beside_a_destination_that_is_on_another_file_system() {
    if lacks(&["rsync"]) {
        return;
    }
    let Some((place, _elsewhere)) = Place::with_state_elsewhere() else {
        eprintln!("skipped: /dev/shm is no file system of its own");
        return;
    };
    there_and_back(&place, "-aH --delete");
    assert!(place.path(".ksyncd.kept").is_dir());
    // It is no part of any tree.
    place.run("pull -a --delete ./ copy", 0);
    assert!(!place.path("copy/.ksyncd.kept").exists());
    place.shell("mkdir nothing; echo x > nothing/x");
    place.run("pull -a --delete --max-delete-percent=100 nothing/ .", 0);
    assert!(place.path(".ksyncd.kept").is_dir());
}

#[test]
fn attributes_and_access_lists_come_back() {
    if lacks(&["rsync", "setfattr", "setfacl"]) {
        return;
    }
    let place = Place::new();
    place.shell(
        "mkdir -p d/in; echo a > d/in/a; echo b > d/b
         setfattr -n user.k -v old d/in d/in/a; setfacl -m u:1:rw d/b d/in; cp -a d s
         setfattr -n user.k -v new s/in s/in/a; setfattr -x user.k s/in; setfacl -b s/b; echo B > s/b
         cp -a d before",
    );
    place.run("pull -aAX s/ d", 0);
    assert_ne!(place.differences("before", "d"), "");
    place.run("undo", 0);
    assert_eq!(place.differences("before", "d"), "");
}

#[test]
fn a_destination_that_was_made_is_removed_and_made_again() {
    let place = Place::new();
    place.shell("mkdir -p s/a; echo x > s/a/x; chmod 750 s");
    place.run("pull s/ d", 0);
    place.run("undo", 0);
    assert!(!place.path("d").exists());
    place.run("undo", 0);
    assert_eq!(std::fs::read_to_string(place.path("d/a/x")).unwrap(), "x\n");
}

#[test]
fn a_single_file_comes_back() {
    let place = Place::new();
    place.shell("echo new > s; echo old > d; touch -d 2001-01-01 d");
    place.run("pull s d", 0);
    assert_eq!(std::fs::read_to_string(place.path("d")).unwrap(), "new\n");
    place.run("undo", 0);
    assert_eq!(std::fs::read_to_string(place.path("d")).unwrap(), "old\n");
}

#[test]
fn the_log_tells_what_each_run_did_and_what_is_kept_of_it() {
    let place = Place::new();
    place.shell("mkdir s d; echo 12345 > d/old; echo x > s/x; echo y > s/y; mkdir e");
    place.run("pull --delete s/ d", 0);
    place.run("pull s/ e", 0);
    // Neither a run that changes nothing nor a dry run is worth remembering.
    place.run("pull s/ e", 0);
    place.run("pull -n --delete e/ d", 0);

    let log = place.log();
    assert_eq!(log.len(), 2, "{log:?}");
    let (first, second) = (&log[1], &log[0]);
    assert_eq!(first["ended"]["transferred"], 2);
    assert_eq!(first["ended"]["deleted"], 1);
    assert_eq!(first["kept_bytes"], 6);
    assert_eq!(first["outcome"], "done");
    assert_eq!(second["source"], "s/");
    assert_eq!(second["kept_bytes"], 0);

    let of_d = text(&place.run("log d/", 0).stdout);
    assert_eq!(of_d.lines().count(), 1, "{of_d}");
    place.run(&format!("undo {}", first["id"].as_str().unwrap()), 0);
    assert!(place.path("d/old").exists() && !place.path("d/x").exists());
    assert_eq!(place.log()[2]["outcome"], "undone");
    // A run is undone once.
    place.run(&format!("undo {}", first["id"].as_str().unwrap()), 3);
}

#[test]
fn the_oldest_runs_are_given_up_for_room() {
    let place = Place::new();
    place.shell("mkdir s d");
    for round in 0..5 {
        place.shell(&format!("head -c 40000 /dev/zero | tr '\\0' {round} > s/f"));
        place.run("pull -I --undo-keep=100k s/ d", 0);
    }
    let log = place.log();
    assert_eq!(log.len(), 2, "{log:?}");
    assert_eq!(place.kept_files(), 2);
    place.run("undo", 0);
    let content = std::fs::read(place.path("d/f")).unwrap();
    assert!(content.iter().all(|&byte| byte == b'3'));
}

#[test]
fn what_there_is_no_room_for_is_told_at_once_and_again_by_the_undo() {
    let place = Place::new();
    place.shell(
        "mkdir s d; echo small > d/small; seq 10000 > d/large; echo x > s/small; echo y > s/large",
    );
    let pulled = text(&place.run("pull --undo-keep=1k s/ d", 0).stderr);
    assert!(
        pulled.contains("1 change can not be undone, as there is no room"),
        "{pulled}"
    );
    let undone = text(&place.run("undo", 23).stderr);
    assert!(
        undone.contains("large: its old version was not kept"),
        "{undone}"
    );
    assert_eq!(
        std::fs::read_to_string(place.path("d/small")).unwrap(),
        "small\n"
    );
    assert_eq!(
        std::fs::read_to_string(place.path("d/large")).unwrap(),
        "y\n"
    );
}

#[test]
fn nothing_is_kept_of_a_run_that_asks_for_that() {
    let place = Place::new();
    place.shell("mkdir s d; echo old > d/f; echo new1 > s/f");
    for none in ["--no-undo", "--undo-keep=0"] {
        place.run(&format!("pull -I {none} s/ d"), 0);
    }
    assert!(place.log().is_empty());
    place.run("undo", 3);
}

#[test]
fn a_run_goes_on_without_a_state_directory_and_says_that_it_can_not_be_undone() {
    let place = Place::new();
    place.shell("mkdir s d; echo old > d/f; echo new1 > s/f; echo > state");
    let output = place.run("pull s/ d", 0);
    assert!(
        text(&output.stderr).contains("can not be undone"),
        "{output:?}"
    );
    assert_eq!(
        std::fs::read_to_string(place.path("d/f")).unwrap(),
        "new1\n"
    );
}
