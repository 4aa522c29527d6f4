//! Whether the file system makes a walk wait.

use std::time::Duration;

/// The pace is judged after so many visits.
const PACE_VISITS: u32 = 32;
/// What a directory and each entry of it take at most where no disk has to be waited for: far more
/// than the kernel needs, because threads may have to wait for a processor.
const USUAL_DIRECTORY: Duration = Duration::from_millis(1);
const USUAL_ENTRY: Duration = Duration::from_micros(100);

/// What it took to list a directory.
pub(super) struct Listed {
    pub(super) time: Duration,
    pub(super) entries: usize,
}

/// How long the file system took for the last directories, and how long it may.
#[derive(Default)]
pub(super) struct Pace {
    visits: u32,
    taken: Duration,
    usual: Duration,
}

impl Pace {
    /// Notes a directory; true if the last ones were slow, once for so many of them.
    pub(super) fn is_slow(&mut self, listed: Listed) -> bool {
        let entries = u32::try_from(listed.entries).unwrap_or(u32::MAX);
        self.visits += 1;
        self.taken += listed.time;
        self.usual += USUAL_DIRECTORY + USUAL_ENTRY.saturating_mul(entries);
        if self.visits < PACE_VISITS {
            return false;
        }
        let is_slow = self.taken > self.usual;
        *self = Self::default();
        is_slow
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often the pace of `count` directories with ten entries is said to be slow.
    fn slow(count: u32, time: Duration) -> usize {
        let mut pace = Pace::default();
        let listed = || Listed { time, entries: 10 };
        (0..count).filter(|_| pace.is_slow(listed())).count()
    }

    #[test]
    fn only_a_slow_file_system_brings_threads_one_after_the_other() {
        assert_eq!(slow(10 * PACE_VISITS, Duration::from_micros(40)), 0);
        assert_eq!(slow(10 * PACE_VISITS, Duration::from_millis(5)), 10);
        assert_eq!(slow(PACE_VISITS - 1, Duration::from_secs(1)), 0);
    }

    #[test]
    fn one_directory_that_takes_long_is_not_a_slow_file_system() {
        let mut pace = Pace::default();
        for nth in 0..PACE_VISITS {
            let time = Duration::from_millis(if nth == 3 { 30 } else { 0 });
            assert!(!pace.is_slow(Listed { time, entries: 1 }));
        }
    }
}
