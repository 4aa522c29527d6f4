//! Names and paths.

use rsync_core::options::Options;
use rsync_core::path::RelPath;
use rsync_core::wire::message::*;

use crate::common::{deleting, write};
use crate::hostile::{Place, dir, excluding, file, id, link, pull, pull_from, pull_path, raw};

#[test]
fn p1_names_that_climb_or_are_absolute_are_no_names() {
    for name in ["..", "./", "/x", "x/", ".\0", "\0x"] {
        let place = Place::new();
        let listing = |name: &str| Listing {
            dir: DirId(0),
            path: RelPath::root(),
            entries: vec![file(name)],
            more: false,
            complete: true,
            content_follows: false,
        };
        let source = Source {
            root: dir("src"),
            incarnation: [1; 16],
            only_one: false,
        };
        let mut messages = raw::encode(&[
            FromSender::Source(source),
            FromSender::Listing(listing("zz")),
        ]);
        raw::patch(&mut messages, b"zz", name.as_bytes());
        let bytes = [raw::greeting(), raw::frame(&messages)].concat();
        let error = pull_from(&place, "/src/", &Options::default(), |there| {
            raw::say(there, bytes);
        });
        assert!(error.error().contains("malformed message"), "{name:?}");
        place.assert_untouched();
    }
}

#[test]
fn p1_the_path_of_a_listing_can_not_climb_either() {
    for path in ["../", "..", "/xx", "x//"] {
        let place = Place::new();
        let filler = "z".repeat(path.len());
        let listing = Listing {
            dir: DirId(0),
            path: RelPath::new(filler.as_bytes()).unwrap(),
            entries: vec![file("canary")],
            more: false,
            complete: true,
            content_follows: false,
        };
        let source = Source {
            root: dir("src"),
            incarnation: [1; 16],
            only_one: false,
        };
        let mut messages = raw::encode(&[FromSender::Source(source), FromSender::Listing(listing)]);
        raw::patch(&mut messages, filler.as_bytes(), path.as_bytes());
        let bytes = [raw::greeting(), raw::frame(&messages)].concat();
        let error = pull_from(&place, "/src/", &Options::default(), |there| {
            raw::say(there, bytes);
        });
        assert!(error.error().contains("malformed message"), "{path:?}");
        place.assert_untouched();
    }
}

#[test]
fn p2_symlink_then_file_through_it() {
    let place = Place::new();
    let outcome = pull(&place, &Options::default(), |sender| {
        sender.open()?;
        sender.list("", vec![link("l", "../outside")])?;
        sender.list("l", vec![file("canary"), file("planted")])?;
        sender.finish()
    });
    assert!(outcome.told("Refused"), "{outcome:?}");
    assert_eq!(outcome.report().receipt.refused, 2);
    place.assert_outside_is_untouched();
    assert_eq!(place.read("d/old"), "precious");
}

#[test]
fn p3_links_in_two_steps_lead_nowhere() {
    let place = Place::new();
    let outcome = pull(&place, &Options::default(), |sender| {
        sender.open()?;
        sender.list("", vec![link("a", "."), dir("b")])?;
        sender.list("b", vec![link("c", "../../outside")])?;
        sender.list("a/b/c", vec![file("canary")])?;
        sender.finish()
    });
    outcome.assert_no_success();
    place.assert_outside_is_untouched();
}

#[test]
fn p4_a_link_planted_by_an_earlier_run_is_replaced_and_not_followed() {
    let place = Place::new();
    let first = pull(&place, &Options::default(), |sender| {
        sender.open()?;
        sender.list("", vec![link("l", "../outside")])?;
        sender.finish()
    });
    assert!(first.report().receipt.is_complete());
    let second = pull(&place, &Options::default(), |sender| {
        sender.open()?;
        sender.list("", vec![dir("l")])?;
        sender.list("l", vec![file("canary")])?;
        sender.finish()
    });
    assert!(second.report().receipt.is_complete());
    place.assert_outside_is_untouched();
    assert!(place.path("d/l").symlink_metadata().unwrap().is_dir());
    assert_eq!(place.read("d/l/canary"), "evil");
}

#[test]
fn p5_a_link_of_the_users_own_is_not_followed_by_a_listing_that_pretends_it_is_a_directory() {
    let mut place = Place::new();
    std::os::unix::fs::symlink("../outside", place.path("d/mine")).unwrap();
    place.remember();
    let outcome = pull(&place, &deleting(), |sender| {
        sender.open()?;
        sender.list("mine", vec![file("canary")])?;
        sender.finish()
    });
    outcome.assert_no_success();
    place.assert_untouched();
}

#[test]
fn p6_a_sender_asked_for_one_entry_can_not_give_others() {
    for (root, only_one, listed) in [
        (file("wanted"), true, vec![file("old"), file("wanted")]),
        (file("wanted"), true, vec![file("planted")]),
        (file("old"), true, vec![file("old")]),
        (dir("src"), false, vec![file("old"), file("wanted")]),
    ] {
        let place = Place::new();
        let outcome = pull_path(&place, "/src/wanted", &Options::default(), move |sender| {
            sender.announce(root, only_one)?;
            sender.list("", listed)?;
            sender.finish()
        });
        assert_eq!(
            outcome.result.map_err(|error| error.code()).unwrap_err(),
            12
        );
        place.assert_untouched();
    }
}

