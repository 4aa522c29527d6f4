//! Peers that are alive and get nowhere.

use super::*;
use crate::session::progress::{MIN_FRAME_RATE, PATIENCE, SLOW_PATIENCE};

/// The usual timeout of these parties.
const TIMEOUT: Time = secs(60);

const HOUR: Time = secs(3600);
const DAY: Time = secs(86_400);

/// An open client whose peer has said nothing but its greeting.
fn client() -> Party {
    party(End::Client)
}

/// The same of either end.
fn party(end: End) -> Party {
    let mut party = Party::new(end, 0);
    let mut hello = Vec::new();
    let greeting = Hello::of_this_build("x", [0; 16]).encode();
    frame::put(&mut hello, FrameType::Hello, &greeting);
    if end == End::Agent {
        let request = Request {
            role: Role::Sender,
            path: b"/".to_vec(),
            options: Options::default(),
        };
        let request = encode_request(1, &request).unwrap();
        frame::put(&mut hello, FrameType::Request, &request);
    }
    hear(&mut party, Time::ZERO, &hello).unwrap();
    assert!(party.session.agreed().is_some());
    party
}

fn hear(party: &mut Party, now: Time, bytes: &[u8]) -> Result<(), SessionError> {
    let mut input = Pipe::new(usize::MAX, Time::ZERO);
    input.write(now, &mut bytes.to_vec());
    party.read(now, &mut input)?;
    party
        .session
        .check(now, party.heard, None)
        .inspect_err(|_| drop(input.read(now)))
}

/// When and how the client gives up a peer that says the next of `drops` every 50 seconds, which is
/// often enough to count as alive.
fn given_up(drops: impl Iterator<Item = Vec<u8>>) -> (Time, SessionError) {
    given_up_by(End::Client, secs(50), drops)
}

/// When and how this end gives up a peer that says the next of `drops` so often.
fn given_up_by(
    end: End,
    pause: Time,
    drops: impl Iterator<Item = Vec<u8>>,
) -> (Time, SessionError) {
    let mut party = party(end);
    let mut now = Time::ZERO;
    for drop in drops {
        now += pause;
        assert!(now < DAY * 30, "never given up");
        if let Err(error) = hear(&mut party, now, &drop) {
            return (now, error);
        }
        take_all(&mut party, now);
    }
    panic!("the peer ran dry first");
}

/// What came is taken at once, so that the peer never lacks credit.
fn take_all(party: &mut Party, now: Time) {
    while let Some(len) = party.queue.pop_front() {
        party.session.consumed_messages(now, len);
    }
    party
        .session
        .poll_control(now, party.heard, &mut party.unwritten);
    party.unwritten.clear();
}

fn framed(frame: FrameType, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    frame::put(&mut out, frame, payload);
    out
}

#[test]
fn x8_a_frame_that_drips_is_given_up_soon() {
    let len = 64 << 10;
    let frame = framed(FrameType::Messages, &vec![0; len]);
    let (when, error) = given_up(frame.into_iter().map(|byte| vec![byte]));
    assert_eq!(error, SessionError::Dripping { len });
    // The header took eight drops.
    let allowed = TIMEOUT + secs(len as u64 / MIN_FRAME_RATE);
    assert!(when <= secs(9 * 50) + allowed, "{when:?}");
}

#[test]
fn x8_signs_of_life_alone_are_given_up_after_hours() {
    let after = TIMEOUT * PATIENCE;
    // Answers would have to come of pings that were asked: the pings of the peer need none.
    let pings = (1u64..).map(|number| framed(FrameType::Ping, &number.to_le_bytes()));
    let unknown = std::iter::repeat_with(|| {
        let mut frame = framed(FrameType::Ping, &[0; 8]);
        (frame[4], frame[5]) = (200, frame::FLAG_SKIPPABLE);
        frame
    });
    let credit = std::iter::repeat_with(|| framed(FrameType::Credit, &1u32.to_le_bytes()));
    let all: [Box<dyn Iterator<Item = Vec<u8>>>; 3] =
        [Box::new(pings), Box::new(unknown), Box::new(credit)];
    for drops in all {
        let (when, error) = given_up(drops);
        assert_eq!(error, SessionError::NoProgress { after });
        assert!(when < after + TIMEOUT, "{when:?}");
    }
}

#[test]
fn x8_a_byte_of_messages_now_and_then_buys_no_eternity() {
    let after = TIMEOUT * PATIENCE;
    let drops = std::iter::repeat_with(|| framed(FrameType::Messages, &[0]));
    let (when, error) = given_up(drops);
    assert_eq!(error, SessionError::NoProgress { after });
    assert!(when < after + after / 20, "{when:?}");
}

