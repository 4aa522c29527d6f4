use super::*;
use crate::checksum::Digest;
use crate::entry::{Entry, Kind, Timestamp};
use crate::wire::message::{
    Bundled, FileFailure, Interim, Listed, Owners, Seen, SenderTotals, Source,
};

fn entry(name: &str) -> Entry {
    Entry {
        name: FileName::new(name.as_bytes()).unwrap(),
        kind: Kind::File { size: 1 },
        mode: 0o644,
        mtime: Timestamp::default(),
        owner: None,
        link: None,
        xattrs: Vec::new(),
        digest: None,
    }
}

fn source() -> FromSender {
    FromSender::Source(Source {
        root: entry("root"),
        incarnation: [0; 16],
        only_one: false,
    })
}

fn part(dir: u32, path: &str, names: &[&str], more: bool) -> FromSender {
    FromSender::Listing(Listing {
        dir: DirId(dir),
        path: RelPath::new(path.as_bytes()).unwrap(),
        entries: names.iter().copied().map(entry).collect(),
        more,
        complete: true,
        content_follows: false,
    })
}

fn id(dir: u32, index: u32) -> FileId {
    FileId {
        dir: DirId(dir),
        index,
    }
}

fn seen() -> Seen {
    Seen {
        size: 1,
        mtime: Timestamp::default(),
        mode: 0o644,
    }
}

fn begin(dir: u32, index: u32) -> FromSender {
    FromSender::Begin {
        file: id(dir, index),
        seen: seen(),
    }
}

fn data(dir: u32, index: u32, len: usize) -> FromSender {
    FromSender::Data {
        file: id(dir, index),
        op: DataOp::Literal(vec![0; len]),
    }
}

fn end(dir: u32, index: u32) -> FromSender {
    FromSender::End {
        file: id(dir, index),
        result: Ok(Digest::of(b"")),
    }
}

fn file(dir: u32, index: u32, len: usize) -> FromSender {
    FromSender::File {
        file: id(dir, index),
        seen: seen(),
        digest: Digest::of(b""),
        content: vec![0; len],
    }
}

/// A bundle of the files at these positions of the first directory, one byte each, with so much
/// content.
fn bundle(indices: &[u32], len: usize) -> FromSender {
    let bundled = |&index| Bundled {
        index,
        seen: seen(),
    };
    FromSender::Bundle(Bundle {
        dir: DirId(0),
        files: indices.iter().map(bundled).collect(),
        digest: Digest::of(b""),
        content: vec![0; len],
    })
}

fn failed(dir: u32, index: u32) -> FromSender {
    FromSender::Failed {
        file: id(dir, index),
        failure: FileFailure::Vanished,
    }
}

fn listed() -> FromSender {
    FromSender::Listed(Listed::default())
}

fn finished() -> FromSender {
    FromSender::Finished(SenderTotals::default())
}

/// Checks all messages; the error says how many were fine.
fn check(messages: &[FromSender]) -> Result<(), (usize, Violation)> {
    let mut order = FromSenderOrder::default();
    for (position, message) in messages.iter().enumerate() {
        order.check(message).map_err(|error| {
            assert_eq!(error.message, message.name());
            (position, error.violation)
        })?;
    }
    Ok(())
}

fn good_pass() -> Vec<FromSender> {
    vec![
        source(),
        FromSender::Owners(Owners::default()),
        part(0, "", &["a", "b"], true),
        file(0, 0, 5),
        bundle(&[0, 1], 2),
        part(0, "", &["c"], false),
        FromSender::Expand(vec![1, 2]),
        begin(0, 2),
        part(1, "b", &["x"], false),
        data(0, 2, 10),
        begin(1, 0),
        data(1, 0, 10),
        end(0, 2),
        listed(),
        end(1, 0),
        failed(0, 0),
        finished(),
    ]
}

#[test]
fn a_pass_as_in_the_table_is_fine() {
    assert_eq!(check(&good_pass()), Ok(()));
}

#[test]
fn no_message_can_be_sent_twice_or_left_out_where_it_matters() {
    let pass = good_pass();
    // Repeating these is harmless: they are complete in themselves and may come again.
    let repeatable = ["Owners", "Expand", "Data", "File", "Bundle", "Failed"];
    for (position, message) in pass.iter().enumerate() {
        if !repeatable.contains(&message.name()) {
            let mut twice = pass.clone();
            twice.insert(position, message.clone());
            assert!(check(&twice).is_err(), "{} twice", message.name());
            let mut without = pass.clone();
            without.remove(position);
            let mut order = FromSenderOrder::default();
            let complete = without.iter().all(|message| order.check(message).is_ok());
            assert!(
                !(complete && order.is_finished()),
                "without {}",
                message.name()
            );
        }
    }
}

