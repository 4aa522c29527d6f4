//! Heartbeats: is the other end alive, and how far away is it?
//!
//! After [`SILENCE`] without a frame in either direction a ping goes out, or sooner where the timeout
//! is short, and whenever an end wants to know how far the peer is, or what that has. Nothing heard for
//! the timeout means that the peer is dead. Pings are numbered, so a pong that answers nothing shows.
//!
//! One answer may be late because a processor was busy. Much depends on a peer being far away, so one
//! that seems to be is asked again as data flows, and the shortest round trip counts.

use super::Time;
use crate::wire::compress::policy::FAR;

/// Most silence after which a ping is sent.
pub const SILENCE: Time = Time::from_secs(5);

/// Bytes of messages after which a peer that seems far away is asked again, and how often at most.
const DOUBT_AFTER: usize = 512 << 10;
const MOST_DOUBTS: u32 = 16;

/// One end's view of the other's life.
#[derive(Debug, Clone)]
pub struct Heartbeat {
    /// Silence after which a ping is sent.
    silence: Time,
    last_sent: Time,
    last_ping: Time,
    pings: u64,
    /// The newest ping and when it went out, until it is answered.
    unanswered: Option<(u64, Time)>,
    /// When the newest ping that was answered was.
    answered_at: Time,
    /// A ping is wanted before there is silence.
    wanted: bool,
    round_trip: Option<Time>,
    /// Bytes of messages since the distance was asked for, and how often it was asked for again.
    sent_since: usize,
    doubts: u32,
    owed_pong: Option<u64>,
}

impl Heartbeat {
    /// A peer that is silent for `timeout` is dead: it is asked twice before.
    pub fn new(now: Time, timeout: Time) -> Self {
        Self {
            silence: SILENCE.min(timeout / 3),
            last_sent: now,
            last_ping: now,
            pings: 0,
            unanswered: None,
            answered_at: now,
            wanted: false,
            round_trip: None,
            sent_since: 0,
            doubts: 0,
            owed_pong: None,
        }
    }

    /// Any frame went out.
    pub fn sent(&mut self, now: Time) {
        self.last_sent = now;
    }

    /// A frame with so many bytes of messages went out.
    pub fn sent_messages(&mut self, now: Time, len: usize) {
        self.sent(now);
        self.sent_since = self.sent_since.saturating_add(len);
        let seems_far = self.round_trip.is_some_and(|round_trip| round_trip >= FAR);
        if seems_far && self.sent_since >= DOUBT_AFTER && self.doubts < MOST_DOUBTS {
            self.sent_since = 0;
            self.doubts += 1;
            self.ask();
        }
    }

    /// Wants to know how far the peer is, unless that is known or asked already.
    pub fn ask_for_distance(&mut self) {
        if self.round_trip.is_none() {
            self.ask();
        }
    }

    /// Wants to know when the peer has everything that was sent, unless that is asked already.
    pub fn ask(&mut self) {
        self.wanted = self.unanswered.is_none();
    }

    /// How much of the time from `since` to `now` the link needed for what was sent before
    /// [`Self::ask`]; in the rest of it the peer had everything.
    pub fn queueing(&self, since: Time, now: Time) -> Time {
        let is_asked = self.wanted || self.unanswered.is_some();
        let until = if is_asked { now } else { self.answered_at };
        until
            .saturating_sub(since)
            .saturating_sub(self.round_trip.unwrap_or_default())
    }

    /// When the next ping is due, if nothing else happens after `heard`.
    pub fn ping_due(&self, heard: Time) -> Time {
        if self.wanted {
            return Time::ZERO;
        }
        self.last_sent.min(heard.max(self.last_ping)) + self.silence
    }

    /// The number of the ping to send, if one is due.
    pub fn take_ping(&mut self, now: Time, heard: Time) -> Option<u64> {
        if now < self.ping_due(heard) {
            return None;
        }
        self.wanted = false;
        self.pings += 1;
        self.last_ping = now;
        self.unanswered = Some((self.pings, now));
        Some(self.pings)
    }

    /// A ping came. Only the newest is answered, so pings can not pile up.
    pub fn pinged(&mut self, number: u64) {
        self.owed_pong = Some(number);
    }

    /// The pong to send, if one is owed.
    pub fn take_pong(&mut self) -> Option<u64> {
        self.owed_pong.take()
    }

    /// A pong came. False if no such ping was ever sent.
    #[must_use]
    pub fn ponged(&mut self, now: Time, number: u64) -> bool {
        if number == 0 || number > self.pings {
            return false;
        }
        if let Some((expected, sent)) = self.unanswered
            && expected == number
        {
            let took = now.saturating_sub(sent);
            // The shortest is the distance; the rest is queueing.
            self.round_trip = Some(self.round_trip.map_or(took, |shortest| shortest.min(took)));
            self.unanswered = None;
            self.answered_at = now;
        }
        true
    }

