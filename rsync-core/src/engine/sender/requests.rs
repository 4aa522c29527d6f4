//! Requests for content that wait for a worker, and the block sums that come with some.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::checksum::Digest;
use crate::delta::{BlockSum, RANGE_SUM_LEN, Shape, Sums, Table};
use crate::engine::error::Error;
use crate::engine::sender::CONTENT_WORKERS;
use crate::path::{FileName, RelPath};
use crate::wire::message::{FileId, How};

/// Listing pauses while so many requests wait, which bounds what both ends have to remember.
const MAX_WAITING: usize = 8192;

/// Most requests for one file at a time. A receiver has one; but it may have heard the answer,
/// and ask again, before the worker that gave it is done, whichever that is.
const MAX_OPEN: usize = CONTENT_WORKERS + 1;
/// Most bytes of block sums that may be announced at a time. Receivers announce far less.
const MAX_SUM_BYTES: u64 = 512 << 20;

/// What a worker does next.
pub(crate) enum Task {
    /// Answers a request.
    Answer(Request),
    /// Says how the account stands.
    Interim,
}

/// One request.
pub(crate) struct Request {
    /// Which file.
    pub(crate) file: FileId,
    /// Its directory, if that was listed.
    pub(crate) dir: Option<RelPath>,
    /// Its name.
    pub(crate) name: FileName,
    /// In which form.
    pub(crate) how: How,
    /// The sums that come with it.
    pub(crate) signature: Option<Arc<Signature>>,
}

/// The queue.
#[derive(Default)]
pub(crate) struct Requests {
    state: Mutex<State>,
    /// There is something to do for one more worker.
    asked: Condvar,
    /// There is room for more requests.
    room: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Request>,
    open: HashMap<FileId, Open>,
    sum_bytes: u64,
    /// Who wants to know how the account stands, and when.
    interims: Due,
    closed: bool,
    /// Workers that wait: waking nobody would still be a system call.
    idle: usize,
}

/// A file of which requests are not answered.
#[derive(Default)]
struct Open {
    /// How many requests.
    requests: usize,
    /// What the sums that arrive belong to.
    signature: Option<Arc<Signature>>,
}

/// When it is said how the account stands.
#[derive(Default)]
struct Due {
    /// The receiver is one that listens, and everything is listed.
    may_be_said: bool,
    /// It has asked for everything there is to ask for.
    has_enough: bool,
    /// It has not been said since something was asked for.
    is_news: bool,
    /// It is to be said now.
    is_due: bool,
}

impl Requests {
    /// Adds a request. A delta's sums may follow at once.
    ///
    /// # Errors
    /// The receiver asks for more at a time than it can have a use for.
    pub(crate) fn push(&self, mut request: Request) -> Result<(), Error> {
        let mut guard = self.lock();
        let state = &mut *guard;
        let open = state.open.entry(request.file).or_default();
        if open.requests >= MAX_OPEN {
            return Err(Error::Protocol(format!(
                "it asks for {} again and again",
                request.name
            )));
        }
        open.requests += 1;
        state.interims.is_news = true;
        if let Ok(Some(shape)) = Shape::wanted(request.how) {
            let signature = Arc::new(Signature::new(shape, shape.sums_len(request.how)));
            state.sum_bytes += signature.bytes;
            if state.sum_bytes > MAX_SUM_BYTES {
                return Err(Error::Protocol("it announces too many sums".into()));
            }
            request.signature = Some(Arc::clone(&signature));
            if let Some(replaced) = open.signature.replace(signature) {
                replaced.end();
            }
        }
        state.waiting.push_back(request);
        self.wake_one(guard);
        Ok(())
    }

