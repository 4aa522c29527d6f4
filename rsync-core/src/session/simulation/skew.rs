//! Ends of different ages: what one of them has never heard of.

use super::tampering::{PARTIES, recorded, replay};
use super::*;
use crate::wire::batch;
use crate::wire::frame::{FLAG_SKIPPABLE, FrameError};
use crate::wire::hello::{Features, HelloError, MAX_VERSION};
use crate::wire::message::{FromReceiver, FromSender};

/// What an end says of itself that speaks these versions and has abilities nobody here knows.
fn of_versions(min_version: u16, max_version: u16) -> Hello {
    let mut hello = Hello {
        min_version,
        max_version,
        ..Hello::of_this_build("9.9.9", [9; 16])
    };
    // Every bit there is.
    let mut bytes = hello.encode();
    bytes[4..8].fill(0xff);
    hello.features = Hello::parse(&bytes).unwrap().features;
    hello
}

/// A conversation of which one end is of today and the other says `hello`.
fn between(other: End, hello: Hello) -> World {
    let mut world = World::new(1000, 1000, 1 << 20, STEP);
    let party = Party::saying(hello, Role::Receiver, other, 1000);
    match other {
        End::Client => world.client = party,
        End::Agent => world.agent = party,
    }
    world.run();
    world
}

#[test]
fn a_newer_end_that_still_speaks_this_version_is_understood() {
    for other in [End::Client, End::Agent] {
        for newest in [MAX_VERSION, MAX_VERSION + 1, u16::MAX] {
            let world = between(other, of_versions(1, newest));
            world.assert_complete();
            let agreed = world.client.session.agreed().unwrap();
            assert_eq!(agreed.protocol, MAX_VERSION);
            let known = Features::of_this_build();
            assert!(known.contains(agreed.features), "only what both know");
        }
    }
}

#[test]
fn an_end_that_speaks_newer_versions_only_is_refused_by_name() {
    for other in [End::Client, End::Agent] {
        let world = between(other, of_versions(MAX_VERSION + 1, MAX_VERSION + 2));
        let (old, new) = match other {
            End::Client => (&world.agent, &world.client),
            End::Agent => (&world.client, &world.agent),
        };
        let is_older = |failure: &Option<(Time, SessionError)>| {
            matches!(
                failure,
                Some((_, SessionError::Hello(HelloError::WeAreOlder { .. })))
            )
        };
        assert!(is_older(&old.failure), "{:?}", old.failure);
        assert!(new.failure.is_some() && old.received + new.received == 0);
    }
}

#[test]
fn frames_of_a_later_version_are_skipped_if_they_say_so_and_refused_if_not() {
    let mut tried = 0;
    for (role, end) in PARTIES {
        let frames = recorded(role, end);
        for position in 0..frames.len() {
            for frame_type in [9u8, 100, 255] {
                let mut unknown = Vec::new();
                frame::put(&mut unknown, FrameType::Messages, b"of tomorrow");
                (unknown[4], unknown[5]) = (frame_type, FLAG_SKIPPABLE);
                let mut with = frames.clone();
                with.insert(position, unknown.clone());
                assert_eq!(
                    replay(role, end, &with),
                    Ok(true),
                    "{role:?}, {end:?} before {position}"
                );
                with[position][5] = 0;
                let refused = SessionError::Frame(FrameError::UnknownType(frame_type));
                assert_eq!(
                    replay(role, end, &with),
                    Err(refused),
                    "{role:?}, {end:?} before {position}"
                );
                tried += 2;
            }
        }
    }
    println!("{tried} unknown frames: skipped or refused, 0 wrong");
}

#[test]
fn a_hello_with_fields_of_a_later_version_opens_the_same_conversation() {
    for (role, end) in PARTIES {
        let mut frames = recorded(role, end);
        let mut hello = frames[0][HEADER_LEN..].to_vec();
        for _ in 0..20 {
            hello.push(0xee);
            frames[0].clear();
            frame::put(&mut frames[0], FrameType::Hello, &hello);
            assert_eq!(replay(role, end, &frames), Ok(true), "{role:?}, {end:?}");
        }
    }
}

#[test]
fn a_request_with_more_in_it_than_is_understood_is_refused() {
    let frames = recorded(Role::Receiver, End::Agent);
    let mut longer = frames.clone();
    let mut request = frames[1][HEADER_LEN..].to_vec();
    request.push(0);
    longer[1].clear();
    frame::put(&mut longer[1], FrameType::Request, &request);
    let refused = SessionError::Frame(FrameError::Malformed(FrameType::Request));
    assert_eq!(replay(Role::Receiver, End::Agent, &longer), Err(refused));
}

#[test]
fn messages_of_a_kind_that_nobody_here_knows_are_refused() {
    // The first byte of a message is its kind: those of today are the smallest.
    let mut unknown = 0;
    for kind in 0..=127u8 {
        let bytes = [&[kind][..], &[0; 256]].concat();
        let (sender, receiver) = (
            batch::take::<FromSender>(&bytes),
            batch::take::<FromReceiver>(&bytes),
        );
        if kind > 17 {
            assert!(sender.is_err(), "kind {kind}");
            unknown += 1;
        }
        if kind > 7 {
            assert!(receiver.is_err(), "kind {kind}");
            unknown += 1;
        }
    }
    println!("{unknown} unknown kinds of messages refused");
}
