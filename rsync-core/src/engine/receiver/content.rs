//! Puts content in place: private temporary, verified digest, metadata, one rename.
//!
//! A file's messages all go to the same writer, in order. Whatever goes wrong with one file
//! leaves its old version as it was.

mod basis;
mod digest;
mod small;
mod writing;

use std::collections::{HashMap, VecDeque};
use std::sync::PoisonError;

use crate::checksum::Digest;
use crate::engine::keeper::New;
use crate::engine::receiver::moves::Candidate;
use crate::engine::receiver::parent::Parent;
use crate::engine::receiver::pending::{Pending, Place};
use crate::engine::receiver::shared::Shared;
use crate::engine::receiver::{backup, moves, partial, want};
use crate::entry::{Entry, Kind};
use crate::monitor::{Event, Trouble};
use crate::path::{FileName, RelPath};
use crate::root::{self, Dir, Metadata};
use crate::wire::message::{DataOp, FileFailure, FileId, Seen};

use writing::Writing;

/// How often a file is asked for before it is given up.
const MAX_ATTEMPTS: u32 = 3;

/// Files of one directory.
type Files = Vec<(FileId, Pending, Seen)>;

/// Work for a writer.
pub(super) enum Job {
    Small {
        file: FileId,
        pending: Pending,
        seen: Seen,
        digest: Digest,
        content: Vec<u8>,
    },
    /// Small files of one directory, in order of their content; nothing if that is not what its
    /// digest says.
    Bundle {
        files: Files,
        content: Option<Vec<u8>>,
    },
    Begin {
        file: FileId,
        pending: Pending,
        seen: Seen,
    },
    Data {
        file: FileId,
        op: DataOp,
    },
    End {
        file: FileId,
        result: Result<Digest, FileFailure>,
    },
    /// The file does not begin with what is here: what came of it is void.
    NotLengthened {
        file: FileId,
    },
    /// A file here may hold what is wanted; the sender's digest is to come.
    Candidate {
        file: FileId,
        candidate: Candidate,
    },
    Digested {
        file: FileId,
        result: Result<Digest, FileFailure>,
    },
}

impl Job {
    /// Bytes of memory that the job holds, about.
    pub(super) fn weight(&self) -> usize {
        let content = match self {
            Self::Small { content, .. }
            | Self::Data {
                op: DataOp::Literal(content),
                ..
            } => content.len(),
            Self::Bundle { files, content } => {
                content.as_ref().map_or(0, Vec::len) + size_of_val(&files[..])
            }
            _ => 0,
        };
        content + size_of::<Self>()
    }
}

/// A file of which more is to come.
enum UnderWay<'a> {
    Writing(Box<Writing<'a>>),
    Candidate(Candidate),
}

/// Works until there is nothing more to do.
pub(super) fn write(shared: &Shared<'_>, number: usize) {
    let Some(queue) = shared.writers.get(number) else {
        return;
    };
    let mut under_way: HashMap<FileId, UnderWay<'_>> = HashMap::new();
    // Making it anew takes as long as hashing a small file.
    let mut room = Vec::new();
    let mut taken = VecDeque::new();
    while let Some(job) = queue.pop(&mut taken) {
        if shared.is_closed() {
            continue;
        }
        match job {
            Job::Small {
                file,
                pending,
                seen,
                digest,
                content,
            } => {
                arrived(shared, file, 1, &digest);
                let is_right = Digest::of(&content) == digest;
                let content = is_right.then_some(&content[..]);
                small::small(shared, (file, pending, seen), content);
            }
            Job::Bundle { files, content } => small::bundle(shared, files, content.as_deref()),
            Job::Begin {
                file,
                pending,
                seen,
            } => {
                let writing = Writing::begin(shared, file, pending, seen);
                under_way.insert(file, UnderWay::Writing(Box::new(writing)));
            }
            Job::Data { file, op } => {
                if let Some(UnderWay::Writing(writing)) = under_way.get_mut(&file) {
                    writing.data(shared, &op);
                }
            }
            Job::End { file, result } => {
                if let Some(UnderWay::Writing(_)) = under_way.get(&file)
                    && let Some(UnderWay::Writing(writing)) = under_way.remove(&file)
                {
                    shared.signing.done(file);
                    writing.end(shared, file, result);
                }
            }
            Job::NotLengthened { file } => {
                let pending = match under_way.remove(&file) {
                    Some(UnderWay::Writing(writing)) => Some(writing.withdraw()),
                    _ => shared.pending.take(file),
                };
                if let Some(pending) = pending {
                    not_grown(shared, file, pending);
                }
            }
            Job::Candidate { file, candidate } => {
                under_way.insert(file, UnderWay::Candidate(candidate));
            }
            Job::Digested { file, result } => {
                if let Some(UnderWay::Candidate(candidate)) = under_way.get(&file) {
                    moves::compare(shared, file, candidate, result, &mut room);
                    under_way.remove(&file);
                }
            }
        }
    }
    // The run has come to an end before these have.
    for file in under_way.into_values() {
        if let UnderWay::Writing(writing) = file {
            writing.abandon(shared);
        }
    }
}

