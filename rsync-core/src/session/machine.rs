//! One end of a conversation: which frame may come when, and which have to go out.
//!
//! ```text
//!   client                                agent
//!     <- magic, Hello                       speaks first
//!     Hello, Request ->                     may be sent before anything is read
//!     <-> Messages, Credit, Ping, Pong      open
//!     <- Goodbye                            the agent has sent everything and has everything
//!     Goodbye ->                            so has the client; only now does the agent leave
//! ```
//!
//! The client's goodbye is the last frame. So nothing that matters is ever the tail of the
//! agent's output, which exec streams are known to lose. Where a client pulls and both ends have
//! [`Features::INTERIM`](crate::wire::hello::Features::INTERIM), it is the only goodbye: nothing is
//! left to the agent that the client would have to know of. Either end may abort at any time.

mod farewell;

use super::credit::{Allowance, Window};
use super::heartbeat::Heartbeat;
use super::progress::Progress;
use super::throttle::Throttle;
use super::{Agreed, Config, End, SessionError, Time};
use crate::path::escape;
use crate::wire::compress::{Codec, worst_case_len};
use crate::wire::frame::{self, Abort, FrameType, Header};
use crate::wire::hello::{self, Hello};
use crate::wire::message::{Request, Role};
use crate::wire::preamble::MAGIC;

/// What a frame that arrived means for the one who drives the session.
#[derive(Debug)]
pub enum Event {
    /// Nothing but that there may be something to send.
    Nothing,
    /// The connection is open. An agent gets the request.
    Open(Option<Box<Request>>),
    /// A batch of messages: queue it, and say so when it is consumed.
    Messages,
    /// The peer has said everything.
    Goodbye,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    AwaitHello,
    AwaitRequest,
    Open,
    /// The peer has said goodbye.
    Left,
}

/// One end of a conversation.
#[derive(Debug)]
pub struct Session {
    config: Config,
    phase: Phase,
    agreed: Option<Agreed>,
    peer_nonce_and_version: Option<(Hello, u16)>,
    /// Frames that go out before everything else.
    outgoing: Vec<u8>,
    /// How many bytes of these are what a conversation begins with.
    greeting_len: usize,
    said_goodbye: bool,
    /// What the agent is asked to be, once that is known.
    role: Option<Role>,
    allowance: Allowance,
    window: Window,
    heartbeat: Heartbeat,
    progress: Progress,
    /// Length of the frame that has begun.
    arriving: usize,
    throttle: Throttle,
}

impl Session {
    /// Starts an end of a conversation. A client gives the payload of its request frame, and what it
    /// asks the agent to be.
    pub fn new(config: Config, request: Option<(Role, &[u8])>) -> Self {
        let mut outgoing = Vec::new();
        if config.end == End::Agent {
            outgoing.extend_from_slice(&MAGIC);
        }
        frame::put(&mut outgoing, FrameType::Hello, &config.hello.encode());
        let greeting_len = outgoing.len();
        if let Some((_, request)) = request {
            frame::put(&mut outgoing, FrameType::Request, request);
        }
        Self {
            phase: Phase::AwaitHello,
            agreed: None,
            peer_nonce_and_version: None,
            outgoing,
            greeting_len,
            said_goodbye: false,
            role: request.map(|(role, _)| role),
            allowance: Allowance::new(0),
            window: Window::new(config.hello.credit),
            heartbeat: Heartbeat::new(Time::ZERO, config.timeout),
            progress: Progress::new(Time::ZERO, config.timeout),
            arriving: 0,
            throttle: Throttle::new(0),
            config,
        }
    }

    /// What this end says first, taken by whoever brings it to the other end before there is a stream.
    pub fn take_opening(&mut self) -> Vec<u8> {
        self.greeting_len = 0;
        std::mem::take(&mut self.outgoing)
    }

    /// Limits what is sent from now on to so many bytes a second; 0 is no limit.
    pub fn limit_bandwidth(&mut self, bytes_per_second: u64) {
        self.throttle = Throttle::new(bytes_per_second);
    }

    /// What was agreed, once the connection is open.
    pub fn agreed(&self) -> Option<&Agreed> {
        self.agreed.as_ref()
    }

