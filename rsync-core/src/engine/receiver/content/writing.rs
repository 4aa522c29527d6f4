//! A larger file while its content arrives.

use std::ops::Range;
use std::sync::PoisonError;

use super::basis::Basis;
use super::digest::ContentHasher;
use super::{MAX_ATTEMPTS, again, arrived, commit, give_up, open_old, opened, put};
use crate::checksum::{Digest, Hasher};
use crate::engine::keeper::ContentKeeper;
use crate::engine::receiver::partial;
use crate::engine::receiver::pending::{Pending, Place};
use crate::engine::receiver::shared::Shared;
use crate::entry::Entry;
use crate::monitor::Event;
use crate::root::{self, StagedFile};
use crate::wire::message::{DataOp, FileFailure, FileId, Seen};

/// Zeros that are hashed before a look whether the run goes on: a few bytes from the peer can
/// stand for a file as large as the system allows.
const ZEROS_STEP: u64 = 64 << 20;

/// A file that is being put together.
pub(super) struct Writing<'a> {
    pending: Option<Place>,
    attempts: u32,
    seen: Seen,
    state: Result<Open<'a>, Fault>,
    literal: u64,
    matched: u64,
}

/// Why the pieces that come can not be used.
pub(super) enum Fault {
    /// The file goes nowhere.
    Unwanted,
    /// They do not fit the file that was announced, or its basis, or that was changed.
    Peer,
    /// The system refused.
    Here(root::Error),
}

impl From<root::Error> for Fault {
    fn from(error: root::Error) -> Self {
        Self::Here(error)
    }
}

struct Open<'a> {
    staged: StagedFile,
    basis: Option<Basis>,
    hasher: ContentHasher,
    position: u64,
    in_place: bool,
    /// Who keeps what a file loses that is changed where it is, from its first change on.
    keeper: Option<Box<dyn ContentKeeper + 'a>>,
}

impl<'a> Writing<'a> {
    /// Opens what is needed.
    pub(super) fn begin(shared: &Shared<'a>, file: FileId, pending: Pending, seen: Seen) -> Self {
        let Pending { place, attempts } = pending;
        let mut place = opened(shared, place);
        let state = match &mut place {
            Some(place) => open(shared, file, place, attempts, seen),
            None => Err(Fault::Unwanted),
        };
        Self {
            pending: place,
            attempts,
            seen,
            state,
            literal: 0,
            matched: 0,
        }
    }

    /// Takes the next piece.
    pub(super) fn data(&mut self, shared: &Shared<'a>, op: &DataOp) {
        let Ok(open) = &mut self.state else { return };
        let len = match op {
            DataOp::Literal(bytes) => bytes.len() as u64,
            DataOp::Copy { len, .. } | DataOp::Zeros(len) => *len,
        };
        // The announced size is a ceiling, whatever comes.
        if open
            .position
            .checked_add(len)
            .is_none_or(|end| end > self.seen.size)
        {
            self.state = Err(Fault::Peer);
            return;
        }
        if let Some(place) = &self.pending
            && open.is_changed_by(op)
        {
            if let Err(fault) = open.confirm_basis() {
                self.state = Err(fault);
                return;
            }
            open.tell_change(shared, place, open.position..open.position + len);
        }
        let applied = match op {
            DataOp::Literal(bytes) => open.literal(bytes, shared.options.write.sparse),
            DataOp::Copy { offset, len } => open.copy(*offset, *len),
            DataOp::Zeros(len) => open.zeros(*len, shared),
        };
        match op {
            DataOp::Literal(_) => self.literal = self.literal.saturating_add(len),
            DataOp::Copy { .. } | DataOp::Zeros(_) => {
                self.matched = self.matched.saturating_add(len)
            }
        }
        match applied {
            Ok(()) => shared.account.tell(&Event::Progress {
                bytes: len,
                files: 0,
            }),
            Err(error) => self.state = Err(error),
        }
    }

    /// Verifies and commits, asks again, or gives up.
    pub(super) fn end(
        self,
        shared: &Shared<'a>,
        file: FileId,
        result: Result<Digest, FileFailure>,
    ) {
        match &result {
            Ok(digest) => arrived(shared, file, 1, digest),
            Err(_) => {
                shared
                    .received
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .failed += 1
            }
        }
        let Some(mut place) = self.pending else {
            return shared.pending.done();
        };
        shared.account.count(|receipt| {
            receipt.literal_bytes = receipt.literal_bytes.saturating_add(self.literal);
            receipt.matched_bytes = receipt.matched_bytes.saturating_add(self.matched);
        });
        let mut open = match self.state {
            Ok(open) => open,
            Err(Fault::Peer | Fault::Unwanted) => {
                return again(shared, file, place, self.attempts, None);
            }
            Err(Fault::Here(error)) => {
                shared.account.destination_failed(&place.path, error);
                return shared.pending.done();
            }
        };
        let verified = match result {
            Ok(digest) => {
                open.hasher.digest() == digest
                    && open.position == self.seen.size
                    && open.confirm_basis().is_ok()
            }
            Err(FileFailure::KeptChanging) if self.attempts < MAX_ATTEMPTS => {
                if partial::may_follow(shared) {
                    place.is_changing = true;
                    partial::leave(open.staged, &place.entry.name, open.position);
                }
                let failure = Some(FileFailure::KeptChanging);
                return again(shared, file, place, self.attempts, failure);
            }
            Err(failure) => {
                let _ = keep_partial(shared, &place, open);
                give_up(shared, &place, Some(failure));
                return shared.pending.done();
            }
        };
        if !verified {
            return again(shared, file, place, self.attempts, None);
        }
        if open.in_place {
            open.tell_change(shared, &place, self.seen.size..u64::MAX);
        }
        match open.staged.set_len(self.seen.size) {
            Ok(()) => put(shared, place, open.staged, self.seen, open.position),
            Err(error) => shared.account.destination_failed(&place.path, error),
        }
        shared.pending.done();
    }
}

