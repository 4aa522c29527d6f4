//! Each call fails in turn, once or from then on.

use nix::errno::Errno;

use crate::calls::Class;
use crate::place::Place;
use crate::points::{Expected, Key, Way, assert_all_went_well, can_not_trace, choose, counted};
use crate::tracer::{self, Call, Verdict};
use crate::tree;

/// Points of each way in a usual run of the tests.
const SAMPLE: usize = 18;

/// Something that goes wrong.
#[derive(Debug, Clone, Copy)]
struct Fault {
    key: Key,
    /// Which of these calls.
    number: u32,
    error: Errno,
}

/// Every call of the run, with every error.
fn faults(place: &Place, way: Way) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (key, count) in counted(place, way) {
        for number in 1..=count {
            for &error in key.class.errors() {
                faults.push(Fault { key, number, error });
            }
        }
    }
    faults
}

fn assert_nothing_is_lost(test: &str, way: Way) {
    if can_not_trace(test) {
        return;
    }
    let place = tree::make();
    let all = faults(&place, way);
    let faults = choose(&all, SAMPLE);
    assert_faults_are_survived(test, way, &place, &faults, all.len());
}

fn assert_faults_are_survived(test: &str, way: Way, place: &Place, faults: &[Fault], all: usize) {
    let expected = Expected::at(place);
    let (mut hit, mut succeeded, mut wrong) = (0, 0, Vec::new());
    for fault in faults {
        let mut seen = 0;
        tree::restore(place);
        let end = tracer::run(&mut way.command(place), &place.path(""), &mut |call| {
            if Key::of(call) != fault.key {
                return Verdict::Pass;
            }
            seen += 1;
            if seen != fault.number {
                return Verdict::Pass;
            }
            hit += 1;
            Verdict::Fail(fault.error)
        });
        match expected.judge(place, way, &end.unwrap()) {
            Ok(success) => succeeded += u32::from(success),
            Err(what) => wrong.push(format!("{fault:?}: {what}")),
        }
    }
    assert_all_went_well(test, &wrong);
    eprintln!(
        "{test}: {} of {all} points tried, {hit} met, {succeeded} runs went on to a success, {}, 0 files lost",
        faults.len(),
        expected.undone()
    );
    assert!(hit > 0, "no call failed");
}

/// Otherwise the other tests here show nothing.
#[test]
fn a_call_of_the_first_thread_of_a_process_is_kept_from_happening() {
    let test = "calls of a first thread";
    if can_not_trace(test) {
        return;
    }
    let place = Place::new();
    let mut mkdir = std::process::Command::new("mkdir");
    mkdir.arg(place.path("made"));
    let judge = &mut |call: &Call| match call.kind.class {
        Class::Name => Verdict::Fail(Errno::EROFS),
        _ => Verdict::Pass,
    };
    let end = tracer::run(&mut mkdir, &place.path(""), judge).unwrap();
    let said = Errno::EROFS.desc();
    assert!(end.code == Some(1) && end.stderr.contains(said), "{end:?}");
    assert!(!place.path("made").exists());
}

#[test]
fn a_pull_loses_nothing_whichever_call_fails() {
    assert_nothing_is_lost("pull", Way::new("pull", ""));
}

/// Whoever can not find out what lies there must neither take it for gone nor for agreed.
#[test]
fn an_entry_that_can_not_be_looked_at_once_is_never_passed_over() {
    let (test, way) = ("an entry that can not be looked at", Way::new("pull", ""));
    if can_not_trace(test) {
        return;
    }
    let place = tree::make();
    let mut faults = faults(&place, way);
    faults.retain(|fault| fault.key.call == "statx" && fault.error == Errno::EIO);
    assert_faults_are_survived(test, way, &place, &faults, faults.len());
}

/// What is in there that the source does not have would stay.
#[test]
fn a_directory_that_can_not_be_listed_once_is_never_taken_for_empty() {
    let test = "a directory that can not be listed";
    if can_not_trace(test) {
        return;
    }
    let place = tree::make();
    for verb in ["pull", "push"] {
        let way = Way::new(verb, "");
        let mut faults = faults(&place, way);
        faults.retain(|fault| fault.key.call == "getdents64" && fault.error == Errno::EIO);
        assert_faults_are_survived(test, way, &place, &faults, faults.len());
    }
}

/// What can not be looked at before it is changed must not be forgotten without a word.
#[test]
fn what_can_not_be_remembered_is_said_to_be_lost() {
    let (test, way) = (
        "what can not be remembered",
        Way::in_place("pull", "--inplace"),
    );
    if can_not_trace(test) {
        return;
    }
    let place = tree::make();
    let mut faults = faults(&place, way);
    faults.retain(|fault| {
        let is_look = ["flistxattr", "newfstatat"].contains(&fault.key.call);
        // Among these the destination is opened for the journal.
        let is_start = fault.key.call == "openat" && fault.number <= 12;
        let error = if is_start { Errno::EMFILE } else { Errno::EIO };
        (is_look || is_start) && !fault.key.is_source && fault.error == error
    });
    assert_faults_are_survived(test, way, &place, &faults, faults.len());
}