    /// A header arrived: may its frame come now? Called before anything is allocated for the
    /// payload. A frame of messages is charged to the peer's credit.
    pub fn admit(&mut self, now: Time, header: &Header) -> Result<(), SessionError> {
        self.progress.frame_begins(now, header.len);
        self.arriving = header.len;
        let Some(frame) = header.frame_type else {
            return Ok(());
        };
        let state = match (self.phase, frame) {
            (_, FrameType::Abort)
            | (Phase::AwaitHello, FrameType::Hello)
            | (Phase::AwaitRequest, FrameType::Request)
            | (Phase::Left, FrameType::Credit | FrameType::Ping | FrameType::Pong) => return Ok(()),
            (Phase::AwaitHello, _) => "before the hello",
            (Phase::AwaitRequest, _) => "before the request",
            (Phase::Open, FrameType::Hello) => "after the hello",
            (Phase::Open, FrameType::Request) if self.config.end == End::Agent => {
                "after the request"
            }
            (Phase::Open, FrameType::Request) => "from an agent",
            (Phase::Open, FrameType::Goodbye) if self.one_goodbye() => match self.config.end {
                End::Agent => return Ok(()),
                End::Client => "from an agent that is not asked to leave",
            },
            (Phase::Open, FrameType::Goodbye)
                if self.config.end == End::Agent && !self.said_goodbye =>
            {
                "before everything was said"
            }
            (Phase::Open, FrameType::Messages) if self.window.admit(header.len) => return Ok(()),
            (Phase::Open, FrameType::Messages) => {
                return Err(SessionError::CreditExceeded { len: header.len });
            }
            (Phase::Open, _) => return Ok(()),
            (Phase::Left, _) => "after the goodbye",
        };
        Err(SessionError::OutOfPlace { frame, state })
    }

    /// The payload of an admitted frame arrived. That of messages need not be given.
    pub fn handle(
        &mut self,
        now: Time,
        header: &Header,
        payload: &[u8],
    ) -> Result<Event, SessionError> {
        self.progress.frame_ends();
        let Some(frame) = header.frame_type else {
            return Ok(Event::Nothing);
        };
        match frame {
            FrameType::Hello => return self.handle_hello(payload),
            FrameType::Request => return self.handle_request(payload),
            FrameType::Messages => {
                self.progress.moved(now, header.len);
                return Ok(Event::Messages);
            }
            FrameType::Credit => {
                let granted = frame::parse_credit(payload)?;
                if !self.allowance.add(granted) {
                    return Err(SessionError::CreditOverflow { granted });
                }
            }
            FrameType::Ping => self.heartbeat.pinged(frame::parse_ping(frame, payload)?),
            FrameType::Pong => {
                let number = frame::parse_ping(frame, payload)?;
                if !self.heartbeat.ponged(now, number) {
                    return Err(SessionError::UnexpectedPong { number });
                }
            }
            FrameType::Abort => {
                let Abort { code, text } = frame::parse_abort(payload)?;
                return Err(SessionError::Aborted { code, text });
            }
            FrameType::Goodbye => {
                self.phase = Phase::Left;
                return Ok(Event::Goodbye);
            }
        }
        Ok(Event::Nothing)
    }

    fn handle_hello(&mut self, payload: &[u8]) -> Result<Event, SessionError> {
        let hello = Hello::parse(payload)?;
        let protocol = self.config.hello.agree(&hello)?;
        self.allowance = Allowance::new(hello.credit);
        self.peer_nonce_and_version = Some((hello, protocol));
        match self.config.end {
            End::Client => {
                self.open();
                Ok(Event::Open(None))
            }
            End::Agent => {
                self.phase = Phase::AwaitRequest;
                Ok(Event::Nothing)
            }
        }
    }

    fn handle_request(&mut self, payload: &[u8]) -> Result<Event, SessionError> {
        let protocol = self
            .peer_nonce_and_version
            .as_ref()
            .map_or(0, |(_, protocol)| *protocol);
        let request = hello::parse_request(protocol, payload)?;
        self.role = Some(request.role);
        self.open();
        Ok(Event::Open(Some(Box::new(request))))
    }

    fn open(&mut self) {
        self.phase = Phase::Open;
        self.agreed = self.peer_nonce_and_version.take().map(|(peer, protocol)| {
            let (client_nonce, agent_nonce) = match self.config.end {
                End::Client => (self.config.hello.nonce, peer.nonce),
                End::Agent => (peer.nonce, self.config.hello.nonce),
            };
            let features = self.config.hello.features.common(peer.features);
            Agreed {
                protocol,
                peer_version: escape(peer.version_text.as_bytes()),
                features,
                codec: Codec::of(features),
                client_nonce,
                agent_nonce,
            }
        });
        if self.sends() {
            self.heartbeat.ask_for_distance();
        }
    }

