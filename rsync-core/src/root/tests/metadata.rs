//! Mode, times, owner, attributes and access control lists.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};

use rustix::fs::XattrFlags;

use super::{Place, mode_of, name, set_mode};
use crate::entry::{Timestamp, Xattr};
use crate::root::metadata::change_mode;
use crate::root::{Detail, Metadata, XattrChange, acl_under_mode};

const USER_OBJ: u16 = 0x01;
const USER: u16 = 0x02;
const GROUP_OBJ: u16 = 0x04;
const MASK: u16 = 0x10;
const OTHER: u16 = 0x20;
const NOBODY_IN_PARTICULAR: u32 = u32::MAX;

fn acl(entries: &[(u16, u16, u32)]) -> Xattr {
    let mut value = 2u32.to_le_bytes().to_vec();
    for (tag, permissions, who) in entries {
        value.extend_from_slice(&tag.to_le_bytes());
        value.extend_from_slice(&permissions.to_le_bytes());
        value.extend_from_slice(&who.to_le_bytes());
    }
    Xattr {
        name: b"system.posix_acl_access".to_vec(),
        value,
    }
}

/// A list that lets user 1234 read and write, as far as `mask` allows.
fn acl_for_one_user(owner: u16, mask: u16, other: u16) -> Xattr {
    acl(&[
        (USER_OBJ, owner, NOBODY_IN_PARTICULAR),
        (USER, 6, 1234),
        (GROUP_OBJ, 4, NOBODY_IN_PARTICULAR),
        (MASK, mask, NOBODY_IN_PARTICULAR),
        (OTHER, other, NOBODY_IN_PARTICULAR),
    ])
}

fn user(name: &str, value: &str) -> Xattr {
    Xattr {
        name: format!("user.{name}").into_bytes(),
        value: value.into(),
    }
}

fn desired(desired: &[Xattr]) -> Metadata {
    let xattrs = XattrChange {
        desired: desired.to_vec(),
        xattrs: true,
        acls: true,
    };
    Metadata {
        xattrs: Some(xattrs),
        ..Metadata::default()
    }
}

fn xattrs_of(place: &Place, text: &str) -> Vec<Xattr> {
    let detail = Detail {
        xattrs: true,
        acls: true,
        ..Detail::default()
    };
    place
        .top()
        .entry(&name(text), &detail)
        .unwrap()
        .unwrap()
        .xattrs
}

/// False where the file system has no attributes of that kind.
fn takes(place: &Place, attribute: &Xattr) -> bool {
    fs::write(place.at("probe"), "").unwrap();
    let name = attribute.name.as_slice();
    let result = rustix::fs::setxattr(
        place.at("probe"),
        name,
        &attribute.value,
        XattrFlags::empty(),
    );
    fs::remove_file(place.at("probe")).unwrap();
    result.is_ok()
}

#[test]
fn what_is_not_given_stays() {
    let place = Place::new();
    fs::write(place.at("file"), "").unwrap();
    set_mode(&place.at("file"), 0o640);
    let before = fs::metadata(place.at("file")).unwrap();
    place
        .top()
        .set_metadata(&name("file"), &Metadata::default())
        .unwrap();
    let time = Metadata {
        mtime: Some(Timestamp::new(-5, 1)),
        ..Metadata::default()
    };
    place.top().set_metadata(&name("file"), &time).unwrap();
    let after = fs::metadata(place.at("file")).unwrap();
    assert_eq!((after.mtime(), after.mtime_nsec()), (-5, 1));
    assert_eq!(
        (after.mode(), after.atime()),
        (before.mode(), before.atime())
    );
}

