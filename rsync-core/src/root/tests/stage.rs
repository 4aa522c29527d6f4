//! Files on their way into place.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;

use super::{Place, mode_of, name, target};
use crate::entry::Timestamp;
use crate::root::{Metadata, XattrChange, is_temporary_name};

#[test]
fn a_staged_file_leaves_nothing_when_it_is_dropped() {
    let place = Place::new();
    let mut staged = place.top().stage().unwrap();
    staged.write_all(b"half").unwrap();
    assert_eq!(place.names().len(), 1);
    assert!(is_temporary_name(place.names()[0].as_bytes()));
    drop(staged);
    assert!(place.names().is_empty());

    drop(place.top().create_new_file(&name("new")).unwrap());
    place.top().stage().unwrap().discard().unwrap();
    assert!(place.names().is_empty());
}

#[test]
fn a_commit_that_fails_leaves_nothing_either() {
    let place = Place::new();
    fs::create_dir_all(place.at("dir/full")).unwrap();
    assert!(
        place
            .top()
            .stage()
            .unwrap()
            .commit(place.top(), &name("dir"))
            .is_err()
    );
    assert_eq!(place.names(), ["dir"]);
}

#[test]
fn m8_a_file_that_is_known_has_its_mode_at_once_where_that_shows_it_to_nobody_else() {
    let place = Place::new();
    let with_mode = |mode| Metadata {
        mode: Some(mode),
        mtime: Some(Timestamp::new(7, 0)),
        ..Metadata::default()
    };
    let own = fs::metadata(place.at("")).unwrap();
    let to_own = Metadata {
        uid: Some(own.uid()),
        gid: Some(own.gid()),
        ..with_mode(0o640)
    };
    let with_attributes = Metadata {
        xattrs: Some(XattrChange::default()),
        ..with_mode(0o644)
    };
    let cases = [
        (to_own, 0o640),
        (with_mode(0o444), 0o444),
        (with_mode(0o4755), 0o600),
        (with_attributes, 0o600),
        (Metadata::default(), 0o600),
    ];
    for (metadata, expected) in cases {
        let mut staged = place.top().stage_for(&metadata).unwrap();
        let temporary = place.at(&place.names()[0]);
        assert_eq!(mode_of(&temporary), expected, "{metadata:?}");
        staged.write_all(b"new").unwrap();
        staged.set_metadata(&metadata).unwrap();
        staged.commit(place.top(), &name("file")).unwrap();
        let wanted = metadata.mode.unwrap_or(0o600);
        assert_eq!(mode_of(&place.at("file")), wanted, "{metadata:?}");
        if let Some(mtime) = metadata.mtime {
            assert_eq!(
                fs::metadata(place.at("file")).unwrap().mtime(),
                mtime.secs()
            );
        }
        fs::remove_file(place.at("file")).unwrap();
    }
}

#[test]
fn m8_a_file_that_will_be_another_users_is_private_until_it_is_theirs() {
    if !crate::root::is_superuser() {
        return;
    }
    let place = Place::new();
    for (uid, gid) in [
        (Some(1234), None),
        (None, Some(4321)),
        (Some(1234), Some(0)),
    ] {
        let metadata = Metadata {
            mode: Some(0o664),
            uid,
            gid,
            ..Metadata::default()
        };
        let mut staged = place.top().stage_for(&metadata).unwrap();
        let temporary = place.at(&place.names()[0]);
        assert_eq!(mode_of(&temporary), 0o600, "{metadata:?}");
        staged.write_all(b"new").unwrap();
        staged.set_metadata(&metadata).unwrap();
        let found = fs::metadata(&temporary).unwrap();
        assert_eq!(mode_of(&temporary), 0o664);
        assert_eq!(
            (found.uid(), found.gid()),
            (uid.unwrap_or(0), gid.unwrap_or(0))
        );
    }
}

#[test]
fn m8_a_file_is_private_until_it_is_complete_and_then_has_its_metadata_at_once() {
    let place = Place::new();
    fs::write(place.at("file"), "old").unwrap();
    let mut staged = place.top().stage().unwrap();
    let temporary = place.at(&place.names()[0]);
    assert_eq!(mode_of(&temporary), 0o600);
    staged.write_all(b"new").unwrap();
    let mtime = Timestamp::new(1_000_000_000, 123_456_789);
    staged
        .set_metadata(&Metadata {
            mode: Some(0o444),
            mtime: Some(mtime),
            ..Metadata::default()
        })
        .unwrap();
    assert_eq!(fs::read(place.at("file")).unwrap(), b"old");
    let stamp = staged.stamp().unwrap();
    staged.commit(place.top(), &name("file")).unwrap();
    let found = fs::metadata(place.at("file")).unwrap();
    assert_eq!(
        (found.ino(), found.mtime(), found.mtime_nsec()),
        (stamp.identity.inode, 1_000_000_000, 123_456_789)
    );
    assert_eq!((mode_of(&place.at("file")), found.len()), (0o444, 3));
    assert_eq!(place.names(), ["file"]);
}

