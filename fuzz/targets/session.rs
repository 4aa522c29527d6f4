//! The rules of a conversation, fed with frames in any order and at any time.

#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use rsync_core::options::Options;
use rsync_core::session::credit::cost;
use rsync_core::session::{Config, End, Event, Session, SessionError};
use rsync_core::wire::frame::{FrameType, HEADER_LEN, Header};
use rsync_core::wire::hello::{Hello, encode_request};
use rsync_core::wire::limits::MAX_CREDIT;
use rsync_core::wire::message::{Request, Role};

fuzz_target!(|bytes: &[u8]| {
    let Some((&choice, mut rest)) = bytes.split_first() else {
        return;
    };
    let end = if choice & 1 == 0 {
        End::Client
    } else {
        End::Agent
    };
    let role = if choice & 2 == 0 {
        Role::Sender
    } else {
        Role::Receiver
    };
    let mut driver = Driver::new(end, role);
    while let Some((header, after)) = rest.split_first_chunk::<HEADER_LEN>() {
        let Ok(header) = Header::parse(*header) else {
            return;
        };
        let Some(payload) = after.get(..header.len) else {
            return;
        };
        rest = &after[header.len..];
        if !driver.frame(&header, payload) {
            return;
        }
        // A byte between two frames lets time pass and work be done.
        let Some((&pause, after)) = rest.split_first() else {
            return;
        };
        rest = after;
        driver.pause(pause);
    }
});

struct Driver {
    session: Session,
    end: End,
    now: Duration,
    opened: bool,
    unconsumed: Vec<usize>,
}

impl Driver {
    fn new(end: End, role: Role) -> Self {
        let config = Config {
            end,
            hello: Hello::of_this_build("0", [7; 16]),
            timeout: Duration::from_secs(60),
            handshake_timeout: Duration::from_secs(30),
        };
        let request = Request {
            role,
            path: b"/".to_vec(),
            options: Options::default(),
        };
        let request = encode_request(1, &request).expect("a small request");
        let asks = (end == End::Client).then_some((role, &request[..]));
        let session = Session::new(config, asks);
        Self {
            session,
            end,
            now: Duration::ZERO,
            opened: false,
            unconsumed: Vec::new(),
        }
    }

    fn frame(&mut self, header: &Header, payload: &[u8]) -> bool {
        if self.session.admit(self.now, header).is_err() {
            return false;
        }
        let left_before = self.session.peer_has_left();
        match self.session.handle(self.now, header, payload) {
            Err(_) => return false,
            Ok(Event::Nothing) => {}
            Ok(Event::Open(request)) => {
                assert!(!self.opened, "a connection opens once");
                assert_eq!(request.is_some(), self.end == End::Agent);
                self.opened = true;
            }
            Ok(Event::Messages) => {
                assert!(self.opened && !left_before);
                assert_eq!(header.frame_type, Some(FrameType::Messages));
                self.unconsumed.push(header.len);
                // The credit bounds what may lie in the queue.
                let queued: u64 = self
                    .unconsumed
                    .iter()
                    .map(|&len| u64::from(cost(len)))
                    .sum();
                assert!(queued <= u64::from(MAX_CREDIT));
            }
            Ok(Event::Goodbye) => assert!(self.opened && self.session.peer_has_left()),
        }
        assert_eq!(self.session.agreed().is_some(), self.opened);
        true
    }

    fn pause(&mut self, pause: u8) {
        self.now += Duration::from_millis(u64::from(pause >> 4) * 700);
        if pause & 1 != 0
            && let Some(len) = self.unconsumed.pop()
        {
            self.session.consumed_messages(self.now, len);
        }
        if pause & 2 != 0 && self.opened && self.session.may_leave() {
            self.session.say_goodbye();
        }
        let mut out = Vec::new();
        self.session.poll_control(self.now, self.now, &mut out);
        let quiet = self.session.check(self.now, self.now, None);
        let handshake_is_over = self.opened || self.now < Duration::from_secs(30);
        let is_patient = !matches!(
            quiet,
            Err(SessionError::NoProgress { .. } | SessionError::TooSlow { .. })
        );
        assert_eq!(quiet.is_ok() || !is_patient, handshake_is_over);
    }
}