#[test]
fn files_directories_and_the_held_directory_take_mode_and_time() {
    let place = Place::new();
    fs::write(place.at("file"), "").unwrap();
    fs::create_dir(place.at("dir")).unwrap();
    let metadata = Metadata {
        mode: Some(0o1750),
        mtime: Some(Timestamp::new(77, 0)),
        ..Metadata::default()
    };
    place.top().set_metadata(&name("file"), &metadata).unwrap();
    place.top().set_metadata(&name("dir"), &metadata).unwrap();
    place.top().set_own_metadata(&metadata).unwrap();
    for at in ["file", "dir", ""] {
        assert_eq!(
            (
                mode_of(&place.at(at)),
                fs::metadata(place.at(at)).unwrap().mtime()
            ),
            (0o1750, 77),
            "{at}"
        );
    }
}

#[test]
fn r3_metadata_of_a_link_never_reaches_its_target() {
    let place = Place::new();
    let secret = place.outside().join("secret");
    set_mode(&secret, 0o640);
    let before = fs::metadata(&secret).unwrap();
    symlink(&secret, place.at("link")).unwrap();
    let all = Metadata {
        mode: Some(0o777),
        mtime: Some(Timestamp::new(3, 0)),
        uid: Some(before.uid()),
        gid: Some(before.gid()),
        ..desired(&[user("comment", "x")])
    };
    place.top().set_metadata(&name("link"), &all).unwrap();
    assert_eq!(fs::symlink_metadata(place.at("link")).unwrap().mtime(), 3);
    let after = fs::metadata(&secret).unwrap();
    assert_eq!(
        (after.mode(), after.ctime(), after.ctime_nsec()),
        (before.mode(), before.ctime(), before.ctime_nsec())
    );
}

