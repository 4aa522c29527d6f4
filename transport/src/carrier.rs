//! What carries a stream to an agent: watched while it lives, explained when it ends.
//!
//! A [`Carrier`] is the same for a child process and for a connection that this program holds by
//! itself. Both end with a code and last words, and [`Cause`] reads either in the same way.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rsync_core::path::escape;

use crate::cause::{Cause, End};
use crate::delivery::Failure;
use crate::error::Error;

/// How long something whose stream ended may take to end itself and say why.
const LAST_WORDS: Duration = Duration::from_secs(3);
/// Bytes kept of what is written to standard error: the last ones.
pub(crate) const TAIL_LEN: usize = 4096;

/// What leads to a target: one child process, or one connection.
pub(crate) trait Conduit: Send {
    /// What it is called in a message: `kubectl said: …`.
    fn name(&self) -> &str;

    /// Waits for it to end, but not longer than this.
    fn wait(&mut self, patience: Duration) -> Option<End>;

    /// The end of what came by way of standard error.
    fn tail(&self) -> &Tail;

    /// Lets it end by itself, without anybody waiting for that longer than it has to.
    fn leave(mut self: Box<Self>, patience: Duration) {
        self.wait(patience);
    }
}

/// Knows whether the far end is still the one that was chosen at the start.
pub(crate) trait Witness: Send {
    /// Waits until it is known which one was chosen, or that nobody can say.
    fn remember(&mut self);

    /// An error if it is another one now, or if what happened to it is why the stream broke.
    /// No answer is no error.
    fn check(&mut self, broken: bool) -> Result<(), Error>;
}

/// What carries a stream. Dropping this ends it.
///
/// The stream's reader and writer are separate. Drop both before [`Self::close`], or the far end
/// waits for its standard input to end.
pub struct Carrier {
    target: String,
    conduit: Box<dyn Conduit>,
    witness: Option<Box<dyn Witness>>,
}

impl fmt::Debug for Carrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Carrier")
            .field("target", &self.target)
            .field("conduit", &self.conduit.name())
            .finish()
    }
}

impl Carrier {
    pub(crate) fn new(target: String, conduit: Box<dyn Conduit>) -> Self {
        Self {
            target,
            conduit,
            witness: None,
        }
    }

    pub(crate) fn watched_by(mut self, witness: Option<Box<dyn Witness>>) -> Self {
        self.witness = witness;
        self
    }

    /// Waits until it is known what the far end is, by which it is known again.
    pub(crate) fn remember(&mut self) {
        if let Some(witness) = &mut self.witness {
            witness.remember();
        }
    }

    /// Waits for the end after a conversation that was complete.
    ///
    /// # Errors
    /// If it ends with another code than 0, or if the far end has been replaced meanwhile. What
    /// does not end in time is ended by force, which is no error: everything has been said.
    pub fn close(mut self, patience: Duration) -> Result<(), Error> {
        let Self {
            conduit, witness, ..
        } = &mut self;
        let (end, testimony) = while_testifying(witness, || conduit.wait(patience));
        match end {
            Some(end) if !end.is_success() => Err(self.ended(Some(end))),
            _ => testimony,
        }
    }

    /// Leaves after a conversation that was complete and of which the far end has nothing more to
    /// tell: as [`Self::close`], but a program that carried the stream is left to itself, and has
    /// `patience` to end while this one runs. It has its input's end to go by.
    ///
    /// # Errors
    /// If the far end has been replaced meanwhile.
    pub fn leave(self, patience: Duration) -> Result<(), Error> {
        let Self {
            conduit,
            mut witness,
            ..
        } = self;
        let ((), testimony) = while_testifying(&mut witness, || conduit.leave(patience));
        testimony
    }

    /// Says why a stream broke in the middle of a conversation.
    pub fn autopsy(mut self) -> Error {
        let end = self.conduit.wait(LAST_WORDS);
        self.ended(end)
    }

    /// Says why no agent came to run: in the words of what ended, otherwise in ours.
    pub(crate) fn explain(mut self, failure: Failure) -> Error {
        // Even if nothing more is to be said: the far end may be taking away what it put there.
        let end = self.conduit.wait(LAST_WORDS);
        match failure {
            Failure::Ended | Failure::Broken(_) => self.ended(end),
            // Some complain on their standard output.
            Failure::Noise(noise) if Cause::recognise(&noise).is_some() => {
                self.conduit.tail().append(&noise);
                self.ended(end)
            }
            failure => Error::Delivery {
                failure,
                said: self.last_words(),
                program: self.conduit.name().to_owned(),
                target: self.target,
            },
        }
    }

    pub(crate) fn timed_out(self, after: Duration) -> Error {
        Error::TimedOut {
            after,
            said: self.last_words(),
            program: self.conduit.name().to_owned(),
            target: self.target,
        }
    }

