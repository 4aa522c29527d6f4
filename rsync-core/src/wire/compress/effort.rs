//! How hard to pack for a slow link: as hard as the link leaves time for.
//!
//! A run begins with the quickest step. While packing, or what else has to share the processors, is
//! the bottleneck, fewer bytes gain nothing; and to wait for a processor that both ends share looks
//! like waiting for the link, so that a step down to the quickest would rarely be seen to be due.
//!
//! Once the link takes clearly longer than packing, a further step is tried: it costs up to a few
//! times as much processor time and saves a twentieth to a fifth of the bytes. Whether it costs more
//! than the link leaves time for depends on data and processor, and shows soon: a step that leaves the
//! link waiting for the packer is taken back, unless more passes with it than before. For it may be
//! right all the same: smaller frames make up for a link that waits at times. If it is taken back and
//! less passes then, it is taken again. What was found right is kept for a while whatever waits for
//! what; a step that failed is tried again after a time that grows with every failure.
//!
//! Pure: durations come in, an effort comes out.

use std::time::Duration;

/// How hard to pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// The codec's own level, cut to what it has.
    Level(i32),
    /// 300 to 1000 MB/s on one core, for text.
    Swift,
    /// A twentieth fewer bytes than [`Effort::Swift`], at three quarters of its speed.
    Light,
    /// A fifth fewer bytes than [`Effort::Light`] for regular text, at a quarter to a half of
    /// its speed.
    Thorough,
    /// A twentieth fewer bytes than [`Effort::Thorough`], at half to two thirds of its speed.
    Deep,
}

/// So much time on the link and in the packer is looked at together: longer than a busy processor
/// keeps a thread waiting for its turn.
const SPAN: Duration = Duration::from_millis(250);
/// A further step is tried once waiting for the link takes longer than packing, so many times.
const WAITING_BEFORE_LIGHT: f32 = 1.0;
const WAITING_BEFORE_THOROUGH: f32 = 1.5;
const WAITING_BEFORE_DEEP: f32 = 0.75;
/// The same to go from [`Effort::Swift`] to [`Effort::Thorough`] at once.
const WAITING_BEFORE_LEAP: f32 = 2.0;
/// A step is taken back once waiting for the link takes less than this part of the time that packing
/// takes. A packer that is the bottleneck still waits for a fiftieth: the calls of `write`.
const HARDLY_WAITED: f32 = 0.06;
/// The same for [`Effort::Light`], which saves least.
const HARDLY_WAITED_WITH_LIGHT: f32 = 0.25;
/// The link leaves time enough for a step if waiting for it takes longer than this part of the time that
/// packing takes. A span without waiting tells something new then: the link became faster.
const CLEARLY_WAITED: f32 = 0.25;
/// How long a step that was taken back is not tried again, at first and at most.
const FIRST_REST: Duration = Duration::from_secs(2);
const MAX_REST: Duration = Duration::from_secs(120);
/// How long a step that was found right is kept, at first and at most: so late can it be noticed that
/// the link became fast.
const FIRST_STAY: Duration = Duration::from_secs(4);
const MAX_STAY: Duration = Duration::from_secs(8);
/// So many times as much has to pass with a step for it to be right although the link waits for it: a
/// busy machine makes a difference of its own.
const CLEARLY_MORE: f32 = 1.03;
/// Least weight of the last span in the average of what passes with one effort.
const LAST: f32 = 0.25;

/// The memory of what packing and the link have taken.
#[derive(Debug)]
pub(super) struct Balance {
    effort: Effort,
    packing: Duration,
    waiting: Duration,
    /// Bytes before they were packed.
    bytes: u64,
    /// Bytes a second that passed with the present effort, about, and in how many spans.
    rate: f32,
    spans: u32,
    /// Bytes a second that passed before the step to the present effort, with less, while it is not
    /// known whether the link leaves time enough for that.
    with_less: Option<f32>,
    taken_back: Option<TakenBack>,
    /// How long no step is taken back.
    stay: Duration,
    next_stay: Duration,
    /// How long no further step is tried.
    rest: Duration,
    next_rest: Duration,
    /// A span has ended. Nothing follows of the first: more passes than later, as the link has room
    /// for it.
    is_settled: bool,
}

/// A step that was taken back.
#[derive(Debug, Clone, Copy)]
struct TakenBack {
    effort: Effort,
    /// Bytes a second that passed with it.
    rate: f32,
    /// A span has ended since: in the first, more passes than later, as the link has room for it.
    is_settled: bool,
}

