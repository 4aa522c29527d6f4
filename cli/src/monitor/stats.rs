//! The block of figures that `--stats` prints, in rsync's words (rsync(1), `--stats`).

use super::Closing;
use super::numbers::Numbers;

/// The lines of the block.
pub(super) fn lines(closing: &Closing, numbers: Numbers) -> Vec<String> {
    let receipt = &closing.receipt;
    let show = |number| numbers.show(number);
    let taking_part = receipt.entries.saturating_sub(receipt.excluded);
    let travelled = closing.sent.saturating_add(closing.received);
    vec![
        format!(
            "Number of files: {} (reg: {})",
            show(taking_part),
            show(receipt.files)
        ),
        format!("Number of created files: {}", show(receipt.created)),
        format!("Number of deleted files: {}", show(receipt.deleted)),
        format!(
            "Number of regular files transferred: {}",
            show(receipt.files_transferred)
        ),
        format!(
            "Number of files moved at the destination: {}",
            show(receipt.moved)
        ),
        format!("Total file size: {} bytes", show(receipt.bytes)),
        format!(
            "Total transferred file size: {} bytes",
            show(receipt.transferred_bytes)
        ),
        format!("Literal data: {} bytes", show(receipt.literal_bytes)),
        format!("Matched data: {} bytes", show(receipt.matched_bytes)),
        format!("Total bytes sent: {}", show(closing.sent)),
        format!("Total bytes received: {}", show(closing.received)),
        String::new(),
        format!(
            "sent {} bytes  received {} bytes  {} bytes/sec",
            show(closing.sent),
            show(closing.received),
            numbers.show_fraction(per_second(travelled, closing)),
        ),
        format!(
            "total size is {}  speedup is {}{}",
            show(receipt.bytes),
            Numbers::Grouped.show_fraction(ratio(receipt.bytes, travelled)),
            if closing.dry_run { " (DRY RUN)" } else { "" },
        ),
    ]
}

#[allow(clippy::cast_precision_loss, reason = "two decimals are shown")]
fn per_second(bytes: u64, closing: &Closing) -> f64 {
    bytes as f64 / closing.elapsed.as_secs_f64().max(0.001)
}

#[allow(clippy::cast_precision_loss, reason = "two decimals are shown")]
fn ratio(size: u64, travelled: u64) -> f64 {
    size as f64 / travelled.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use rsync_core::receipt::Receipt;
    use std::time::Duration;

    #[test]
    fn the_block_reads_like_that_of_rsync() {
        let receipt = Receipt {
            entries: 8,
            excluded: 1,
            files: 2,
            bytes: 1_000_000,
            ..Receipt::default()
        };
        let closing = Closing {
            receipt,
            sent: 271,
            received: 65,
            agent_bytes: 0,
            elapsed: Duration::from_millis(500),
            dry_run: true,
        };
        let lines = lines(&closing, Numbers::Grouped);
        assert_eq!(lines[0], "Number of files: 7 (reg: 2)");
        assert_eq!(
            lines[lines.len() - 2],
            "sent 271 bytes  received 65 bytes  672.00 bytes/sec"
        );
        assert_eq!(
            lines[lines.len() - 1],
            "total size is 1,000,000  speedup is 2,976.19 (DRY RUN)"
        );
    }

    #[test]
    fn a_run_in_no_time_with_no_bytes_has_figures_too() {
        let closing = Closing {
            receipt: Receipt::default(),
            sent: 0,
            received: 0,
            agent_bytes: 0,
            elapsed: Duration::ZERO,
            dry_run: false,
        };
        let lines = lines(&closing, Numbers::Grouped);
        assert_eq!(lines[lines.len() - 1], "total size is 0  speedup is 0.00");
    }
}
