use super::*;
use crate::path::FileName;
use crate::wire::message::{DirId, FromSender, Listed, Listing, ReceiverTotals};

fn id(index: u32) -> FileId {
    FileId {
        dir: DirId(0),
        index,
    }
}

/// Three entries in the root, and one question; complete or not.
fn ledger(complete: bool) -> Ledger {
    let entry = |name: &str| crate::entry::Entry {
        name: FileName::new(name.as_bytes()).unwrap(),
        kind: crate::entry::Kind::File { size: 9 },
        mode: 0o600,
        mtime: crate::entry::Timestamp::default(),
        owner: None,
        link: None,
        xattrs: Vec::new(),
        digest: None,
    };
    let mut ledger = Ledger::default();
    ledger.sending(&FromSender::Expand(vec![1]));
    ledger.sending(&FromSender::Listing(Listing {
        dir: DirId(0),
        path: crate::path::RelPath::root(),
        entries: ["a", "b", "c"].map(entry).to_vec(),
        more: false,
        complete: true,
        content_follows: false,
    }));
    if complete {
        ledger.sending(&FromSender::Listed(Listed::default()));
    }
    ledger
}

fn want(index: u32, how: How) -> FromReceiver {
    FromReceiver::Want {
        file: id(index),
        name: FileName::new(b"a").unwrap(),
        how,
    }
}

fn delta(len: u64, block_len: u32) -> How {
    How::Delta(Basis { len, block_len })
}

fn sums(index: u32, blocks: u64) -> FromReceiver {
    FromReceiver::Signature {
        file: id(index),
        sums: vec![0; (blocks * BLOCK_SUM_LEN) as usize],
    }
}

fn nothing() -> FromReceiver {
    FromReceiver::Holdings(Holdings::Nothing)
}

fn finished() -> FromReceiver {
    FromReceiver::Finished(ReceiverTotals::default())
}

fn check(messages: &[FromReceiver]) -> Result<(), (usize, Violation)> {
    let ledger = ledger(true);
    let mut order = FromReceiverOrder::default();
    for (position, message) in messages.iter().enumerate() {
        order.check(message, &ledger).map_err(|error| {
            assert_eq!(error.message, message.name());
            (position, error.violation)
        })?;
    }
    Ok(())
}

#[test]
fn a_pass_as_in_the_table_is_fine() {
    let pass = [
        nothing(),
        want(0, How::Whole),
        want(1, delta(2500, 1000)),
        sums(1, 2),
        want(2, delta(5000, 1000)),
        FromReceiver::Holdings(Holdings::Digests(vec![1, 2])),
        sums(2, 1),
        sums(1, 1),
        FromReceiver::NoBasis { file: id(2) },
        want(0, How::Digest),
        finished(),
    ];
    assert_eq!(check(&pass), Ok(()));
}

#[test]
fn holdings_come_first_and_finished_last() {
    assert_eq!(
        check(&[want(0, How::Whole)]),
        Err((0, Violation::OutOfPlace("before Holdings")))
    );
    assert_eq!(
        check(&[finished()]),
        Err((0, Violation::OutOfPlace("before Holdings")))
    );
    for message in [nothing(), want(0, How::Whole), finished()] {
        assert_eq!(
            check(&[nothing(), finished(), message]),
            Err((2, Violation::OutOfPlace("after Finished")))
        );
    }
}

#[test]
fn a_receiver_can_not_be_finished_before_the_listing_is() {
    let mut order = FromReceiverOrder::default();
    let ledger = ledger(false);
    order.check(&nothing(), &ledger).unwrap();
    let error = order.check(&finished(), &ledger).unwrap_err();
    assert_eq!(error.violation, Violation::OutOfPlace("before Listed"));
}

#[test]
fn only_listed_files_can_be_wanted() {
    for file in [
        id(3),
        id(u32::MAX),
        FileId {
            dir: DirId(1),
            index: 0,
        },
    ] {
        let want = FromReceiver::Want {
            file,
            name: FileName::new(b"x").unwrap(),
            how: How::Digest,
        };
        assert_eq!(
            check(&[nothing(), want]),
            Err((1, Violation::NotListed(file)))
        );
    }
}

#[test]
fn sums_come_only_for_an_announced_basis_and_never_more_than_it_has_blocks() {
    let beyond = |position| Err((position, Violation::UnannouncedSums(id(1))));
    assert_eq!(check(&[nothing(), sums(1, 1)]), beyond(1));
    assert_eq!(
        check(&[nothing(), want(1, How::Whole), sums(1, 1)]),
        beyond(2)
    );
    assert_eq!(
        check(&[nothing(), want(1, delta(2500, 1000)), sums(1, 4)]),
        beyond(2)
    );
    let complete = [
        nothing(),
        want(1, delta(2500, 1000)),
        sums(1, 3),
        sums(1, 1),
    ];
    assert_eq!(check(&complete), beyond(3));
    let withdrawn = [
        nothing(),
        want(1, delta(2500, 1000)),
        FromReceiver::NoBasis { file: id(1) },
        sums(1, 1),
    ];
    assert_eq!(check(&withdrawn), beyond(3));
    assert_eq!(
        check(&[nothing(), FromReceiver::NoBasis { file: id(1) }]),
        beyond(1)
    );
}