    /// What to do next, or nothing once there will be nothing to do.
    pub(crate) fn pop(&self) -> Option<Task> {
        let mut state = self.lock();
        loop {
            if std::mem::take(&mut state.interims.is_due) {
                state.interims.is_news = false;
                return Some(Task::Interim);
            }
            if let Some(request) = state.waiting.pop_front() {
                if state.waiting.len() + 1 == MAX_WAITING {
                    self.room.notify_all();
                }
                return Some(Task::Answer(request));
            }
            if state.closed {
                return None;
            }
            state.idle += 1;
            state = self
                .asked
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }

    /// Everything is listed, for a receiver that wants to know how the account stands.
    pub(crate) fn listed(&self) {
        let mut state = self.lock();
        state.interims.may_be_said = true;
        state.interims.is_news = true;
        self.say_if_idle(state, true);
    }

    /// The receiver has asked for everything there is to ask for.
    pub(crate) fn enough(&self) {
        let mut state = self.lock();
        state.interims.has_enough = true;
        self.say_if_idle(state, true);
    }

    /// Has it said how the account stands, if nothing is left to be answered.
    fn say_if_idle(&self, mut state: MutexGuard<'_, State>, now: bool) {
        let idle = state.open.is_empty();
        let interims = &mut state.interims;
        if idle && interims.may_be_said && interims.is_news && (now || interims.has_enough) {
            interims.is_due = true;
            self.wake_one(state);
        }
    }

    /// Wakes one worker, which is enough for one thing to do.
    fn wake_one(&self, state: MutexGuard<'_, State>) {
        let is_idle = state.idle > 0;
        drop(state);
        if is_idle {
            self.asked.notify_one();
        }
    }

    /// Waits while very many requests wait.
    pub(crate) fn wait_for_room(&self) {
        let mut state = self.lock();
        while state.waiting.len() >= MAX_WAITING && !state.closed {
            state = self
                .room
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Adds block sums. Those for a file that was not wanted as a delta are dropped: its worker
    /// has given up on it.
    pub(crate) fn add_sums(&self, file: FileId, sums: Vec<u8>) {
        if let Some(signature) = self.lock().signature(file) {
            signature.add(sums);
        }
    }

    /// Says that a file gets no more sums.
    pub(crate) fn end_sums(&self, file: FileId) {
        if let Some(signature) = self.lock().signature(file) {
            signature.end();
        }
    }

    /// A request is answered: forgets its sums, and not those of a request for the same file
    /// that came meanwhile.
    pub(crate) fn answered(&self, request: &Request) {
        let mut state = self.lock();
        if let Some(signature) = &request.signature {
            state.sum_bytes = state.sum_bytes.saturating_sub(signature.bytes);
        }
        if let Entry::Occupied(mut entry) = state.open.entry(request.file) {
            let open = entry.get_mut();
            open.requests -= 1;
            if let (Some(latest), Some(answered)) = (&open.signature, &request.signature)
                && Arc::ptr_eq(latest, answered)
            {
                open.signature = None;
            }
            if open.requests == 0 {
                entry.remove();
            }
        }
        self.say_if_idle(state, false);
    }

    /// Ends everything that waits.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.interims.is_due = false;
        state.waiting.clear();
        let signatures = state
            .open
            .values()
            .filter_map(|open| open.signature.as_ref());
        signatures.for_each(|signature| signature.end());
        drop(state);
        self.asked.notify_all();
        self.room.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// What sums for `file` belong to, if it is wanted as a delta.
    fn signature(&self, file: FileId) -> Option<&Arc<Signature>> {
        self.open.get(&file)?.signature.as_ref()
    }
}

/// Sums of one basis on their way from the thread that receives to the one that matches.
pub(crate) struct Signature {
    shape: Shape,
    /// Bytes of all its sums.
    bytes: u64,
    state: Mutex<Arriving>,
    arrived: Condvar,
}

#[derive(Default)]
struct Arriving {
    pieces: VecDeque<Vec<u8>>,
    ended: bool,
}

impl Signature {
    fn new(shape: Shape, bytes: u64) -> Self {
        Self {
            shape,
            bytes,
            state: Mutex::default(),
            arrived: Condvar::new(),
        }
    }

    /// The shape of its basis.
    pub(crate) fn shape(&self) -> Shape {
        self.shape
    }

    fn add(&self, sums: Vec<u8>) {
        self.lock().pieces.push_back(sums);
        self.arrived.notify_all();
    }

    fn end(&self) {
        self.lock().ended = true;
        self.arrived.notify_all();
    }

    /// Takes the next sums, which it waits for; nothing once there will be no more.
    fn take(&self) -> Option<Vec<u8>> {
        let mut state = self.lock();
        while state.pieces.is_empty() && !state.ended {
            state = self
                .arrived
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state.pieces.pop_front()
    }

    /// The sums of blocks, as the matcher wants them.
    pub(crate) fn arrived(self: &Arc<Self>) -> ArrivedSums {
        ArrivedSums {
            signature: Arc::clone(self),
            table: Table::new(self.shape),
            ended: false,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Arriving> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The sums that one match has taken so far; waits for the others.
pub(crate) struct ArrivedSums {
    signature: Arc<Signature>,
    table: Table,
    ended: bool,
}

impl ArrivedSums {
    /// Waits for the next sums.
    fn take_more(&mut self) {
        match self.signature.take() {
            // Sums that do not fit make no usable basis, which is all there is to it.
            Some(sums) => self.ended = self.table.extend(&sums).is_err(),
            None => self.ended = true,
        }
    }
}

/// The sums of ranges that one match has taken so far; waits for the others.
pub(crate) struct ArrivedRanges<'s> {
    signature: &'s Signature,
    /// What has been taken.
    sums: Vec<u8>,
}

impl<'s> ArrivedRanges<'s> {
    /// Nothing has been taken yet.
    pub(crate) fn of(signature: &'s Signature) -> Self {
        Self {
            signature,
            sums: Vec::new(),
        }
    }

    /// Sum number `number`; nothing if there will be none.
    pub(crate) fn get(&mut self, number: usize) -> Option<Digest> {
        let start = number.checked_mul(RANGE_SUM_LEN)?;
        loop {
            let behind = self.sums.get(start..).unwrap_or_default();
            if let Some(sum) = behind.first_chunk::<RANGE_SUM_LEN>() {
                return Some(Digest::from(*sum));
            }
            self.sums.extend_from_slice(&self.signature.take()?);
        }
    }
}

impl Sums for ArrivedSums {
    type Error = Infallible;

    fn sum(&mut self, block: u64) -> Result<Option<BlockSum>, Infallible> {
        while self.table.len() <= block && !self.ended && !self.table.is_complete() {
            self.take_more();
        }
        Ok(self.table.get(block))
    }

    fn table(&mut self) -> Result<&Table, Infallible> {
        while !self.ended && !self.table.is_complete() {
            self.take_more();
        }
        Ok(&self.table)
    }
}
