//! The content of files.

use rsync_core::checksum::Digest;
use rsync_core::entry::Kind;
use rsync_core::options::Options;
use rsync_core::wire::message::*;

use crate::hostile::{Attack, Outcome, Place, Sender, dir, entry, file, id, pull, seen};

#[test]
fn m6_content_that_is_not_what_its_digest_says_never_takes_a_name() {
    let place = Place::new();
    let outcome = pull(&place, &Options::default(), |sender| {
        sender.open()?;
        sender.list("", vec![file("old")])?;
        sender.listed()?;
        sender.serve(|sender, file, _| sender.file_as(file, b"evil", Digest::of(b"something else")))
    });
    assert!(outcome.told("Corrupt"), "{outcome:?}");
    assert_eq!(outcome.report().receipt.failed, 1);
    place.assert_untouched();
}

#[test]
fn m6_a_bundle_that_is_not_what_its_digest_says_is_asked_for_again_file_by_file() {
    for is_right in [false, true] {
        let place = Place::new();
        let outcome = pull_into_nothing(&place, move |sender| {
            sender.open()?;
            let root = sender.listing("", vec![file("a"), file("b")], true)?;
            let content = b"evilevil";
            sender.bundle(root, &[0, 1], content, Digest::of(b"something else"))?;
            sender.listed()?;
            sender.serve(move |sender, file, _| {
                let digest = Digest::of(if is_right { b"evil" } else { b"else" });
                sender.file_as(file, b"evil", digest)
            })
        });
        let names = ["a", "b"].map(|name| place.path("d").join(name));
        if is_right {
            assert!(outcome.report().receipt.is_complete());
            for name in names {
                assert_eq!(std::fs::read(name).unwrap(), b"evil");
            }
        } else {
            assert_eq!(outcome.report().receipt.failed, 2);
            assert!(!names.iter().any(|name| name.exists()));
        }
        place.assert_outside_is_untouched();
    }
}

#[test]
fn x4_a_bundle_of_files_that_nobody_asked_for_ends_the_run() {
    let place = Place::new();
    let outcome = pull_into_nothing(&place, move |sender| {
        sender.open()?;
        let root = sender.listing("", vec![file("a"), dir("b")], true)?;
        let digest = Digest::of(b"evilevil");
        sender.bundle(root, &[0, 1], b"evilevil", digest)?;
        sender.finish()
    });
    let error = outcome.error();
    assert!(error.contains("unasked"), "{error}");
    place.assert_outside_is_untouched();
}

#[test]
fn x4_a_bundle_that_names_what_was_not_listed_or_holds_more_than_its_files_ends_the_run() {
    for (indices, content, what) in [
        (&[0, 2][..], &b"evilevil"[..], "was not listed"),
        (&[0], b"evilevil", "hold its content"),
        (&[0, 1], b"evil", "hold its content"),
        (&[1, 0], b"evilevil", "in order"),
    ] {
        let place = Place::new();
        let outcome = pull_into_nothing(&place, move |sender| {
            sender.open()?;
            let root = sender.listing("", vec![file("a"), file("b")], true)?;
            sender.bundle(root, indices, content, Digest::of(content))?;
            sender.finish()
        });
        let error = outcome.error();
        assert!(error.contains(what), "{error}");
        place.assert_outside_is_untouched();
    }
}

/// Pulls into a directory in which nothing is.
fn pull_into_nothing(
    place: &Place,
    attack: impl FnOnce(&mut Sender) -> Attack + Send + 'static,
) -> Outcome {
    std::fs::remove_dir_all(place.path("d")).unwrap();
    pull(place, &Options::default(), attack)
}

/// Streams content that starts as `begin` says and goes on with `ops`, for every file, and ends
/// it with the digest of `evil`.
fn stream_against(place: &Place, size: u64, ops: Vec<DataOp>) -> Outcome {
    pull(place, &Options::default(), move |sender| {
        sender.open()?;
        sender.list("", vec![entry("old", Kind::File { size: 5000 })])?;
        sender.listed()?;
        sender
            .serve(|sender, file, _| sender.streamed(file, size, ops.clone(), Digest::of(b"evil")))
    })
}

#[test]
fn m6_streamed_content_that_is_not_what_its_digest_says_never_takes_a_name() {
    let place = Place::new();
    let ops = vec![
        DataOp::Literal(vec![7; 2500]),
        DataOp::Literal(vec![8; 2500]),
    ];
    let outcome = stream_against(&place, 5000, ops);
    assert!(outcome.told("Corrupt"), "{outcome:?}");
    assert_eq!(outcome.report().receipt.failed, 1);
    place.assert_untouched();
}

