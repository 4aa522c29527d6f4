//! The order of what a sender says.
//!
//! `Source` first, `Finished` last, `Listed` between: before it listings, problems and owners,
//! on both sides of it content. Content is for listed files only; a larger file is `Begin`, any
//! number of `Data`, `End` or `NotLengthened`, and several may be under way at once. So may the parts of several
//! directories' listings, each in order. A `Caution` comes before the first listing, a `Tree` and
//! `Interim`s after the last.

use std::collections::{BTreeMap, BTreeSet};

use super::{Ledger, OrderError, Violation};
use crate::path::{FileName, RelPath};
use crate::wire::limits::{
    MAX_BUNDLE_LEN, MAX_BUNDLED_FILES, MAX_CONTENT_LEN, MAX_DEPTH, MAX_DIGESTS,
    MAX_LISTING_ENTRIES, MAX_OPEN_FILES, MAX_OPEN_LISTINGS, SMALL_FILE_LEN,
};
use crate::wire::message::{Bundle, DataOp, DirId, FileId, FromSender, Listing};

/// Checks a sender's messages one by one.
#[derive(Debug, Default)]
pub struct FromSenderOrder {
    stage: Stage,
    ledger: Ledger,
    /// The directories of which another part has to follow.
    unfinished: BTreeMap<DirId, Unfinished>,
    begun: BTreeSet<FileId>,
    has_cautioned: bool,
    has_told_tree: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Stage {
    #[default]
    Start,
    Listing,
    Listed,
    Finished,
}

#[derive(Debug)]
struct Unfinished {
    path: RelPath,
    last_name: Option<FileName>,
}

impl FromSenderOrder {
    /// May `message` come now? After an error the conversation is over.
    pub fn check(&mut self, message: &FromSender) -> Result<(), OrderError> {
        self.judge(message).map_err(|violation| OrderError {
            message: message.name(),
            violation,
        })
    }

    /// True once the sender has given its account.
    pub fn is_finished(&self) -> bool {
        self.stage == Stage::Finished
    }

    fn judge(&mut self, message: &FromSender) -> Result<(), Violation> {
        match (self.stage, message) {
            (Stage::Start, FromSender::Source(_)) => {
                self.stage = Stage::Listing;
                return Ok(());
            }
            (Stage::Start, _) => return Err(Violation::OutOfPlace("before Source")),
            (_, FromSender::Source(_)) => return Err(Violation::OutOfPlace("after Source")),
            (Stage::Finished, _) => return Err(Violation::OutOfPlace("after Finished")),
            (Stage::Listing | Stage::Listed, _) => {}
        }
        match message {
            FromSender::Source(_) => Ok(()),
            FromSender::Listing(listing) => {
                self.before_listed()?;
                self.list(listing)
            }
            FromSender::Expand(digests) => {
                self.before_listed()?;
                at_most(digests.len(), MAX_DIGESTS, "digests")
            }
            FromSender::Problem(_) | FromSender::Owners(_) => self.before_listed(),
            FromSender::Listed(_) => {
                self.before_listed()?;
                if !self.unfinished.is_empty() {
                    return Err(Violation::OutOfPlace("inside a directory's listing"));
                }
                self.stage = Stage::Listed;
                self.ledger.complete();
                Ok(())
            }
            FromSender::File { file, content, .. } => {
                at_most(
                    content.len(),
                    SMALL_FILE_LEN as usize,
                    "content of a small file",
                )?;
                self.not_begun(*file)
            }
            FromSender::Bundle(bundle) => self.bundle(bundle),
            FromSender::Begin { file, .. } => {
                self.not_begun(*file)?;
                self.begun.insert(*file);
                at_most(self.begun.len(), MAX_OPEN_FILES, "files under way")
            }
            FromSender::Data { file, op } => {
                if !self.begun.contains(file) {
                    return Err(Violation::NotBegun(*file));
                }
                match op {
                    DataOp::Literal(bytes) => {
                        at_most(bytes.len(), MAX_CONTENT_LEN, "literal bytes")
                    }
                    DataOp::Copy { .. } | DataOp::Zeros(_) => Ok(()),
                }
            }
            FromSender::End { file, .. } => {
                if self.begun.remove(file) {
                    Ok(())
                } else {
                    Err(Violation::NotBegun(*file))
                }
            }
            FromSender::Digested { file, .. } | FromSender::Failed { file, .. } => {
                self.not_begun(*file)
            }
            FromSender::NotLengthened { file } => {
                self.begun.remove(file);
                self.ledger.check(*file)
            }
            FromSender::Caution(_) => {
                if std::mem::replace(&mut self.has_cautioned, true) {
                    return Err(Violation::OutOfPlace("for the second time"));
                }
                if self.stage != Stage::Listing || self.ledger.next_dir() != DirId(0) {
                    return Err(Violation::OutOfPlace("after the first listing"));
                }
                Ok(())
            }
            FromSender::Tree(_) => {
                if self.stage != Stage::Listed {
                    return Err(Violation::OutOfPlace("before Listed"));
                }
                if std::mem::replace(&mut self.has_told_tree, true) {
                    return Err(Violation::OutOfPlace("for the second time"));
                }
                Ok(())
            }
            FromSender::Interim(_) => {
                if self.stage != Stage::Listed {
                    return Err(Violation::OutOfPlace("before Listed"));
                }
                Ok(())
            }
            FromSender::Finished(_) => {
                if self.stage != Stage::Listed {
                    return Err(Violation::OutOfPlace("before Listed"));
                }
                if !self.begun.is_empty() {
                    return Err(Violation::OutOfPlace("inside a file's content"));
                }
                self.stage = Stage::Finished;
                Ok(())
            }
        }
    }

