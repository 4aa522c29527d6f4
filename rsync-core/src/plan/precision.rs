//! What a file system keeps of times and modes, and what is no difference because it can not.
//!
//! NTFS keeps times to 100 nanoseconds, as do shares of Windows, and exFAT to ten milliseconds; neither
//! keeps modes, as it is mostly mounted. Compared to the nanosecond every file would be transferred
//! in every run.
//!
//! That does not hide a change: a sender reads a file when its time is twenty milliseconds old, unless it
//! is written to all the time ([`crate::root::SourceFile::settled_stamp`]), so what is written after that
//! gets another time in any of these units. In a unit of a second (HFS+) or two (FAT) it might not: there times are compared
//! as they are, and files that differ are transferred, which takes a few bytes if only the time does.

use crate::entry::{Entry, Kind, Timestamp};
use crate::options::Attributes;

/// Units in which file systems keep times, in nanoseconds, the finest first.
const UNITS: [u32; 4] = [100, 1_000, 1_000_000, 10_000_000];

/// What a file system keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Precision {
    /// Times are cut to multiples of so many nanoseconds.
    pub time_unit: u32,
    /// What becomes of a mode that is set.
    pub modes: Modes,
}

/// What a file system does about modes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Modes {
    /// It keeps them.
    Kept,
    /// It says that it does, and does not.
    Lost,
    /// It says that it does not, as Linux does of FAT.
    Refused,
}

impl Precision {
    /// Everything, to the nanosecond.
    pub const FULL: Self = Self {
        time_unit: 1,
        modes: Modes::Kept,
    };

    /// The unit of a file system where a time is `read` after it was `set`; one nanosecond where these
    /// are equal, or too different.
    pub fn time_unit_of(set: Timestamp, read: Timestamp) -> u32 {
        let explains = |unit: &u32| set != read && cut(set, *unit) == read;
        UNITS.into_iter().find(explains).unwrap_or(1)
    }

    /// True if `entry` may differ from what was `found` only in what could not be kept.
    pub fn is_in_doubt(entry: &Entry, found: &Entry, attributes: &Attributes) -> bool {
        let time = Self::time_unit_of(entry.mtime, found.mtime) != Self::FULL.time_unit;
        let mode = attributes.permissions && has_mode(entry) && entry.mode != found.mode;
        entry.kind.letter() == found.kind.letter() && (time || mode)
    }

    /// Lets `entry` be as what was `found`, as far as they differ only in what could not be kept.
    pub fn overlook(self, entry: &mut Entry, found: &Entry) {
        if entry.kind.letter() != found.kind.letter() {
            return;
        }
        if cut(entry.mtime, self.time_unit) == found.mtime {
            entry.mtime = found.mtime;
        }
        if self.modes != Modes::Kept && has_mode(entry) {
            entry.mode = found.mode;
        }
    }
}

fn has_mode(entry: &Entry) -> bool {
    !matches!(entry.kind, Kind::Symlink { .. })
}

fn cut(time: Timestamp, unit: u32) -> Timestamp {
    let nanos = time.nanos();
    Timestamp::new(time.secs(), nanos - nanos % unit.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::FileName;

    fn entry(kind: Kind, nanos: u32, mode: u32) -> Entry {
        Entry {
            name: FileName::new(b"a").unwrap(),
            kind,
            mode,
            mtime: Timestamp::new(7, nanos),
            owner: None,
            link: None,
            xattrs: Vec::new(),
            digest: None,
        }
    }

    fn file(nanos: u32, mode: u32) -> Entry {
        entry(Kind::File { size: 1 }, nanos, mode)
    }

    #[test]
    fn units_are_told_by_what_is_left_of_a_time() {
        let unit = |nanos| {
            Precision::time_unit_of(Timestamp::new(7, 987_654_321), Timestamp::new(7, nanos))
        };
        for (read, expected) in [
            (987_654_321, 1),
            (987_654_300, 100),
            (987_654_000, 1_000),
            (987_000_000, 1_000_000),
            (980_000_000, 10_000_000),
            // A second is too much: another change may have the same time.
            (0, 1),
            (987_654_400, 1),
        ] {
            assert_eq!(unit(read), expected, "{read}");
        }
        let other_second = Precision::time_unit_of(Timestamp::new(7, 50), Timestamp::new(8, 0));
        assert_eq!(other_second, 1);
    }

    #[test]
    fn only_what_a_file_system_can_not_keep_is_overlooked() {
        let coarse = Precision {
            time_unit: 100,
            modes: Modes::Kept,
        };
        let after = |precision: Precision, found: &Entry| {
            let mut entry = file(123_456_789, 0o640);
            precision.overlook(&mut entry, found);
            (entry.mtime == found.mtime, entry.mode == found.mode)
        };
        assert_eq!(after(coarse, &file(123_456_700, 0o777)), (true, false));
        assert_eq!(after(coarse, &file(123_456_000, 0o640)), (false, true));
        assert_eq!(
            after(Precision::FULL, &file(123_456_700, 0o777)),
            (false, false)
        );
        let no_modes = Precision {
            modes: Modes::Lost,
            ..Precision::FULL
        };
        assert_eq!(after(no_modes, &file(123_456_700, 0o777)), (false, true));
        let directory = entry(Kind::Dir, 123_456_700, 0o777);
        let both = Precision {
            modes: Modes::Lost,
            ..coarse
        };
        assert_eq!(after(both, &directory), (false, false));
    }

    #[test]
    fn there_is_a_doubt_where_a_time_looks_cut_or_a_mode_differs() {
        let attributes = Attributes {
            permissions: true,
            ..Attributes::default()
        };
        let doubt =
            |found: &Entry| Precision::is_in_doubt(&file(123_456_789, 0o640), found, &attributes);
        assert!(doubt(&file(123_456_700, 0o640)));
        assert!(doubt(&file(123_456_789, 0o777)));
        assert!(!doubt(&file(123_456_789, 0o640)));
        assert!(!doubt(&file(123_456_788, 0o640)));
        assert!(!doubt(&entry(Kind::Dir, 123_456_700, 0o777)));
    }
}