/// As VirtualBox's shared folders are, and sshfs.
#[test]
fn where_there_are_neither_hard_links_nor_careful_renames_everything_comes_all_the_same() {
    let test = "neither hard links nor careful renames";
    if can_not_trace(test) {
        return;
    }
    let place = tree::make();
    for verb in ["pull", "push"] {
        tree::restore(&place);
        let mut refused = 0;
        let mut command = place.command(&format!("{verb} -a --delete s/ d"));
        let end = tracer::run(&mut command, &place.path(""), &mut |call| {
            let error = match call.kind.name {
                "renameat2" => Errno::EINVAL,
                "linkat" => Errno::EPERM,
                // A link's time is taken for that of what it points to, and so is its owner.
                "utimensat" if place.path("").join(&call.path).is_symlink() => Errno::ENOENT,
                "fchownat" => Errno::ENOENT,
                _ => return Verdict::Pass,
            };
            refused += 1;
            Verdict::Fail(error)
        });
        let end = end.unwrap();
        assert_eq!(end.code, Some(0), "{verb}: {}", end.stderr);
        assert!(refused > 1, "{verb}: nothing was refused");
        assert_no_difference(&place, verb);
    }
}

fn assert_no_difference(place: &Place, verb: &str) {
    let mut compare = std::process::Command::new("diff");
    compare.args(["-r", "--no-dereference", "s", "d"]);
    let differs = compare.current_dir(place.path("")).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&differs.stdout), "", "{verb}");
}

/// As on a FAT.
#[test]
fn where_no_mode_can_be_set_everything_comes_and_the_run_says_what_is_missing() {
    let test = "no modes";
    if can_not_trace(test) {
        return;
    }
    let place = tree::make();
    for (options, code) in [("", 23), ("--no-perms", 0)] {
        for verb in ["pull", "push"] {
            tree::restore(&place);
            let mut command = place.command(&format!("{verb} -a --delete {options} s/ d"));
            let end = tracer::run(
                &mut command,
                &place.path(""),
                &mut |call| match call.kind.name {
                    "fchmod" | "fchmodat" | "fchmodat2" => Verdict::Fail(Errno::EPERM),
                    _ => Verdict::Pass,
                },
            );
            let end = end.unwrap();
            assert_eq!(end.code, Some(code), "{verb}: {}", end.stderr);
            assert_eq!(
                end.stderr.matches("--no-perms does without").count(),
                usize::from(code != 0),
                "{verb}: {}",
                end.stderr
            );
            assert_no_difference(&place, verb);
        }
    }
}

#[test]
fn a_push_loses_nothing_whichever_call_fails() {
    assert_nothing_is_lost("push", Way::new("push", ""));
}

#[test]
fn a_pull_in_other_ways_loses_nothing_whichever_call_fails() {
    let way = Way::new("pull", "--fsync --checksum --sparse --no-undo");
    assert_nothing_is_lost("pull --fsync --checksum --sparse --no-undo", way);
}

#[test]
fn a_pull_into_files_fails_cleanly_whichever_call_fails() {
    assert_nothing_is_lost("pull --inplace", Way::in_place("pull", "--inplace"));
}

/// From some call on the destination takes nothing any more.
fn assert_nothing_is_lost_from_then_on(test: &str, way: Way, error: Errno) {
    if can_not_trace(test) {
        return;
    }
    let changes = |call: &Call| {
        let is_change = matches!(call.kind.class, Class::Write | Class::Name | Class::Set);
        is_change && !call.path.starts_with("s")
    };
    let place = tree::make();
    let expected = Expected::at(&place);
    tree::restore(&place);
    let mut count = 0;
    let end = tracer::run(&mut way.command(&place), &place.path(""), &mut |call| {
        count += usize::from(changes(call));
        Verdict::Pass
    });
    assert_eq!(end.unwrap().code, Some(0));
    let moments = choose(&Vec::from_iter(0..count), SAMPLE / 2);
    let mut wrong = Vec::new();
    for &moment in &moments {
        let mut seen = 0;
        tree::restore(&place);
        let end = tracer::run(&mut way.command(&place), &place.path(""), &mut |call| {
            if !changes(call) {
                return Verdict::Pass;
            }
            seen += 1;
            if seen > moment {
                Verdict::Fail(error)
            } else {
                Verdict::Pass
            }
        });
        if let Err(what) = expected.judge(&place, way, &end.unwrap()) {
            wrong.push(format!("from call {moment} on: {what}"));
        }
    }
    assert_all_went_well(test, &wrong);
    eprintln!(
        "{test}: {} of {count} moments tried, {}, 0 files lost",
        moments.len(),
        expected.undone()
    );
}

#[test]
fn a_disk_that_is_full_from_some_moment_on_loses_nothing() {
    for way in [Way::new("pull", ""), Way::new("push", "")] {
        assert_nothing_is_lost_from_then_on("full", way, Errno::ENOSPC);
    }
}

#[test]
fn a_file_system_that_turns_read_only_loses_nothing() {
    for way in [Way::new("pull", ""), Way::new("push", "")] {
        assert_nothing_is_lost_from_then_on("read-only", way, Errno::EROFS);
    }
}
