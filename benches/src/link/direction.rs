//! One direction of a link: bytes arrive later than they were sent, and only so many a second.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::rate::Rate;

/// Bytes that wait in front of the link, as in the buffers of sockets and routers.
const BUFFER_LEN: usize = 1 << 20;
/// A piece takes about so long to pass.
const GRAIN: Duration = Duration::from_millis(1);

/// A piece that is under way.
struct Piece {
    bytes: Vec<u8>,
    arrives: Instant,
    counts: bool,
}

struct State {
    pieces: VecDeque<Piece>,
    /// Bytes in `pieces`, and in the piece that is being written.
    len: usize,
    /// Nothing more is sent.
    ended: bool,
    /// Nothing more is taken.
    broken: bool,
}

/// What is between the thread that reads and the one that writes.
pub(super) struct Direction {
    rate: Rate,
    delay: Duration,
    state: Mutex<State>,
    changed: Condvar,
}

impl Direction {
    pub(super) fn new(rate: Rate, delay: Duration) -> Self {
        Self {
            rate,
            delay,
            state: Mutex::new(State {
                pieces: VecDeque::new(),
                len: 0,
                ended: false,
                broken: false,
            }),
            changed: Condvar::new(),
        }
    }

    /// Reads until the end and sends it. `said` gets the length of each piece, and tells whether
    /// its arrival counts.
    pub(super) fn send(&self, mut from: impl Read, said: impl Fn(usize) -> bool) {
        let capacity = self.rate.bytes(self.delay).saturating_add(BUFFER_LEN);
        let mut bytes = vec![0; self.rate.bytes(GRAIN).clamp(4 << 10, 64 << 10)];
        let mut free = Instant::now();
        loop {
            let len = match from.read(&mut bytes) {
                Ok(0) => break,
                Ok(len) => len,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => break,
            };
            let counts = said(len);
            free = free.max(Instant::now()) + self.rate.time(len);
            let mut state = self.lock();
            while state.len >= capacity && !state.broken {
                state = self.wait(state);
            }
            if state.broken {
                return;
            }
            state.len += len;
            state.pieces.push_back(Piece {
                bytes: bytes[..len].to_vec(),
                arrives: free + self.delay,
                counts,
            });
            drop(state);
            self.changed.notify_all();
        }
        self.lock().ended = true;
        self.changed.notify_all();
    }

    /// Writes what arrives until the end, calling `heard` for pieces that count.
    pub(super) fn deliver(&self, mut to: impl Write, heard: impl Fn()) {
        while let Some(piece) = self.next() {
            thread::sleep(piece.arrives.saturating_duration_since(Instant::now()));
            let written: io::Result<()> = to.write_all(&piece.bytes).and_then(|()| to.flush());
            if piece.counts {
                heard();
            }
            let mut state = self.lock();
            state.len -= piece.bytes.len();
            state.broken = written.is_err();
            drop(state);
            self.changed.notify_all();
            if written.is_err() {
                return;
            }
        }
    }

    fn next(&self) -> Option<Piece> {
        let mut state = self.lock();
        loop {
            match state.pieces.pop_front() {
                None if state.ended => return None,
                None => state = self.wait(state),
                piece => return piece,
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed
            .wait(state)
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn pass(rate: &str, delay: u64, bytes: &[u8]) -> (Vec<u8>, Duration) {
        let direction = Direction::new(rate.parse().unwrap(), Duration::from_millis(delay));
        let mut arrived = Vec::new();
        let start = Instant::now();
        thread::scope(|scope| {
            scope.spawn(|| direction.send(bytes, |_| false));
            direction.deliver(&mut arrived, || {});
        });
        (arrived, start.elapsed())
    }

    #[test]
    fn bytes_arrive_in_order_and_not_before_their_time() {
        let sent: Vec<u8> = (0..1_000_000u32).map(|at| (at >> 7) as u8).collect();
        let (arrived, took) = pass("80mbit", 30, &sent);
        assert!(arrived == sent);
        assert!(took >= Duration::from_millis(130), "{took:?}");
    }

    #[test]
    fn nothing_arrives_before_the_delay() {
        let (arrived, took) = pass("1gbit", 50, b"x");
        assert_eq!(arrived, b"x");
        assert!(took >= Duration::from_millis(50), "{took:?}");
    }

    #[test]
    fn a_piece_that_counts_is_told_when_it_arrived() {
        let direction = Direction::new("1gbit".parse().unwrap(), Duration::ZERO);
        direction.send(&b"x"[..], |_| true);
        let heard = Cell::new(0);
        direction.deliver(io::sink(), || heard.set(heard.get() + 1));
        assert_eq!(heard.get(), 1);
    }

    /// Takes one piece and then no more.
    struct Closed(bool);

    impl Write for Closed {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            match std::mem::replace(&mut self.0, true) {
                false => Ok(bytes.len()),
                true => Err(ErrorKind::BrokenPipe.into()),
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_sender_ends_when_nobody_takes_what_it_sends() {
        let direction = Direction::new("1gbit".parse().unwrap(), Duration::ZERO);
        thread::scope(|scope| {
            scope.spawn(|| direction.send(io::repeat(7), |_| false));
            direction.deliver(Closed(false), || {});
        });
        assert!(direction.lock().broken);
    }
}
