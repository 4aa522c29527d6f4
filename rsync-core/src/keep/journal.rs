//! The journal of a run: records one after the other, each with its length before it.
//!
//! A run that was killed may leave half a record at the end: reading stops there. A run that went on
//! when its journal could not be written any more makes that read-only, which takes no room. Records are
//! in postcard's format; the first bytes of the file name the format's version.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::mem;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::record::{Loss, Record};
use crate::path::RelPath;

/// Mode of a journal, and of one that breaks off.
const WRITTEN: u32 = 0o600;
const BROKEN_OFF: u32 = 0o400;
const MAGIC: &[u8; 8] = b"ksyncdJ1";
/// What can not be done when a journal breaks off.
pub(super) const WRITE: &str = "write the journal in";
/// Bytes of a record's length before it.
const LEN_BYTES: usize = 4;
/// Longest record: a path, a link target and a full set of extended attributes with their names.
const MAX_RECORD_LEN: usize = 256 << 10;
/// Room for a record and its length, as most of them are.
const USUAL_LEN: usize = 256;
/// Longest journal that is written or read. Some millions of records.
const MAX_JOURNAL_LEN: u64 = 1 << 30;

/// The journal of a run that is under way.
#[derive(Debug)]
pub struct Journal {
    file: File,
    /// Bytes that it has.
    len: u64,
}

/// Why a journal can not be read.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is not a journal, or one of another version.
    #[error("it is no journal that this version of ksyncd can read")]
    Unknown,
}

/// Records as they are written.
#[derive(Debug, Default)]
pub struct Lines {
    bytes: Vec<u8>,
    count: u64,
}

impl Lines {
    /// The written form of a record.
    pub fn of(record: &impl Serialize) -> io::Result<Self> {
        let mut lines = Self::default();
        lines.add(record)?;
        Ok(lines)
    }

    /// Adds the written form of a record. After an error there is nothing left.
    pub fn add(&mut self, record: &impl Serialize) -> io::Result<()> {
        let start = self.bytes.len();
        let mut bytes = mem::take(&mut self.bytes);
        // It grows byte by byte otherwise.
        bytes.reserve(USUAL_LEN);
        // The length takes the place of the zeros.
        bytes.extend_from_slice(&[0; LEN_BYTES]);
        let mut bytes = postcard::to_extend(record, bytes).map_err(io::Error::other)?;
        let len = bytes.len() - start - LEN_BYTES;
        let len = u32::try_from(len).map_err(io::Error::other)?;
        bytes[start..start + LEN_BYTES].copy_from_slice(&len.to_le_bytes());
        self.bytes = bytes;
        self.count += 1;
        Ok(())
    }

    /// How many records they are.
    pub fn count(&self) -> u64 {
        self.count
    }
}

impl Journal {
    /// Starts a journal at `path`, where nothing may be.
    pub fn create(path: &Path) -> io::Result<Self> {
        let mut file = OpenOptions::new()
            .append(true)
            .create_new(true)
            .mode(WRITTEN)
            .open(path)?;
        file.write_all(MAGIC)?;
        let len = MAGIC.len() as u64;
        Ok(Self { file, len })
    }

    /// Goes on with a journal at `path`, or starts one, and gives what it holds. Half a record at
    /// its end goes.
    pub(super) fn resume<T: DeserializeOwned>(path: &Path) -> Result<(Vec<T>, Self), JournalError> {
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(WRITTEN)
            .open(path)?;
        let Held { records, whole } = Held::read(&mut file)?;
        file.set_len(whole)?;
        if whole == 0 {
            file.write_all(MAGIC)?;
        }
        let len = whole.max(MAGIC.len() as u64);
        Ok((records, Self { file, len }))
    }

    /// Adds records. When this returns they survive this process, though not a power cut.
    ///
    /// # Errors
    /// The system refuses, or what would be read of it ends before them.
    pub fn append(&mut self, lines: &Lines) -> io::Result<()> {
        let len = self.len.saturating_add(lines.bytes.len() as u64);
        if len > MAX_JOURNAL_LEN {
            return Err(rustix::io::Errno::FBIG.into());
        }
        self.file.write_all(&lines.bytes)?;
        self.len = len;
        Ok(())
    }

    /// As long as it can be.
    #[cfg(test)]
    pub(super) fn fill(&mut self) {
        self.len = MAX_JOURNAL_LEN;
    }

    /// More happens than is written down.
    pub(super) fn break_off(&self) -> io::Result<()> {
        self.file
            .set_permissions(Permissions::from_mode(BROKEN_OFF))
    }

