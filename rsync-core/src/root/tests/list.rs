//! Listings and single entries.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};

use rustix::fs::XattrFlags;

use super::{Place, kind_at, name, set_mode};
use crate::entry::{Kind, MAX_XATTRS, Owner, Timestamp};
use crate::path::FileName;
use crate::root::system::{portable, read_names, rewind, stat_for_listing};
use crate::root::{Detail, Metadata};
use crate::wire::message::ProblemKind;

const EVERYTHING: Detail = Detail {
    owner: true,
    xattrs: true,
    acls: true,
    hard_links: true,
};

#[test]
fn a_listing_is_sorted_and_describes_every_kind() {
    let place = Place::new();
    fs::write(place.at("file"), "12345").unwrap();
    fs::create_dir(place.at("dir")).unwrap();
    symlink("no/where", place.at("link")).unwrap();
    place
        .top()
        .create_node(&name("pipe"), &Kind::Fifo, 0o640)
        .unwrap();
    place
        .top()
        .create_node(&name("socket"), &Kind::Socket, 0o600)
        .unwrap();
    let listed = place.top().list(&EVERYTHING).unwrap();
    let shown: Vec<_> = listed
        .entries
        .iter()
        .map(|entry| {
            (
                entry.name.to_string(),
                entry.kind.letter(),
                entry.file_size(),
            )
        })
        .collect();
    let expected = [
        ("dir", 'd', None),
        ("file", 'f', Some(5)),
        ("link", 'L', None),
        ("pipe", 'S', None),
        ("socket", 'S', None),
    ];
    assert_eq!(
        shown,
        expected.map(|(name, letter, size)| (name.to_owned(), letter, size))
    );
    assert!(listed.problems.is_empty());
    for entry in &listed.entries {
        assert_eq!(
            place
                .top()
                .entry(&entry.name, &EVERYTHING)
                .unwrap()
                .as_ref(),
            Some(entry)
        );
    }
    assert!(
        place
            .top()
            .entry(&name("none"), &EVERYTHING)
            .unwrap()
            .is_none()
    );
}

#[test]
fn only_what_is_asked_for_is_told() {
    let place = Place::new();
    fs::write(place.at("a"), "").unwrap();
    fs::hard_link(place.at("a"), place.at("b")).unwrap();
    fs::write(place.at("c"), "").unwrap();
    let found = fs::metadata(place.at("a")).unwrap();
    let plain = place.top().list(&Detail::default()).unwrap().entries;
    assert!(
        plain
            .iter()
            .all(|entry| entry.owner.is_none() && entry.link.is_none() && entry.xattrs.is_empty())
    );
    let full = place.top().list(&EVERYTHING).unwrap().entries;
    assert_eq!(
        full[0].owner,
        Some(Owner {
            uid: found.uid(),
            gid: found.gid()
        })
    );
    assert_eq!(full[0].link_id().unwrap().inode, found.ino());
    assert_eq!(full[0].link_id().unwrap().device, found.dev());
    assert_eq!(full[0].link, full[1].link);
    assert_eq!(full[2].link, None, "one name is no hard link");
}

#[test]
fn names_that_are_not_wanted_are_not_looked_at() {
    let place = Place::new();
    for file in ["a", "b", "c"] {
        fs::write(place.at(file), "").unwrap();
    }
    fs::create_dir(place.at("d")).unwrap();
    let mut asked = Vec::new();
    let listed = place
        .top()
        .list_with(&Detail::default(), &mut |name, is_dir| {
            if name.as_bytes() == b"b" {
                // An entry that is looked at now would be missing; one that is passed over is not.
                fs::remove_file(place.at("b")).unwrap();
            }
            asked.push((name.to_string(), is_dir));
            name.as_bytes() != b"a"
        });
    let names: Vec<_> = listed
        .unwrap()
        .entries
        .into_iter()
        .map(|entry| entry.name)
        .collect();
    assert_eq!(names, [name("c"), name("d")]);
    asked.sort();
    assert_eq!(asked.len(), 4);
    assert!(
        asked
            .iter()
            .all(|(name, is_dir)| is_dir.is_none_or(|is_dir| is_dir == (name == "d")))
    );
}

#[test]
fn entries_that_vanish_meanwhile_are_no_problem() {
    let place = Place::new();
    fs::write(place.at("gone"), "").unwrap();
    let listed = place.top().list_with(&Detail::default(), &mut |_, _| {
        fs::remove_file(place.at("gone")).unwrap();
        true
    });
    let listed = listed.unwrap();
    assert!(listed.entries.is_empty() && listed.problems.is_empty());
}

#[test]
fn a_directory_of_many_names_is_listed_completely_again_and_again() {
    let place = Place::new();
    let long = "x".repeat(200);
    let names: BTreeSet<String> = (0..3000)
        .map(|number| format!("{number:05}{long}"))
        .collect();
    for file in &names {
        fs::write(place.at(file), "").unwrap();
    }
    for _ in 0..2 {
        assert!(place.names().iter().eq(names.iter()));
    }
    let other = place.top().clone();
    std::thread::scope(|scope| {
        let lists = [place.top(), &other]
            .map(|dir| scope.spawn(|| dir.list(&Detail::default()).unwrap().entries.len()));
        for list in lists {
            assert_eq!(list.join().unwrap(), names.len());
        }
    });
}