/// The sender can not give a file's content.
pub(super) fn failed(shared: &Shared<'_>, file: FileId, pending: &Pending, failure: FileFailure) {
    shared.signing.done(file);
    if let Some(place) = &pending.place {
        shared.account.source_failed(&place.path, failure);
    }
    shared
        .received
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .failed += 1;
    shared.pending.done();
}

/// Asks for a file again, or gives it up with `failure` (nothing means that it arrived corrupt).
fn again(
    shared: &Shared<'_>,
    file: FileId,
    mut place: Place,
    attempts: u32,
    failure: Option<FileFailure>,
) {
    // What arrived corrupt is not trusted to have grown either.
    place.has_not_grown |= failure.is_none();
    if attempts >= MAX_ATTEMPTS {
        give_up(shared, &place, failure);
        return shared.pending.done();
    }
    ask_again(shared, file, place.wait(), attempts + 1);
}

/// Accounts for a file that does not come, with `failure` (nothing means that it arrived corrupt).
fn give_up(shared: &Shared<'_>, place: &Place, failure: Option<FileFailure>) {
    if place.is_changing {
        partial::done(&place.dir, place.basis.as_ref());
    }
    match failure {
        Some(failure) => shared.account.source_failed(&place.path, failure),
        None => shared.account.corrupt(&place.path),
    }
}

/// Asks for a file again that does not begin with what is here, which is no attempt.
fn not_grown(shared: &Shared<'_>, file: FileId, pending: Pending) {
    let Some(mut place) = pending.place else {
        return shared.pending.done();
    };
    place.has_not_grown = true;
    ask_again(shared, file, place, pending.attempts);
}

fn ask_again(shared: &Shared<'_>, file: FileId, place: Place<Parent>, attempts: u32) {
    let name = place.entry.name.clone();
    let place = Some(place);
    shared.pending.put_back(file, Pending { place, attempts });
    // An error of the connection is seen by whoever receives.
    let _ = want::content(shared, file, &name);
    shared.outbox.flush();
}

/// Where a file goes whose content has come; nothing if it goes nowhere, or if its directory can not be
/// opened, which is accounted for.
pub(super) fn opened(shared: &Shared<'_>, place: Option<Place<Parent>>) -> Option<Place> {
    match place?.open(shared) {
        Ok(place) => Some(place),
        Err((path, error)) => {
            shared.account.destination_failed(&path, error);
            None
        }
    }
}

/// So many files arrived, for which `file` stands, and what they hold has this digest.
pub(super) fn arrived(shared: &Shared<'_>, file: FileId, files: u64, digest: &Digest) {
    let mut received = shared
        .received
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    received.files += files;
    received.content_digest.add(file, digest);
}

/// Opens the old version, if there is one that is to be changed where it is, after a copy was made if
/// one is to be kept; nothing if it has other names, which would change with it. Who keeps old versions
/// is to be told of each change before it happens.
fn open_old(
    shared: &Shared<'_>,
    place: &mut Place,
    appends: bool,
) -> Result<Option<root::StagedFile>, root::Error> {
    let found_len = place.found.as_ref().and_then(Entry::file_size);
    if found_len.is_none() || !(shared.options.write.in_place || appends) {
        return Ok(None);
    }
    let old = place.dir.open_in_place(&place.entry.name)?;
    if old.has_other_names()? {
        return Ok(None);
    }
    if !place.kept {
        backup::keep_copy(shared, &place.path, place.found.as_ref())?;
        place.kept = true;
    }
    Ok(Some(old))
}

