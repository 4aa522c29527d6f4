//! Computes and sends signatures of old versions, a bounded number at a time.

mod ranges;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::delta::{Shape, SignError};
use crate::engine::connection::ConnectionError;
use crate::engine::receiver::shared::Shared;
use crate::path::FileName;
use crate::root::Dir;
use crate::wire::message::{FileId, FromReceiver, How};

/// Most bytes of block sums on their way, which is what the sender has to remember.
const MAX_SUM_BYTES: u64 = 8 << 20;

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
    under_way: HashMap<FileId, u64>,
    /// Files whose signatures are being sent, one for each signer, though the sender may have given
    /// up on them.
    unsaid: Vec<FileId>,
    sum_bytes: u64,
    closed: bool,
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
        if let Some(bytes) = state.under_way.remove(&file) {
            state.sum_bytes -= bytes;
            drop(state);
            self.changed.notify_all();
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
            let room = state.sum_bytes < MAX_SUM_BYTES;
            let is_free = |task: &Task| !state.unsaid.contains(&task.file);
            let next = state.waiting.iter().position(is_free).filter(|_| room);
            if let Some(task) = next.and_then(|next| state.waiting.remove(next)) {
                let bytes = task.shape.signature_len();
                state.sum_bytes += bytes;
                state.under_way.insert(task.file, bytes);
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
    let basis = task
        .dir
        .open_file(&task.basis)
        .and_then(|basis| Ok((basis.stamp()?, basis)));
    let basis = match basis {
        Ok((stamp, basis)) if stamp.seen().size == task.shape.basis_len() => basis,
        // Gone or changed since it was listed: there is nothing to build on.
        _ => {
            shared.want(file, &task.name, How::Whole)?;
            shared.outbox.flush();
            return Ok(());
        }
    };
    shared.want(file, &task.name, task.shape.want())?;
    let from = |offset| basis.reader_from(offset);
    let signed = ranges::sign(from, task.shape, shared.key, |sums: &[u8]| {
        shared.outbox.send(&FromReceiver::Signature {
            file,
            sums: sums.to_vec(),
        })
    });
    match signed {
        Ok(()) => Ok(()),
        Err(SignError::Emit(error)) => Err(error),
        Err(SignError::Read(_)) => shared.outbox.send(&FromReceiver::NoBasis { file }),
    }
}