    /// Reads what a journal holds, up to its end or to where it was cut. If it breaks off, the last
    /// record is that everything else is lost.
    pub fn read(path: &Path) -> Result<Vec<Record>, JournalError> {
        let mut file = File::open(path)?;
        let mut records = Held::read(&mut file)?.records;
        if file.metadata()?.permissions().mode() & WRITTEN == BROKEN_OFF {
            records.push(Record::Lost {
                path: RelPath::root(),
                loss: Loss::System {
                    operation: WRITE.to_owned(),
                    code: 0,
                },
            });
        }
        Ok(records)
    }
}

/// What a journal holds.
struct Held<T> {
    records: Vec<T>,
    /// Bytes up to where it was cut.
    whole: u64,
}

impl<T: DeserializeOwned> Held<T> {
    fn read(file: &mut File) -> Result<Self, JournalError> {
        let mut bytes = Vec::new();
        file.take(MAX_JOURNAL_LEN).read_to_end(&mut bytes)?;
        let mut records = Vec::new();
        let Some(mut rest) = bytes.strip_prefix(MAGIC) else {
            // The run was cut as it began.
            return if MAGIC.starts_with(&bytes) {
                Ok(Self { records, whole: 0 })
            } else {
                Err(JournalError::Unknown)
            };
        };
        while let Some((len, after)) = rest.split_first_chunk::<LEN_BYTES>() {
            let len = u32::from_le_bytes(*len) as usize;
            let Some(record) = after.get(..len).filter(|_| len <= MAX_RECORD_LEN) else {
                break;
            };
            match postcard::from_bytes(record) {
                Ok(record) => records.push(record),
                Err(_) => break,
            }
            rest = &after[len..];
        }
        let whole = (bytes.len() - rest.len()) as u64;
        Ok(Self { records, whole })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn removed(kept: u64) -> Record {
        Record::Removed {
            path: RelPath::new(b"a/b").unwrap(),
            kept,
        }
    }

    #[test]
    fn a_journal_that_was_cut_anywhere_gives_what_was_written_before() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("journal");
        let mut journal = Journal::create(&path).unwrap();
        let lines: Vec<Record> = (0..3).map(removed).collect();
        let mut ends = vec![MAGIC.len()];
        for line in &lines {
            journal.append(&Lines::of(line).unwrap()).unwrap();
            ends.push(std::fs::metadata(&path).unwrap().len() as usize);
        }
        let whole = std::fs::read(&path).unwrap();
        for len in 0..=whole.len() {
            std::fs::write(&path, &whole[..len]).unwrap();
            let complete = ends.iter().filter(|&&end| end <= len).count();
            let complete = complete.saturating_sub(1);
            assert_eq!(Journal::read(&path).unwrap(), lines[..complete], "{len}");
        }
    }

    #[test]
    fn a_journal_that_was_cut_anywhere_can_be_gone_on_with() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("journal");
        let mut journal = Journal::create(&path).unwrap();
        journal.append(&Lines::of(&removed(1)).unwrap()).unwrap();
        let one = std::fs::read(&path).unwrap();
        journal.append(&Lines::of(&removed(2)).unwrap()).unwrap();
        let two = std::fs::read(&path).unwrap();
        for len in 0..=two.len() {
            std::fs::write(&path, &two[..len]).unwrap();
            let (mut held, mut journal) = Journal::resume::<Record>(&path).unwrap();
            let complete = usize::from(len >= one.len()) + usize::from(len == two.len());
            assert_eq!(held.len(), complete, "{len}");
            journal.append(&Lines::of(&removed(3)).unwrap()).unwrap();
            held.push(removed(3));
            assert_eq!(Journal::read(&path).unwrap(), held, "{len}");
        }
    }

    #[test]
    fn a_journal_gets_no_longer_than_what_is_read_of_one() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("journal");
        let mut journal = Journal::create(&path).unwrap();
        let line = Lines::of(&removed(1)).unwrap();
        journal.append(&line).unwrap();
        assert_eq!(journal.len, std::fs::metadata(&path).unwrap().len());
        journal.len = MAX_JOURNAL_LEN - line.bytes.len() as u64;
        journal.append(&line).unwrap();
        let refused = journal.append(&line).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(Journal::read(&path).unwrap(), [removed(1), removed(1)]);
    }

    #[test]
    fn what_is_no_journal_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("journal");
        std::fs::write(&path, b"ksyncdJ2").unwrap();
        assert!(matches!(Journal::read(&path), Err(JournalError::Unknown)));
    }
}
