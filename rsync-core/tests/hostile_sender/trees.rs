//! What a sender calls the same at both ends, and is not.

use rsync_core::engine::Settings;
use rsync_core::entry::Timestamp;
use rsync_core::options::Options;
use rsync_core::wire::message::*;

use crate::common::deleting;
use crate::hostile::trees::{Directory, digest_of, found};
use crate::hostile::{Attack, Outcome, Place, Sender, file, pull_path_as};

fn pull(place: &Place, attack: impl FnOnce(&mut Sender) -> Attack + Send + 'static) -> Outcome {
    pull_path_as(place, "/src/", &deleting(), Settings::default(), attack)
}

/// A sender that lists nothing, calls so many entries agreed and gives this digest of its tree.
fn agrees(place: &Place, agreed: u64, tree: Option<Option<TreeDigest>>) -> Outcome {
    pull(place, move |sender| {
        sender.open()?;
        sender.say(FromSender::Listed(Listed {
            agreed,
            complete: true,
            ..Listed::default()
        }))?;
        while !matches!(sender.ends.inbox.recv()?, FromReceiver::Finished(_)) {}
        if let Some(tree) = tree {
            sender.say(FromSender::Tree(tree))?;
        }
        sender.say(FromSender::Finished(SenderTotals::default()))
    })
}

/// The digest of the destination, if the source were like it but for one entry.
fn digest_but_for(place: &Place, change: impl FnOnce(&mut Vec<Directory>)) -> TreeDigest {
    let mut tree = found(&place.path("d"));
    change(&mut tree);
    digest_of(&tree, &Options::default())
}

#[test]
fn a_sender_that_has_the_same_tree_is_believed() {
    let place = Place::new();
    let digest = digest_but_for(&place, |_| ());
    let report = agrees(&place, 3, Some(Some(digest))).report();
    assert_eq!(report.tree_digest, Some(digest));
    assert_eq!(report.receipt.unchanged, 3);
    place.assert_untouched();
}

#[test]
fn x11_a_sender_that_lies_about_one_unchanged_entry_is_found_out() {
    let lies: [fn(&mut Vec<Directory>); 4] = [
        |tree| tree[1].1[0].mtime = Timestamp::new(1, 0),
        |tree| tree[1].1[0].mode ^= 0o100,
        |tree| tree[1].1.clear(),
        |tree| drop(tree.pop()),
    ];
    for lie in lies {
        let place = Place::new();
        let digest = digest_but_for(&place, lie);
        let outcome = agrees(&place, 3, Some(Some(digest)));
        let error = outcome.result.unwrap_err();
        assert_eq!(error.code(), 12);
        assert!(error.to_string().contains("unchanged"), "{error}");
        place.assert_untouched();
    }
}

#[test]
fn x11_a_sender_that_calls_agreed_what_is_not_here_is_found_out() {
    for agreed in [0, 2, 4, u64::MAX] {
        let place = Place::new();
        let digest = digest_but_for(&place, |_| ());
        let outcome = agrees(&place, agreed, Some(Some(digest)));
        assert!(outcome.error().contains("agreed"));
        place.assert_untouched();
    }
}

#[test]
fn x11_a_sender_that_keeps_its_digest_to_itself_is_no_success() {
    for silence in [None, Some(None)] {
        let place = Place::new();
        assert!(agrees(&place, 3, silence).error().contains("no digest"));
    }
}

#[test]
fn a_directory_that_only_the_destination_has_is_no_part_of_the_digest() {
    let place = Place::new();
    let listed = vec![file("new")];
    let digest = digest_of(&[(String::new(), listed.clone())], &Options::default());
    let outcome = pull(&place, move |sender| {
        sender.open()?;
        sender.list("", listed)?;
        sender.listed()?;
        sender.serve_with_tree(Some(digest), |sender, file, how| match how {
            How::Digest => sender.say(FromSender::Digested {
                file,
                result: Err(FileFailure::Vanished),
            }),
            _ => sender.file(file, b"evil"),
        })
    });
    let report = outcome.report();
    assert_eq!(report.tree_digest, Some(digest));
    assert!(!place.exists("d/below"));
}

#[test]
fn x7_a_sender_sets_no_limits_for_its_client() {
    let place = Place::new();
    let outcome = pull(&place, |sender| {
        sender.open()?;
        sender.say(FromSender::Caution(Caution {
            source_is_new: false,
            max_delete_percent: Some(100),
        }))?;
        sender.list("", vec![file("new")])?;
        sender.finish()
    });
    assert!(outcome.error().contains("orders"));
    place.assert_untouched();
}
