//! What a sender says to a receiver, and the order it has to keep.

#![no_main]

use std::collections::{BTreeMap, BTreeSet};

use libfuzzer_sys::fuzz_target;
use oracles::{check_entry, is_plain_path, messages};
use rsync_core::path::FileName;
use rsync_core::session::order::FromSenderOrder;
use rsync_core::wire::limits::{MAX_BUNDLE_LEN, MAX_CONTENT_LEN, MAX_OPEN_FILES, SMALL_FILE_LEN};
use rsync_core::wire::message::{DataOp, DirId, FileId, FromSender};

/// What the rules promise the receiver, kept apart from how they are checked.
#[derive(Default)]
struct Promises {
    entries: BTreeMap<DirId, u32>,
    last_names: BTreeMap<DirId, FileName>,
    begun: BTreeSet<FileId>,
    listed: bool,
    finished: bool,
    cautioned: bool,
    told_tree: bool,
}

fuzz_target!(|bytes: &[u8]| {
    let mut order = FromSenderOrder::default();
    let mut promises = Promises::default();
    for (number, message) in messages::<FromSender>(bytes).iter().enumerate() {
        if order.check(message).is_err() {
            return;
        }
        assert_eq!(number == 0, matches!(message, FromSender::Source(_)));
        promises.hold(message);
        assert_eq!(order.is_finished(), promises.finished);
    }
});

impl Promises {
    fn hold(&mut self, message: &FromSender) {
        assert!(!self.finished, "nothing comes after the account");
        match message {
            FromSender::Source(source) => check_entry(&source.root),
            FromSender::Listing(listing) => {
                assert!(!self.listed);
                assert!(is_plain_path(listing.path.as_bytes()));
                for entry in &listing.entries {
                    check_entry(entry);
                    let last = self.last_names.insert(listing.dir, entry.name.clone());
                    assert!(last.is_none_or(|last| last < entry.name));
                }
                *self.entries.entry(listing.dir).or_default() += listing.entries.len() as u32;
                let dirs = self.entries.len() as u32;
                assert!(
                    listing.dir.0 < dirs,
                    "directories are numbered without gaps"
                );
            }
            FromSender::Expand(_) | FromSender::Owners(_) => assert!(!self.listed),
            FromSender::Problem(problem) => {
                assert!(!self.listed && is_plain_path(problem.path.as_bytes()));
            }
            FromSender::Listed(_) => {
                assert!(!self.listed);
                self.listed = true;
            }
            FromSender::File { file, content, .. } => {
                self.known_and_closed(*file);
                assert!(content.len() as u64 <= SMALL_FILE_LEN);
            }
            FromSender::Bundle(bundle) => {
                assert!(bundle.content.len() <= MAX_BUNDLE_LEN);
                let mut seen = BTreeSet::new();
                let mut len = 0;
                for file in &bundle.files {
                    self.known_and_closed(bundle.id(file));
                    assert!(seen.insert(file.index), "each file once");
                    len += file.seen.size;
                }
                assert_eq!(len, bundle.content.len() as u64);
            }
            FromSender::Begin { file, .. } => {
                self.known_and_closed(*file);
                self.begun.insert(*file);
                assert!(self.begun.len() <= MAX_OPEN_FILES);
            }
            FromSender::Data { file, op } => {
                assert!(self.begun.contains(file));
                if let DataOp::Literal(bytes) = op {
                    assert!(bytes.len() <= MAX_CONTENT_LEN);
                }
            }
            FromSender::End { file, .. } => assert!(self.begun.remove(file)),
            FromSender::NotLengthened { file } => {
                self.begun.remove(file);
                self.known_and_closed(*file);
            }
            FromSender::Digested { file, .. } | FromSender::Failed { file, .. } => {
                self.known_and_closed(*file);
            }
            FromSender::Caution(_) => {
                assert!(self.entries.is_empty() && !self.cautioned);
                self.cautioned = true;
            }
            FromSender::Tree(_) => {
                assert!(self.listed && !self.told_tree);
                self.told_tree = true;
            }
            FromSender::Interim(_) => assert!(self.listed),
            FromSender::Finished(_) => {
                assert!(self.listed && self.begun.is_empty());
                self.finished = true;
            }
        }
    }

    fn known_and_closed(&self, file: FileId) {
        assert!(
            self.entries
                .get(&file.dir)
                .is_some_and(|&count| file.index < count)
        );
        assert!(!self.begun.contains(&file));
    }
}