    /// Is everything still alive? `heard` is when the last byte arrived, `writing_since` since
    /// when a write has made no progress.
    pub fn check(
        &self,
        now: Time,
        heard: Time,
        writing_since: Option<Time>,
    ) -> Result<(), SessionError> {
        let timeout = self.config.timeout;
        match self.phase {
            Phase::AwaitHello | Phase::AwaitRequest => {
                let after = self.config.handshake_timeout;
                if now >= after {
                    return Err(SessionError::HandshakeTimeout { after });
                }
            }
            Phase::Open if now.saturating_sub(heard) >= timeout => {
                return Err(SessionError::Silent { after: timeout });
            }
            Phase::Open
                if self
                    .progress
                    .frame_until()
                    .is_some_and(|until| now >= until) =>
            {
                return Err(SessionError::Dripping { len: self.arriving });
            }
            Phase::Open if now >= self.progress.quiet().until() => {
                let after = self.progress.quiet().most();
                return Err(SessionError::NoProgress { after });
            }
            Phase::Open if now >= self.progress.slow().until() => {
                let after = self.progress.slow().most();
                return Err(SessionError::TooSlow { after });
            }
            // An end that has said goodbye need not be heard again.
            Phase::Open | Phase::Left => {}
        }
        if writing_since.is_some_and(|since| now.saturating_sub(since) >= timeout) {
            return Err(SessionError::Stalled { after: timeout });
        }
        Ok(())
    }

    /// When [`Self::check`] may fail at the earliest, if nothing else happens until then.
    pub fn next_check(&self, heard: Time, writing_since: Option<Time>) -> Time {
        let silent_at = match self.phase {
            Phase::AwaitHello | Phase::AwaitRequest => self.config.handshake_timeout,
            Phase::Open => heard
                .saturating_add(self.config.timeout)
                .min(self.progress.frame_until().unwrap_or(Time::MAX))
                .min(self.progress.quiet().until())
                .min(self.progress.slow().until()),
            Phase::Left => Time::MAX,
        };
        let stalled_at =
            writing_since.map_or(Time::MAX, |since| since.saturating_add(self.config.timeout));
        silent_at.min(stalled_at)
    }

    /// When [`Self::poll_control`] has something to send at the latest.
    pub fn next_control(&self, heard: Time) -> Time {
        match self.phase {
            Phase::AwaitHello | Phase::AwaitRequest => Time::MAX,
            Phase::Open | Phase::Left => self.heartbeat.ping_due(heard),
        }
    }

    /// Appends every control frame that has to go out now; they overtake all messages.
    pub fn poll_control(&mut self, now: Time, heard: Time, out: &mut Vec<u8>) {
        let start = out.len();
        out.append(&mut self.outgoing);
        self.greeting_len = 0;
        if matches!(self.phase, Phase::Open | Phase::Left) && !self.is_over() {
            if let Some(number) = self.heartbeat.take_pong() {
                frame::put(out, FrameType::Pong, &number.to_le_bytes());
            }
            if let Some(granted) = self.window.take_grant() {
                frame::put(out, FrameType::Credit, &granted.to_le_bytes());
            }
            if let Some(number) = self.heartbeat.take_ping(now, heard) {
                frame::put(out, FrameType::Ping, &number.to_le_bytes());
            }
        }
        if out.len() > start {
            self.heartbeat.sent(now);
        }
    }

    /// True if credit allows a frame that carries a batch of `len` bytes, packed or raw.
    pub fn has_credit(&self, len: usize) -> bool {
        self.phase == Phase::Open && self.allowance.covers(worst_case_len(len))
    }

    /// From when on the bandwidth limit allows the next frame of messages.
    pub fn free_at(&self) -> Time {
        self.throttle.free_at()
    }

    /// What is known of the way to the peer.
    pub fn heartbeat(&mut self) -> &mut Heartbeat {
        &mut self.heartbeat
    }

    /// A good length for frames of messages, at most `most`.
    pub fn frame_target(&self, most: usize) -> usize {
        self.throttle.frame_target(most)
    }

    /// A frame of messages with `len` bytes of payload goes out.
    pub fn sent_messages(&mut self, now: Time, len: usize) {
        self.allowance.spend(len);
        self.throttle.sent(now, len);
        self.progress.moved(now, len);
        self.heartbeat.sent_messages(now, len);
    }

    /// A frame of messages with `len` bytes of payload was taken out of the queue.
    pub fn consumed_messages(&mut self, now: Time, len: usize) {
        self.window.consume(now, len, self.heartbeat.round_trip());
        // Little is said and answered before the distance could matter.
        if self.window.is_in_use() {
            self.heartbeat.ask_for_distance();
        }
    }

    /// Gives up: the only frame that still goes out says why; behind the greeting, if that is
    /// still here, without which nobody would understand it.
    pub fn abort(&mut self, code: u16, text: &str) {
        self.outgoing.truncate(self.greeting_len);
        let text = text.to_owned();
        frame::put_abort(&mut self.outgoing, &Abort { code, text });
    }
}
