//! What a sender says of its own work, and says too much of.

use std::os::unix::fs::MetadataExt;

use rsync_core::checksum::Digest;
use rsync_core::engine::{ConnectionError, Settings};
use rsync_core::entry::{Entry, Owner};
use rsync_core::options::Options;
use rsync_core::path::RelPath;
use rsync_core::wire::hello::Features;
use rsync_core::wire::message::*;

use crate::common::deleting;
use crate::hostile::{Attack, Place, Sender, file, id, pull, pull_path_as};

#[test]
fn x11_totals_of_a_listing_that_lie_are_no_success() {
    for lie in [0, 2, u64::MAX] {
        let place = Place::new();
        let outcome = pull(&place, &Options::default(), move |sender| {
            sender.open()?;
            sender.list("", vec![file("new")])?;
            sender.say(FromSender::Listed(Listed {
                listed: lie,
                complete: true,
                ..Listed::default()
            }))?;
            sender.serve(|sender, file, _| sender.file(file, b"evil"))
        });
        assert!(outcome.error().contains("account"));
    }
}

/// What no sender of one file would say of itself: nothing, a file without its digest, too much.
fn lies() -> [SenderTotals; 3] {
    [
        SenderTotals::default(),
        SenderTotals {
            files_sent: 1,
            ..SenderTotals::default()
        },
        SenderTotals {
            files_sent: u64::MAX,
            ..SenderTotals::default()
        },
    ]
}

#[test]
fn x11_totals_of_content_that_lie_are_no_success() {
    for lie in lies() {
        let place = Place::new();
        let outcome = pull(&place, &Options::default(), move |sender| {
            sender.open()?;
            sender.list("", vec![file("new")])?;
            sender.listed()?;
            sender.serve(|sender, file, _| {
                sender.file(file, b"evil")?;
                sender.totals = lie;
                Ok(())
            })
        });
        assert_eq!(
            outcome.result.map_err(|error| error.code()).unwrap_err(),
            12
        );
    }
}

/// A sender that may say early how its account stands.
fn early() -> Settings {
    Settings {
        features: Features::INTERIM,
        ..Settings::default()
    }
}

fn interim(totals: SenderTotals) -> FromSender {
    FromSender::Interim(Interim { totals, tree: None })
}

#[test]
fn x11_an_interim_account_that_lies_ends_nothing() {
    for lie in lies() {
        for lies_to_the_end in [true, false] {
            let place = Place::new();
            let options = &Options::default();
            let outcome = pull_path_as(&place, "/src/", options, early(), move |sender| {
                sender.open()?;
                sender.list("", vec![file("new")])?;
                sender.listed()?;
                sender.say(interim(lie))?;
                sender.serve(|sender, file, _| {
                    sender.file(file, b"evil")?;
                    sender.say(interim(lie))?;
                    if lies_to_the_end {
                        sender.totals = lie;
                    }
                    Ok(())
                })
            });
            if lies_to_the_end {
                let code = outcome.result.map_err(|error| error.code());
                assert_eq!(code.unwrap_err(), 12);
            } else {
                assert_eq!(outcome.report().receipt.files_transferred, 1);
            }
        }
    }
}

#[test]
fn x11_an_interim_account_of_what_has_not_come_is_no_success() {
    let place = Place::new();
    let outcome = pull_path_as(&place, "/src/", &Options::default(), early(), |sender| {
        sender.open()?;
        let dir = sender.list("", vec![file("new")])?;
        sender.listed()?;
        // What it would be once the file is there.
        sender.account(id(dir, 0), &Digest::of(b"evil"));
        sender.say(interim(sender.totals))?;
        while !matches!(sender.ends.inbox.recv()?, FromReceiver::Want { .. }) {}
        // Drops the connection.
        Err(ConnectionError::Truncated)
    });
    outcome.error();
    assert!(!place.exists("d/new"));
}

#[test]
fn an_account_that_comes_before_the_content_is_no_success() {
    let place = Place::new();
    let outcome = pull(&place, &Options::default(), |sender| {
        sender.open()?;
        sender.listing("", vec![file("new")], true)?;
        sender.listed()?;
        sender.say(FromSender::Finished(SenderTotals::default()))?;
        sender.wait_for_the_end()
    });
    assert_eq!(
        outcome.result.map_err(|error| error.code()).unwrap_err(),
        12
    );
    place.assert_no_temporaries();
}