impl Balance {
    pub(super) fn new() -> Self {
        Self {
            effort: Effort::Swift,
            packing: Duration::ZERO,
            waiting: Duration::ZERO,
            bytes: 0,
            rate: 0.0,
            spans: 0,
            with_less: None,
            taken_back: None,
            stay: Duration::ZERO,
            next_stay: FIRST_STAY,
            rest: Duration::ZERO,
            next_rest: FIRST_REST,
            is_settled: false,
        }
    }

    pub(super) fn effort(&self) -> Effort {
        self.effort
    }

    /// True if there is no quicker effort.
    pub(super) fn is_swiftest(&self) -> bool {
        self.effort == Effort::Swift
    }

    /// A packed frame went out while more data was waiting behind it: as in [`super::policy::Sent`].
    /// True if the effort is another one from now on.
    pub(super) fn sent(&mut self, len: usize, packing: Duration, waiting: Duration) -> bool {
        self.packing += packing;
        self.waiting += waiting;
        self.bytes = self.bytes.saturating_add(len as u64);
        let elapsed = self.packing + self.waiting;
        if elapsed < SPAN {
            return false;
        }
        self.rest = self.rest.saturating_sub(elapsed);
        self.stay = self.stay.saturating_sub(elapsed);
        let rate = self.bytes as f32 / elapsed.as_secs_f32();
        let waiting = self.waiting.as_secs_f32() / self.packing.as_secs_f32();
        let next = if std::mem::replace(&mut self.is_settled, true) {
            self.next(rate, waiting)
        } else {
            self.effort
        };
        self.bytes = 0;
        (self.packing, self.waiting) = (Duration::ZERO, Duration::ZERO);
        let changes = std::mem::replace(&mut self.effort, next) != next;
        if changes {
            self.spans = 0;
        }
        changes
    }

    /// The effort after a span in which `rate` bytes a second passed and the link was waited for
    /// `waiting` times as long as packing took.
    fn next(&mut self, rate: f32, waiting: f32) -> Effort {
        let less = self.less(waiting);
        // Where the link waits for less effort as well there is nothing to compare.
        if let Some(before) = self.taken_back.take().filter(|_| less == self.effort) {
            if !before.is_settled {
                self.taken_back = Some(TakenBack {
                    is_settled: true,
                    ..before
                });
                return self.effort;
            }
            if rate * CLEARLY_MORE < before.rate {
                self.stay();
                // No failure after all.
                self.rest = Duration::ZERO;
                self.next_rest = (self.next_rest / 4).max(FIRST_REST);
                return before.effort;
            }
        }
        self.spans = self.spans.saturating_add(1);
        self.rate += LAST.max(1.0 / self.spans as f32) * (rate - self.rate);
        let average = self.rate;
        if waiting > CLEARLY_WAITED {
            self.with_less = None;
        }
        if less != self.effort && self.stay.is_zero() {
            let with_less = self.with_less.take();
            if with_less.is_some_and(|with_less| average > with_less * CLEARLY_MORE) {
                self.stay();
                return self.effort;
            }
            self.taken_back = Some(TakenBack {
                effort: self.effort,
                rate: average,
                is_settled: false,
            });
            // Of several steps back in a row only the first begins a rest.
            if self.rest.is_zero() {
                self.rest = self.next_rest;
                self.next_rest = (self.next_rest * 4).min(MAX_REST);
            }
            less
        } else if self.rest.is_zero() {
            let more = self.more(waiting);
            // Light is not worth it: it saves little, and only from Swift packing may end.
            if more != self.effort && more != Effort::Light {
                self.with_less = Some(average);
            }
            more
        } else {
            self.effort
        }
    }

    /// The present effort is right, or that which comes next.
    fn stay(&mut self) {
        self.stay = self.next_stay;
        self.next_stay = (self.next_stay * 2).min(MAX_STAY);
    }

    /// The step before this one, if this one failed: `waiting` is in parts of packing.
    fn less(&self, waiting: f32) -> Effort {
        match self.effort {
            Effort::Deep if waiting < HARDLY_WAITED => Effort::Thorough,
            Effort::Thorough if waiting < HARDLY_WAITED => Effort::Light,
            Effort::Light if waiting < HARDLY_WAITED_WITH_LIGHT => Effort::Swift,
            right => right,
        }
    }

    /// A further step, if there is time for it.
    fn more(&self, waiting: f32) -> Effort {
        match self.effort {
            Effort::Swift if waiting > WAITING_BEFORE_LEAP => Effort::Thorough,
            Effort::Swift if waiting > WAITING_BEFORE_LIGHT => Effort::Light,
            Effort::Light if waiting > WAITING_BEFORE_THOROUGH => Effort::Thorough,
            Effort::Thorough if waiting > WAITING_BEFORE_DEEP => Effort::Deep,
            enough => enough,
        }
    }
}

#[cfg(test)]
mod tests;