#[test]
fn p5_a_link_in_the_way_is_replaced_and_not_written_through() {
    let place = Place::new();
    symlink(place.outside().join("secret"), place.at("file")).unwrap();
    let mut staged = place.top().stage().unwrap();
    staged.write_all(b"new").unwrap();
    staged.commit(place.top(), &name("file")).unwrap();
    assert!(!fs::symlink_metadata(place.at("file")).unwrap().is_symlink());
    assert_eq!(fs::read(place.at("file")).unwrap(), b"new");
    place.assert_outside_untouched();
}

#[test]
fn p4_a_planted_link_is_not_created_or_updated_through() {
    let place = Place::new();
    symlink(place.outside().join("secret"), place.at("link")).unwrap();
    symlink(place.outside().join("planted"), place.at("dangling")).unwrap();
    for link in ["link", "dangling"] {
        assert!(
            place
                .top()
                .create_new_file(&name(link))
                .unwrap_err()
                .is_already_there()
        );
        assert!(
            place
                .top()
                .open_in_place(&name(link))
                .unwrap_err()
                .is_not_a_file()
        );
        assert!(
            place
                .top()
                .create_dir(&name(link), 0o700)
                .unwrap_err()
                .is_already_there()
        );
    }
    place.assert_outside_untouched();
}

#[test]
fn a_file_opened_in_place_stays_the_same_file() {
    let place = Place::new();
    fs::write(place.at("file"), "0123456789").unwrap();
    let before = fs::metadata(place.at("file")).unwrap().ino();
    let mut staged = place.top().open_in_place(&name("file")).unwrap();
    assert_eq!(staged.len(), 10);
    staged.write_at(b"xx", 2).unwrap();
    staged.set_len(6).unwrap();
    staged.commit(place.top(), &name("file")).unwrap();
    assert_eq!(fs::read(place.at("file")).unwrap(), b"01xx45");
    assert_eq!(fs::metadata(place.at("file")).unwrap().ino(), before);

    drop(place.top().open_in_place(&name("created")).unwrap());
    assert_eq!(mode_of(&place.at("created")), 0o600);
    assert_eq!(place.names(), ["created", "file"]);
}

#[test]
fn a_new_file_is_committed_where_it_is() {
    let place = Place::new();
    let mut staged = place.top().create_new_file(&name("file")).unwrap();
    staged.write_all(b"content").unwrap();
    staged.sync_data().unwrap();
    staged.commit(place.top(), &name("file")).unwrap();
    assert_eq!(fs::read(place.at("file")).unwrap(), b"content");
}

#[test]
fn what_arrived_of_a_file_can_be_kept() {
    let place = Place::new();
    fs::create_dir(place.at("dir")).unwrap();
    let dir = place.top().open_dir(&name("dir")).unwrap();
    let mut staged = place.top().stage().unwrap();
    staged.write_all(b"half").unwrap();
    staged.commit_as_partial(&dir, &name("file")).unwrap();
    assert_eq!(fs::read(place.at("dir/file")).unwrap(), b"half");
    assert_eq!(mode_of(&place.at("dir/file")), 0o600);
    assert_eq!(place.names(), ["dir"]);
}

#[test]
fn what_is_new_replaces_nothing_and_leaves_nothing() {
    let place = Place::new();
    fs::write(place.at("taken"), "mine").unwrap();
    let put = |to| {
        let staged = place.top().stage().unwrap();
        staged.commit_new(place.top(), &name(to))
    };
    assert!(put("taken").unwrap_err().is_already_there());
    put("free").unwrap();
    let link = |to| {
        let target = target(Path::new("x"));
        let staged = place.top().stage_symlink(&target, &Metadata::default());
        staged.unwrap().commit_new(place.top(), &name(to))
    };
    assert!(link("taken").unwrap_err().is_already_there());
    link("link").unwrap();
    assert_eq!(place.names(), ["free", "link", "taken"]);
    assert_eq!(fs::read(place.at("taken")).unwrap(), b"mine");
}