#[test]
fn m6_more_data_than_announced_is_thrown_away() {
    let literal = DataOp::Literal(b"evil".to_vec());
    for (size, ops) in [
        (3, vec![literal.clone()]),
        (5, vec![literal.clone(), literal.clone()]),
        (5, vec![literal.clone()]),
        (0, vec![literal]),
    ] {
        let place = Place::new();
        let receipt = stream_against(&place, size, ops).report().receipt;
        assert_eq!(receipt.failed, 1, "{receipt:?}");
        place.assert_untouched();
    }
}

#[test]
fn x3_copies_from_outside_of_the_basis_are_thrown_away() {
    for (offset, len) in [
        (7, 2),
        (8, 1),
        (u64::MAX, 1),
        (0, u64::MAX),
        (u64::MAX, u64::MAX),
        (9, 0),
    ] {
        let place = Place::new();
        let ops = vec![
            DataOp::Copy { offset, len },
            DataOp::Literal(b"evil".to_vec()),
        ];
        let receipt = stream_against(&place, u64::MAX, ops).report().receipt;
        assert_eq!(receipt.failed, 1, "{receipt:?}");
        place.assert_untouched();
    }
}

#[test]
fn m6_zeros_without_end_neither_fill_the_disk_nor_stop_the_run() {
    let place = Place::new();
    let ops = vec![DataOp::Zeros(u64::MAX)];
    let receipt = stream_against(&place, u64::MAX, ops).report().receipt;
    assert_eq!(receipt.failed, 1, "{receipt:?}");
    place.assert_untouched();
}

#[test]
fn m6_a_run_that_failed_does_not_go_on_with_zeros_that_are_still_to_come() {
    let place = Place::new();
    let outcome = pull(&place, &Options::default(), |sender| {
        sender.open()?;
        // As large as a file may be here, so that it is not the system that refuses.
        let size = 1 << 43;
        sender.list("", vec![entry("new", Kind::File { size })])?;
        sender.listed()?;
        let FromReceiver::Want { file, .. } = sender.ends.inbox.recv()? else {
            panic!("nothing is wanted")
        };
        sender.say(FromSender::Begin {
            file,
            seen: seen(size),
        })?;
        sender.say(FromSender::Data {
            file,
            op: DataOp::Zeros(size),
        })?;
        // Until the writer is at it: whatever it does later is worth nothing.
        std::thread::sleep(std::time::Duration::from_millis(300));
        sender.ends.outbox.abort(12, "enough");
        Err(sender.ends.inbox.recv().unwrap_err())
    });
    assert_eq!(outcome.error(), "enough");
    place.assert_untouched();
}

#[test]
fn x4_content_that_nobody_asked_for_ends_the_run() {
    for content_follows in [false, true] {
        let place = Place::new();
        let outcome = pull(&place, &Options::default(), move |sender| {
            sender.open()?;
            let root = sender.listing("", vec![file("new"), dir("sub")], content_follows)?;
            sender.file(id(root, 0), b"evil")?;
            sender.file(id(root, 0), b"evil")?;
            sender.finish()
        });
        assert!(outcome.error().contains("unasked"));
        place.assert_outside_is_untouched();
    }
}

#[test]
fn a_file_that_never_holds_still_is_given_up() {
    let place = Place::new();
    let outcome = pull(&place, &Options::default(), |sender| {
        sender.open()?;
        sender.list("", vec![file("old")])?;
        sender.listed()?;
        let mut answers = 0;
        sender.serve(move |sender, file, _| {
            answers += 1;
            assert!(answers < 10, "it is asked for again and again");
            sender.say(FromSender::Begin {
                file,
                seen: seen(4),
            })?;
            sender.say(FromSender::End {
                file,
                result: Err(FileFailure::KeptChanging),
            })
        })
    });
    let receipt = outcome.report().receipt;
    assert_eq!((receipt.failed, receipt.vanished), (1, 1), "{receipt:?}");
    place.assert_untouched();
}

/// A file may vanish at the source while its old version is being signed.
#[test]
fn a_signature_that_nobody_waits_for_any_more_is_sent_to_its_end_before_the_account() {
    for times in [1, 2] {
        let place = Place::new();
        let old = std::fs::File::create(place.path("d/old")).unwrap();
        old.set_len(8 << 20).unwrap();
        let outcome = pull(&place, &Options::default(), move |sender| {
            sender.open()?;
            sender.list("", vec![entry("old", Kind::File { size: 8 << 20 })])?;
            sender.listed()?;
            let mut asked = 0;
            sender.serve(|sender, file, _| {
                asked += 1;
                if asked < times {
                    // It has to be asked for once more.
                    return sender.file_as(file, b"evil", Digest::of(b"something else"));
                }
                sender.say(FromSender::Failed {
                    file,
                    failure: FileFailure::Vanished,
                })
            })
        });
        assert_eq!(outcome.report().receipt.vanished, 1);
    }
}
