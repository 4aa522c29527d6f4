//! Computes and sends signatures of old versions, a bounded number at a time.

mod ranges;
mod signed;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::delta::{Shape, SignError};
use crate::engine::connection::ConnectionError;
use crate::engine::receiver::shared::Shared;
use crate::path::FileName;
use crate::root::{Dir, SourceFile};
use crate::wire::message::{FileId, FromReceiver, How};

pub(super) use signed::Signed;

/// Most bytes of block sums on their way, which is what the sender has to remember.
const MAX_SUM_BYTES: u64 = 8 << 20;
/// Most bytes of block hashes that this end remembers.
const MAX_HASH_BYTES: u64 = 8 << 20;

/// A basis to be signed.
pub(super) struct Task {
    pub(super) file: FileId,
    pub(super) name: FileName,
    /// The name of what is signed.
    pub(super) basis: FileName,
    pub(super) dir: Arc<Dir>,
    pub(super) shape: Shape,
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
                    sum_bytes: task.shape.signature_len(),
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
    let basis = task.dir.open_file(&task.basis).ok();
    let is_as_listed = |basis: &SourceFile| basis.opened().size == task.shape.basis_len();
    let Some(basis) = basis.filter(is_as_listed) else {
        // Gone or changed since it was listed: there is nothing to build on.
        shared.want(file, &task.name, How::Whole)?;
        shared.outbox.flush();
        return Ok(());
    };
    let signed = Arc::new(Signed::new(task.shape, &basis));
    shared.signing.begin(file, &signed);
    shared.want(file, &task.name, task.shape.want())?;
    let from = |offset| basis.reader_from(offset);
    let made = ranges::sign(from, task.shape, shared.key, |sums: &[u8], hashes| {
        // Before the sender can refer to these blocks.
        signed.extend(hashes);
        shared.outbox.send(&FromReceiver::Signature {
            file,
            sums: sums.to_vec(),
        })
    });
    match made {
        Ok(()) => Ok(()),
        Err(SignError::Emit(error)) => Err(error),
        Err(SignError::Read(_)) => shared.outbox.send(&FromReceiver::NoBasis { file }),
    }
}
