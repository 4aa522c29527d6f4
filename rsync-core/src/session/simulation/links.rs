//! Conversations over links of every kind.

use super::*;

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
            for role in [Role::Receiver, Role::Sender] {
                let mut world = World::of(role, amount, amount / 2, capacity, delay);
                world.run();
                world.assert_complete();
            }
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
fn x8_an_agent_that_never_answers_is_given_up_after_the_deadline() {
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

#[test]
fn an_agent_that_gives_up_at_once_is_understood() {
    let config = Config {
        end: End::Agent,
        hello: Hello::of_this_build("0", [0; 16]),
        timeout: secs(60),
        handshake_timeout: secs(30),
    };
    let mut agent = Session::new(config.clone(), None);
    let mut greeting = Vec::new();
    Session::new(config, None).poll_control(Time::ZERO, Time::ZERO, &mut greeting);
    // Before anything was sent, and with a better reason soon after.
    agent.abort(20, "closed");
    agent.abort(23, "there is no such directory");
    let mut said = Vec::new();
    agent.poll_control(Time::ZERO, Time::ZERO, &mut said);
    let abort = said.strip_prefix(&greeting[..]).unwrap();
    let text = frame::parse_abort(&abort[HEADER_LEN..]).unwrap();
    assert_eq!(
        (text.code, &text.text[..]),
        (23, "there is no such directory")
    );
    // The greeting goes out once.
    agent.abort(23, "again");
    said.clear();
    agent.poll_control(Time::ZERO, Time::ZERO, &mut said);
    assert!(!said.starts_with(&MAGIC));
}
