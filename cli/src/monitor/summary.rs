//! The closing line, which accounts for every entry.

use std::time::Duration;

use super::Closing;
use super::numbers::Numbers;

/// One line: every outcome with its count, what was deleted, what travelled, how long it took.
///
/// The five outcomes are always there, also when they are zero: they add up to the entries.
pub(super) fn line(closing: &Closing) -> String {
    let receipt = &closing.receipt;
    let count = |count| Numbers::Grouped.show(count);
    let mut parts = vec![format!(
        "{} entries: {} transferred, {} unchanged, {} excluded, {} refused, {} failed",
        count(receipt.entries),
        count(receipt.transferred),
        count(receipt.unchanged),
        count(receipt.excluded),
        count(receipt.refused),
        count(receipt.failed),
    )];
    for (number, what) in [
        (receipt.unlisted, "places that could not be listed"),
        (
            receipt.metadata_failed,
            "directories without their metadata",
        ),
        (receipt.deleted, "deleted"),
        (receipt.deletes_withheld, "deletions withheld"),
        (receipt.deletes_failed, "deletions failed"),
    ] {
        if number > 0 {
            parts.push(format!("{} {what}", count(number)));
        }
    }
    parts.push(format!(
        "sent {}, received {} in {}",
        Numbers::Binary.show(closing.sent),
        Numbers::Binary.show(closing.received),
        duration(closing.elapsed),
    ));
    if closing.agent_bytes > 0 {
        parts.push(format!(
            "{} for the agent before",
            Numbers::Binary.show(closing.agent_bytes)
        ));
    }
    if !receipt.adds_up() {
        parts.push(
            "the outcomes do not add up to the entries, run again with --checksum".to_owned(),
        );
    }
    if closing.dry_run {
        parts.push("dry run, nothing was changed".to_owned());
    }
    parts.join("; ")
}

/// `0.2 s`, `3 min 20 s`, `2 h 5 min`.
fn duration(elapsed: Duration) -> String {
    let secs = elapsed.as_secs();
    match secs {
        0..=59 => format!("{:.1} s", elapsed.as_secs_f64()),
        60..=3599 => format!("{} min {} s", secs / 60, secs % 60),
        _ => format!("{} h {} min", secs / 3600, secs / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rsync_core::receipt::Receipt;

    fn closing(receipt: Receipt) -> Closing {
        Closing {
            receipt,
            sent: 2048,
            received: 5 << 20,
            agent_bytes: 0,
            elapsed: Duration::from_millis(1250),
            dry_run: false,
        }
    }

    #[test]
    fn every_outcome_is_named_and_counted() {
        let receipt = Receipt {
            entries: 1210,
            transferred: 3,
            unchanged: 1200,
            excluded: 4,
            refused: 2,
            failed: 1,
            deleted: 7,
            deletes_withheld: 9,
            ..Receipt::default()
        };
        assert_eq!(
            line(&closing(receipt)),
            "1,210 entries: 3 transferred, 1,200 unchanged, 4 excluded, 2 refused, 1 failed; 7 deleted; \
             9 deletions withheld; sent 2.00K, received 5.00M in 1.2 s"
        );
    }

    #[test]
    fn an_agent_that_was_sent_is_counted_by_itself() {
        let mut closing = closing(Receipt::default());
        closing.agent_bytes = 3 << 20;
        let line = line(&closing);
        assert!(
            line.ends_with("in 1.2 s; 3.00M for the agent before"),
            "{line}"
        );
    }

    #[test]
    fn a_dry_run_and_a_broken_account_say_so() {
        let mut closing = closing(Receipt {
            entries: 1,
            ..Receipt::default()
        });
        closing.dry_run = true;
        let line = line(&closing);
        assert!(line.contains("do not add up"), "{line}");
        assert!(line.ends_with("dry run, nothing was changed"), "{line}");
    }

    #[test]
    fn durations_have_the_unit_that_fits() {
        assert_eq!(duration(Duration::from_secs(200)), "3 min 20 s");
        assert_eq!(duration(Duration::from_secs(7500)), "2 h 5 min");
    }
}