#[test]
fn p6_a_sender_asked_for_one_directory_can_not_list_another() {
    let place = Place::new();
    let outcome = pull_path(&place, "/src/wanted", &Options::default(), |sender| {
        sender.announce(dir("wanted"), true)?;
        sender.list("", vec![dir("wanted")])?;
        sender.list("below", vec![file("old")])?;
        sender.finish()
    });
    outcome.assert_no_success();
    assert_eq!(place.read("d/below/old"), "precious");
    place.assert_outside_is_untouched();
}

#[test]
fn p6_a_sender_asked_for_content_can_not_turn_it_into_one_entry() {
    let place = Place::new();
    let outcome = pull(&place, &Options::default(), |sender| {
        sender.announce(file("old"), true)?;
        sender.list("", vec![file("old")])?;
        sender.finish()
    });
    outcome.error();
    place.assert_untouched();
}

#[test]
fn p6_what_the_client_excludes_is_refused() {
    let place = Place::new();
    let outcome = pull(&place, &excluding("old"), |sender| {
        sender.open()?;
        let root = sender.list("", vec![dir("below"), file("fine"), file("old")])?;
        sender.file(id(root, 1), b"evil")?;
        sender.list("below", vec![file("old")])?;
        sender.finish()
    });
    assert!(outcome.told("the request excludes it"), "{outcome:?}");
    let receipt = outcome.report().receipt;
    assert_eq!(
        (receipt.refused, receipt.transferred),
        (2, 2),
        "{receipt:?}"
    );
    assert_eq!(place.read("d/old"), "precious");
    assert_eq!(place.read("d/below/old"), "precious");
    assert_eq!(place.read("d/fine"), "evil");
}

#[test]
fn p6_a_directory_that_the_client_excludes_can_not_be_listed_around_its_parent() {
    let place = Place::new();
    for parent_is_listed in [false, true] {
        let outcome = pull(&place, &excluding("below/"), move |sender| {
            sender.open()?;
            if parent_is_listed {
                sender.list("", vec![dir("below")])?;
            }
            sender.list("below", vec![file("old"), file("planted")])?;
            sender.finish()
        });
        outcome.assert_no_success();
        place.assert_untouched();
    }
}

#[test]
fn p7_a_directory_that_its_parent_does_not_hold_can_not_be_listed() {
    for (path, entries) in [("below", Vec::new()), ("new/below", vec![file("planted")])] {
        let place = Place::new();
        let outcome = pull(&place, &deleting(), move |sender| {
            sender.open()?;
            sender.list("", vec![file("old")])?;
            sender.list(path, entries)?;
            sender.finish()
        });
        outcome.assert_no_success();
        place.assert_no_temporaries();
        assert_eq!(place.read("d/below/old"), "precious");
        assert!(!place.exists("d/new"));
    }
}

#[test]
fn p7_a_directory_listed_twice_deletes_nothing() {
    for path in ["", "below"] {
        let place = Place::new();
        let outcome = pull(&place, &deleting(), move |sender| {
            sender.open()?;
            sender.list("", vec![dir("below"), file("old")])?;
            sender.list("below", vec![file("old")])?;
            sender.list(path, Vec::new())?;
            sender.finish()
        });
        outcome.error();
        assert!(
            place.exists("d/old") && place.exists("d/below/old"),
            "{path:?}"
        );
    }
}

#[test]
fn an_entry_with_the_name_of_a_temporary_is_refused() {
    let mut place = Place::new();
    write(place.path("d/.ksyncd.0123456789abcdef.tmp"), b"left over");
    place.remember();
    let outcome = pull(&place, &Options::default(), |sender| {
        sender.open()?;
        let names = [
            ".ksyncd.0000000000000000.tmp",
            ".ksyncd.0123456789abcdef.tmp",
        ];
        sender.list("", names.map(file).to_vec())?;
        sender.finish()
    });
    assert_eq!(outcome.report().receipt.refused, 2);
    place.assert_no_temporaries();
}

#[test]
fn p6_what_the_client_excludes_is_safe_although_it_may_be_deleted() {
    let place = Place::new();
    let mut options = excluding("below/");
    options.delete = deleting().delete;
    options.delete.excluded = true;
    let outcome = pull(&place, &options, |sender| {
        sender.open()?;
        sender.list("below", vec![file("old"), file("planted")])?;
        sender.finish()
    });
    outcome.assert_no_success();
    place.assert_untouched();
}

#[test]
fn p9_a_new_name_that_is_taken_after_all_replaces_nothing() {
    // On a file system that takes `README` and `readme` for one name the second of them finds the
    // first in its place, as here what the user makes while the run goes on.
    let place = Place::new();
    let mine = place.path("d/file");
    let outcome = pull(&place, &Options::default(), move |sender| {
        sender.open()?;
        sender.list("", vec![file("file"), file("other")])?;
        sender.listed()?;
        let mut first = true;
        sender.serve(move |sender, id, _| {
            if std::mem::take(&mut first) {
                write(&mine, b"mine");
            }
            sender.file(id, b"evil")
        })
    });
    assert!(outcome.told("NameCollision"), "{outcome:?}");
    let receipt = outcome.report().receipt;
    assert_eq!(
        (receipt.refused, receipt.transferred),
        (1, 1),
        "{receipt:?}"
    );
    assert_eq!(place.read("d/file"), "mine");
    place.assert_no_temporaries();
}