#[test]
fn an_impossible_basis_is_refused() {
    for basis in [delta(1, 0), delta(u64::MAX, 1)] {
        assert_eq!(
            check(&[nothing(), want(1, basis)]),
            Err((1, Violation::BadBasis))
        );
    }
    assert_eq!(
        check(&[nothing(), want(1, delta(0, 512)), finished()]),
        Ok(())
    );
}

#[test]
fn a_signature_has_to_be_complete_in_the_end() {
    let pass = [
        nothing(),
        want(1, delta(2500, 1000)),
        sums(1, 2),
        finished(),
    ];
    assert_eq!(
        check(&pass),
        Err((3, Violation::OutOfPlace("inside a signature")))
    );
}

#[test]
fn one_file_has_one_signature_at_a_time() {
    let twice = [
        nothing(),
        want(1, delta(2500, 1000)),
        want(1, delta(2500, 1000)),
    ];
    assert_eq!(check(&twice), Err((2, Violation::BegunTwice(id(1)))));
    let later = [
        nothing(),
        want(1, delta(2500, 1000)),
        sums(1, 3),
        want(1, delta(2500, 1000)),
    ];
    assert_eq!(check(&later), Ok(()));
}

#[test]
fn holdings_come_once_and_once_more_for_each_question() {
    assert_eq!(check(&[nothing(), nothing()]), Ok(()));
    assert_eq!(
        check(&[nothing(), nothing(), nothing()]),
        Err((2, Violation::OutOfPlace("without being asked for")))
    );
}

#[test]
fn no_message_carries_more_than_its_cap() {
    let digests = |count| FromReceiver::Holdings(Holdings::Digests(vec![0; count]));
    assert!(check(&[digests(MAX_DIGESTS)]).is_ok());
    assert!(check(&[digests(MAX_DIGESTS + 1)]).is_err());
    let blocks = MAX_SIGNATURE_LEN as u64 / BLOCK_SUM_LEN;
    assert!(check(&[nothing(), want(0, delta(1 << 40, 1 << 16)), sums(0, blocks)]).is_ok());
    assert!(
        check(&[
            nothing(),
            want(0, delta(1 << 40, 1 << 16)),
            sums(0, blocks + 1)
        ])
        .is_err()
    );
}

#[test]
fn enough_is_said_once_and_not_before_everything_is_listed() {
    assert_eq!(
        check(&[nothing(), FromReceiver::Enough, finished()]),
        Ok(())
    );
    assert_eq!(
        check(&[nothing(), FromReceiver::Enough, FromReceiver::Enough]),
        Err((2, Violation::OutOfPlace("for the second time")))
    );
    let mut order = FromReceiverOrder::default();
    let incomplete = ledger(false);
    order.check(&nothing(), &incomplete).unwrap();
    let early = order.check(&FromReceiver::Enough, &incomplete);
    assert_eq!(
        early.unwrap_err().violation,
        Violation::OutOfPlace("before Listed")
    );
}

#[test]
fn sums_of_ranges_are_as_many_as_there_are_and_one_for_the_last() {
    let basis = Basis {
        len: (8 << 20) + 1,
        block_len: 4096,
    };
    let signature = |len| FromReceiver::Signature {
        file: id(1),
        sums: vec![0; len],
    };
    let wanted = [nothing(), want(1, How::Lengthened(basis)), signature(100)];
    let with = |more: &[FromReceiver]| [&wanted[..], more].concat();
    assert_eq!(check(&with(&[signature(28), finished()])), Ok(()));
    let beyond = Violation::UnannouncedSums(id(1));
    assert_eq!(check(&with(&[signature(29)])), Err((3, beyond)));
    let again = [
        FromReceiver::NoBasis { file: id(1) },
        want(1, How::ShortDelta(basis)),
    ];
    assert_eq!(check(&with(&again)), Ok(()));
    assert_eq!(
        check(&with(&again[1..])),
        Err((3, Violation::BegunTwice(id(1))))
    );
    let impossible = Basis {
        len: 4000,
        block_len: 1,
    };
    assert_eq!(
        check(&[nothing(), want(1, How::Lengthened(impossible))]),
        Err((1, Violation::BadBasis))
    );
}

#[test]
fn short_sums_are_as_many_as_their_shape_has_and_no_more() {
    let basis = Basis {
        len: 4000,
        block_len: 1000,
    };
    let signature = |len| FromReceiver::Signature {
        file: id(1),
        sums: vec![0; len],
    };
    let wanted = [nothing(), want(1, How::ShortDelta(basis)), signature(32)];
    let with = |more| [&wanted[..], &[more]].concat();
    assert_eq!(check(&with(finished())), Ok(()));
    let beyond = Violation::UnannouncedSums(id(1));
    assert_eq!(check(&with(signature(1))), Err((3, beyond)));
    let impossible = Basis {
        len: 4000,
        block_len: 1,
    };
    assert_eq!(
        check(&[nothing(), want(1, How::ShortDelta(impossible))]),
        Err((1, Violation::BadBasis))
    );
}
