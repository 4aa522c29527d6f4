//! The points of a run at which something can fail, and the runs that fail there.

use std::cell::Cell;
use std::collections::BTreeMap;

use serde_json::Value;

use crate::calls::Class;
use crate::place::Place;
use crate::tracer::{self, Call, End, Role, Verdict};
use crate::tree::{self, Tree};

/// Asks for more points than a sample: `all`, or a part of them such as `2/5`.
const VARIABLE: &str = "KSYNCD_FAULTS";

pub(crate) fn all_points() -> bool {
    std::env::var_os(VARIABLE).is_some()
}

/// What is asked for: `sample` of them, all, or a part.
pub(crate) fn choose<T: Copy>(all: &[T], sample: usize) -> Vec<T> {
    let Ok(wish) = std::env::var(VARIABLE) else {
        // An odd step meets all errors of a call that has an even number of them.
        let step = (all.len() / sample).max(1) | 1;
        return all.iter().copied().step_by(step).collect();
    };
    let (part, parts) = match wish.split_once('/') {
        Some((part, parts)) => (part.parse().unwrap(), parts.parse().unwrap()),
        None => (1, 1),
    };
    let from: usize = part - 1;
    all.iter().copied().skip(from).step_by(parts).collect()
}

/// True, with a printed reason, if nothing can be traced here.
pub(crate) fn can_not_trace(test: &str) -> bool {
    let obstacle = tracer::obstacle();
    if let Some(why) = &obstacle {
        eprintln!("skipped: {test}: {why}");
    }
    obstacle.is_some()
}

/// A way to make `d` like `s`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Way {
    pub(crate) verb: &'static str,
    pub(crate) options: &'static str,
    /// Files are written into, so that they may be torn.
    pub(crate) in_place: bool,
}

impl Way {
    pub(crate) const fn new(verb: &'static str, options: &'static str) -> Self {
        Self {
            verb,
            options,
            in_place: false,
        }
    }

    pub(crate) const fn in_place(verb: &'static str, options: &'static str) -> Self {
        Self {
            in_place: true,
            ..Self::new(verb, options)
        }
    }

    pub(crate) fn command(&self, place: &Place) -> std::process::Command {
        place.command(&format!(
            "{} -aHAX --delete {} s/ d",
            self.verb, self.options
        ))
    }
}

/// The kinds of calls of a run on its trees, and how often each is made.
pub(crate) fn counted(place: &Place, way: Way) -> BTreeMap<Key, u32> {
    let mut calls = BTreeMap::new();
    tree::restore(place);
    let end = tracer::run(&mut way.command(place), &place.path(""), &mut |call| {
        *calls.entry(Key::of(call)).or_insert(0) += 1;
        Verdict::Pass
    });
    let end = end.unwrap();
    assert_eq!(end.code, Some(0), "{}", end.stderr);
    calls
}

pub(crate) fn assert_all_went_well(test: &str, wrong: &[String]) {
    let (count, list) = (wrong.len(), wrong.join("\n"));
    assert!(wrong.is_empty(), "{test}: {count} went wrong:\n{list}");
}

/// Which process makes which call, and in which of the trees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) role: Role,
    pub(crate) call: &'static str,
    pub(crate) class: Class,
    pub(crate) is_source: bool,
}

impl Key {
    pub(crate) fn of(call: &Call) -> Self {
        Self {
            role: call.role,
            call: call.kind.name,
            class: call.kind.class,
            is_source: call.path.starts_with("s"),
        }
    }
}

/// What has to hold about a place before and after a run.
pub(crate) struct Expected {
    old: Tree,
    new: Tree,
    judged: Cell<u32>,
    undone: Cell<u32>,
    redone: Cell<u32>,
}

impl Expected {
    pub(crate) fn at(place: &Place) -> Self {
        Self {
            old: Tree::read(&place.path("old")),
            new: Tree::read(&place.path("s")),
            judged: Cell::new(0),
            undone: Cell::new(0),
            redone: Cell::new(0),
        }
    }

    /// How many runs were taken back wholly, and how many of these undos as well.
    pub(crate) fn undone(&self) -> String {
        format!("{} undone, {} redone", self.undone.get(), self.redone.get())
    }

