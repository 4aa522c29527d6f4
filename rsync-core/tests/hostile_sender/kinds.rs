//! Kinds of entries and their metadata.

use rsync_core::checksum::Digest;
use rsync_core::entry::{Device, Kind, LinkId, Timestamp, Xattr};
use rsync_core::options::{Attributes, Options};
use rsync_core::wire::message::*;

use crate::common::write;
use crate::hostile::{Place, dir, entry, file, id, link, pull, seen};

#[test]
fn m1_devices_and_pipes_come_only_if_asked_for() {
    let place = Place::new();
    let device = Device { major: 1, minor: 3 };
    let special = vec![
        entry("block", Kind::BlockDevice { device }),
        entry("char", Kind::CharDevice { device }),
        entry("fifo", Kind::Fifo),
        entry("socket", Kind::Socket),
    ];
    let names = ["block", "char", "fifo", "socket"];
    let outcome = pull(&place, &Options::default(), |sender| {
        sender.open()?;
        sender.list("", special)?;
        sender.finish()
    });
    assert_eq!(outcome.report().receipt.excluded, 4);
    for name in names {
        assert!(!place.exists(&format!("d/{name}")), "{name}");
    }
}

#[test]
fn m1_a_wish_for_a_file_is_not_answered_by_what_was_listed_as_another_kind() {
    let place = Place::new();
    let outcome = pull(&place, &Options::default(), |sender| {
        sender.open()?;
        let root = sender.list("", vec![dir("below"), link("l", "x")])?;
        sender.file(id(root, 1), b"evil")?;
        sender.finish()
    });
    assert!(outcome.error().contains("unasked"));
    place.assert_outside_is_untouched();
}

#[test]
fn m2_special_bits_and_privileged_attributes_do_not_arrive() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let options = Options {
        attributes: Attributes {
            xattrs: true,
            acls: true,
            ..Attributes::default()
        },
        ..Options::default()
    };
    let outcome = pull(&place, &options, |sender| {
        let mut evil = file("suid");
        evil.mode = 0o7777;
        evil.xattrs = vec![
            Xattr {
                name: b"security.capability".to_vec(),
                value: vec![
                    1, 0, 0, 2, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                ],
            },
            Xattr {
                name: b"trusted.overlay.opaque".to_vec(),
                value: b"y".to_vec(),
            },
        ];
        sender.open()?;
        sender.list("", vec![evil])?;
        sender.finish()
    });
    outcome.report();
    let mode = place
        .path("d/suid")
        .metadata()
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o7000, 0);
    let mut names = [0u8; 256];
    let len = rustix::fs::listxattr(place.path("d/suid"), &mut names[..]).unwrap_or(0);
    let names = String::from_utf8_lossy(&names[..len]).into_owned();
    assert!(
        !names.contains("security.capability") && !names.contains("trusted"),
        "{names}"
    );
}

#[test]
fn m2_attributes_beyond_every_limit_fail_their_entry_and_no_other() {
    let place = Place::new();
    let mut options = Options::default();
    options.attributes.xattrs = true;
    let outcome = pull(&place, &options, |sender| {
        let mut flooded = file("flooded");
        flooded.xattrs = vec![Xattr {
            name: b"user.x".to_vec(),
            value: vec![0; 200_000],
        }];
        let mut misnamed = file("misnamed");
        misnamed.xattrs = vec![Xattr {
            name: b"user.\0".to_vec(),
            value: Vec::new(),
        }];
        sender.open()?;
        sender.list("", vec![file("fine"), flooded, misnamed])?;
        sender.finish()
    });
    let receipt = outcome.report().receipt;
    assert_eq!((receipt.failed, receipt.transferred), (2, 1), "{receipt:?}");
    assert_eq!(place.read("d/fine"), "evil");
    place.assert_no_temporaries();
}

#[test]
fn m4_names_joined_by_a_lie_reach_no_file_that_the_run_did_not_write() {
    let mut place = Place::new();
    write(place.path("d/leader"), b"mine");
    place.remember();
    let mut options = Options::default();
    options.attributes.hard_links = true;
    let outcome = pull(&place, &options, |sender| {
        let joined = |name| {
            let mut entry = file(name);
            entry.link = Some(Box::new(LinkId {
                device: 1,
                inode: 1,
            }));
            entry
        };
        sender.open()?;
        sender.list("", vec![joined("leader"), joined("old")])?;
        sender.listed()?;
        // The content of the leader never comes, so nothing may be joined to the user's own file.
        sender.serve(|sender, file, _| {
            sender.say(FromSender::Failed {
                file,
                failure: FileFailure::Vanished,
            })
        })
    });
    let receipt = outcome.report().receipt;
    assert_eq!(receipt.failed, 2, "{receipt:?}");
    place.assert_untouched();
}

#[test]
fn m4_one_link_for_files_that_differ_makes_one_file_and_nothing_worse() {
    let place = Place::new();
    let mut options = Options::default();
    options.attributes.hard_links = true;
    let outcome = pull(&place, &options, |sender| {
        let link_id = Some(Box::new(LinkId {
            device: 1,
            inode: 1,
        }));
        let mut one = file("one");
        one.link = link_id.clone();
        let mut other = link("other", "../outside/canary");
        other.link = link_id.clone();
        let mut third = entry("third", Kind::File { size: u64::MAX });
        third.link = link_id;
        sender.open()?;
        sender.list("", vec![one, other, third])?;
        sender.finish()
    });
    outcome.report();
    place.assert_outside_is_untouched();
    assert_eq!(place.read("d/other"), "evil");
}

#[test]
fn m5_times_beyond_every_calendar_do_no_harm() {
    let place = Place::new();
    let outcome = pull(&place, &Options::default(), |sender| {
        sender.open()?;
        let times = [i64::MIN, -1, i64::MAX];
        let entries = times.iter().zip(["a", "b", "c"]).map(|(&secs, name)| {
            let mut entry = file(name);
            entry.mtime = Timestamp::new(secs, 999_999_999);
            entry
        });
        sender.list("", entries.collect())?;
        sender.listed()?;
        sender.serve(|sender, file, _| {
            sender.account(file, &Digest::of(b"evil"));
            let mut seen = seen(4);
            seen.mtime = Timestamp::new(i64::MAX, 0);
            sender.say(FromSender::File {
                file,
                seen,
                digest: Digest::of(b"evil"),
                content: b"evil".to_vec(),
            })
        })
    });
    assert!(outcome.report().receipt.adds_up());
    place.assert_no_temporaries();
}
