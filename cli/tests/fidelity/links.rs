//! Hard links: names that are one file.

use std::fs;
use std::os::unix::fs::MetadataExt;

use crate::judge::{JUDGES, assert_identical, assert_nothing_to_do, snapshot};
use crate::place::{Agent, Place, Verb, Way, lacks, lacks_root_or, places, shell};

fn is_one_file(place: &Place, a: &str, b: &str) -> bool {
    let inode = |name: &str| fs::symlink_metadata(place.dest().join(name)).unwrap().ino();
    inode(a) == inode(b)
}

#[test]
fn names_of_one_file_are_one_file_again_across_directories() {
    if lacks(&JUDGES) {
        return;
    }
    for place in places() {
        place
            .in_source("mkdir -p d/e; echo x > d/e/z; ln d/e/z d/y; ln d/y a; ln -s a l; ln l d/l");
        place.sync("-aH").done();
        assert_identical(&place);
        assert!(is_one_file(&place, "a", "d/e/z") && is_one_file(&place, "a", "d/y"));
        assert!(is_one_file(&place, "l", "d/l"));
    }
}

#[test]
fn without_the_option_every_name_is_a_file_of_its_own() {
    if lacks(&JUDGES) {
        return;
    }
    for place in places() {
        place.in_source("echo x > a; ln a b");
        place.sync("-a").done();
        assert!(!is_one_file(&place, "a", "b"));
        assert_nothing_to_do(&place, "-ac --delete");
    }
}

/// What happens to the source after the destination was made a copy of it.
const REGROUPINGS: [(&str, &str); 14] = [
    ("a new name of an unchanged file", "ln a d/new"),
    (
        "a new name of a changed file",
        "echo changed > a; ln a d/new",
    ),
    (
        "a name that becomes a file of its own",
        "rm b; echo else > b",
    ),
    ("a name that goes", "rm a"),
    (
        "a name that goes, of a changed file",
        "rm a; echo changed > b",
    ),
    ("two groups that become one", "rm x d/y; ln a x; ln a d/y"),
    (
        "a group whose members change sides",
        "rm b x; ln d/y b; ln a x",
    ),
    ("a group that moves", "mkdir e; mv a b d/c e"),
    (
        "a name that becomes a directory",
        "rm b; mkdir b; ln a b/in",
    ),
    ("a directory that becomes a name", "rm -r dir; ln a dir"),
    ("a link that becomes a name", "rm link; ln a link"),
    ("a name that becomes a link", "rm b; ln -s a b"),
    ("other metadata for all", "chmod 600 a; touch -d @5 a"),
    (
        "a time of its own for one",
        "cp -p a n; mv n a; touch -d @7 a",
    ),
];

#[test]
fn groups_that_change_between_runs_are_followed() {
    if lacks(&JUDGES) {
        return;
    }
    for place in places() {
        for (what, script) in REGROUPINGS {
            eprintln!("{what}");
            shell(&format!(
                "rm -rf {} {}",
                place.source().display(),
                place.dest().display()
            ));
            fs::create_dir(place.source()).unwrap();
            place.in_source(
                "mkdir -p d dir/below; : > dir/below/file; ln -s nowhere link
                 echo one > a; ln a b; ln a d/c; echo three > x; ln x d/y; touch -d @1000000000 a x",
            );
            place.sync("-aH --delete").done();
            place.in_source(script);
            place.sync("-aH --delete").done();
            assert_identical(&place);
            let before = snapshot(&place.dest());
            place.sync("-aH --delete").done();
            assert!(before == snapshot(&place.dest()), "{what}: touched again");
        }
    }
}

#[test]
fn names_that_are_one_file_at_the_destination_only_do_not_spoil_each_other() {
    if lacks(&JUDGES) {
        return;
    }
    for place in places() {
        place
            .in_source("echo x > a; echo x > b; echo y > c; touch -d @1000000000 a b; chmod 600 b");
        fs::create_dir(place.dest()).unwrap();
        place.in_dest("echo x > a; touch -d @1000000000 a; ln a b; ln a c");
        place.sync("-aH").done();
        assert_nothing_to_do(&place, "-aHc --delete");
    }
}

