//! What a receiver says of its own work.

use rsync_core::options::Options;
use rsync_core::receipt::Receipt;
use rsync_core::wire::message::*;

use crate::common::write;
use crate::hostile::{Outcome, Place, push};

/// Takes everything, throws it away and gives `account`.
fn account(account: ReceiverTotals) -> Outcome {
    let place = Place::new();
    write(place.path("s/a"), b"content");
    push(&place, "s/", &Options::default(), move |ends| {
        ends.inbox.recv()?;
        ends.outbox
            .send(&FromReceiver::Holdings(Holdings::Nothing))?;
        while !matches!(ends.inbox.recv()?, FromSender::Listed(_)) {}
        ends.outbox.send(&FromReceiver::Finished(account))?;
        ends.inbox.recv().map(drop)
    })
}

#[test]
fn a_receiver_that_did_not_get_the_content_can_not_claim_success() {
    let receipt = Receipt {
        entries: 1,
        transferred: 1,
        ..Receipt::default()
    };
    for files_received in [0, 1, u64::MAX] {
        let outcome = account(ReceiverTotals {
            listed: 1,
            files_received,
            receipt,
            ..ReceiverTotals::default()
        });
        assert_eq!(
            outcome.result.map_err(|error| error.code()).unwrap_err(),
            12
        );
    }
}

#[test]
fn an_account_before_the_listing_is_complete_is_refused() {
    let place = Place::new();
    let outcome = push(&place, "d/", &Options::default(), move |ends| {
        ends.inbox.recv()?;
        ends.outbox
            .send(&FromReceiver::Finished(ReceiverTotals::default()))?;
        loop {
            ends.inbox.recv()?;
        }
    });
    assert!(outcome.error().contains("before Holdings"));
}

#[test]
fn a_receipt_that_does_not_add_up_is_no_success() {
    for (entries, transferred, failed) in [(1, 0, 0), (0, u64::MAX, 1), (u64::MAX, u64::MAX, 2)] {
        let place = Place::new();
        std::fs::create_dir(place.path("s")).unwrap();
        let outcome = push(&place, "s/", &Options::default(), move |ends| {
            ends.inbox.recv()?;
            ends.outbox
                .send(&FromReceiver::Holdings(Holdings::Nothing))?;
            while !matches!(ends.inbox.recv()?, FromSender::Listed(_)) {}
            let receipt = Receipt {
                entries,
                transferred,
                failed,
                ..Receipt::default()
            };
            let totals = ReceiverTotals {
                receipt,
                ..ReceiverTotals::default()
            };
            ends.outbox.send(&FromReceiver::Finished(totals))?;
            ends.inbox.recv().map(drop)
        });
        assert!(outcome.error().contains("receipt"));
    }
}

#[test]
fn what_a_receiver_could_not_do_is_no_success() {
    let place = Place::new();
    std::fs::create_dir(place.path("s")).unwrap();
    let outcome = push(&place, "s/", &Options::default(), move |ends| {
        ends.inbox.recv()?;
        ends.outbox
            .send(&FromReceiver::Holdings(Holdings::Nothing))?;
        while !matches!(ends.inbox.recv()?, FromSender::Listed(_)) {}
        let receipt = Receipt {
            entries: 1,
            failed: 1,
            ..Receipt::default()
        };
        let totals = ReceiverTotals {
            receipt,
            ..ReceiverTotals::default()
        };
        ends.outbox.send(&FromReceiver::Finished(totals))?;
        ends.inbox.recv().map(drop)
    });
    assert!(!outcome.report().receipt.is_complete());
}
