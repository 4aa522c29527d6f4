//! The fast resolver, the portable one and cap-std, held against each other.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;

use proptest::prelude::*;

use super::{Place, name, path};
use crate::path::RelPath;
use crate::root::resolve::open_by_steps;
use crate::root::stat::{Identity, Stat};

#[test]
fn p3_no_component_of_a_path_may_be_a_link() {
    let place = Place::new();
    fs::create_dir_all(place.at("a/b")).unwrap();
    symlink(".", place.at("self")).unwrap();
    symlink("..", place.at("a/up")).unwrap();
    symlink(place.outside(), place.at("a/out")).unwrap();
    symlink("b", place.at("a/link")).unwrap();
    assert!(place.top().open_beneath(&path("a/b")).is_ok());
    for bad in [
        "self",
        "self/a",
        "a/up",
        "a/up/a",
        "a/out",
        "a/link",
        "self/a/up",
    ] {
        assert!(
            place
                .top()
                .open_beneath(&path(bad))
                .unwrap_err()
                .is_not_a_directory(),
            "{bad}"
        );
        assert!(
            open_by_steps(place.top().fd(), &path(bad)).is_err(),
            "{bad}"
        );
    }
    assert!(
        place
            .top()
            .open_dir(&name("self"))
            .unwrap_err()
            .is_not_a_directory()
    );
}

#[test]
fn a_held_directory_knows_its_path_below_the_root() {
    let place = Place::new();
    fs::create_dir_all(place.at("a/b/c")).unwrap();
    let a = place.top().open_dir(&name("a")).unwrap();
    assert_eq!(a.open_beneath(&path("b/c")).unwrap().path(), &path("a/b/c"));
    assert_eq!(a.open_beneath(&RelPath::root()).unwrap().path(), &path("a"));
    assert_eq!(
        a.try_clone().unwrap().identity().unwrap(),
        a.identity().unwrap()
    );
}

#[test]
fn a_file_on_the_way_is_not_a_directory() {
    let place = Place::new();
    fs::write(place.at("file"), "").unwrap();
    assert!(
        place
            .top()
            .open_beneath(&path("file/x"))
            .unwrap_err()
            .is_not_a_directory()
    );
    assert!(
        place
            .top()
            .open_beneath(&path("none/x"))
            .unwrap_err()
            .is_not_found()
    );
}

/// One entry of a random tree.
#[derive(Debug, Clone)]
enum Make {
    Dir,
    File,
    Link(String),
}

fn trees() -> impl Strategy<Value = Vec<(String, Make)>> {
    let paths = prop::collection::vec("[abc]", 1..4).prop_map(|parts| parts.join("/"));
    let targets = prop::collection::vec(
        prop_oneof!["[abc]", Just("..".to_owned()), Just(".".to_owned())],
        1..4,
    );
    let makes = prop_oneof![
        3 => Just(Make::Dir),
        1 => Just(Make::File),
        2 => (targets, any::<bool>()).prop_map(|(parts, absolute)| {
            Make::Link(format!("{}{}", if absolute { "/" } else { "" }, parts.join("/")))
        }),
    ];
    prop::collection::vec((paths, makes), 1..12)
}

fn make(place: &Place, tree: &[(String, Make)]) {
    for (path, make) in tree {
        let at = place.at(path);
        // What can not be made because of what is there already is left out.
        let _ = match make {
            Make::Dir if !passes_a_link(place, path) => fs::create_dir_all(at),
            Make::File if !passes_a_link(place, path) => fs::write(at, path),
            Make::Link(to) if !passes_a_link(place, path) => symlink(to, at),
            _ => Ok(()),
        };
    }
}

fn passes_a_link(place: &Place, path: &str) -> bool {
    let mut at = String::new();
    path.split('/').any(|part| {
        at = if at.is_empty() {
            part.to_owned()
        } else {
            format!("{at}/{part}")
        };
        fs::symlink_metadata(place.at(&at)).is_ok_and(|found| found.is_symlink())
    })
}

fn identity_at(path: &Path) -> Identity {
    let found = fs::metadata(path).unwrap();
    Identity {
        device: found.dev(),
        inode: found.ino(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn all_ways_down_a_tree_agree(
        tree in trees(),
        asked in prop::collection::vec(prop::collection::vec("[abc]", 1..5), 1..12),
    ) {
        let place = Place::new();
        make(&place, &tree);
        let oracle = cap_std::fs::Dir::open_ambient_dir(place.at(""), cap_std::ambient_authority()).unwrap();
        for asked in asked {
            let asked = asked.join("/");
            let fast = place.top().open_beneath(&path(&asked)).map(|dir| dir.identity().unwrap());
            let steps = open_by_steps(place.top().fd(), &path(&asked)).map(|fd| Stat::of(fd).unwrap().identity);
            // cap-std follows links that stay beneath; here no link is followed.
            let theirs = oracle.open_dir(&asked).is_ok();
            if theirs && !passes_a_link(&place, &asked) {
                let there = identity_at(&place.at(&asked));
                prop_assert_eq!(fast.unwrap(), there, "{}", asked);
                prop_assert_eq!(steps.unwrap(), there, "{}", asked);
            } else {
                prop_assert!(fast.is_err(), "{}", asked);
                prop_assert!(steps.is_err(), "{}", asked);
            }
        }
    }
}

#[test]
fn r1_a_link_that_took_a_directorys_place_is_not_opened_as_one() {
    let place = Place::new();
    symlink(place.outside(), place.at("dir")).unwrap();
    let error = place.top().open_dir(&name("dir")).unwrap_err();
    assert!(error.is_not_a_directory(), "{error}");
}