#[test]
fn x11_a_sender_that_leaves_before_the_end_has_failed() {
    for after in 0..5 {
        let place = Place::new();
        let outcome = pull(&place, &deleting(), move |sender| {
            let steps: [fn(&mut Sender) -> Attack; 5] = [
                |_| Ok(()),
                Sender::open,
                |sender| sender.list("", vec![file("old")]).map(drop),
                Sender::listed,
                |sender| sender.ends.inbox.recv().map(drop),
            ];
            steps[..=after].iter().try_for_each(|step| step(sender))
        });
        outcome.error();
        place.assert_untouched();
    }
}

#[test]
fn d1_an_empty_listing_deletes_nothing() {
    let place = Place::new();
    let outcome = pull(&place, &deleting(), |sender| {
        sender.open()?;
        sender.list("", Vec::new())?;
        sender.finish()
    });
    assert!(outcome.told("EmptySource"), "{outcome:?}");
    assert_eq!(outcome.report().receipt.deletes_withheld, 2);
    place.assert_untouched();
}

#[test]
fn d1_a_sender_that_tells_of_a_problem_and_calls_its_listing_complete_deletes_nothing() {
    let place = Place::new();
    let outcome = pull(&place, &deleting(), |sender| {
        sender.open()?;
        sender.list("", vec![file("new")])?;
        sender.say(FromSender::Problem(Problem {
            path: RelPath::root(),
            kind: ProblemKind::BadName,
        }))?;
        sender.finish()
    });
    assert!(outcome.told("IncompleteListing"), "{outcome:?}");
    assert_eq!(place.read("d/old"), "precious");
    assert_eq!(place.read("d/below/old"), "precious");
}

#[test]
fn d2_a_shrunken_tree_deletes_no_more_than_the_limit() {
    let place = Place::new();
    let mut options = deleting();
    options.delete.limit = Some(1);
    let outcome = pull(&place, &options, |sender| {
        sender.open()?;
        sender.list("", vec![file("new")])?;
        sender.finish()
    });
    let receipt = outcome.report().receipt;
    assert!(
        receipt.deleted <= 1 && receipt.deletes_withheld > 0,
        "{receipt:?}"
    );
    place.assert_outside_is_untouched();
}

#[test]
fn x9_names_of_users_without_end_are_refused() {
    let place = Place::new();
    let mut options = Options::default();
    options.attributes.owner = true;
    let outcome = pull(&place, &options, |sender| {
        sender.open()?;
        for start in 0..1000u32 {
            let users = (0..1000).map(|number| (start * 1000 + number, "root".to_owned()));
            sender.say(FromSender::Owners(Owners {
                users: users.collect(),
                groups: Vec::new(),
            }))?;
        }
        sender.finish()
    });
    assert!(outcome.error().contains("users"));
}

#[test]
fn m3_names_that_nobody_has_here_leave_numbers_as_they_are() {
    let names = [
        // Whoever is called so here: what is 0 there is 0 here.
        (0, "daemon".to_owned()),
        (1234, String::new()),
        (1235, "nobody has this name".to_owned()),
        (1236, "0x0".to_owned()),
    ];
    let place = Place::new();
    let mut options = Options::default();
    (options.attributes.owner, options.attributes.group) = (true, true);
    let numbers: Vec<u32> = names.iter().map(|(number, _)| *number).collect();
    let outcome = pull(&place, &options, move |sender| {
        sender.open()?;
        sender.say(FromSender::Owners(Owners {
            users: names.to_vec(),
            groups: names.to_vec(),
        }))?;
        let owned = |(number, _): &(u32, String)| {
            let (uid, gid) = (*number, *number);
            Entry {
                owner: Some(Owner { uid, gid }),
                ..file(&number.to_string())
            }
        };
        sender.list("", names.iter().map(owned).collect())?;
        sender.finish()
    });
    assert!(outcome.report().receipt.is_complete());
    let own = std::fs::metadata(place.path("d")).unwrap().uid();
    for number in numbers {
        let found = std::fs::metadata(place.path("d").join(number.to_string())).unwrap();
        // Only root gives files away.
        let expected = if own == 0 { number } else { own };
        assert_eq!(found.uid(), expected);
        if own == 0 {
            assert_eq!(found.gid(), number);
        }
    }
}

#[test]
fn x13_words_of_the_sender_are_told_without_control_characters() {
    let place = Place::new();
    let outcome = pull(&place, &Options::default(), |sender| {
        sender.open()?;
        sender
            .ends
            .outbox
            .abort(23, "gone\nksyncd: all is well\x1b[2J\u{202e}");
        Err(sender.ends.inbox.recv().unwrap_err())
    });
    let error = outcome.result.unwrap_err();
    assert_eq!(error.code(), 23);
    let text = error.to_string();
    assert!(!text.contains(['\n', '\x1b', '\u{202e}']), "{text:?}");
}
