//! The root, renaming and removing.

use std::fs;
use std::os::unix::fs::symlink;

use super::{Place, name, path};
use crate::root::Root;
use crate::root::rename::{rename_to_claimed, rename_without_flag};

#[test]
fn the_root_itself_may_be_a_link() {
    let place = Place::new();
    let link = place.keep.path().join("link");
    symlink("tree", &link).unwrap();
    let root = Root::open(&link).unwrap();
    assert_eq!(root.identity().unwrap(), place.root.identity().unwrap());
    assert_eq!(root.path(), link);
}

#[test]
fn a_root_is_created_only_if_its_parent_is_there() {
    let place = Place::new();
    let root = Root::open_or_create(&place.at("new"), 0o700).unwrap();
    assert_eq!(
        root.identity().unwrap(),
        Root::open_or_create(&place.at("new"), 0o700)
            .unwrap()
            .identity()
            .unwrap()
    );
    assert!(
        Root::open_or_create(&place.at("no/parent"), 0o700)
            .unwrap_err()
            .is_not_found()
    );
}

#[test]
fn a_root_must_be_a_directory() {
    let place = Place::new();
    fs::write(place.at("file"), "").unwrap();
    let error = Root::open(&place.at("file")).unwrap_err();
    assert!(error.is_not_a_directory());
    assert!(error.to_string().contains("file"), "{error}");
}

#[test]
fn r5_a_root_that_is_replaced_by_a_link_stays_the_directory_it_was() {
    let place = Place::new();
    fs::rename(place.at(""), place.keep.path().join("moved")).unwrap();
    symlink("outside", place.keep.path().join("tree")).unwrap();
    place
        .top()
        .stage()
        .unwrap()
        .commit(place.top(), &name("file"))
        .unwrap();
    place.assert_outside_untouched();
    assert!(place.keep.path().join("moved/file").exists());
}

#[test]
fn a_rename_replaces_and_a_careful_rename_does_not() {
    let place = Place::new();
    for careful in [false, true] {
        fs::create_dir_all(place.at("to")).unwrap();
        fs::write(place.at("from"), "new").unwrap();
        fs::write(place.at("to/file"), "old").unwrap();
        let to = place.top().open_dir(&name("to")).unwrap();
        if careful {
            let error = place
                .top()
                .rename_no_replace(&name("from"), &to, &name("file"))
                .unwrap_err();
            assert!(error.is_already_there());
            place
                .top()
                .rename_no_replace(&name("from"), &to, &name("other"))
                .unwrap();
            assert_eq!(fs::read(place.at("to/file")).unwrap(), b"old");
            assert_eq!(fs::read(place.at("to/other")).unwrap(), b"new");
        } else {
            place
                .top()
                .rename(&name("from"), &to, &name("file"))
                .unwrap();
            assert_eq!(fs::read(place.at("to/file")).unwrap(), b"new");
        }
        assert!(!place.at("from").exists());
    }
}

#[test]
fn a_careful_rename_needs_no_help_from_the_kernel() {
    let place = Place::new();
    let top = place.top();
    fs::write(place.at("file"), "file").unwrap();
    fs::create_dir(place.at("dir")).unwrap();
    symlink("../outside", place.at("link")).unwrap();
    let kinds = ["file", "dir", "link"];
    for (from, there) in kinds
        .iter()
        .flat_map(|from| kinds.map(|there| (from, there)))
    {
        let refused = rename_without_flag(top, from.as_bytes(), top, there.as_bytes());
        assert_eq!(
            refused.unwrap_err(),
            rustix::io::Errno::EXIST,
            "{from} to {there}"
        );
    }
    for from in kinds {
        let moved = format!("moved {from}");
        rename_without_flag(top, from.as_bytes(), top, moved.as_bytes()).unwrap();
    }
    assert_eq!(place.names(), ["moved dir", "moved file", "moved link"]);
    place.assert_outside_untouched();
}

#[test]
fn a_careful_rename_needs_no_hard_links() {
    let place = Place::new();
    let top = place.top();
    fs::write(place.at("file"), "file").unwrap();
    fs::create_dir(place.at("dir")).unwrap();
    symlink("../outside", place.at("link")).unwrap();
    for from in ["file", "link"] {
        for there in ["file", "dir", "link"] {
            let refused = rename_to_claimed(top, from.as_bytes(), top, there.as_bytes());
            let refused = refused.unwrap_err();
            assert_eq!(refused, rustix::io::Errno::EXIST, "{from} to {there}");
        }
    }
    for from in ["file", "link"] {
        let moved = format!("moved {from}");
        rename_to_claimed(top, from.as_bytes(), top, moved.as_bytes()).unwrap();
    }
    let failed = rename_to_claimed(top, b"nothing", top, b"new").unwrap_err();
    assert_eq!(failed, rustix::io::Errno::NOENT);
    assert_eq!(place.names(), ["dir", "moved file", "moved link"]);
    assert_eq!(fs::read(place.at("moved file")).unwrap(), b"file");
    place.assert_outside_untouched();
}

#[test]
fn removing_a_link_leaves_what_it_points_to() {
    let place = Place::new();
    symlink(place.outside(), place.at("link")).unwrap();
    assert!(place.top().remove_dir(&name("link")).is_err());
    place.top().remove_file(&name("link")).unwrap();
    assert!(place.names().is_empty());
    place.assert_outside_untouched();
}

#[test]
fn errors_name_the_operation_and_the_whole_path() {
    let place = Place::new();
    fs::create_dir_all(place.at("a/b")).unwrap();
    let dir = place
        .top()
        .open_beneath(&path("a"))
        .unwrap()
        .open_dir(&name("b"))
        .unwrap();
    let error = dir.remove_file(&name("c\u{1b}")).unwrap_err();
    assert_eq!(error.to_string(), "cannot remove a/b/c\\#033");
    assert!(error.is_not_found());
    assert!(error.code() > 0);
}

#[test]
fn a_file_system_tells_its_room_and_can_be_flushed() {
    let place = Place::new();
    assert!(place.top().free_space().unwrap().bytes > 0);
    place.top().sync().unwrap();
}
