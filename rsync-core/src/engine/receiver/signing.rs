//! Computes and sends signatures of old versions, a bounded number at a time.

mod ranges;
mod signed;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::checksum::BlockHash;
use crate::delta::{RangeSums, Shape, SignError, TakeSums};
use crate::engine::connection::ConnectionError;
use crate::engine::receiver::parent::Parent;
use crate::engine::receiver::shared::Shared;
use crate::path::FileName;
use crate::root::SourceFile;
use crate::wire::message::{FileId, FromReceiver, How};

pub(super) use signed::Signed;

/// Most bytes of block sums on their way, which is what the sender has to remember.
const MAX_SUM_BYTES: u64 = 8 << 20;
/// Most bytes of block hashes that this end remembers.
const MAX_HASH_BYTES: u64 = 8 << 20;

/// What is said of a basis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// The sums of its blocks.
    Blocks,
    /// Those of its ranges: the file may have grown.
    Ranges,
}

/// A basis to be signed.
pub(super) struct Task {
    pub(super) file: FileId,
    pub(super) name: FileName,
    /// The name of what is signed.
    pub(super) basis: FileName,
    pub(super) dir: Parent,
    pub(super) shape: Shape,
    pub(super) form: Form,
}

impl Task {
    /// How the file is wanted.
    fn how(&self) -> How {
        match self.form {
            Form::Blocks => self.shape.want(),
            Form::Ranges => self.shape.want_lengthened(),
        }
    }
}

/// The queue of signers.
#[derive(Default)]
pub(super) struct Signing {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Task>,
    under_way: HashMap<FileId, UnderWay>,
    /// Files whose signatures are being sent, one for each signer, though the sender may have given
    /// up on them.
    unsaid: Vec<FileId>,
    sum_bytes: u64,
    hash_bytes: u64,
    closed: bool,
}

/// A file that is wanted, and not done with.
struct UnderWay {
    form: Form,
    sum_bytes: u64,
    hash_bytes: u64,
    /// Once it is wanted as a delta.
    signed: Option<Arc<Signed>>,
}

impl Signing {
    /// Queues a file to be wanted as a delta.
    pub(super) fn push(&self, task: Task) {
        self.lock().waiting.push_back(task);
        self.changed.notify_all();
    }

    /// The file is done with, as a delta or otherwise.
    pub(super) fn done(&self, file: FileId) {
        let mut state = self.lock();
        if let Some(done) = state.under_way.remove(&file) {
            state.sum_bytes -= done.sum_bytes;
            state.hash_bytes -= done.hash_bytes;
            drop(state);
            self.changed.notify_all();
        }
    }

    /// A file that may have grown did not: nothing more is to be said of its ranges. False for a file
    /// of which nothing was said.
    pub(super) fn withdraw(&self, file: FileId) -> bool {
        let has_ranges = self.form_of(file) == Some(Form::Ranges);
        if has_ranges {
            self.done(file);
        }
        has_ranges
    }

    /// What is said of a file that is not done with.
    fn form_of(&self, file: FileId) -> Option<Form> {
        self.lock().under_way.get(&file).map(|task| task.form)
    }

    /// What is known of the old version of a file that is wanted as a delta.
    pub(super) fn signed(&self, file: FileId) -> Option<Arc<Signed>> {
        self.lock().under_way.get(&file)?.signed.clone()
    }

    /// A file is about to be wanted as a delta.
    fn begin(&self, file: FileId, signed: &Arc<Signed>) {
        if let Some(under_way) = self.lock().under_way.get_mut(&file) {
            under_way.signed = Some(Arc::clone(signed));
        }
    }