#[test]
fn r3_a_link_that_appears_at_the_last_moment_is_not_followed_either() {
    let place = Place::new();
    let secret = place.outside().join("secret");
    set_mode(&secret, 0o640);
    symlink(&secret, place.at("link")).unwrap();
    // What a change of mode comes down to after it was found that there is no link.
    let _ = change_mode(place.top().fd(), &name("link"), 0o777);
    assert_eq!(mode_of(&secret), 0o640);
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_that_nobody_may_read_takes_metadata_from_its_owner() {
    let place = Place::new();
    fs::write(place.at("file"), "").unwrap();
    super::unprivileged(place.keep.path(), || {
        set_mode(&place.at("file"), 0);
        let metadata = Metadata {
            mode: Some(0o400),
            mtime: Some(Timestamp::new(1, 0)),
            ..Metadata::default()
        };
        place.top().set_metadata(&name("file"), &metadata).unwrap();
        assert_eq!(mode_of(&place.at("file")), 0o400);
    });
}

#[cfg(target_os = "linux")]
#[test]
fn an_owner_that_may_not_be_given_is_told_apart_and_nothing_else_has_changed() {
    let place = Place::new();
    fs::write(place.at("file"), "").unwrap();
    super::unprivileged(place.keep.path(), || {
        set_mode(&place.at("file"), 0o600);
        let metadata = Metadata {
            uid: Some(12345),
            mode: Some(0o644),
            mtime: Some(Timestamp::new(1, 0)),
            ..Metadata::default()
        };
        let error = place
            .top()
            .set_metadata(&name("file"), &metadata)
            .unwrap_err();
        assert!(error.is_owner_denied());
        assert_eq!(mode_of(&place.at("file")), 0o600);
        let error = place
            .top()
            .stage()
            .unwrap()
            .set_metadata(&metadata)
            .unwrap_err();
        assert!(error.is_owner_denied());
        assert!(
            !place
                .top()
                .open_file(&name("none"))
                .unwrap_err()
                .is_owner_denied()
        );
    });
}

#[test]
fn m3_the_number_that_means_nobody_is_refused() {
    let place = Place::new();
    fs::write(place.at("file"), "").unwrap();
    for metadata in [
        Metadata {
            uid: Some(u32::MAX),
            ..Metadata::default()
        },
        Metadata {
            gid: Some(u32::MAX),
            mode: Some(0o600),
            ..Metadata::default()
        },
    ] {
        assert!(place.top().set_metadata(&name("file"), &metadata).is_err());
    }
}

#[test]
fn a_change_of_owner_does_not_cost_the_special_bits() {
    if !crate::root::is_superuser() {
        return;
    }
    let place = Place::new();
    let staged = place.top().stage().unwrap();
    let metadata = Metadata {
        mode: Some(0o6755),
        uid: Some(1234),
        gid: Some(4321),
        ..Metadata::default()
    };
    staged.set_metadata(&metadata).unwrap();
    staged.commit(place.top(), &name("file")).unwrap();
    let found = fs::metadata(place.at("file")).unwrap();
    assert_eq!(
        (mode_of(&place.at("file")), found.uid(), found.gid()),
        (0o6755, 1234, 4321)
    );
}

#[test]
fn attributes_become_what_is_desired_and_no_more() {
    let place = Place::new();
    if !takes(&place, &user("a", "1")) {
        return;
    }
    fs::write(place.at("file"), "").unwrap();
    fs::create_dir(place.at("dir")).unwrap();
    for entry in ["file", "dir"] {
        place
            .top()
            .set_metadata(&name(entry), &desired(&[user("a", "1"), user("b", "2")]))
            .unwrap();
        let wanted = [user("b", &"3".repeat(2000)), user("c", "")];
        place
            .top()
            .set_metadata(&name(entry), &desired(&wanted))
            .unwrap();
        assert_eq!(xattrs_of(&place, entry), wanted);
    }
}

#[test]
fn m2_privileged_attributes_are_neither_written_nor_removed() {
    let place = Place::new();
    let trusted = Xattr {
        name: b"trusted.ksyncd".to_vec(),
        value: b"kept".to_vec(),
    };
    if !takes(&place, &trusted) {
        return;
    }
    fs::write(place.at("file"), "").unwrap();
    rustix::fs::setxattr(
        place.at("file"),
        "trusted.ksyncd",
        b"kept",
        XattrFlags::empty(),
    )
    .unwrap();
    let capability = Xattr {
        name: b"security.capability".to_vec(),
        value: vec![0; 20],
    };
    let other = Xattr {
        name: b"trusted.other".to_vec(),
        value: Vec::new(),
    };
    place
        .top()
        .set_metadata(&name("file"), &desired(&[capability, other]))
        .unwrap();
    let mut names = [0; 256];
    let len = rustix::fs::listxattr(place.at("file"), &mut names).unwrap();
    assert_eq!(&names[..len], b"trusted.ksyncd\0");
}

#[test]
fn kinds_of_attributes_that_do_not_take_part_stay() {
    let place = Place::new();
    let list = acl_for_one_user(6, 6, 0);
    if !takes(&place, &list) || !takes(&place, &user("a", "1")) {
        return;
    }
    fs::write(place.at("file"), "").unwrap();
    place
        .top()
        .set_metadata(&name("file"), &desired(&[user("a", "1"), list.clone()]))
        .unwrap();
    let none = |xattrs, acls| Metadata {
        xattrs: Some(XattrChange {
            desired: Vec::new(),
            xattrs,
            acls,
        }),
        ..Metadata::default()
    };
    place
        .top()
        .set_metadata(&name("file"), &none(true, false))
        .unwrap();
    assert_eq!(xattrs_of(&place, "file"), [list]);
    place
        .top()
        .set_metadata(&name("file"), &none(false, true))
        .unwrap();
    assert!(xattrs_of(&place, "file").is_empty());
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_that_may_not_be_written_takes_attributes_and_keeps_its_mode() {
    let place = Place::new();
    if !takes(&place, &user("a", "1")) {
        return;
    }
    fs::write(place.at("file"), "").unwrap();
    super::unprivileged(place.keep.path(), || {
        set_mode(&place.at("file"), 0o444);
        place
            .top()
            .set_metadata(&name("file"), &desired(&[user("a", "1")]))
            .unwrap();
        assert_eq!(mode_of(&place.at("file")), 0o444);
        let other = Metadata {
            mode: Some(0o400),
            ..desired(&[user("a", "2")])
        };
        place.top().set_metadata(&name("file"), &other).unwrap();
        assert_eq!(mode_of(&place.at("file")), 0o400);
        assert_eq!(xattrs_of(&place, "file"), [user("a", "2")]);
    });
}

#[test]
fn a_mode_and_a_list_that_disagree_settle_at_once() {
    let place = Place::new();
    if !takes(&place, &acl_for_one_user(6, 6, 0)) {
        return;
    }
    for mode in [0o640, 0o755, 0o600, 0o2775] {
        let staged = place.top().stage().unwrap();
        let list = acl_for_one_user(7, 6, 4);
        let metadata = Metadata {
            mode: Some(mode),
            ..desired(std::slice::from_ref(&list))
        };
        staged.set_metadata(&metadata).unwrap();
        staged.commit(place.top(), &name("file")).unwrap();
        for _ in 0..2 {
            assert_eq!(mode_of(&place.at("file")), mode);
            let [found] = xattrs_of(&place, "file").try_into().unwrap();
            assert_eq!(found.value, acl_under_mode(&list.value, mode));
            place.top().set_metadata(&name("file"), &metadata).unwrap();
        }
        place
            .top()
            .set_metadata(
                &name("file"),
                &Metadata {
                    mode: Some(mode),
                    ..desired(&[])
                },
            )
            .unwrap();
        assert_eq!(mode_of(&place.at("file")), mode);
        assert!(xattrs_of(&place, "file").is_empty());
    }
}

#[test]
fn a_list_under_a_mode_is_what_the_kernel_makes_of_it() {
    let place = Place::new();
    let list = acl_for_one_user(7, 5, 1);
    if !takes(&place, &list) {
        return;
    }
    fs::write(place.at("file"), "").unwrap();
    for mode in 0..0o1000 {
        place
            .top()
            .set_metadata(&name("file"), &desired(std::slice::from_ref(&list)))
            .unwrap();
        set_mode(&place.at("file"), mode);
        let [found] = xattrs_of(&place, "file").try_into().unwrap();
        assert_eq!(found.value, acl_under_mode(&list.value, mode), "{mode:o}");
    }
}

#[test]
fn without_a_mask_the_group_permissions_are_the_groups() {
    let list = acl(&[(USER_OBJ, 7, 0), (GROUP_OBJ, 7, 0), (OTHER, 7, 0)]);
    let expected = acl(&[(USER_OBJ, 6, 0), (GROUP_OBJ, 4, 0), (OTHER, 0, 0)]);
    assert_eq!(acl_under_mode(&list.value, 0o640), expected.value);
}

#[test]
fn bytes_that_are_no_list_stay_as_they_are() {
    for bytes in [
        &b""[..],
        b"\x02",
        b"\x03\0\0\0\x01\0\x07\0\0\0\0\0",
        b"\x02\0\0\0\x01\0\x07",
    ] {
        assert_eq!(acl_under_mode(bytes, 0), bytes);
    }
}

#[test]
fn an_owner_that_is_right_already_is_not_set_again() {
    let place = Place::new();
    fs::write(place.at("file"), "x").unwrap();
    let before = fs::metadata(place.at("file")).unwrap();
    // Longer than a tick of any file system's clock: a change would show.
    std::thread::sleep(std::time::Duration::from_millis(50));
    let metadata = Metadata {
        mode: None,
        uid: Some(before.uid()),
        gid: Some(before.gid()),
        ..Metadata::default()
    };
    let staged = place.top().open_in_place(&name("file")).unwrap();
    staged.set_metadata(&metadata).unwrap();
    let after = fs::metadata(place.at("file")).unwrap();
    assert_eq!(
        (before.ctime(), before.ctime_nsec()),
        (after.ctime(), after.ctime_nsec())
    );
}
