//! Peers that are alive and get nowhere.

use super::*;
use crate::session::progress::{MIN_FRAME_RATE, PATIENCE};

/// The usual timeout of these parties.
const TIMEOUT: Time = secs(60);

/// An open client whose peer has said nothing but its greeting.
fn client() -> Party {
    let mut party = Party::new(End::Client, 0);
    let mut hello = Vec::new();
    let greeting = Hello::of_this_build("x", [0; 16]).encode();
    frame::put(&mut hello, FrameType::Hello, &greeting);
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
    let mut party = client();
    let mut now = Time::ZERO;
    for drop in drops {
        now += secs(50);
        assert!(now < secs(30 * 86_400), "never given up");
        if let Err(error) = hear(&mut party, now, &drop) {
            return (now, error);
        }
        // What came is taken at once, so that the peer never lacks credit.
        while let Some(len) = party.queue.pop_front() {
            party.session.consumed_messages(now, len);
        }
        party
            .session
            .poll_control(now, party.heard, &mut party.unwritten);
    }
    panic!("the peer ran dry first");
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
