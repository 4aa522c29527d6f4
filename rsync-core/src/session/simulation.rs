//! Two sessions and the pipes between them, in one thread and in virtual time.

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
        let config = Config {
            end,
            hello: Hello::of_this_build("0.0.0", [end as u8; 16]),
            timeout: secs(60),
            handshake_timeout: secs(30),
        };
        let request = Request {
            role: Role::Sender,
            path: b"/".to_vec(),
            options: Options::default(),
        };
        let request = encode_request(1, &request).unwrap();
        let mut session = Session::new(config, (end == End::Client).then_some(&request[..]));
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
            if self.unread.len() < end {
                break;
            }
            self.session.admit(&header)?;
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
                if done && (self.end == End::Agent || self.session.peer_has_left()) {
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
    /// Both ends send so many bytes over such pipes.
    fn new(client_sends: usize, agent_sends: usize, capacity: usize, delay: Time) -> Self {
        Self {
            now: Time::ZERO,
            client: Party::new(End::Client, client_sends),
            agent: Party::new(End::Agent, agent_sends),
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

#[test]
fn much_in_both_directions_over_small_pipes_does_not_block() {
    const MUCH: usize = 64 << 20;
    let mut world = World::new(MUCH, MUCH, 64 << 10, STEP);
    world.run();
    world.assert_complete();
}

#[test]
fn any_size_of_pipe_and_any_delay_will_do() {
    for capacity in [100usize, 4096, 1 << 20] {
        for delay in [Time::ZERO, STEP * 7, STEP * 300] {
            let amount = capacity.saturating_mul(50).clamp(3000, 4 << 20);
            let mut world = World::new(amount, amount / 2, capacity, delay);
            world.run();
            world.assert_complete();
        }
    }
}

#[test]
fn a_long_fat_link_is_filled() {
    // 100 ms there and back: with the first window 64 MiB would take 6.4 seconds.
    let mut world = World::new(0, 64 << 20, 16 << 20, STEP * 50);
    world.run();
    world.assert_complete();
    assert!(world.now < Time::from_millis(2500), "{:?}", world.now);
}

#[test]
fn a_slow_consumer_is_never_sent_more_than_its_window() {
    let mut world = World::new(0, 20 << 20, 16 << 20, Time::ZERO);
    world.run_until(STEP * 3);
    world.client.consumes = 0;
    world.run_until(secs(30));
    assert!(world.client.failure.is_none(), "{:?}", world.client.failure);
    assert!(world.client.queued <= MAX_CREDIT as usize);
    assert!(world.client.queued > 0);
    world.client.consumes = 1;
    world.run();
    world.assert_complete();
    assert!(world.client.most_queued <= MAX_CREDIT as usize);
}

#[test]
fn a_consumer_that_takes_nothing_for_long_is_not_taken_for_dead() {
    let mut world = World::new(0, 8 << 20, 64 << 10, STEP);
    world.client.consumes = 0;
    world.run_until(secs(600));
    assert!(world.client.failure.is_none() && world.agent.failure.is_none());
    assert!(world.client.queued <= INITIAL_CREDIT as usize);
    world.client.consumes = usize::MAX;
    world.run();
    world.assert_complete();
}

#[test]
fn silence_is_filled_with_heartbeats_and_not_with_more() {
    let mut world = World::new(0, 1, 64 << 10, STEP);
    world.client.consumes = 0;
    // Keeps the agent from its goodbye: it waits for a byte that never comes.
    world.sends[0] = 1;
    world.run_until(secs(1000));
    assert!(world.client.failure.is_none() && world.agent.failure.is_none());
    for party in [&world.client, &world.agent] {
        let pings = party
            .frames
            .iter()
            .filter(|frame| **frame == FrameType::Ping)
            .count();
        assert!((100..=201).contains(&pings), "{pings} pings");
    }
}

#[test]
fn a_link_that_stalls_for_less_than_the_timeout_recovers() {
    let mut world = World::new(8 << 20, 8 << 20, 64 << 10, STEP);
    for pipe in [&mut world.up, &mut world.down] {
        pipe.stalled = STEP * 20..secs(50);
    }
    world.run();
    world.assert_complete();
}

#[test]
fn a_link_that_is_cut_ends_both_within_the_timeout() {
    for cut in [5, 20, 50] {
        let mut world = World::new(8 << 20, 8 << 20, 64 << 10, STEP);
        for pipe in [&mut world.up, &mut world.down] {
            pipe.stalled = STEP * cut..Time::MAX;
        }
        world.run();
        for party in [&world.client, &world.agent] {
            let (when, error) = party.failure.as_ref().unwrap();
            assert!(
                matches!(
                    error,
                    SessionError::Silent { .. } | SessionError::Stalled { .. }
                ),
                "{error}"
            );
            assert!((secs(60)..secs(61)).contains(when), "after {when:?}");
        }
    }
}

#[test]
fn a_link_that_is_cut_in_one_direction_ends_both() {
    let mut world = World::new(8 << 20, 8 << 20, 64 << 10, STEP);
    world.up.stalled = STEP * 20..Time::MAX;
    world.run_until(secs(62));
    assert!(world.agent.failure.is_some());
    assert!(matches!(
        world.client.failure,
        Some((_, SessionError::Stalled { .. }))
    ));
}

#[test]
fn an_agent_that_never_answers_is_given_up_after_the_deadline() {
    let mut world = World::new(1, 1, 64 << 10, STEP);
    world.down.stalled = Time::ZERO..Time::MAX;
    world.up.stalled = Time::ZERO..Time::MAX;
    world.run();
    for party in [&world.client, &world.agent] {
        let (when, error) = party.failure.as_ref().unwrap();
        assert_eq!(*error, SessionError::HandshakeTimeout { after: secs(30) });
        assert!(*when < secs(31));
    }
}

#[test]
fn bandwidth_is_limited_without_silence() {
    let mut world = World::new(0, 3_000_000, 64 << 10, STEP);
    world.agent.session.limit_bandwidth(100_000);
    world.run();
    world.assert_complete();
    assert!((secs(25)..secs(36)).contains(&world.now), "{:?}", world.now);
}

/// All frames of a small conversation, as one end received them.
fn recorded(end: End) -> Vec<Vec<u8>> {
    let mut world = World::new(1000, 1000, 1 << 20, STEP);
    let mut bytes = Vec::new();
    while !(world.client.is_done() && world.agent.is_done()) {
        let pipe = match end {
            End::Client => &world.down,
            End::Agent => &world.up,
        };
        let before: usize = bytes.len();
        for (arrival, piece) in &pipe.pieces {
            if *arrival == world.now {
                bytes.extend_from_slice(piece);
            }
        }
        assert!(bytes.len() >= before);
        world.step();
    }
    let mut frames = Vec::new();
    let mut rest = &bytes[..];
    while let Some((header, _)) = rest.split_first_chunk::<HEADER_LEN>() {
        let len = HEADER_LEN + Header::parse(*header).unwrap().len;
        frames.push(rest[..len].to_vec());
        rest = &rest[len..];
    }
    frames
}

/// Feeds recorded frames to a new end; true if it took all of them and is over.
fn replay(end: End, frames: &[Vec<u8>]) -> Result<bool, SessionError> {
    let mut party = Party::new(end, 1000);
    let mut output = Pipe::new(1 << 20, STEP);
    let mut now = STEP;
    for bytes in frames {
        let mut input = Pipe::new(1 << 20, Time::ZERO);
        input.write(now, &mut bytes.clone());
        party.read(now, &mut input)?;
        party.write(now, &mut output, 1000);
        now += STEP;
    }
    Ok(party.session.is_over())
}

#[test]
fn a_recorded_conversation_can_be_replayed() {
    for end in [End::Client, End::Agent] {
        assert_eq!(replay(end, &recorded(end)), Ok(true), "{end:?}");
    }
}

#[test]
fn frames_that_are_doubled_swapped_or_lost_never_make_a_success() {
    // What may come at any time and any number of times is not told apart by its order.
    let free = [
        FrameType::Ping,
        FrameType::Pong,
        FrameType::Credit,
        FrameType::Messages,
    ];
    let control = |frame| frame != FrameType::Messages && free.contains(&frame);
    let frame_type = |frame: &[u8]| {
        Header::parse(*frame.first_chunk().unwrap())
            .unwrap()
            .frame_type
            .unwrap()
    };
    for end in [End::Client, End::Agent] {
        let frames = recorded(end);
        for position in 0..frames.len() {
            if free.contains(&frame_type(&frames[position])) {
                continue;
            }
            let mut doubled = frames.clone();
            doubled.insert(position, frames[position].clone());
            assert!(
                replay(end, &doubled).is_err(),
                "{end:?}: frame {position} doubled"
            );
            let mut lost = frames.clone();
            lost.remove(position);
            assert_ne!(
                replay(end, &lost),
                Ok(true),
                "{end:?}: frame {position} lost"
            );
            let moves_past_control = frames.get(position + 1).is_none_or(|next| {
                frame_type(&frames[position]) == FrameType::Goodbye && control(frame_type(next))
            });
            if !moves_past_control {
                let mut swapped = frames.clone();
                swapped.swap(position, position + 1);
                assert!(
                    replay(end, &swapped).is_err(),
                    "{end:?}: frame {position} swapped"
                );
            }
        }
    }
}

#[test]
fn a_peer_that_sends_without_credit_is_found_out() {
    let mut party = Party::new(End::Client, 0);
    let mut hello = Vec::new();
    frame::put(
        &mut hello,
        FrameType::Hello,
        &Hello::of_this_build("x", [0; 16]).encode(),
    );
    let mut input = Pipe::new(usize::MAX, Time::ZERO);
    input.write(STEP, &mut hello);
    party.read(STEP, &mut input).unwrap();
    let mut result = Ok(());
    let mut frames = 0;
    while result.is_ok() {
        let mut bytes = Vec::new();
        frame::put(&mut bytes, FrameType::Messages, &[0; 1 << 16]);
        input.write(STEP, &mut bytes);
        result = party.read(STEP, &mut input);
        frames += 1;
    }
    assert_eq!(result, Err(SessionError::CreditExceeded { len: 1 << 16 }));
    assert_eq!(frames, (INITIAL_CREDIT >> 16) + 1);
}
