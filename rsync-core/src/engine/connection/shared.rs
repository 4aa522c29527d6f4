//! What the two threads, the inbox and the outboxes of a connection share.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::outgoing::Outgoing;
use super::{ConnectionError, Traffic};
use crate::options::Compression;
use crate::session::{Session, Time};
use crate::wire::limits::FRAME_TARGET_LEN;
use crate::wire::message::Request;

/// Empty buffers kept for the next frames that arrive.
const MAX_SPARE: usize = 6;
/// How long a failed connection waits for its last words to be written.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Everything that belongs to one connection.
#[derive(Debug)]
pub(super) struct Shared {
    started: Instant,
    state: Mutex<State>,
    /// The writer waits here.
    pub(super) work: Condvar,
    /// Outboxes wait here.
    pub(super) room: Condvar,
    /// Everyone else waits here: for a frame, a goodbye, the handshake.
    pub(super) arrived: Condvar,
    /// When the last byte arrived, in microseconds.
    heard: AtomicU64,
    /// Since when a write has made no progress, in microseconds and one; 0 if there is none.
    writing_since: AtomicU64,
    pub(super) received: AtomicU64,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) session: Session,
    pub(super) failure: Option<ConnectionError>,
    pub(super) outgoing: Outgoing,
    pub(super) incoming: VecDeque<Incoming>,
    pub(super) spare: Vec<Vec<u8>>,
    /// The client's request, at the agent, until it is taken.
    pub(super) request: Option<Box<Request>>,
    pub(super) compression: Compression,
    /// This end has nothing more to say.
    pub(super) closing: bool,
    /// Nor does it want to hear more.
    pub(super) leaves: bool,
    /// True while the writer waits and has to be woken.
    pub(super) writer_idle: bool,
    /// True while it waits for credit or for its time: more messages are of no use to it.
    pub(super) writer_held_up: bool,
    /// True once the writer has written its last frame.
    pub(super) writer_done: bool,
    /// Outboxes that wait for room.
    pub(super) senders_waiting: usize,
    pub(super) traffic: Traffic,
}

/// A frame of messages as it arrived.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) payload: Vec<u8>,
    pub(super) compressed: bool,
}

impl Shared {
    pub(super) fn new(session: Session, compression: Compression) -> Self {
        Self {
            started: Instant::now(),
            state: Mutex::new(State {
                session,
                failure: None,
                outgoing: Outgoing::new(),
                incoming: VecDeque::new(),
                spare: Vec::new(),
                request: None,
                compression,
                closing: false,
                leaves: false,
                writer_idle: false,
                writer_held_up: false,
                writer_done: false,
                senders_waiting: 0,
                traffic: Traffic::default(),
            }),
            work: Condvar::new(),
            room: Condvar::new(),
            arrived: Condvar::new(),
            heard: AtomicU64::new(0),
            writing_since: AtomicU64::new(0),
            received: AtomicU64::new(0),
        }
    }

    pub(super) fn now(&self) -> Time {
        self.started.elapsed()
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When the last byte arrived.
    pub(super) fn heard(&self) -> Time {
        Time::from_micros(self.heard.load(Ordering::Relaxed))
    }

    /// `len` bytes arrived.
    pub(super) fn note_heard(&self, len: usize) {
        self.heard.store(micros(self.now()), Ordering::Relaxed);
        self.received.fetch_add(len as u64, Ordering::Relaxed);
    }

    /// A write starts or has made progress.
    pub(super) fn note_writing(&self) {
        self.writing_since
            .store(micros(self.now()) + 1, Ordering::Relaxed);
    }

    /// Everything was written.
    pub(super) fn note_written(&self) {
        self.writing_since.store(0, Ordering::Relaxed);
    }

    fn writing_since(&self) -> Option<Time> {
        let micros = self.writing_since.load(Ordering::Relaxed).checked_sub(1)?;
        Some(Time::from_micros(micros))
    }

    /// Waits on `condvar`, at most until `until`, and watches over the peer's life meanwhile.
    pub(super) fn wait<'a>(
        &'a self,
        condvar: &Condvar,
        mut state: MutexGuard<'a, State>,
        until: Time,
    ) -> MutexGuard<'a, State> {
        self.check(&mut state);
        if state.failure.is_some() {
            return state;
        }
        let check = state.session.next_check(self.heard(), self.writing_since());
        // Never for longer than this: a deadline may have moved while nobody was woken for it.
        const LONGEST: Duration = Duration::from_secs(5);
        let wait = check.min(until).saturating_sub(self.now()).min(LONGEST);
        let (mut state, _) = condvar
            .wait_timeout(state, wait)
            .unwrap_or_else(PoisonError::into_inner);
        self.check(&mut state);
        state
    }

    fn check(&self, state: &mut State) {
        let verdict = state
            .session
            .check(self.now(), self.heard(), self.writing_since());
        if let Err(error) = verdict {
            self.fail(state, error.into());
        }
    }

    /// The connection has failed: everyone gets to know. Only the first failure counts.
    pub(super) fn fail(&self, state: &mut State, error: ConnectionError) {
        if state.failure.is_some() || state.session.is_over() {
            return;
        }
        let peer_knows = matches!(
            error,
            ConnectionError::Session(crate::session::SessionError::Aborted { .. })
        );
        if !peer_knows {
            state.session.abort(error.code(), &error.to_string());
        }
        state.failure = Some(error);
        self.work.notify_all();
        self.room.notify_all();
        self.arrived.notify_all();
    }

    /// Wakes the writer if it waits.
    pub(super) fn wake_writer(&self, state: &mut State) {
        if std::mem::take(&mut state.writer_idle) {
            self.work.notify_one();
        }
    }

    /// Wakes the writer if it waits for messages and there are some.
    pub(super) fn wake_writer_for_messages(&self, state: &mut State) {
        if state.outgoing.is_due() && !state.writer_held_up {
            self.wake_writer(state);
        }
    }

    /// Fails the connection from this end and tells the peer why.
    pub(super) fn abort(&self, code: u16, text: &str) {
        {
            let mut state = self.lock();
            let already_failed = state.failure.is_some();
            self.fail(&mut state, ConnectionError::Closed(text.to_owned()));
            if !already_failed && !state.writer_done {
                state.session.abort(code, text);
            }
        }
        self.say_last_words();
    }

    /// Gives the writer of a failed connection a moment to tell the peer.
    pub(super) fn say_last_words(&self) {
        let until = self.now() + LAST_WORDS;
        let mut state = self.lock();
        while !state.writer_done && self.now() < until {
            let left = until.saturating_sub(self.now());
            (state, _) = self
                .arrived
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl State {
    /// The failure, if there is one.
    pub(super) fn alive(&self) -> Result<(), ConnectionError> {
        match &self.failure {
            Some(failure) => Err(failure.clone()),
            None => Ok(()),
        }
    }

    /// Limits what this end sends, in bytes a second; 0 is no limit.
    pub(super) fn limit_bandwidth(&mut self, bytes_per_second: u64) {
        self.session.limit_bandwidth(bytes_per_second);
        self.outgoing.frame_target = self.session.frame_target(FRAME_TARGET_LEN);
    }

    /// Gives a buffer back for later frames.
    pub(super) fn recycle(&mut self, buffer: Vec<u8>) {
        if self.spare.len() < MAX_SPARE && buffer.capacity() > 0 {
            self.spare.push(buffer);
        }
    }
}

fn micros(time: Time) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX - 1)
}