#[test]
fn the_source_comes_first() {
    for message in [listed(), part(0, "", &[], false), finished(), file(0, 0, 0)] {
        assert_eq!(
            check(&[message]),
            Err((0, Violation::OutOfPlace("before Source")))
        );
    }
}

#[test]
fn nothing_comes_after_finished() {
    for message in [listed(), finished(), file(0, 0, 0), failed(0, 0)] {
        let pass = [
            source(),
            part(0, "", &["a"], false),
            listed(),
            finished(),
            message,
        ];
        assert_eq!(
            check(&pass),
            Err((4, Violation::OutOfPlace("after Finished")))
        );
    }
}

#[test]
fn only_content_comes_after_listed() {
    for message in [
        part(1, "b", &[], false),
        FromSender::Expand(vec![]),
        listed(),
    ] {
        let pass = [source(), part(0, "", &["a"], false), listed(), message];
        assert_eq!(
            check(&pass),
            Err((3, Violation::OutOfPlace("after Listed")))
        );
    }
}

#[test]
fn how_the_account_stands_is_said_between_the_listing_and_the_account() {
    let interim = FromSender::Interim(Interim {
        totals: SenderTotals::default(),
        tree: None,
    });
    let again = [source(), listed(), interim.clone(), interim.clone()];
    assert_eq!(check(&again), Ok(()));
    assert_eq!(
        check(&[source(), interim]),
        Err((1, Violation::OutOfPlace("before Listed")))
    );
}

#[test]
fn a_file_that_did_not_just_grow_may_begin_again() {
    let not = FromSender::NotLengthened { file: id(0, 0) };
    let listed_one = [source(), part(0, "", &["a"], false), listed()];
    let with = |more: &[FromSender]| [&listed_one[..], more].concat();
    let (begin, data, end) = (begin(0, 0), data(0, 0, 1), end(0, 0));
    let again = [
        begin.clone(),
        data.clone(),
        not.clone(),
        begin,
        data.clone(),
    ];
    assert_eq!(check(&with(&again)), Ok(()));
    assert_eq!(check(&with(&[&again[..], &[end]].concat())), Ok(()));
    assert_eq!(check(&with(&[not.clone(), finished()])), Ok(()));
    assert_eq!(
        check(&with(&[not, data])),
        Err((4, Violation::NotBegun(id(0, 0))))
    );
}

#[test]
fn content_is_for_listed_files_only() {
    for (dir, index) in [(0, 1), (1, 0), (u32::MAX, u32::MAX)] {
        let not_lengthened = FromSender::NotLengthened {
            file: id(dir, index),
        };
        for message in [
            file(dir, index, 1),
            begin(dir, index),
            failed(dir, index),
            not_lengthened,
        ] {
            let pass = [source(), part(0, "", &["a"], false), message];
            assert_eq!(check(&pass), Err((2, Violation::NotListed(id(dir, index)))));
        }
    }
}

#[test]
fn directories_count_up_and_a_finished_one_gets_no_more_parts() {
    let wrong = |got, expected| Violation::WrongDirectory {
        got: DirId(got),
        expected: DirId(expected),
    };
    assert_eq!(
        check(&[source(), part(1, "", &[], false)]),
        Err((1, wrong(1, 0)))
    );
    let interleaved = [
        source(),
        part(0, "", &["a"], true),
        part(1, "a", &["x"], true),
        part(0, "", &["b"], false),
        part(1, "a", &["y"], false),
        listed(),
    ];
    assert_eq!(check(&interleaved), Ok(()));
    let again = [
        source(),
        part(0, "", &["a"], false),
        part(0, "", &["b"], false),
    ];
    assert_eq!(check(&again), Err((2, wrong(0, 1))));
    let elsewhere = [
        source(),
        part(0, "a", &["a"], true),
        part(0, "b", &["b"], false),
    ];
    assert_eq!(check(&elsewhere), Err((2, Violation::PathChanged)));
    let open = [source(), part(0, "", &["a"], true), listed()];
    assert_eq!(
        check(&open),
        Err((2, Violation::OutOfPlace("inside a directory's listing")))
    );
}

#[test]
fn x4_the_number_of_half_listed_directories_is_bounded() {
    let most = u32::try_from(MAX_OPEN_LISTINGS).unwrap();
    let mut pass = vec![source()];
    pass.extend((0..=most).map(|dir| part(dir, &format!("d{dir}"), &["a"], true)));
    let violation = Violation::TooMuch("directories whose listing is not complete");
    assert_eq!(check(&pass), Err((pass.len() - 1, violation)));
    pass.pop();
    assert_eq!(check(&pass), Ok(()));
}

