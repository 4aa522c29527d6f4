//! Removing whole trees.

use std::fs;
use std::os::unix::fs::symlink;

use rustix::fs::{Mode, OFlags, mkdirat, openat};

use super::{Place, name, set_mode};
use crate::path::RelPath;

fn removed(place: &Place, text: &str) -> Vec<String> {
    let mut removed = Vec::new();
    place
        .top()
        .remove_tree(&name(text), &mut |path, kind| {
            removed.push(format!("{} {path}", kind.letter()))
        })
        .unwrap();
    removed
}

/// Directories `d/d/d/…` below the tree's top, too deep for any path.
fn dig(place: &Place, depth: usize) {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut dir = openat(place.top().fd(), c".", flags, Mode::empty()).unwrap();
    for _ in 0..depth {
        mkdirat(&dir, c"d", Mode::RWXU).unwrap();
        dir = openat(&dir, c"d", flags, Mode::empty()).unwrap();
    }
}

#[test]
fn everything_below_goes_before_its_directory() {
    let place = Place::new();
    fs::create_dir_all(place.at("a/b/c")).unwrap();
    fs::write(place.at("a/file"), "").unwrap();
    fs::write(place.at("a/b/c/file"), "").unwrap();
    fs::write(place.at("other"), "").unwrap();
    let order = removed(&place, "a");
    assert_eq!(order.len(), 5);
    assert_eq!(order.last().unwrap(), "d a");
    for (index, line) in order.iter().enumerate() {
        let path = RelPath::new(&line.as_bytes()[2..]).unwrap();
        assert!(order[index + 1..].iter().all(|later| {
            !RelPath::new(&later.as_bytes()[2..])
                .unwrap()
                .starts_with(&path)
        }));
    }
    assert_eq!(place.names(), ["other"]);
}

#[test]
fn what_is_not_a_directory_is_removed_too() {
    let place = Place::new();
    fs::write(place.at("file"), "").unwrap();
    assert_eq!(removed(&place, "file"), ["f file"]);
    assert!(removed(&place, "file").is_empty(), "what is gone is gone");
}

#[test]
fn r8_links_are_removed_and_not_followed() {
    let place = Place::new();
    fs::create_dir(place.at("a")).unwrap();
    symlink(place.outside(), place.at("a/link")).unwrap();
    symlink(place.outside(), place.at("link")).unwrap();
    assert_eq!(removed(&place, "a"), ["L a/link", "d a"]);
    assert_eq!(removed(&place, "link"), ["L link"]);
    place.assert_outside_untouched();
}

#[test]
fn p14_a_tree_deeper_than_any_path_goes_without_stack_or_descriptors() {
    const DEPTH: usize = 20_000;
    let place = Place::new();
    dig(&place, DEPTH);
    let mut count = 0;
    std::thread::scope(|scope| {
        let small_stack = std::thread::Builder::new().stack_size(256 * 1024);
        let run = small_stack.spawn_scoped(scope, || {
            place
                .top()
                .remove_tree(&name("d"), &mut |_, _| count += 1)
                .unwrap();
        });
        run.unwrap().join().unwrap();
    });
    assert_eq!(count, DEPTH);
    assert!(place.names().is_empty());
}

#[test]
fn a_directory_of_more_names_than_one_read_gives_goes_completely() {
    let place = Place::new();
    let long = "x".repeat(200);
    fs::create_dir(place.at("wide")).unwrap();
    for number in 0..3000 {
        let at = place.at(&format!("wide/{number}{long}"));
        if number % 10 == 0 {
            fs::create_dir(at).unwrap()
        } else {
            fs::write(at, "").unwrap()
        }
    }
    assert_eq!(removed(&place, "wide").len(), 3001);
}

#[cfg(target_os = "linux")]
#[test]
fn directories_that_their_owner_may_not_write_to_go_too() {
    let place = Place::new();
    fs::create_dir_all(place.at("a/closed/sub")).unwrap();
    super::unprivileged(place.keep.path(), || {
        set_mode(&place.at("a/closed"), 0);
        set_mode(&place.at("a"), 0o500);
        assert_eq!(removed(&place, "a").len(), 3);
    });
}

#[cfg(target_os = "linux")]
#[test]
fn m7_what_can_not_be_removed_stays_and_is_named_and_the_rest_goes() {
    if !crate::root::is_superuser() {
        return;
    }
    let place = Place::new();
    // Deeper than directories are kept open, with one foreign file below and one halfway.
    let deep = format!("a/{}", "d/".repeat(100));
    let halfway = format!("a/{}", "d/".repeat(50));
    fs::create_dir_all(place.at(&deep)).unwrap();
    fs::create_dir(place.at("a/empty")).unwrap();
    super::unprivileged(place.keep.path(), || {});
    for foreign in [&deep, &halfway] {
        fs::create_dir(place.at(&format!("{foreign}/foreign"))).unwrap();
        fs::write(place.at(&format!("{foreign}/foreign/file")), "").unwrap();
        fs::write(place.at(&format!("{foreign}/own")), "").unwrap();
    }
    super::unprivileged(&place.outside(), || {
        let mut gone = Vec::new();
        let error = place
            .top()
            .remove_tree(&name("a"), &mut |path, _| gone.push(path.to_string()))
            .unwrap_err();
        assert!(error.to_string().ends_with("foreign/file"), "{error}");
        assert!(gone.contains(&format!("{deep}own")));
        assert!(gone.contains(&format!("{halfway}own")));
        assert!(!gone.contains(&"a".to_owned()));
    });
    assert!(place.at(&format!("{deep}foreign/file")).exists());
    assert!(place.at(&format!("{halfway}foreign/file")).exists());
}
