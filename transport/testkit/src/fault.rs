//! What goes wrong with an exec, on purpose.

use std::mem;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Which way bytes flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From the client to the container: standard input.
    Up,
    /// From the container to the client: standard output and error.
    Down,
    /// Either; the sum of both counts.
    Either,
}

/// What the server does that it should not.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lie {
    /// The last bytes of the output, up to this many, never arrive, and success is reported. They
    /// are what is on its way when the command ends: what a conversation waits for does arrive.
    CutTail(usize),
    /// Nothing more arrives, success is reported, and the connection is closed in order.
    EndEarly,
    /// The connection breaks. The command's input ends.
    Drop,
    /// Nothing more arrives at either end, but the connections stay: the command's input does not
    /// end even when the client leaves.
    Silence,
    /// For this long, nothing flows this way.
    Stall(Way, Duration),
    /// Answers to pings come this late.
    DelayPongs(Duration),
    /// This is printed before the command's own output.
    Noise(Vec<u8>),
    /// What was executed is killed, as the kernel does it when memory runs out. The container stays.
    Kill,
    /// Everything in the container is killed; the next exec finds it started again.
    Die,
    /// The pod is deleted and its successor takes its place.
    Replace,
    /// The server drops all connections and listens again on the same port.
    Restart,
}

/// A lie and when it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub(crate) lie: Lie,
    pub(crate) way: Way,
    pub(crate) bytes: u64,
}

impl Fault {
    /// From the first byte on.
    pub fn new(lie: Lie) -> Self {
        Self {
            lie,
            way: Way::Either,
            bytes: 0,
        }
    }

    /// Once this many bytes have gone that way. Without meaning for [`Lie::CutTail`],
    /// [`Lie::DelayPongs`] and [`Lie::Noise`].
    pub fn after(mut self, way: Way, bytes: u64) -> Self {
        (self.way, self.bytes) = (way, bytes);
        self
    }

    /// What the server does.
    pub fn lie(&self) -> &Lie {
        &self.lie
    }
}

/// The faults that have come to happen.
#[derive(Debug, Clone, Default)]
pub(crate) struct Told(Arc<Mutex<Vec<Fault>>>);

impl Told {
    fn add(&self, fault: Fault) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.push(fault);
    }

    pub(crate) fn take(&self) -> Vec<Fault> {
        mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The faults of one exec, and how far it has come.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    waiting: Vec<Fault>,
    told: Told,
    /// Bytes that went up and down.
    gone: [u64; 2],
}

impl Faults {
    pub(crate) fn new(faults: Vec<Fault>, told: Told) -> Self {
        Self {
            waiting: faults,
            told,
            gone: [0; 2],
        }
    }

    /// How many of `len` bytes may go this way now, and what happens once they have.
    pub(crate) fn admit(&mut self, way: Way, len: usize) -> (usize, Option<Lie>) {
        let left = |fault: &Fault, gone: [u64; 2]| {
            let relevant = match fault.way {
                Way::Up => gone[0],
                Way::Down => gone[1],
                Way::Either => gone[0] + gone[1],
            };
            (fault.way == way || fault.way == Way::Either)
                .then(|| fault.bytes.saturating_sub(relevant))
        };
        let next = self
            .waiting
            .iter()
            .enumerate()
            .filter(|(_, fault)| fault.lie.is_triggered())
            .filter_map(|(at, fault)| Some((left(fault, self.gone)?, at)))
            .min()
            .filter(|&(left, _)| left <= len as u64);
        let (len, lie) = match next {
            Some((left, at)) => {
                let fault = self.waiting.remove(at);
                self.told.add(fault.clone());
                (usize::try_from(left).unwrap_or(len), Some(fault.lie))
            }
            None => (len, None),
        };
        self.gone[usize::from(way == Way::Down)] += len as u64;
        (len, lie)
    }

    /// Whether the pod is to be replaced before anything is executed; asked once.
    pub(crate) fn replaces_first(&mut self) -> bool {
        let is_first = |fault: &Fault| fault.lie == Lie::Replace && fault.bytes == 0;
        let at = self.waiting.iter().position(is_first);
        if let Some(at) = at {
            self.told.add(self.waiting.remove(at));
        }
        at.is_some()
    }

    /// How much of the output is held back, to be lost at the end.
    pub(crate) fn tail(&self) -> Option<usize> {
        self.waiting.iter().find_map(|fault| match fault.lie {
            Lie::CutTail(len) => Some(len),
            _ => None,
        })
    }

    /// What was held back is lost.
    pub(crate) fn cut_tail(&mut self) {
        self.take(|lie| matches!(lie, Lie::CutTail(_)));
    }

    pub(crate) fn delay_pong(&mut self) -> Option<Duration> {
        let delay = self.waiting.iter().find_map(|fault| match fault.lie {
            Lie::DelayPongs(delay) => Some((fault.clone(), delay)),
            _ => None,
        });
        // It stays: all of them are late.
        delay.map(|(fault, delay)| {
            self.told.add(fault);
            delay
        })
    }

    /// What is printed before anything else.
    pub(crate) fn make_noise(&mut self) -> Option<Vec<u8>> {
        match self.take(|lie| matches!(lie, Lie::Noise(_))) {
            Some(Lie::Noise(noise)) => Some(noise),
            _ => None,
        }
    }

    fn take(&mut self, is_it: impl Fn(&Lie) -> bool) -> Option<Lie> {
        let at = self.waiting.iter().position(|fault| is_it(&fault.lie))?;
        let fault = self.waiting.remove(at);
        self.told.add(fault.clone());
        Some(fault.lie)
    }
}

impl Lie {
    fn is_triggered(&self) -> bool {
        !matches!(
            self,
            Self::CutTail(_) | Self::DelayPongs(_) | Self::Noise(_)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_comes_at_its_byte_and_only_once() {
        let fault = Fault::new(Lie::Drop).after(Way::Down, 10);
        let told = Told::default();
        let mut faults = Faults::new(vec![fault.clone()], told.clone());
        assert_eq!(faults.admit(Way::Up, 100), (100, None));
        assert_eq!(faults.admit(Way::Down, 9), (9, None));
        assert_eq!(told.take(), []);
        assert_eq!(faults.admit(Way::Down, 5), (1, Some(Lie::Drop)));
        assert_eq!(told.take(), [fault]);
        assert_eq!(faults.admit(Way::Down, 5), (5, None));
    }

    #[test]
    fn both_ways_add_up_and_the_earlier_fault_comes_first() {
        let planned = vec![
            Fault::new(Lie::Drop).after(Way::Either, 20),
            Fault::new(Lie::Die).after(Way::Up, 12),
        ];
        let mut faults = Faults::new(planned, Told::default());
        assert_eq!(faults.admit(Way::Down, 5), (5, None));
        assert_eq!(faults.admit(Way::Up, 50), (12, Some(Lie::Die)));
        assert_eq!(faults.admit(Way::Up, 50), (3, Some(Lie::Drop)));
    }

    #[test]
    fn a_fault_of_the_first_byte_comes_before_it() {
        let mut faults = Faults::new(vec![Fault::new(Lie::Drop)], Told::default());
        assert_eq!(faults.admit(Way::Down, 0), (0, Some(Lie::Drop)));
    }
}