    /// What holds after a run that failed somewhere, and that the next one puts all right; the
    /// error says what does not. True if the run claims to be a success.
    pub(crate) fn judge(&self, place: &Place, way: Way, end: &End) -> Result<bool, String> {
        let said = &end.stderr;
        if end.hung {
            return Err(format!("it hung: {said}"));
        }
        if said.contains("panicked") {
            return Err(format!("it panicked: {said}"));
        }
        let now = Tree::read(&place.path("d"));
        let lost = now.lost(&self.old, &self.new, way.in_place);
        if !lost.is_empty() {
            return Err(format!("{lost:#?}: {said}"));
        }
        let succeeded = end.code == Some(0);
        let differences = self.new.differences(&now);
        if succeeded && !differences.is_empty() {
            return Err(format!("it is no success: {differences:#?}: {said}"));
        }
        // Half of the runs are undone as they are, half with the next one.
        let number = self.judged.replace(self.judged.get() + 1);
        let (at_once, is_redone) = (number.is_multiple_of(2), (number / 2).is_multiple_of(2));
        if at_once {
            self.judge_undo(place, way, end, is_redone)
                .map_err(|what| format!("{what}, after: {said}"))?;
        }
        self.judge_next_run(place, way)
            .map_err(|what| format!("{what}, after: {said}"))?;
        if !at_once {
            self.judge_undo(place, way, end, is_redone)
                .map_err(|what| format!("{what}, after another run, after: {said}"))?;
        }
        Ok(succeeded)
    }

    /// Takes back all that is remembered: then the old tree is there again, unless the run said that
    /// it could not keep it. If these undos are undone as well, it is again as it was before them.
    fn judge_undo(
        &self,
        place: &Place,
        way: Way,
        end: &End,
        is_redone: bool,
    ) -> Result<(), String> {
        let is_kept = way.verb == "pull" && !way.options.contains("--no-undo");
        let gave_up = ["could not be kept", "can not be undone"];
        if !is_kept || gave_up.iter().any(|words| end.stderr.contains(words)) {
            return Ok(());
        }
        let before = Tree::read(&place.path("d"));
        undo_all(place, "pull", &self.old, end)?;
        self.undone.set(self.undone.get() + 1);
        if is_redone {
            undo_all(place, "undo", &before, end)?;
            self.redone.set(self.redone.get() + 1);
        }
        Ok(())
    }

    fn judge_next_run(&self, place: &Place, way: Way) -> Result<(), String> {
        // What a torn file has for a time and a length may be those of the new one.
        let checksum = if way.in_place { "--checksum" } else { "" };
        let next = Way::new(way.verb, checksum)
            .command(place)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&next.stderr);
        if !next.status.success() {
            return Err(format!("the next run failed: {said}"));
        }
        let now = Tree::read(&place.path("d"));
        let temporaries = now.temporaries();
        if !temporaries.is_empty() {
            return Err(format!("the next run left {temporaries:?}"));
        }
        let differences = self.new.differences(&now);
        if !differences.is_empty() {
            return Err(format!("the next run left differences: {differences:#?}"));
        }
        Ok(())
    }
}

/// Undoes every such run that was not yet, the newest first, and compares with what has to be there.
pub(crate) fn undo_all(place: &Place, command: &str, want: &Tree, end: &End) -> Result<(), String> {
    let mut runs = place.log();
    runs.retain(|run| run["command"] == command && run["undone_by"].is_null());
    for run in &runs {
        let id = run["id"].as_str().unwrap();
        let undo = place.command(&format!("undo {id}")).output().unwrap();
        if !undo.status.success() {
            let said = String::from_utf8_lossy(&undo.stderr);
            return Err(format!("the undo of a {command} failed: {said}"));
        }
    }
    let log = place.log();
    let is_told = |run: &Value| {
        log.iter()
            .any(|now| now["id"] == run["id"] && !now["undone_by"].is_null())
    };
    if !runs.iter().all(is_told) {
        return Err(format!("the log does not tell of an undo: {log:?}"));
    }
    let now = Tree::read(&place.path("d"));
    let differences = want.differences_but_for_leftovers(&now, end.killed);
    if differences.is_empty() {
        return Ok(());
    }
    Err(format!(
        "the undo of a {command} left differences: {differences:#?}"
    ))
}