impl Writing<'_> {
    /// What came is void: the file is to be asked for again.
    pub(super) fn withdraw(self) -> Pending {
        Pending {
            place: self.pending.map(Place::wait),
            attempts: self.attempts,
        }
    }

    /// The run ends before the file is complete.
    pub(super) fn abandon(self, shared: &Shared<'_>) {
        let (Some(place), Ok(open)) = (&self.pending, self.state) else {
            return;
        };
        if let Some(open) = keep_partial(shared, place, open)
            && !open.in_place
        {
            partial::leave(open.staged, &place.entry.name, open.position);
        }
    }
}

/// With `--partial` what arrived of a new file stays, as the basis of the next attempt. Gives it back
/// otherwise.
fn keep_partial<'a>(shared: &Shared<'_>, place: &Place, open: Open<'a>) -> Option<Open<'a>> {
    let is_new = !open.in_place && place.found.is_none();
    if !(shared.options.write.partial && is_new && open.position > 0) {
        return Some(open);
    }
    // Best effort: without it only the next transfer takes longer.
    let _ = commit(shared, place, open.staged);
    None
}

fn open<'a>(
    shared: &Shared<'a>,
    file: FileId,
    place: &mut Place,
    attempts: u32,
    seen: Seen,
) -> Result<Open<'a>, Fault> {
    let found_len = place.found.as_ref().and_then(Entry::file_size);
    let write = &shared.options.write;
    let append = write.append && attempts == 1 && found_len.is_some_and(|len| len < seen.size);
    let basis_name = match (&place.basis, found_len) {
        (Some(basis), _) => Some(&basis.name),
        (None, Some(_)) => Some(&place.entry.name),
        (None, None) => None,
    };
    let signed = shared.signing.signed(file);
    let of_delta = signed.as_ref().and_then(|signed| signed.hasher(shared.key));
    let hasher = match of_delta {
        Some(hasher) => ContentHasher::OfDelta(hasher),
        None => ContentHasher::Plain(Hasher::new()),
    };
    let basis = basis_name
        .map(|name| Basis::open(&place.dir, name, signed))
        .transpose()?;
    let old = open_old(shared, place, append)?;
    let in_place = old.is_some();
    let staged = match old {
        Some(old) => old,
        None => {
            let mut staged = partial::stage(shared, &place.dir, &place.entry.name, seen.size)?;
            if place.found.is_some() {
                staged.will_replace();
            }
            staged
        }
    };
    let mut open = Open {
        staged,
        basis,
        hasher,
        position: 0,
        in_place,
        keeper: None,
    };
    if append && let Some(len) = found_len {
        // What is there counts as content: the digest covers it too.
        open.copy(0, len)?;
    }
    Ok(open)
}

impl<'a> Open<'a> {
    /// True if a piece changes a file where it is.
    fn is_changed_by(&self, op: &DataOp) -> bool {
        let stays = matches!(op, DataOp::Copy { offset, .. } if *offset == self.position);
        self.in_place && !stays
    }

    /// Tells who keeps old versions which part of a file is about to be changed where it is.
    fn tell_change(&mut self, shared: &Shared<'a>, place: &Place, range: Range<u64>) {
        if let Some(keeper) = shared.keeper() {
            let (dir, name) = (&place.dir, &place.entry.name);
            self.keeper
                .get_or_insert_with(|| keeper.change_content(dir, name))
                .overwrite(range);
        }
    }

    fn literal(&mut self, bytes: &[u8], sparse: bool) -> Result<(), Fault> {
        self.hasher.literal(bytes);
        self.staged
            .write_content_at(bytes, self.position, sparse && !self.in_place)?;
        self.position += bytes.len() as u64;
        Ok(())
    }

    fn zeros(&mut self, len: u64, shared: &Shared<'_>) -> Result<(), Fault> {
        // First the system may say that no file is that large: hashing takes time.
        self.staged.zeros_at(self.position, len)?;
        match &mut self.hasher {
            ContentHasher::OfDelta(hasher) => hasher.zeros(len),
            ContentHasher::Plain(hasher) => {
                let mut left = len;
                while left > 0 {
                    if shared.is_closed() {
                        return Err(Fault::Unwanted);
                    }
                    let step = ZEROS_STEP.min(left);
                    hasher.update_zeros(step);
                    left -= step;
                }
            }
        }
        self.position += len;
        Ok(())
    }

    fn copy(&mut self, offset: u64, len: u64) -> Result<(), Fault> {
        self.hash_basis(offset, len)?;
        if let Some(basis) = &self.basis
            && !(self.in_place && offset == self.position)
        {
            self.staged
                .copy_from(&basis.file, offset, self.position, len)?;
        }
        self.position += len;
        Ok(())
    }

    fn hash_basis(&mut self, offset: u64, len: u64) -> Result<(), Fault> {
        let is_within = |basis: &&mut Basis| {
            offset
                .checked_add(len)
                .is_some_and(|end| end <= basis.len())
        };
        match self.basis.as_mut().filter(is_within) {
            Some(basis) => basis.hash(&mut self.hasher, offset, len),
            None => Err(Fault::Peer),
        }
    }

    fn confirm_basis(&mut self) -> Result<(), Fault> {
        self.basis.as_mut().map_or(Ok(()), Basis::confirm)
    }
}
