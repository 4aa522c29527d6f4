//! An undo is killed at some call: the next one takes back what is left of the run, and both can
//! be taken back themselves.

use std::fs;

use crate::calls::Class;
use crate::place::Place;
use crate::points::{self, can_not_trace, choose, undo_all};
use crate::tracer::{self, Call, End, Role, Verdict};
use crate::tree::{self, Tree};

/// Moments of the undo of all that can be in a tree, in a usual run of the tests.
const SAMPLE: usize = 12;

/// A file that got longer, one that was changed, and one that got new metadata.
const CHANGED_IN_PLACE: &str = "
    mkdir s d; seq 50000 > d/grown; cp d/grown s/grown; echo more >> s/grown; chmod 640 s/grown
    seq 60000 > d/edited; sed 5s/5/6/ d/edited > s/edited; echo same > d/mode; cp d/mode s/mode
    touch -d 2001-01-01 d/*; touch -r d/mode s/mode; chmod 600 s/mode; cp -a d old";

/// True for a call that changes something of the destination, or of what is remembered of runs.
fn is_change(call: &Call) -> bool {
    [Class::Write, Class::Name, Class::Set].contains(&call.kind.class)
}

/// Brings the destination to where there is something to take back.
fn pull(place: &Place, options: &str) {
    tree::restore(place);
    place.run(&format!("pull -aHAX --delete {options} s/ d"), 0);
}

/// Takes back the last run, and has that killed before one of its changes. Gives the number of them.
fn killed_undo(place: &Place, before: Option<usize>) -> (usize, End) {
    let mut changes = 0;
    let end = tracer::run(&mut place.command("undo"), &place.path(""), &mut |call| {
        changes += usize::from(is_change(call));
        match before {
            Some(moment) if changes == moment + 1 => Verdict::Kill(Role::Client),
            _ => Verdict::Pass,
        }
    });
    (changes, end.unwrap())
}

/// Brings the destination to where there is something to take back, begins with that, and takes back
/// what was done till it was killed. Nothing if the undo was complete then, and had said so.
fn undone_killed_undo(place: &Place, options: &str, moment: usize) -> Option<End> {
    pull(place, options);
    let (_, end) = killed_undo(place, Some(moment));
    let log = place.log();
    if log.iter().any(|run| !run["undone_by"].is_null()) {
        return None;
    }
    if log[0]["command"] == "undo" {
        place.run("undo", 0);
    }
    Some(end)
}

/// A destination of which files are changed in place; nothing if this machine lets no program trace
/// another.
fn changed_in_place(test: &str) -> Option<Place> {
    (!can_not_trace(test)).then(|| {
        let place = Place::new();
        place.shell(CHANGED_IN_PLACE);
        place
    })
}

fn assert_survived(test: &str, place: &Place, options: &str, sample: Option<usize>) {
    let old = Tree::read(&place.path("old"));
    pull(place, options);
    let pulled = Tree::read(&place.path("d"));
    let (count, end) = killed_undo(place, None);
    assert_eq!(end.code, Some(0), "{}", end.stderr);
    let all: Vec<_> = (0..count).collect();
    let moments = choose(&all, sample.unwrap_or(count));
    let mut wrong = Vec::new();
    for &moment in &moments {
        pull(place, options);
        let (_, end) = killed_undo(place, Some(moment));
        assert!(end.killed, "{end:?}");
        let judged = undo_all(place, "pull", &old, &end)
            .and_then(|()| undo_all(place, "undo", &pulled, &end));
        if let Err(what) = judged {
            wrong.push(format!("killed before change {moment} of {count}: {what}"));
        }
    }
    eprintln!("{test}: {} kills within {count} changes", moments.len());
    points::assert_all_went_well(test, &wrong);
}

#[test]
fn the_undo_of_what_was_changed_in_place_survives_its_death_at_any_change() {
    let test = "undo of files changed in place";
    let Some(place) = changed_in_place(test) else {
        return;
    };
    assert_survived(test, &place, "--inplace", None);
}

/// What somebody does meanwhile looks as much like a file that is half taken back as it can.
#[test]
fn what_is_changed_after_an_undo_was_killed_stays_as_it_is() {
    let test = "changes after an undo that was killed";
    let Some(place) = changed_in_place(test) else {
        return;
    };
    place.shell("sed 7s/7/8/ old/grown > grown; head -c 9999 old/edited | sed 7s/7/8/ > edited");
    pull(&place, "--inplace");
    let (count, _) = killed_undo(&place, None);
    let mut reported = 0;
    for moment in 0..count {
        pull(&place, "--inplace");
        let pulled = place.log()[0]["id"].as_str().unwrap().to_owned();
        killed_undo(&place, Some(moment));
        place.shell("cat grown > d/grown; cat edited > d/edited");
        let described = || {
            ["grown", "edited"].map(|name| {
                let path = place.path("d").join(name);
                let modified = fs::metadata(&path).unwrap().modified().unwrap();
                (fs::read(path).unwrap(), modified)
            })
        };
        let mine = described();
        let undo = place.command(&format!("undo {pulled}")).output().unwrap();
        assert!(
            mine == described(),
            "killed before change {moment}: {undo:?}"
        );
        reported += usize::from(undo.status.code() == Some(23));
    }
    eprintln!("{test}: reported {reported} times after {count} kills");
    assert!(reported > 0);
}

#[test]
fn a_run_can_be_taken_back_once_the_undo_that_was_killed_is_taken_back() {
    let test = "undo after the undo of a killed undo";
    if can_not_trace(test) {
        return;
    }
    let place = Place::new();
    place.shell(
        "mkdir s d; seq 50000 > d/grown; seq 60000 > s/grown; touch -d 2001-01-01 d/grown
         mkdir s/new; echo x > s/new/x; echo y > s/y; cp -a d old",
    );
    let old = Tree::read(&place.path("old"));
    pull(&place, "--inplace");
    let (count, _) = killed_undo(&place, None);
    for moment in 0..count {
        let Some(end) = undone_killed_undo(&place, "--inplace", moment) else {
            continue;
        };
        let judged = undo_all(&place, "pull", &old, &end);
        assert!(judged.is_ok(), "killed before change {moment}: {judged:?}");
    }
}

/// The undo of the killed undo has what that had put back.
#[test]
fn old_versions_that_a_killed_undo_took_are_missed_and_not_forgotten() {
    let test = "old versions that a killed undo took";
    if can_not_trace(test) {
        return;
    }
    for options in ["", "--inplace"] {
        let place = Place::new();
        place.shell(
            "mkdir s d; echo new > s/edited; echo older > d/edited; echo old > d/deleted
             touch -d 2001-01-01 d/*; cp -a d old",
        );
        let old = Tree::read(&place.path("old"));
        pull(&place, options);
        let (count, _) = killed_undo(&place, None);
        let mut missed = 0;
        for moment in 0..count {
            let Some(end) = undone_killed_undo(&place, options, moment) else {
                continue;
            };
            match undo_all(&place, "pull", &old, &end) {
                Ok(()) => {}
                Err(said) if said.contains("its old version is not kept any more") => missed += 1,
                Err(said) => panic!("{options}: killed before change {moment}: {said}"),
            }
        }
        assert!(missed > 0, "{options}: of {count}");
    }
}

#[test]
fn an_undo_survives_its_death_at_any_change() {
    for options in ["", "--inplace"] {
        let test = format!("undo of pull {options}");
        if can_not_trace(&test) {
            return;
        }
        assert_survived(&test, &tree::make(), options, Some(SAMPLE));
    }
}
