//! Two sessions and the pipes between them, in one thread and in virtual time.

mod drips;
mod links;
mod skew;
mod tampering;

use std::collections::VecDeque;

use super::{Config, End, Event, Session, SessionError, Time};
use crate::options::Options;
use crate::wire::frame::{self, FrameType, HEADER_LEN, Header};
use crate::wire::hello::{Hello, encode_request};
use crate::wire::limits::{FRAME_TARGET_LEN, INITIAL_CREDIT, MAX_CREDIT};
use crate::wire::message::{Request, Role};
use crate::wire::preamble::MAGIC;

const STEP: Time = Time::from_millis(1);

const fn secs(n: u64) -> Time {
    Time::from_secs(n)
}

/// One direction of a stream: holds so many bytes, delivers them so much later.
struct Pipe {
    capacity: usize,
    delay: Time,
    pieces: VecDeque<(Time, Vec<u8>)>,
    len: usize,
    /// Takes and delivers nothing in this span of time.
    stalled: std::ops::Range<Time>,
}

impl Pipe {
    fn new(capacity: usize, delay: Time) -> Self {
        Self {
            capacity,
            delay,
            pieces: VecDeque::new(),
            len: 0,
            stalled: Time::ZERO..Time::ZERO,
        }
    }

    /// Takes what it can off the front of `bytes`.
    fn write(&mut self, now: Time, bytes: &mut Vec<u8>) -> usize {
        let len = bytes.len().min(self.capacity - self.len);
        if len == 0 || self.stalled.contains(&now) {
            return 0;
        }
        self.len += len;
        self.pieces
            .push_back((now + self.delay, bytes.drain(..len).collect()));
        len
    }

    fn read(&mut self, now: Time) -> Vec<u8> {
        if self.stalled.contains(&now) {
            return Vec::new();
        }
        let mut out = Vec::new();
        while self
            .pieces
            .front()
            .is_some_and(|(arrival, _)| *arrival <= now)
        {
            if let Some((_, piece)) = self.pieces.pop_front() {
                self.len -= piece.len();
                out.extend(piece);
            }
        }
        out
    }
}

/// A session with everything that drives it.
struct Party {
    session: Session,
    end: End,
    /// Bytes of messages left to send; it says goodbye after them.
    to_send: usize,
    /// Bytes that the stream has not taken yet.
    unwritten: Vec<u8>,
    unread: Vec<u8>,
    /// The header of what is not read is.
    is_admitted: bool,
    queue: VecDeque<usize>,
    queued: usize,
    most_queued: usize,
    received: usize,
    /// Frames consumed each step.
    consumes: usize,
    heard: Time,
    writing_since: Option<Time>,
    failure: Option<(Time, SessionError)>,
    frames: Vec<FrameType>,
}

impl Party {
    fn new(end: End, to_send: usize) -> Self {
        Self::of(Role::Receiver, end, to_send)
    }

    /// One of a pair in which the agent has this role.
    fn of(role: Role, end: End, to_send: usize) -> Self {
        let hello = Hello::of_this_build("0.0.0", [end as u8; 16]);
        Self::saying(hello, role, end, to_send)
    }

    /// One that says this of itself, of a pair in which the agent has this role.
    fn saying(hello: Hello, role: Role, end: End, to_send: usize) -> Self {
        let config = Config {
            end,
            hello,
            timeout: secs(60),
            handshake_timeout: secs(30),
        };
        let request = Request {
            role,
            path: b"/".to_vec(),
            options: Options::default(),
        };
        let request = encode_request(1, &request).unwrap();
        let asks = (end == End::Client).then_some((role, &request[..]));
        let mut session = Session::new(config, asks);
        let mut unwritten = Vec::new();
        session.poll_control(Time::ZERO, Time::ZERO, &mut unwritten);
        if end == End::Agent {
            // The client's scanner is tested elsewhere.
            assert!(unwritten.starts_with(&MAGIC));
            unwritten.drain(..MAGIC.len());
        }
        Self {
            session,
            end,
            to_send,
            unwritten,
            unread: Vec::new(),
            is_admitted: false,
            queue: VecDeque::new(),
            queued: 0,
            most_queued: 0,
            received: 0,
            consumes: usize::MAX,
            heard: Time::ZERO,
            writing_since: None,
            failure: None,
            frames: Vec::new(),
        }
    }