    fn before_listed(&self) -> Result<(), Violation> {
        if self.stage == Stage::Listing {
            Ok(())
        } else {
            Err(Violation::OutOfPlace("after Listed"))
        }
    }

    fn not_begun(&self, file: FileId) -> Result<(), Violation> {
        self.ledger.check(file)?;
        if self.begun.contains(&file) {
            Err(Violation::BegunTwice(file))
        } else {
            Ok(())
        }
    }

    fn bundle(&self, bundle: &Bundle) -> Result<(), Violation> {
        at_most(bundle.files.len(), MAX_BUNDLED_FILES, "files in a bundle")?;
        at_most(bundle.content.len(), MAX_BUNDLE_LEN, "content of a bundle")?;
        if bundle.files.is_empty() || !bundle.is_filled() {
            return Err(Violation::BadBundle);
        }
        let mut last = None;
        for file in &bundle.files {
            if last.is_some_and(|last| last >= file.index) {
                return Err(Violation::BadBundle);
            }
            last = Some(file.index);
            self.not_begun(bundle.id(file))?;
        }
        Ok(())
    }

    fn list(&mut self, listing: &Listing) -> Result<(), Violation> {
        at_most(
            listing.entries.len(),
            MAX_LISTING_ENTRIES,
            "entries in one part of a listing",
        )?;
        at_most(
            listing.path.depth(),
            MAX_DEPTH,
            "directories above one another",
        )?;
        let mut last_name = None;
        if let Some(part) = self.unfinished.remove(&listing.dir) {
            if part.path != listing.path {
                return Err(Violation::PathChanged);
            }
            last_name = part.last_name;
        } else if listing.dir != self.ledger.next_dir() {
            return Err(Violation::WrongDirectory {
                got: listing.dir,
                expected: self.ledger.next_dir(),
            });
        }
        let mut last = last_name.as_ref();
        for entry in &listing.entries {
            if last.is_some_and(|last| *last >= entry.name) {
                return Err(Violation::Unsorted);
            }
            last = Some(&entry.name);
        }
        self.ledger.add(listing)?;
        if listing.more {
            let part = Unfinished {
                path: listing.path.clone(),
                last_name: last.cloned(),
            };
            self.unfinished.insert(listing.dir, part);
            at_most(
                self.unfinished.len(),
                MAX_OPEN_LISTINGS,
                "directories whose listing is not complete",
            )?;
        }
        Ok(())
    }
}

pub(super) fn at_most(count: usize, most: usize, what: &'static str) -> Result<(), Violation> {
    if count <= most {
        Ok(())
    } else {
        Err(Violation::TooMuch(what))
    }
}

#[cfg(test)]
mod tests;
