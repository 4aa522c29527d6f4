//! Symbolic links of the source whose targets are copied instead (`-L` and its kin).

use std::fs;
use std::os::unix::fs::MetadataExt;

use crate::judge::{JUDGES, assert_does_as_rsync, rsync_would};
use crate::place::{Agent, Place, lacks, places, shell};

/// Every kind of link that has a target: to files and directories, in the tree and out of it,
/// over other links.
fn make_links(place: &Place) {
    place.in_source(
        "mkdir -p ../outside/sub d/e dir
         echo out > ../outside/f; echo deep > ../outside/sub/g; ln -s ../f ../outside/sub/up
         echo in > f; echo below > d/e/x; chmod 640 f
         touch -d @1000000000 f d/e/x ../outside/f ../outside/sub
         ln -s f to-file; ln -s d to-dir; ln -s ../f d/to-file-above; ln -s to-file to-link
         ln -s ../outside/f out-file; ln -s ../outside out-dir; ln -s ../../outside/sub d/out-sub
         ln -s d/../d/e roundabout",
    );
    // Absolute paths lead elsewhere in an image than they do for who judges it.
    if place.way.agent == Agent::Own {
        place.in_source("ln -s \"$PWD/f\" absolute");
    }
    let source = place.source();
    let name = source.file_name().unwrap().to_str().unwrap();
    place.in_source(&format!("ln -s ../../{name}/f dir/out-and-in"));
}

#[test]
fn targets_take_the_place_of_links_as_rsync_has_it() {
    if lacks(&JUDGES) {
        return;
    }
    for place in places() {
        make_links(&place);
        for options in ["-L", "--copy-unsafe-links", "-k", "-LH", "-LX --delete"] {
            eprintln!("{options}");
            shell(&format!("rm -rf {}", place.dest().display()));
            assert_does_as_rsync(&place, options, &format!("-a {options}"));
        }
    }
}

#[test]
fn a_second_run_that_follows_links_has_nothing_to_do() {
    for place in places() {
        make_links(&place);
        for options in [
            "-aL --delete",
            "-a --copy-unsafe-links --delete",
            "-ak --delete",
        ] {
            place.sync(options).done();
            let again = place.sync(&format!("{options} -i"));
            assert_eq!(again.done().changes(), Vec::<String>::new(), "{options}");
        }
    }
}

#[test]
fn a_file_behind_a_link_is_updated_by_what_changed_in_it() {
    if lacks(&JUDGES) {
        return;
    }
    for place in places() {
        place.in_source("mkdir ../outside; seq 300000 > ../outside/f; ln -s ../outside/f f");
        place.sync("-aL").done();
        place.in_source("echo more >> ../outside/f");
        place.sync("-aL").done();
        assert!(rsync_would(&place, "-aLc --delete").is_empty());
        assert!(
            fs::symlink_metadata(place.dest().join("f"))
                .unwrap()
                .is_file()
        );
    }
}

#[test]
fn a_link_to_nothing_is_reported_and_everything_else_copied() {
    for place in places() {
        place.in_source("ln -s nowhere lost; ln -s self self; echo x > file");
        let run = place.sync("-aL").ended(23);
        assert!(
            run.err.contains("lost") && run.err.contains("self"),
            "{}",
            run.err
        );
        assert_eq!(place.read_dest("file"), b"x\n");
        assert!(fs::symlink_metadata(place.dest().join("lost")).is_err());
    }
}

#[test]
fn a_link_to_nothing_that_is_excluded_is_none_of_the_run_s_business() {
    if lacks(&["rsync"]) {
        return;
    }
    for place in places() {
        place.in_source(
            "mkdir d; echo x > file; echo x > d/file; ln -s nowhere lost; ln -s ../../lost d/gone
             ln -s self self",
        );
        for options in [
            "-L --exclude=lost --exclude=self --exclude=gone",
            "-L --include=*/ --include=file --exclude=* --delete",
            "--copy-unsafe-links --exclude=gone --delete",
            "-L --include=file --exclude=* --delete",
        ] {
            place.write_dest("extraneous", "x");
            assert_does_as_rsync(&place, options, &format!("-a {options}"));
            place.sync(options).done();
        }
        place.sync("-L --exclude=*/ --exclude=lost").ended(23);
    }
}

#[test]
fn x9_a_link_to_a_directory_above_it_is_reported_and_not_gone_round() {
    for place in places() {
        place.in_source("mkdir -p a/b; echo x > a/b/file; ln -s ../.. a/b/top; ln -s . a/here");
        let run = place.sync("-aL").ended(23);
        assert!(
            run.err.contains("a/b/top") && run.err.contains("a/here"),
            "{}",
            run.err
        );
        assert_eq!(place.read_dest("a/b/file"), b"x\n");
        let top = place.dest().join("a/b/top");
        assert!(!top.exists() || fs::read_dir(&top).unwrap().count() == 0);
    }
}

#[test]
fn a_pipe_behind_a_link_is_left_out_like_any_pipe() {
    for place in places() {
        place.in_source(
            "mkdir ../outside; mkfifo ../outside/pipe; ln -s ../outside/pipe p; echo x > f",
        );
        place.sync("-aL").done();
        assert_eq!(place.read_dest("f"), b"x\n");
        assert!(fs::symlink_metadata(place.dest().join("p")).is_err());
    }
}

#[test]
fn links_at_the_destination_are_replaced_and_not_followed() {
    for place in places() {
        place.in_source("mkdir d; echo new > d/f; ln -s d l");
        fs::create_dir(place.dest()).unwrap();
        place.in_dest("mkdir ../elsewhere; echo old > ../elsewhere/f; ln -s ../elsewhere l");
        place.sync("-aL --delete").done();
        assert_eq!(place.read_dest("l/f"), b"new\n");
        assert!(
            fs::symlink_metadata(place.dest().join("l"))
                .unwrap()
                .is_dir()
        );
        let kept = fs::metadata(place.dest_base().join("elsewhere/f")).unwrap();
        assert_eq!(kept.size(), 4);
    }
}