#[test]
fn the_portable_calls_tell_the_same() {
    let place = Place::new();
    fs::write(place.at("file"), "12345").unwrap();
    fs::create_dir(place.at("dir")).unwrap();
    symlink("no/where", place.at("link")).unwrap();
    let dir = place.top().fd();
    let collect = |portable_calls: bool| {
        let found = RefCell::new(BTreeSet::new());
        let mut each = |raw: &std::ffi::CStr, file_type| {
            let stat = if portable_calls {
                portable::stat_for_listing(dir, raw, &EVERYTHING)
            } else {
                stat_for_listing(dir, raw, &EVERYTHING)
            };
            let stat = stat.unwrap();
            let told = format!(
                "{raw:?} {file_type:?} {:?} {:o} {} {:?} {:?} {:?} {}",
                stat.file_type,
                stat.mode,
                stat.size,
                stat.mtime,
                stat.owner,
                stat.identity,
                stat.names
            );
            found.borrow_mut().insert(told);
        };
        if portable_calls {
            assert!(!portable::read_names(dir, &mut each).unwrap());
        } else {
            rewind(dir).unwrap();
            while read_names(dir, &mut each).unwrap() {}
        }
        found.into_inner()
    };
    assert_eq!(collect(false).len(), 3);
    assert_eq!(collect(false), collect(true));
}

#[test]
fn m5_times_before_the_epoch_come_back_as_they_were() {
    let place = Place::new();
    fs::write(place.at("old"), "").unwrap();
    let mtime = Timestamp::new(-2, 250_000_000);
    place
        .top()
        .set_metadata(
            &name("old"),
            &Metadata {
                mtime: Some(mtime),
                ..Metadata::default()
            },
        )
        .unwrap();
    assert_eq!(
        place.top().list(&Detail::default()).unwrap().entries[0].mtime,
        mtime
    );
    assert_eq!(
        place
            .top()
            .entry(&name("old"), &Detail::default())
            .unwrap()
            .unwrap()
            .mtime,
        mtime
    );
}

#[test]
fn names_need_not_be_text() {
    let place = Place::new();
    let odd = FileName::new(b"\xff\xfe\n").unwrap();
    place.top().create_dir(&odd, 0o700).unwrap();
    assert_eq!(
        place.top().list(&Detail::default()).unwrap().entries[0].name,
        odd
    );
    place.top().remove_dir(&odd).unwrap();
}

#[test]
fn m2_privileged_attributes_are_never_read() {
    let place = Place::new();
    fs::write(place.at("file"), "").unwrap();
    let set = |attribute: &str| {
        rustix::fs::setxattr(place.at("file"), attribute, b"value", XattrFlags::empty())
    };
    if set("user.comment").is_err() {
        return;
    }
    // Not everybody may set these; nobody is told of them.
    let _ = set("trusted.ksyncd");
    let _ = set("security.ksyncd");
    let listed = place.top().list(&EVERYTHING).unwrap();
    let names: Vec<_> = listed.entries[0]
        .xattrs
        .iter()
        .map(|attribute| attribute.name.as_slice())
        .collect();
    assert_eq!(names, [b"user.comment"]);
    assert!(
        place
            .top()
            .list(&Detail {
                acls: true,
                ..Detail::default()
            })
            .unwrap()
            .entries[0]
            .xattrs
            .is_empty()
    );
    let source = place.top().open_file(&name("file")).unwrap();
    assert_eq!(
        source.xattrs(&EVERYTHING).unwrap(),
        listed.entries[0].xattrs
    );
}

#[test]
fn m2_a_flood_of_attributes_is_reported_and_not_cut() {
    let place = Place::new();
    fs::write(place.at("file"), "").unwrap();
    let flooded = (0..=MAX_XATTRS).all(|number| {
        rustix::fs::setxattr(
            place.at("file"),
            format!("user.{number}"),
            b"",
            XattrFlags::empty(),
        )
        .is_ok()
    });
    // Where the file system allows fewer there is no flood.
    if !flooded {
        return;
    }
    let listed = place.top().list(&EVERYTHING).unwrap();
    assert!(listed.entries.is_empty());
    assert_eq!(
        listed.problems,
        [(b"file".to_vec(), ProblemKind::TooManyXattrs)]
    );
    assert!(place.top().entry(&name("file"), &EVERYTHING).is_err());
    assert!(kind_at(place.top(), "file").is_some());
}

#[cfg(target_os = "linux")]
#[test]
fn m7_what_must_not_be_looked_at_is_reported_by_name() {
    let place = Place::new();
    fs::create_dir(place.at("closed")).unwrap();
    fs::create_dir(place.at("names only")).unwrap();
    fs::write(place.at("names only/file"), "").unwrap();
    super::unprivileged(place.keep.path(), || {
        set_mode(&place.at("closed"), 0);
        set_mode(&place.at("names only"), 0o400);
        let denied = rustix::io::Errno::ACCESS.raw_os_error();
        assert_eq!(
            place.top().open_dir(&name("closed")).unwrap_err().code(),
            denied
        );
        let listed = place
            .top()
            .open_dir(&name("names only"))
            .unwrap()
            .list(&Detail::default())
            .unwrap();
        assert!(listed.entries.is_empty());
        let [(problem, ProblemKind::System(error))] = listed.problems.as_slice() else {
            panic!("{listed:?}")
        };
        assert_eq!(
            (problem.as_slice(), error.operation.as_str(), error.code),
            (&b"file"[..], "stat", denied)
        );
        set_mode(&place.at("names only"), 0o700);
    });
}