    fn testify(&mut self, broken: bool) -> Result<(), Error> {
        self.witness
            .as_mut()
            .map_or(Ok(()), |witness| witness.check(broken))
    }

    fn ended(&mut self, end: Option<End>) -> Error {
        if let Err(replaced) = self.testify(true) {
            return replaced;
        }
        Error::Ended {
            target: self.target.clone(),
            cause: Cause::read(end, &self.conduit.tail().bytes()),
            program: self.conduit.name().to_owned(),
            said: self.last_words(),
        }
    }

    fn last_words(&self) -> String {
        let tail = self.conduit.tail().bytes();
        let lines = tail.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
        let lines: Vec<&[u8]> = lines.filter(|line| !line.is_empty()).collect();
        // kubectl logs each of its attempts before it says what came of them.
        let is_answered = lines.last().is_some_and(|line| !is_log_line(line));
        let told = lines
            .into_iter()
            .filter(|line| !(is_answered && is_log_line(line)));
        told.map(escape).collect::<Vec<_>>().join("; ")
    }
}

/// Has the witness of a complete conversation asked while `wait` waits: both take their time.
fn while_testifying<T>(
    witness: &mut Option<Box<dyn Witness>>,
    wait: impl FnOnce() -> T,
) -> (T, Result<(), Error>) {
    thread::scope(|scope| {
        let asking = witness.as_mut().and_then(|witness| {
            let ask = || witness.check(false);
            thread::Builder::new().spawn_scoped(scope, ask).ok()
        });
        let waited = wait();
        // Where there is no other thread nobody asks, and no answer is no error.
        let testimony = asking.and_then(|asking| asking.join().ok());
        (waited, testimony.unwrap_or(Ok(())))
    })
}

/// True for what Kubernetes' logging writes: a letter, month and day, and a time (klog, "E1121
/// 04:12:36.976937 …").
fn is_log_line(line: &[u8]) -> bool {
    let digits = |range: &[u8]| !range.is_empty() && range.iter().all(u8::is_ascii_digit);
    line.len() > 8
        && matches!(line[0], b'I' | b'W' | b'E' | b'F')
        && digits(&line[1..5])
        && line[5] == b' '
        && digits(&line[6..8])
}

/// The last [`TAIL_LEN`] bytes of what came by way of standard error.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tail(Arc<Mutex<VecDeque<u8>>>);

impl Tail {
    pub(crate) fn append(&self, words: &[u8]) {
        let mut tail = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tail.extend(&words[words.len().saturating_sub(TAIL_LEN)..]);
        let surplus = tail.len().saturating_sub(TAIL_LEN);
        tail.drain(..surplus);
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let tail = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tail.iter().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// Only so that a failure does not take for ever.
    const PATIENCE: Duration = Duration::from_secs(10);

    /// One of two who come to an end only together.
    struct Half {
        say: Sender<()>,
        hear: Receiver<()>,
    }

    impl Half {
        fn pair() -> (Self, Self) {
            let (say, their_hear) = channel();
            let (their_say, hear) = channel();
            let theirs = Self {
                say: their_say,
                hear: their_hear,
            };
            (Self { say, hear }, theirs)
        }

        fn met(&self) -> bool {
            let _ = self.say.send(());
            self.hear.recv_timeout(PATIENCE).is_ok()
        }
    }

    struct Slow {
        half: Half,
        tail: Tail,
    }

    impl Conduit for Slow {
        fn name(&self) -> &str {
            "slow"
        }

        fn wait(&mut self, _: Duration) -> Option<End> {
            assert!(self.half.met(), "nobody asked meanwhile");
            None
        }

        fn tail(&self) -> &Tail {
            &self.tail
        }
    }

    struct Asked(Half);

    impl Witness for Asked {
        fn remember(&mut self) {}

        fn check(&mut self, _: bool) -> Result<(), Error> {
            assert!(self.0.met(), "nobody waited for the end meanwhile");
            Err(Error::TimedOut {
                after: Duration::ZERO,
                said: String::new(),
                program: "witness".into(),
                target: "t".into(),
            })
        }
    }

    #[test]
    fn the_witness_is_asked_while_the_end_is_waited_for_and_is_heard() {
        for end in [Carrier::close, Carrier::leave] {
            let (half, other) = Half::pair();
            let conduit = Slow {
                half,
                tail: Tail::default(),
            };
            let carrier = Carrier::new("t".into(), Box::new(conduit))
                .watched_by(Some(Box::new(Asked(other))));
            let said = end(carrier, Duration::ZERO).unwrap_err();
            assert!(matches!(said, Error::TimedOut { .. }), "{said}");
        }
    }
}
