//! Conversations whose frames are doubled, swapped, lost or not paid for.

use super::*;

/// The ends of conversations in which the agent leaves first, and the client.
pub(super) const PARTIES: [(Role, End); 4] = [
    (Role::Receiver, End::Client),
    (Role::Receiver, End::Agent),
    (Role::Sender, End::Client),
    (Role::Sender, End::Agent),
];

/// All frames of a small conversation, as one end received them.
pub(super) fn recorded(role: Role, end: End) -> Vec<Vec<u8>> {
    let mut world = World::of(role, 1000, 1000, 1 << 20, STEP);
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
pub(super) fn replay(role: Role, end: End, frames: &[Vec<u8>]) -> Result<bool, SessionError> {
    let mut party = Party::of(role, end, 1000);
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
    for (role, end) in PARTIES {
        let frames = recorded(role, end);
        assert_eq!(replay(role, end, &frames), Ok(true), "{role:?}, {end:?}");
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
    let (mut doublings, mut losses, mut swaps) = (0, 0, 0);
    for (role, end) in PARTIES {
        let frames = recorded(role, end);
        for position in 0..frames.len() {
            if free.contains(&frame_type(&frames[position])) {
                continue;
            }
            let mut doubled = frames.clone();
            doubled.insert(position, frames[position].clone());
            assert!(
                replay(role, end, &doubled).is_err(),
                "{role:?}, {end:?}: frame {position} doubled"
            );
            doublings += 1;
            let mut lost = frames.clone();
            lost.remove(position);
            assert_ne!(
                replay(role, end, &lost),
                Ok(true),
                "{role:?}, {end:?}: frame {position} lost"
            );
            losses += 1;
            let moves_past_control = frames.get(position + 1).is_none_or(|next| {
                frame_type(&frames[position]) == FrameType::Goodbye && control(frame_type(next))
            });
            if !moves_past_control {
                let mut swapped = frames.clone();
                swapped.swap(position, position + 1);
                assert!(
                    replay(role, end, &swapped).is_err(),
                    "{role:?}, {end:?}: frame {position} swapped"
                );
                swaps += 1;
            }
        }
    }
    assert!(doublings.min(losses).min(swaps) > 0);
    println!("{doublings} frames doubled, {losses} lost, {swaps} swapped: 0 times a success");
}

/// Nothing may depend on when a link pauses, as long as it goes on in time.
#[test]
fn a_link_may_stall_at_any_moment_of_a_conversation() {
    let mut usual = World::new(100_000, 100_000, 4096, STEP);
    usual.run();
    let steps = u32::try_from(usual.now.as_millis()).unwrap();
    for step in 0..steps {
        for both in [true, false] {
            let mut world = World::new(100_000, 100_000, 4096, STEP);
            let stall = STEP * step..STEP * step + secs(25);
            world.down.stalled = stall.clone();
            if both {
                world.up.stalled = stall;
            }
            world.run();
            world.assert_complete();
        }
    }
    println!("{} stalls: all conversations came to their end", 2 * steps);
}

/// A stream has no frames: it may end within one, after any byte.
#[test]
fn a_conversation_that_is_cut_after_any_byte_is_no_success() {
    let mut cuts = 0;
    for (role, end) in PARTIES {
        let bytes = recorded(role, end).concat();
        cuts += bytes.len();
        for len in 0..bytes.len() {
            let mut party = Party::of(role, end, 1000);
            let mut output = Pipe::new(1 << 20, STEP);
            let mut input = Pipe::new(1 << 20, Time::ZERO);
            input.write(STEP, &mut bytes[..len].to_vec());
            let read = party.read(STEP, &mut input);
            party.write(STEP, &mut output, 1000);
            let is_success = read.is_ok() && party.session.is_over();
            // What a client that leaves first has yet to hear is of no use to it.
            let leaves_first = (role, end) == (Role::Sender, End::Client);
            assert!(
                !is_success || leaves_first && party.received == 1000,
                "{role:?}, {end:?}: cut after {len} of {} bytes",
                bytes.len()
            );
        }
    }
    println!("cut after each of {cuts} bytes: 0 times a success");
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