    /// Lets the signers come to their end.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Waits, once it is closed, until every signature that was begun has been sent: nothing may
    /// come between the parts of one that ends the conversation.
    pub(super) fn wait(&self) {
        let mut state = self.lock();
        while !state.unsaid.is_empty() {
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// All of a signature has been sent, or will never be.
    fn said(&self, file: FileId) {
        self.lock().unsaid.retain(|&unsaid| unsaid != file);
        self.changed.notify_all();
    }

    fn next(&self) -> Option<Task> {
        let mut state = self.lock();
        loop {
            if state.closed {
                return None;
            }
            let room = state.sum_bytes < MAX_SUM_BYTES && state.hash_bytes < MAX_HASH_BYTES;
            let is_free = |task: &Task| !state.unsaid.contains(&task.file);
            let next = state.waiting.iter().position(is_free).filter(|_| room);
            if let Some(task) = next.and_then(|next| state.waiting.remove(next)) {
                let under_way = UnderWay {
                    form: task.form,
                    sum_bytes: task.shape.sums_len(task.how()),
                    hash_bytes: signed::hash_bytes(task.shape),
                    signed: None,
                };
                state.sum_bytes += under_way.sum_bytes;
                state.hash_bytes += under_way.hash_bytes;
                state.under_way.insert(task.file, under_way);
                state.unsaid.push(task.file);
                return Some(task);
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Signs until there is nothing more to sign, or the connection fails.
pub(super) fn sign(shared: &Shared<'_>) {
    while let Some(task) = shared.signing.next() {
        let signed = sign_one(shared, &task);
        shared.signing.said(task.file);
        if signed.is_err() {
            return;
        }
    }
}

fn sign_one(shared: &Shared<'_>, task: &Task) -> Result<(), ConnectionError> {
    let file = task.file;
    let dir = task.dir.open(shared);
    let basis = dir.and_then(|dir| dir.open_file(&task.basis)).ok();
    let is_as_listed = |basis: &SourceFile| basis.opened().size == task.shape.basis_len();
    let Some(basis) = basis.filter(is_as_listed) else {
        // Gone or changed since it was listed: there is nothing to build on.
        shared.want(file, &task.name, How::Whole)?;
        shared.outbox.flush();
        return Ok(());
    };
    let signed = Arc::new(Signed::new(task.shape, &basis));
    shared.signing.begin(file, &signed);
    shared.want(file, &task.name, task.how())?;
    let send = |sums: Vec<u8>| {
        let sums = FromReceiver::Signature { file, sums };
        shared.outbox.send(&sums).map_err(Stop::Connection)
    };
    let made = match task.form {
        Form::Blocks => sign_form(shared, task, &basis, &mut |sums, hashes| {
            // Before the sender can refer to these blocks.
            signed.extend(hashes);
            send(sums.to_vec())
        }),
        Form::Ranges => sign_ranges(shared, task, &basis, |sums, hashes| {
            signed.extend(hashes);
            match shared.signing.form_of(file) {
                Some(Form::Ranges) if sums.is_empty() => Ok(()),
                Some(Form::Ranges) => send(sums),
                _ => Err(Stop::Withdrawn),
            }
        }),
    };
    match made {
        Ok(()) => Ok(()),
        Err(SignError::Emit(Stop::Connection(error))) => Err(error),
        Err(SignError::Emit(Stop::Withdrawn) | SignError::Read(_)) => {
            shared.outbox.send(&FromReceiver::NoBasis { file })
        }
    }
}

/// Why no more sums are sent.
enum Stop {
    Connection(ConnectionError),
    /// Nobody asks for them any more.
    Withdrawn,
}

/// Takes the sums of a basis's ranges: first that of the last, which is where a file shows that it did
/// not just grow.
fn sign_ranges(
    shared: &Shared<'_>,
    task: &Task,
    basis: &SourceFile,
    mut emit: impl FnMut(Vec<u8>, &[BlockHash]) -> Result<(), Stop>,
) -> Result<(), SignError<Stop>> {
    let (shape, key) = (task.shape, shared.key);
    let last = RangeSums::of_last(basis.reader_from(shape.last_range_start()), shape, key);
    if let Some(last) = last.map_err(SignError::Read)? {
        emit(last.as_bytes().to_vec(), &[]).map_err(SignError::Emit)?;
    }
    let mut ranges = RangeSums::new(key, shape);
    sign_form(shared, task, basis, &mut |_, hashes| {
        let sums = hashes.iter().filter_map(|hash| ranges.add(hash));
        emit(sums.flat_map(|sum| *sum.as_bytes()).collect(), hashes)
    })
}

/// Goes through a basis, and takes of its blocks what the task is about.
fn sign_form(
    shared: &Shared<'_>,
    task: &Task,
    basis: &SourceFile,
    emit: &mut TakeSums<'_, Stop>,
) -> Result<(), SignError<Stop>> {
    let from = |offset| basis.reader_from(offset);
    ranges::sign(from, task.shape, task.form, shared.key, emit)
}
