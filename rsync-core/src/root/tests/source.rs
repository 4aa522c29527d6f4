//! Reading files.

use std::fs;
use std::io::Read;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{Place, name};
use crate::entry::{Kind, Timestamp};
use crate::root::Metadata;
use crate::wire::message::FileFailure;

#[test]
fn m1_only_regular_files_are_opened_and_nothing_waits() {
    let place = Place::new();
    fs::create_dir(place.at("dir")).unwrap();
    symlink(place.outside().join("secret"), place.at("link")).unwrap();
    // Opening a pipe for reading waits for a writer, unless it is opened with care.
    place
        .top()
        .create_node(&name("pipe"), &Kind::Fifo, 0o600)
        .unwrap();
    let _socket = UnixListener::bind(place.at("socket")).unwrap();
    for bad in ["dir", "link", "pipe", "socket"] {
        let error = place.top().open_file(&name(bad)).unwrap_err();
        assert!(error.is_not_a_file(), "{bad}: {error:?}");
        assert_eq!(FileFailure::from(&error), FileFailure::NotAFile);
        let error = place.top().open_in_place(&name(bad)).unwrap_err();
        assert!(error.is_not_a_file(), "{bad}: {error:?}");
    }
    let error = place.top().open_file(&name("none")).unwrap_err();
    assert_eq!(FileFailure::from(&error), FileFailure::Vanished);
}

#[test]
fn reading_at_offsets_does_not_disturb_reading_in_order() {
    let place = Place::new();
    fs::write(place.at("file"), "0123456789").unwrap();
    let mut source = place.top().open_file(&name("file")).unwrap();
    let mut piece = [0; 4];
    source.read_exact(&mut piece).unwrap();
    assert_eq!(&piece, b"0123");
    assert_eq!(source.read_at(&mut piece, 8).unwrap(), 2);
    assert_eq!(&piece[..2], b"89");
    assert_eq!(source.read_at(&mut piece, 100).unwrap(), 0);
    source.next_data(0, 10);
    let (mut rest, mut whole) = (String::new(), String::new());
    source.reader().read_to_string(&mut whole).unwrap();
    source.read_to_string(&mut rest).unwrap();
    assert_eq!((rest.as_str(), whole.as_str()), ("456789", "0123456789"));
}

#[test]
fn m6_a_file_that_changes_while_it_is_read_is_noticed() {
    let place = Place::new();
    fs::write(place.at("file"), "content").unwrap();
    let source = place.top().open_file(&name("file")).unwrap();
    assert_eq!(source.stamp().unwrap(), *source.opened());
    fs::write(place.at("file"), "more content").unwrap();
    assert_ne!(source.stamp().unwrap(), *source.opened());
    assert_eq!(source.seen().unwrap().size, 12);

    let source = place.top().open_file(&name("file")).unwrap();
    let mtime = Some(Timestamp::new(1, 0));
    place
        .top()
        .set_metadata(
            &name("file"),
            &Metadata {
                mtime,
                ..Metadata::default()
            },
        )
        .unwrap();
    assert_ne!(source.stamp().unwrap(), *source.opened());
}

#[test]
fn what_is_not_data_is_zeros() {
    let place = Place::new();
    let mut content = vec![0; 3 << 20];
    content[1 << 20..(1 << 20) + 10].fill(b'x');
    content[(2 << 20) + 5000..(2 << 20) + 6000].fill(b'y');
    let mut staged = place.top().stage().unwrap();
    staged.write_content_at(&content, 0, true).unwrap();
    staged.commit(place.top(), &name("sparse")).unwrap();
    let source = place.top().open_file(&name("sparse")).unwrap();
    let mut rebuilt = vec![0; content.len()];
    let (mut position, end) = (0, content.len() as u64);
    while position < end {
        let (start, stop) = source.next_data(position, end);
        assert!(position <= start && start <= stop && stop <= end);
        let read = source
            .read_at(&mut rebuilt[start as usize..stop as usize], start)
            .unwrap();
        assert_eq!(read as u64, stop - start);
        position = if start == end { end } else { stop };
    }
    assert_eq!(rebuilt, content);
    assert_eq!(
        source.next_data(100, 50).0,
        50,
        "a range that makes no sense is empty"
    );
}

#[test]
fn a_settled_stamp_is_older_than_a_tick() {
    let place = Place::new();
    fs::write(place.at("file"), "x").unwrap();
    let source = place.top().open_file(&name("file")).unwrap();
    let stamp = source.settled_stamp().unwrap();
    let age = SystemTime::now()
        .duration_since(UNIX_EPOCH + Duration::new(stamp.ctime.secs() as u64, stamp.ctime.nanos()));
    assert!(age.unwrap() >= Duration::from_millis(20));
    assert_eq!(stamp, source.stamp().unwrap());
}