#[test]
fn names_ascend_also_from_part_to_part() {
    for names in [["b", "a"], ["a", "a"]] {
        assert_eq!(
            check(&[source(), part(0, "", &names, false)]),
            Err((1, Violation::Unsorted))
        );
        let parts = [
            source(),
            part(0, "", &names[..1], true),
            part(0, "", &[], true),
            part(0, "", &names[1..], false),
        ];
        // An empty part in between forgets nothing.
        assert_eq!(check(&parts), Err((3, Violation::Unsorted)));
    }
}

#[test]
fn a_files_content_begins_once_and_ends_once() {
    let start = || vec![source(), part(0, "", &["a", "b"], false)];
    let with = |messages: &[FromSender]| check(&[start(), messages.to_vec()].concat());
    assert_eq!(
        with(&[data(0, 0, 1)]),
        Err((2, Violation::NotBegun(id(0, 0))))
    );
    assert_eq!(with(&[end(0, 0)]), Err((2, Violation::NotBegun(id(0, 0)))));
    assert_eq!(
        with(&[begin(0, 0), begin(0, 0)]),
        Err((3, Violation::BegunTwice(id(0, 0))))
    );
    assert_eq!(
        with(&[begin(0, 0), file(0, 0, 1)]),
        Err((3, Violation::BegunTwice(id(0, 0))))
    );
    assert_eq!(
        with(&[begin(0, 0), end(0, 0), data(0, 0, 1)]),
        Err((4, Violation::NotBegun(id(0, 0))))
    );
    assert_eq!(
        with(&[begin(0, 0), listed(), finished()]),
        Err((4, Violation::OutOfPlace("inside a file's content")))
    );
}

#[test]
fn no_message_carries_more_than_its_cap() {
    let start = || vec![source(), part(0, "", &["a"], false), begin(0, 0)];
    for (message, fine) in [
        (data(0, 0, MAX_CONTENT_LEN), true),
        (data(0, 0, MAX_CONTENT_LEN + 1), false),
        (FromSender::Expand(vec![0; MAX_DIGESTS]), true),
        (FromSender::Expand(vec![0; MAX_DIGESTS + 1]), false),
    ] {
        assert_eq!(check(&[start(), vec![message]].concat()).is_ok(), fine);
    }
    let small = |len| check(&[source(), part(0, "", &["a"], false), file(0, 0, len)]);
    assert!(small(SMALL_FILE_LEN as usize).is_ok());
    assert!(small(SMALL_FILE_LEN as usize + 1).is_err());
    let names: Vec<String> = (0..=MAX_LISTING_ENTRIES)
        .map(|n| format!("{n:05}"))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert!(check(&[source(), part(0, "", &names[1..], false)]).is_ok());
    assert!(check(&[source(), part(0, "", &names, false)]).is_err());
}

#[test]
fn a_bundle_holds_listed_files_once_each_in_order_and_all_of_their_content() {
    let after = |last: FromSender| {
        let opening = [
            source(),
            part(0, "", &["a", "b", "c"], false),
            begin(0, 2),
            last,
        ];
        check(&opening).map_err(|(position, violation)| {
            assert_eq!(position, 3);
            violation
        })
    };
    assert_eq!(after(bundle(&[0], 1)), Ok(()));
    assert_eq!(after(bundle(&[0, 1], 2)), Ok(()));
    for (indices, len) in [
        (&[][..], 0),
        (&[0], 0),
        (&[0], 2),
        (&[0, 1], 1),
        (&[0, 0], 2),
        (&[1, 0], 2),
    ] {
        assert_eq!(after(bundle(indices, len)), Err(Violation::BadBundle));
    }
    assert_eq!(
        after(bundle(&[0, 3], 2)),
        Err(Violation::NotListed(id(0, 3)))
    );
    assert_eq!(
        after(bundle(&[1, 2], 2)),
        Err(Violation::BegunTwice(id(0, 2)))
    );
}

#[test]
fn x9_sizes_of_a_bundles_files_do_not_wrap_around() {
    let mut wrapped = bundle(&[0, 1], 0);
    if let FromSender::Bundle(bundle) = &mut wrapped {
        bundle.files[0].seen.size = u64::MAX;
    }
    let messages = [source(), part(0, "", &["a", "b"], false), wrapped];
    assert_eq!(check(&messages), Err((2, Violation::BadBundle)));
}

#[test]
fn x9_files_under_way_are_bounded() {
    let mut order = FromSenderOrder::default();
    order.check(&source()).unwrap();
    let names: Vec<String> = (0..4096).map(|n| format!("{n:05}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    order.check(&part(0, "", &names, false)).unwrap();
    order.check(&part(1, "x", &["a"], false)).unwrap();
    for index in 0..MAX_OPEN_FILES as u32 {
        order.check(&begin(0, index)).unwrap();
    }
    let error = order.check(&begin(1, 0)).unwrap_err();
    assert_eq!(error.violation, Violation::TooMuch("files under way"));
}