#[test]
fn m4_what_has_other_names_at_the_destination_is_not_changed_where_it_is() {
    if lacks(&JUDGES) {
        return;
    }
    for options in ["-a", "-a --inplace", "-aH --inplace", "-a --append -c"] {
        for place in places() {
            eprintln!("{options}");
            place.in_source(
                "head -c 300000 /bin/sh > unchanged; cp unchanged grown; echo more >> grown
                 echo one > small; echo other > smaller; touch -d @1000000000 *
                 cp -p small private; chmod 600 private; cp -p small later; touch -d @5 later",
            );
            fs::create_dir(place.dest()).unwrap();
            shell(&format!(
                "cp -p {0}/unchanged {0}/small {1}",
                place.source().display(),
                place.dest().display()
            ));
            place.in_dest(
                "ln unchanged grown; ln small private; ln small later; ln small smaller
                 ln small ../a.name.outside; ln unchanged ../one.more",
            );
            let outside = |name: &str| {
                let file = place.dest_base().join(name);
                let found = fs::metadata(&file).unwrap();
                (fs::read(file).unwrap(), found.mode(), found.mtime())
            };
            let before = [outside("a.name.outside"), outside("one.more")];
            place.sync(options).done();
            assert_nothing_to_do(&place, "-ac --delete");
            assert!(before == [outside("a.name.outside"), outside("one.more")]);
            assert!(place.sync(options).done().out.is_empty());
        }
    }
}

#[test]
fn a_name_in_a_directory_of_which_nothing_differs_keeps_its_metadata() {
    if lacks(&JUDGES) {
        return;
    }
    for place in places() {
        place.in_source(
            "mkdir a b; echo x > a/x; cp -p a/x b/y; ln -s x a/l; cp -P a/l b/m
             touch -hd @1000000000 a/x a/l; touch -hd @2000000000 b/y b/m; chmod 600 b/y
             touch -d @1000000000 a b",
        );
        place.sync("-a").done();
        place.in_dest("ln -f a/x b/y; ln -fP a/l b/m; touch -d @1000000000 a b");
        place.sync("-a").done();
        assert_nothing_to_do(&place, "-ac --delete");
    }
}

#[test]
fn a_name_that_is_not_appended_to_leaves_the_others_to_themselves() {
    if lacks(&JUDGES) {
        return;
    }
    for place in places() {
        place.in_source("echo short > a; ln a b; ln a new; ln a too");
        place.write_dest("a", "much longer");
        place.write_dest("b", "longer too");
        place.sync("-aH --append").done();
        assert_eq!(place.read_dest("a"), b"much longer");
        assert_eq!(place.read_dest("b"), b"longer too");
        assert_eq!(place.read_dest("new"), b"short\n");
        assert!(is_one_file(&place, "new", "too"));
    }
}

#[test]
fn the_old_version_of_a_name_that_becomes_a_link_is_kept_as_a_backup() {
    for place in places() {
        place.in_source("echo new > a; ln a b");
        place.write_dest("b", "old");
        place.sync("-aH --backup").done();
        assert_eq!(place.read_dest("b~"), b"old");
        assert!(is_one_file(&place, "a", "b"));
    }
}

#[test]
fn names_of_a_file_that_can_not_be_read_keep_what_they_hold() {
    if lacks_root_or(&["setpriv"]) {
        return;
    }
    let place = Place::new(Way {
        verb: Verb::Pull,
        agent: Agent::Own,
    });
    place.in_source("echo secret > a; ln a b; chmod 0 a");
    place.write_dest("a", "first");
    place.write_dest("b", "second");
    let owned = format!("chown -R nobody {}", place.dest_base().display());
    shell(&owned);
    let run = place
        .sync_through(&crate::attributes::AS_NOBODY, "-aH")
        .ended(23);
    assert_eq!(place.read_dest("a"), b"first");
    assert_eq!(place.read_dest("b"), b"second");
    assert!(
        run.err.contains("b can not be written (link:"),
        "{}",
        run.err
    );
}
