//! Counting round trips: how often one end heard an answer and then said something more.
//!
//! One exchange is followed at a time. It begins with the first thing the near end says, goes on
//! with the first thing the far end says after it heard that, and is complete when the near end
//! hears it; the next one begins with what the near end says after that. So what is said without
//! waiting costs nothing, and what is counted could not have been said earlier if each end
//! answered what it had just heard. Where both ends talk all the time it is the time divided by
//! the time of a round trip.

/// Which end of the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Near,
    Far,
}

/// Where the exchange that is followed is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exchange {
    /// This end has to say something.
    Awaited(End),
    /// Something of this end is under way.
    Travelling(End),
}

/// Counts exchanges.
#[derive(Debug)]
pub(super) struct Turns {
    exchange: Exchange,
    complete: u64,
}

impl Turns {
    pub(super) fn new() -> Self {
        Self {
            exchange: Exchange::Awaited(End::Near),
            complete: 0,
        }
    }

    /// `end` says something. Whether the exchange rests on it: then [`Self::heard`] has to be
    /// called when it has arrived.
    pub(super) fn said(&mut self, end: End) -> bool {
        let counts = self.exchange == Exchange::Awaited(end);
        if counts {
            self.exchange = Exchange::Travelling(end);
        }
        counts
    }

    /// What the exchange rests on has arrived.
    pub(super) fn heard(&mut self) {
        self.exchange = match self.exchange {
            Exchange::Travelling(End::Near) => Exchange::Awaited(End::Far),
            Exchange::Travelling(End::Far) => {
                self.complete += 1;
                Exchange::Awaited(End::Near)
            }
            awaited @ Exchange::Awaited(_) => awaited,
        };
    }

    /// How many exchanges are complete.
    pub(super) fn complete(&self) -> u64 {
        self.complete
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say_and_hear(turns: &mut Turns, end: End) {
        if turns.said(end) {
            turns.heard();
        }
    }

    #[test]
    fn a_question_and_an_answer_are_one_exchange() {
        let mut turns = Turns::new();
        say_and_hear(&mut turns, End::Near);
        assert_eq!(turns.complete(), 0);
        say_and_hear(&mut turns, End::Far);
        assert_eq!(turns.complete(), 1);
    }

    #[test]
    fn more_of_the_same_costs_nothing() {
        let mut turns = Turns::new();
        for end in [
            End::Far,
            End::Near,
            End::Near,
            End::Far,
            End::Far,
            End::Far,
            End::Near,
        ] {
            say_and_hear(&mut turns, end);
        }
        assert_eq!(turns.complete(), 1);
    }

    #[test]
    fn what_is_said_before_the_question_arrived_is_no_answer() {
        let mut turns = Turns::new();
        assert!(turns.said(End::Near));
        assert!(!turns.said(End::Far));
        turns.heard();
        assert!(turns.said(End::Far));
        assert!(!turns.said(End::Near));
        turns.heard();
        assert_eq!(turns.complete(), 1);
    }
}