    fn step(&mut self, now: Time, input: &mut Pipe, output: &mut Pipe, expected: usize) {
        if self.failure.is_some() || self.session.is_over() && self.unwritten.is_empty() {
            input.read(now);
            return;
        }
        let result = self
            .read(now, input)
            .and_then(|()| self.session.check(now, self.heard, self.writing_since));
        if let Err(error) = result {
            self.failure = Some((now, error));
            return;
        }
        for _ in 0..self.consumes.min(self.queue.len()) {
            if let Some(len) = self.queue.pop_front() {
                self.queued -= len;
                self.session.consumed_messages(now, len);
            }
        }
        self.write(now, output, expected);
    }

    fn read(&mut self, now: Time, input: &mut Pipe) -> Result<(), SessionError> {
        let bytes = input.read(now);
        if !bytes.is_empty() {
            self.heard = now;
        }
        self.unread.extend(bytes);
        while let Some((header, _)) = self.unread.split_first_chunk::<HEADER_LEN>() {
            let header = Header::parse(*header)?;
            let end = HEADER_LEN + header.len;
            if !std::mem::replace(&mut self.is_admitted, true) {
                self.session.admit(now, &header)?;
            }
            if self.unread.len() < end {
                break;
            }
            self.is_admitted = false;
            let event = self
                .session
                .handle(now, &header, &self.unread[HEADER_LEN..end])?;
            self.unread.drain(..end);
            self.frames.extend(header.frame_type);
            if matches!(event, Event::Messages) {
                self.queue.push_back(header.len);
                self.queued += header.len;
                self.most_queued = self.most_queued.max(self.queued);
                self.received += header.len;
            }
        }
        Ok(())
    }

    fn write(&mut self, now: Time, output: &mut Pipe, expected: usize) {
        loop {
            if self.unwritten.is_empty() {
                let done = self.to_send == 0
                    && self.received == expected
                    && self.session.agreed().is_some();
                if done && self.session.may_leave() {
                    self.session.say_goodbye();
                }
                self.session
                    .poll_control(now, self.heard, &mut self.unwritten);
                let len = self.to_send.min(FRAME_TARGET_LEN);
                if len > 0 && self.session.has_credit(len) && self.session.free_at() <= now {
                    self.session.sent_messages(now, len);
                    self.to_send -= len;
                    frame::put(&mut self.unwritten, FrameType::Messages, &vec![0; len]);
                }
            }
            if self.unwritten.is_empty() {
                self.writing_since = None;
                return;
            }
            if output.write(now, &mut self.unwritten) > 0 {
                self.writing_since = Some(now);
            } else {
                self.writing_since.get_or_insert(now);
                return;
            }
        }
    }
}

struct World {
    now: Time,
    client: Party,
    agent: Party,
    up: Pipe,
    down: Pipe,
    sends: [usize; 2],
}

impl World {
    /// Both ends send so many bytes over such pipes. The agent leaves first.
    fn new(client_sends: usize, agent_sends: usize, capacity: usize, delay: Time) -> Self {
        Self::of(Role::Receiver, client_sends, agent_sends, capacity, delay)
    }

    /// As [`Self::new`], with an agent of this role: if that sends, the client leaves first.
    fn of(
        role: Role,
        client_sends: usize,
        agent_sends: usize,
        capacity: usize,
        delay: Time,
    ) -> Self {
        Self {
            now: Time::ZERO,
            client: Party::of(role, End::Client, client_sends),
            agent: Party::of(role, End::Agent, agent_sends),
            up: Pipe::new(capacity, delay),
            down: Pipe::new(capacity, delay),
            sends: [client_sends, agent_sends],
        }
    }

    fn step(&mut self) {
        let [client_sends, agent_sends] = self.sends;
        self.client
            .step(self.now, &mut self.down, &mut self.up, agent_sends);
        self.agent
            .step(self.now, &mut self.up, &mut self.down, client_sends);
        self.now += STEP;
    }

    /// Runs until both ends are over or have failed; at most for an hour of virtual time.
    fn run(&mut self) {
        while !(self.client.is_done() && self.agent.is_done()) {
            self.step();
            assert!(self.now < secs(3600), "neither success nor failure");
        }
    }

    fn run_until(&mut self, until: Time) {
        while self.now < until {
            self.step();
        }
    }

    fn assert_complete(&self) {
        for party in [&self.client, &self.agent] {
            assert!(
                party.failure.is_none(),
                "{:?}: {:?}",
                party.end,
                party.failure
            );
            assert!(party.session.is_over());
        }
        assert_eq!([self.agent.received, self.client.received], self.sends);
    }
}

impl Party {
    fn is_done(&self) -> bool {
        self.failure.is_some() || self.session.is_over() && self.unwritten.is_empty()
    }
}
