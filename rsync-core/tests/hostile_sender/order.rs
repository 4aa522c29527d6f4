//! What is said before it is known what the sender has, and what it can do with that.

use rsync_core::options::Options;
use rsync_core::wire::message::*;

use crate::hostile::{Place, dir, file, pull, pull_path};

#[test]
fn a_client_says_what_it_has_without_waiting_for_the_announcement_of_the_source() {
    let place = Place::new();
    let outcome = pull(&place, &Options::default(), |sender| {
        let held = sender.ends.inbox.recv()?;
        assert!(matches!(held, FromReceiver::Holdings(Holdings::Digests(_))));
        sender.say(FromSender::Source(Source {
            root: dir("src"),
            incarnation: [1; 16],
            only_one: false,
        }))?;
        sender.list("", vec![file("new")])?;
        sender.finish()
    });
    assert!(outcome.report().receipt.is_complete());
    assert_eq!(place.read("d/new"), "evil");
}

#[test]
fn a_source_that_was_not_asked_for_changes_nothing_though_the_destination_was_shown() {
    let place = Place::new();
    let outcome = pull_path(&place, "/src/one", &Options::default(), |sender| {
        sender.ends.inbox.recv()?;
        sender.say(FromSender::Source(Source {
            root: file("another"),
            incarnation: [1; 16],
            only_one: true,
        }))?;
        sender.wait_for_the_end()
    });
    let error = outcome.error();
    assert!(
        error.contains("another where /src/one was asked for"),
        "{error}"
    );
    place.assert_untouched();
}

#[test]
fn a_missing_destination_is_not_shown_or_made_before_the_source_is_announced() {
    let mut place = Place::new();
    std::fs::remove_dir_all(place.path("d")).unwrap();
    place.remember();
    let outcome = pull(&place, &Options::default(), |sender| {
        let reason = "it can not be read";
        sender.ends.outbox.abort(3, reason);
        sender.wait_for_the_end()
    });
    assert!(outcome.error().contains("it can not be read"));
    place.assert_untouched();
}
