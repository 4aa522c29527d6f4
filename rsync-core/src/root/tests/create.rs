//! Links and special files.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};

use super::{Place, kind_at, mode_of, name, target};
use crate::entry::{Kind, Timestamp};
use crate::root::{Detail, Metadata};

fn dated(seconds: i64) -> Metadata {
    Metadata {
        mtime: Some(Timestamp::new(seconds, 0)),
        ..Metadata::default()
    }
}

#[test]
fn a_link_takes_the_place_of_a_file_or_another_link() {
    let place = Place::new();
    fs::write(place.at("file"), "old").unwrap();
    symlink(place.outside().join("secret"), place.at("link")).unwrap();
    let to = target(&place.outside());
    for old in ["file", "link"] {
        place
            .top()
            .stage_symlink(&to, &dated(7))
            .unwrap()
            .commit(place.top(), &name(old))
            .unwrap();
        let entry = place
            .top()
            .entry(&name(old), &Detail::default())
            .unwrap()
            .unwrap();
        assert_eq!(entry.kind, Kind::Symlink { target: to.clone() });
        assert_eq!(entry.mtime, Timestamp::new(7, 0));
    }
    assert_eq!(place.names(), ["file", "link"]);
    place.assert_outside_untouched();
}

#[test]
fn a_directory_is_not_replaced_and_no_temporary_stays() {
    let place = Place::new();
    fs::create_dir(place.at("dir")).unwrap();
    fs::write(place.at("file"), "").unwrap();
    let to = target(&place.outside());
    assert!(
        place
            .top()
            .stage_symlink(&to, &dated(7))
            .unwrap()
            .commit(place.top(), &name("dir"))
            .is_err()
    );
    assert!(
        place
            .top()
            .stage_node(&Kind::Fifo, &dated(7))
            .unwrap()
            .commit(place.top(), &name("dir"))
            .is_err()
    );
    assert!(
        place
            .top()
            .stage_hard_link(&name("file"), place.top(), &name("dir"))
            .is_err()
    );
    drop(place.top().stage_symlink(&to, &dated(7)).unwrap());
    assert_eq!(place.names(), ["dir", "file"]);
}

#[test]
fn a_special_file_has_its_metadata_when_it_appears() {
    let place = Place::new();
    let metadata = Metadata {
        mode: Some(0o666),
        ..dated(9)
    };
    place
        .top()
        .stage_node(&Kind::Fifo, &metadata)
        .unwrap()
        .commit(place.top(), &name("pipe"))
        .unwrap();
    assert_eq!(kind_at(place.top(), "pipe"), Some(Kind::Fifo));
    assert_eq!(mode_of(&place.at("pipe")), 0o666);
    assert_eq!(fs::symlink_metadata(place.at("pipe")).unwrap().mtime(), 9);
}

#[test]
fn only_special_kinds_are_special_files() {
    let place = Place::new();
    for kind in [
        Kind::Dir,
        Kind::File { size: 0 },
        Kind::Symlink {
            target: target(&place.outside()),
        },
    ] {
        assert!(place.top().create_node(&name("x"), &kind, 0o600).is_err());
        assert!(place.top().stage_node(&kind, &Metadata::default()).is_err());
    }
    assert!(place.names().is_empty());
}

#[test]
fn a_hard_link_replaces_a_file_and_leaves_no_temporary_even_if_it_was_one_already() {
    let place = Place::new();
    fs::create_dir(place.at("dir")).unwrap();
    fs::write(place.at("a"), "a").unwrap();
    fs::write(place.at("dir/b"), "b").unwrap();
    let dir = place.top().open_dir(&name("dir")).unwrap();
    for _ in 0..2 {
        place
            .top()
            .stage_hard_link(&name("a"), &dir, &name("b"))
            .unwrap();
        assert_eq!(fs::read(place.at("dir/b")).unwrap(), b"a");
        assert_eq!(fs::metadata(place.at("a")).unwrap().nlink(), 2);
        assert_eq!(dir.list(&Detail::default()).unwrap().entries.len(), 1);
    }
    assert!(
        place
            .top()
            .create_hard_link(&name("a"), &dir, &name("b"))
            .unwrap_err()
            .is_already_there()
    );
    place
        .top()
        .create_hard_link(&name("a"), &dir, &name("c"))
        .unwrap();
    assert_eq!(fs::metadata(place.at("a")).unwrap().nlink(), 3);
}

#[test]
fn m4_a_hard_link_of_a_link_is_the_link() {
    let place = Place::new();
    symlink(place.outside().join("secret"), place.at("link")).unwrap();
    place
        .top()
        .create_hard_link(&name("link"), place.top(), &name("other"))
        .unwrap();
    assert!(matches!(
        kind_at(place.top(), "other"),
        Some(Kind::Symlink { .. })
    ));
    assert_eq!(
        fs::metadata(place.outside().join("secret"))
            .unwrap()
            .nlink(),
        1
    );
}

#[test]
fn p2_nothing_is_created_through_a_link() {
    let place = Place::new();
    symlink(place.outside(), place.at("link")).unwrap();
    assert!(place.top().open_dir(&name("link")).is_err());
    let to = target(&place.outside());
    assert!(
        place
            .top()
            .create_symlink(&name("link"), &to)
            .unwrap_err()
            .is_already_there()
    );
    assert!(
        place
            .top()
            .create_node(&name("link"), &Kind::Fifo, 0o600)
            .unwrap_err()
            .is_already_there()
    );
    place.assert_outside_untouched();
}
