//! Trees that nobody made for these tests.

use std::path::Path;

use crate::judge::{JUDGES, assert_identical, copy};
use crate::place::{Place, all_places, is_asked_for_everything, lacks_root_or, skipped};
use crate::stale::make_stale;

/// The home of what cargo downloads, below the home directory.
const REGISTRY: &str = ".cargo/registry";

#[test]
fn the_libraries_of_an_interpreter_arrive_and_are_brought_up_to_date() {
    if lacks_root_or(&JUDGES) {
        return;
    }
    let libraries = std::fs::read_dir("/usr/lib").unwrap().flatten();
    let python = libraries
        .map(|entry| entry.path())
        .filter(|path| path.to_string_lossy().contains("python3"))
        .max_by_key(|path| path.as_os_str().len());
    match python {
        Some(tree) => prove(&tree, 5),
        None => skipped("there is no /usr/lib/python3*"),
    }
}

#[test]
fn everything_that_is_installed_arrives_and_is_brought_up_to_date() {
    if !is_too_much() {
        prove(Path::new("/usr/share"), 2);
    }
}

#[test]
fn the_sources_of_other_projects_arrive_and_are_brought_up_to_date() {
    if is_too_much() {
        return;
    }
    let home = std::env::var_os("HOME").unwrap_or_default();
    let tree = Path::new(&home).join(REGISTRY);
    if tree.is_dir() {
        prove(&tree, 2);
    } else {
        skipped("there is no ~/.cargo/registry");
    }
}

/// True, with a printed reason, if what takes minutes is not to be run.
fn is_too_much() -> bool {
    let asked = is_asked_for_everything();
    if !asked {
        skipped("takes minutes; KSYNCD_TEST_EVERYTHING=1 runs it");
    }
    !asked || lacks_root_or(&JUDGES)
}

/// Brings a copy of a tree into an empty destination, and into ones where so many percent of the
/// entries are stale.
fn prove(tree: &Path, percent: u64) {
    for (place, seed) in all_places().zip(100..) {
        std::fs::remove_dir(place.source()).unwrap();
        copy(tree, &place.source());
        bring_up_to_date(&place);
        make_stale(&place.dest(), seed, percent);
        bring_up_to_date(&place);
    }
}

fn bring_up_to_date(place: &Place) {
    place.sync(crate::awkward::EVERYTHING).done();
    assert_identical(place);
    crate::awkward::assert_next_run_touches_nothing(place);
}