/// Gives a verified file its metadata and its name.
///
/// `told` bytes of it are in the progress that was told before.
fn put(shared: &Shared<'_>, mut place: Place, staged: root::StagedFile, seen: Seen, told: u64) {
    let metadata = wanted_metadata(shared, &mut place, seen);
    if place.found.as_ref().is_some_and(Entry::is_dir) {
        return put_late(shared, place, staged, metadata);
    }
    let to_keep = place.found.as_ref().filter(|_| !place.kept);
    let put = backup::keep(shared, &place.path, to_keep).and_then(|()| {
        staged.set_metadata(&metadata)?;
        commit(shared, &place, staged)
    });
    match put {
        Ok(()) => {
            partial::done(&place.dir, place.basis.as_ref());
            transferred(shared, &place, seen, told);
        }
        Err(error) => not_put(shared, &place.path, place.found.as_ref(), error),
    }
}

/// Lets a verified file wait for the place of a directory.
fn put_late(shared: &Shared<'_>, place: Place, staged: root::StagedFile, metadata: Metadata) {
    let waiting = staged.set_metadata(&metadata).and_then(|()| staged.wait());
    let staged = match waiting {
        Ok(waiting) => Some(waiting),
        Err(error) => return shared.account.destination_failed(&place.path, error),
    };
    let replacement = super::finish::Replacement {
        dir: Parent::of(&place.dir),
        path: place.path,
        entry: place.entry,
        found: place.found,
        change: place.change,
        metadata,
        staged,
    };
    let mut late = shared.late();
    late.replacements.push(replacement);
}

/// The metadata that a file gets, and its size, as it was read.
fn wanted_metadata(shared: &Shared<'_>, place: &mut Place, seen: Seen) -> Metadata {
    if let Kind::File { size } = &mut place.entry.kind {
        *size = seen.size;
    }
    shared.metadata(&place.entry, place.found.as_ref(), seen.mtime)
}

/// Accounts for a file that is in its place.
fn transferred(shared: &Shared<'_>, place: &Place, seen: Seen, told: u64) {
    let account = &shared.account;
    account.transferred(&place.path, &place.entry, place.change);
    account.tell(&Event::Progress {
        bytes: seen.size.saturating_sub(told),
        files: 1,
    });
}

/// Puts a file in its place, where perhaps nothing may be.
pub(super) fn commit(
    shared: &Shared<'_>,
    place: &Place,
    staged: root::StagedFile,
) -> Result<(), root::Error> {
    let (dir, name) = (&place.dir, &place.entry.name);
    let replaces = place.found.is_some();
    announce(shared, dir, name, &staged, replaces)?;
    if replaces {
        staged.commit(dir, name)
    } else {
        staged.commit_new(dir, name)
    }
}

/// Tells who keeps old versions that `staged` is about to take its place, or that of what is there
/// now.
pub(super) fn announce(
    shared: &Shared<'_>,
    dir: &Dir,
    name: &FileName,
    staged: &root::StagedFile,
    replaces: bool,
) -> Result<(), root::Error> {
    let Some(keeper) = shared.keeper() else {
        return Ok(());
    };
    let stamp = staged.stamp()?;
    if staged.is_in_place() {
        keeper.rewritten(dir, name, &stamp);
    } else {
        keeper.put(dir, name, New::File(stamp), replaces);
    }
    Ok(())
}

/// Accounts for an entry that could not be put in place: a new one perhaps because its name is
/// taken after all.
pub(super) fn not_put(
    shared: &Shared<'_>,
    path: &RelPath,
    found: Option<&Entry>,
    error: root::Error,
) {
    if found.is_none() && error.is_already_there() {
        shared.account.refused(path, &Trouble::NameCollision);
    } else {
        shared.account.destination_failed(path, error);
    }
}

/// Makes a link or a special file, in the place of whatever file is there.
pub(super) fn put_special(
    shared: &Shared<'_>,
    dir: &Dir,
    entry: &Entry,
    found: Option<&Entry>,
    metadata: &Metadata,
) -> Result<(), root::Error> {
    shared.announce_change_of(dir);
    let staged = match &entry.kind {
        Kind::Symlink { target } => dir.stage_symlink(target, metadata)?,
        kind => dir.stage_node(kind, metadata)?,
    };
    if let Some(keeper) = shared.keeper() {
        keeper.put(dir, &entry.name, New::Other(&entry.kind), found.is_some());
    }
    if found.is_some() {
        staged.commit(dir, &entry.name)
    } else {
        staged.commit_new(dir, &entry.name)
    }
}
