//! Reasons to delete nothing although deletion was asked for: the source is not the one that
//! earlier runs came from, or far too much would go. The client has them, and tells the agent of them
//! where that deletes.

use crate::engine::receiver::shared::Shared;
use crate::engine::tree::{Summary, path_item};
use crate::entry::Entry;
use crate::monitor::WithheldReason;
use crate::path::RelPath;

/// Where there are fewer entries a proportion says nothing.
const MIN_ENTRIES: u64 = 100;

/// Why none of `extraneous` may be deleted, if so.
pub(super) fn forbids(
    shared: &Shared<'_>,
    extraneous: &[(RelPath, Entry)],
) -> Option<WithheldReason> {
    if shared.source_is_new() {
        return Some(WithheldReason::NewSource);
    }
    if extraneous.is_empty() {
        return None;
    }
    let percent = u64::from(shared.max_delete_percent()?);
    let summary = shared.summary?;
    let all = entries_below(summary, 0);
    // What was moved within the destination is gone from where it was, and not lost.
    let moved = shared.account.receipt().deleted;
    let going = extraneous
        .iter()
        .fold(0u64, |sum, (parent, entry)| {
            sum.saturating_add(entries_of(summary, parent, entry))
        })
        .saturating_sub(moved);
    let is_too_much = all >= MIN_ENTRIES && going.saturating_mul(100) > all.saturating_mul(percent);
    is_too_much.then_some(WithheldReason::Proportion)
}

/// Entries that are no directories at and below `entry`.
fn entries_of(summary: &Summary, parent: &RelPath, entry: &Entry) -> u64 {
    if !entry.is_dir() {
        return 1;
    }
    let path = parent.join(&entry.name);
    summary
        .find(path_item(&path))
        .map_or(0, |number| entries_below(summary, number))
}

fn entries_below(summary: &Summary, start: u32) -> u64 {
    let mut sum = 0u64;
    let mut below = vec![start];
    while let Some(number) = below.pop() {
        if let Some(node) = summary.nodes.get(number as usize) {
            let directories = node.children.len() as u64;
            sum = sum.saturating_add(node.counts.entries.saturating_sub(directories));
            below.extend(&node.children);
        }
    }
    sum
}