#[test]
fn x8_a_byte_of_messages_a_second_is_given_up_after_a_week() {
    let after = TIMEOUT * SLOW_PATIENCE;
    assert_eq!(after, DAY * 7);
    for end in [End::Client, End::Agent] {
        let drops = std::iter::repeat_with(|| framed(FrameType::Messages, &[0]));
        let (when, error) = given_up_by(end, secs(1), drops);
        assert_eq!(error, SessionError::TooSlow { after });
        assert!(when < after + HOUR, "{when:?}");
    }
}

#[test]
fn x8_a_small_message_a_second_is_given_up_after_a_week() {
    let after = TIMEOUT * SLOW_PATIENCE;
    let drops = std::iter::repeat_with(|| framed(FrameType::Messages, &[0; 60]));
    let (when, error) = given_up_by(End::Client, secs(1), drops);
    assert_eq!(error, SessionError::TooSlow { after });
    assert!(when < DAY * 10, "{when:?}");
}

#[test]
fn x8_a_good_beginning_buys_no_more_than_a_week() {
    let after = TIMEOUT * SLOW_PATIENCE;
    let large = framed(FrameType::Messages, &vec![0; 256 << 10]);
    let small = framed(FrameType::Messages, &[0; 80]);
    let drops = std::iter::repeat_n(large, 2000).chain(std::iter::repeat(small));
    let (when, error) = given_up_by(End::Client, secs(10), drops);
    assert_eq!(error, SessionError::TooSlow { after });
    assert!(when < DAY * 8, "{when:?}");
}

/// What goes counts as well: a peer that takes a byte a second drips too.
#[test]
fn x8_a_peer_that_takes_messages_by_drops_is_given_up_after_a_week() {
    let after = TIMEOUT * SLOW_PATIENCE;
    let mut party = client();
    let mut now = Time::ZERO;
    let error = loop {
        now += secs(10);
        assert!(now < DAY * 30, "never given up");
        let cost = framed(FrameType::Credit, &256u32.to_le_bytes());
        if let Err(error) = hear(&mut party, now, &cost) {
            break error;
        }
        party.session.sent_messages(now, 10);
    };
    assert_eq!(error, SessionError::TooSlow { after });
    assert!(now < after + HOUR, "{now:?}");
}

/// Less than a twentieth of 64 kbit/s.
#[test]
fn a_link_of_2400_bits_a_second_is_waited_for_however_long_it_takes() {
    for end in [End::Client, End::Agent] {
        let mut party = party(end);
        let mut now = Time::ZERO;
        while now < DAY * 10 {
            now += secs(40);
            let frame = framed(FrameType::Messages, &vec![0; 12_000]);
            hear(&mut party, now, &frame).unwrap();
            take_all(&mut party, now);
        }
    }
}

/// Digests of files that take a second each to read are 30 bytes a second.
#[test]
fn a_disk_that_is_read_for_its_digests_for_days_is_waited_for() {
    let mut party = client();
    for second in (10..DAY.as_secs() * 7).step_by(10) {
        let digests = framed(FrameType::Messages, &[0; 300]);
        hear(&mut party, secs(second), &digests).unwrap();
        take_all(&mut party, secs(second));
    }
}

/// A disk that takes 10 kB a second has a large file for weeks, and the sender a frame to send now
/// and then.
#[test]
fn a_receiver_that_writes_for_weeks_is_waited_for() {
    let len = 64 << 10;
    let mut party = client();
    let mut now = Time::ZERO;
    while now < DAY * 30 {
        now += secs(7);
        party.session.sent_messages(now, len);
        let credit = framed(FrameType::Credit, &(len as u32).to_le_bytes());
        hear(&mut party, now, &credit).unwrap();
    }
}

#[test]
fn the_slowest_link_there_is_is_no_drip() {
    // Twice the slowest rate at which a frame may come, and half of the time nothing at all.
    let mut party = client();
    let frame = framed(FrameType::Messages, &vec![0; 256 << 10]);
    let mut now = Time::ZERO;
    for (number, piece) in frame.chunks(MIN_FRAME_RATE as usize * 80).enumerate() {
        now = secs(40 * (number as u64 + 1));
        hear(&mut party, now, piece).unwrap();
    }
    assert_eq!(party.received, 256 << 10);
    assert!(now > secs(500));
}

#[test]
fn a_peer_that_reads_for_hours_before_it_has_anything_to_say_is_waited_for() {
    let mut party = client();
    let mut now = Time::ZERO;
    for hours in 1u64..=10 {
        while now < secs(hours * 3 * 3600) {
            now += secs(50);
            let ping = framed(FrameType::Ping, &now.as_secs().to_le_bytes());
            hear(&mut party, now, &ping).unwrap();
        }
        // A listing of a few hundred entries.
        let listing = framed(FrameType::Messages, &[0; 16 << 10]);
        hear(&mut party, now, &listing).unwrap();
    }
}
