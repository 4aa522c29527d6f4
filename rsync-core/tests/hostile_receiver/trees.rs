//! What a receiver made of its tree, and should not have.

use rsync_core::engine::Settings;
use rsync_core::entry::Timestamp;
use rsync_core::options::Options;
use rsync_core::receipt::Receipt;
use rsync_core::wire::message::*;

use crate::common::write;
use crate::hostile::trees::{Directory, digest_of};
use crate::hostile::{Outcome, Place, push_as};

/// Changes what the receiver has, and says what it says of it.
type Change = fn(&mut Vec<Directory>) -> Option<Option<TreeDigest>>;

/// Pushes to a receiver that has two files already, says so by what it has, and gives a digest of
/// its tree as `change` leaves it.
fn unchanged(change: Change) -> Outcome {
    let place = Place::new();
    write(place.path("s/a"), b"content");
    write(place.path("s/below/b"), b"content");
    let options = Options::default();
    push_as(
        &place,
        "s/",
        &options.clone(),
        Settings::default(),
        move |ends| {
            let mut tree = Vec::new();
            ends.inbox.recv()?;
            ends.outbox
                .send(&FromReceiver::Holdings(Holdings::Unknown))?;
            let mut entries = 0;
            loop {
                match ends.inbox.recv()? {
                    FromSender::Listing(listing) => {
                        entries += listing.entries.len() as u64;
                        let path = String::from_utf8_lossy(listing.path.as_bytes());
                        tree.push((path.into_owned(), listing.entries));
                    }
                    FromSender::Listed(_) => break,
                    _ => {}
                }
            }
            if let Some(digest) = change(&mut tree) {
                ends.outbox.send(&FromReceiver::Tree(digest))?;
            }
            let receipt = Receipt {
                entries,
                unchanged: entries,
                ..Receipt::default()
            };
            let totals = ReceiverTotals {
                listed: entries,
                receipt,
                ..ReceiverTotals::default()
            };
            ends.outbox.send(&FromReceiver::Finished(totals))?;
            while !matches!(ends.inbox.recv()?, FromSender::Finished(_)) {}
            Ok(())
        },
    )
}

fn digest(tree: &[Directory]) -> Option<Option<TreeDigest>> {
    Some(Some(digest_of(tree, &Options::default())))
}

#[test]
fn a_receiver_that_has_what_was_listed_is_believed() {
    let report = unchanged(|tree| digest(tree)).report();
    assert_eq!(report.receipt.unchanged, 3);
    assert!(report.tree_digest.is_some());
}

#[test]
fn x11_a_receiver_that_has_something_else_than_was_listed_is_found_out() {
    let lies: [Change; 4] = [
        |tree| {
            tree[0].1[0].mtime = Timestamp::new(1, 0);
            digest(tree)
        },
        |tree| {
            tree[1].1[0].mode ^= 0o002;
            digest(tree)
        },
        |tree| {
            tree.pop();
            digest(tree)
        },
        |_| Some(Some([0; 32])),
    ];
    for lie in lies {
        let error = unchanged(lie).result.unwrap_err();
        assert_eq!(error.code(), 12);
        assert!(error.to_string().contains("unchanged"), "{error}");
    }
}

#[test]
fn x11_a_receiver_that_keeps_its_digest_to_itself_is_no_success() {
    assert!(unchanged(|_| None).error().contains("no digest"));
    assert!(unchanged(|_| Some(None)).error().contains("no digest"));
}