    /// The shortest round trip seen.
    pub fn round_trip(&self) -> Option<Time> {
        self.round_trip
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(n: u64) -> Time {
        Time::from_secs(n)
    }

    const fn millis(n: u64) -> Time {
        Time::from_millis(n)
    }

    #[test]
    fn who_is_asked_at_once_is_asked_again_after_silence() {
        let mut beat = Heartbeat::new(secs(0), secs(60));
        assert_eq!(beat.take_ping(secs(0), secs(0)), None);
        beat.ask_for_distance();
        assert_eq!(beat.take_ping(secs(0), secs(0)), Some(1));
        beat.sent(secs(0));
        assert_eq!(beat.take_ping(secs(4), secs(0)), None);
        assert_eq!(beat.take_ping(secs(5), secs(0)), Some(2));
    }

    #[test]
    fn traffic_in_both_directions_needs_no_pings() {
        let mut beat = Heartbeat::new(secs(0), secs(60));
        beat.ask_for_distance();
        beat.take_ping(secs(0), secs(0));
        for now in 1..100 {
            beat.sent(secs(now));
            assert_eq!(beat.take_ping(secs(now), secs(now)), None);
        }
    }

    #[test]
    fn a_short_timeout_leaves_time_to_ask_twice() {
        let mut beat = Heartbeat::new(secs(0), secs(3));
        beat.ask_for_distance();
        let asked = (0..3).filter(|&now| beat.take_ping(secs(now), secs(0)).is_some());
        assert_eq!(asked.collect::<Vec<_>>(), [0, 1, 2]);
    }

    #[test]
    fn hearing_nothing_asks_even_while_sending() {
        let mut beat = Heartbeat::new(secs(0), secs(60));
        beat.ask_for_distance();
        beat.take_ping(secs(0), secs(0));
        beat.sent(secs(6));
        assert!(beat.take_ping(secs(6), secs(1)).is_some());
        assert!(
            beat.take_ping(secs(7), secs(1)).is_none(),
            "but not all the time"
        );
    }

    #[test]
    fn what_the_link_needs_is_told_from_what_the_peer_does_with_it() {
        let mut beat = Heartbeat::new(millis(0), secs(60));
        beat.ask_for_distance();
        let number = beat.take_ping(millis(0), millis(0)).unwrap();
        assert!(beat.ponged(millis(1), number));
        beat.sent(millis(2));
        assert!(beat.take_ping(millis(2), millis(1)).is_none());
        beat.ask();
        let number = beat.take_ping(millis(2), millis(1)).unwrap();
        assert_eq!(beat.queueing(millis(2), millis(12)), millis(9), "no answer");
        beat.ask();
        assert!(
            beat.take_ping(millis(12), millis(1)).is_none(),
            "one at a time"
        );
        assert!(beat.ponged(millis(12), number));
        assert_eq!(beat.queueing(millis(2), millis(100)), millis(9));
        assert_eq!(beat.queueing(millis(50), millis(100)), millis(0));
    }

    #[test]
    fn the_shortest_round_trip_counts() {
        let mut beat = Heartbeat::new(secs(0), secs(60));
        beat.ask_for_distance();
        for (sent, back) in [(0, 3), (10, 12), (20, 29)] {
            let number = beat.take_ping(secs(sent), secs(0)).unwrap();
            assert!(beat.ponged(secs(back), number));
        }
        assert_eq!(beat.round_trip(), Some(secs(2)));
    }

    #[test]
    fn a_peer_that_seems_far_away_is_asked_again_while_data_flows() {
        for (first, again) in [(millis(20), true), (millis(1), false)] {
            let mut beat = Heartbeat::new(secs(0), secs(60));
            beat.ask_for_distance();
            let number = beat.take_ping(secs(0), secs(0)).unwrap();
            assert!(beat.ponged(first, number));
            beat.sent_messages(secs(1), DOUBT_AFTER - 1);
            assert_eq!(beat.take_ping(secs(1), secs(1)), None);
            beat.sent_messages(secs(1), 1);
            let asked = beat.take_ping(secs(1), secs(1));
            assert_eq!(asked.is_some(), again);
            if let Some(number) = asked {
                assert!(beat.ponged(secs(1) + millis(2), number));
                assert_eq!(beat.round_trip(), Some(millis(2)));
                beat.sent_messages(secs(1), 1 << 30);
                assert_eq!(beat.take_ping(secs(1), secs(1)), None);
            }
        }
    }

    #[test]
    fn a_peer_that_is_far_away_is_not_asked_for_ever() {
        let mut beat = Heartbeat::new(secs(0), secs(60));
        beat.ask_for_distance();
        let mut asked = 0;
        for _ in 0..1000 {
            if let Some(number) = beat.take_ping(secs(0), secs(0)) {
                assert!(beat.ponged(millis(40), number));
                asked += 1;
            }
            beat.sent_messages(secs(0), 1 << 20);
        }
        assert_eq!(asked, 1 + MOST_DOUBTS);
    }

    #[test]
    fn a_pong_for_no_ping_shows() {
        let mut beat = Heartbeat::new(secs(0), secs(60));
        beat.ask_for_distance();
        assert!(!beat.ponged(secs(0), 1));
        beat.take_ping(secs(0), secs(0));
        assert!(!beat.ponged(secs(0), 0));
        assert!(!beat.ponged(secs(0), 2));
        assert!(beat.ponged(secs(0), 1));
    }
}
