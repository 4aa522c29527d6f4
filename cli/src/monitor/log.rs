//! The log file (`--log-file`): what was done, one line each, with the time.
//!
//! The file is only ever appended to. It is opened without following a link at its name, and only
//! if it is a regular file of the user who runs ksyncd: a log in a directory that others may write
//! must not become a way to write elsewhere.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rsync_core::monitor::{Event, Monitor};
use rsync_core::path::escape;
use rustix::fs::OFlags;

use super::{Closing, Watcher, itemize, stats, summary, trouble};
use crate::errors::Failure;

/// Mode of a log file that is created: its lines are the names of somebody's files.
const LOG_MODE: u32 = 0o600;

/// Writes a run to a log file.
#[derive(Debug)]
pub(super) struct Log {
    out: Mutex<io::BufWriter<File>>,
    style: itemize::Style,
}

impl Log {
    /// Opens or creates the file.
    pub(super) fn open(path: &Path, style: itemize::Style) -> Result<Self, Failure> {
        let file = open_own(path).map_err(|cause| Failure::LogFile {
            path: path.into(),
            cause,
        })?;
        Ok(Self {
            out: Mutex::new(io::BufWriter::new(file)),
            style,
        })
    }

    fn line(&self, text: &str) {
        let time = jiff::Timestamp::now();
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        // A full disk is no reason to end the run; the console still has everything.
        let _ = writeln!(out, "{time:.0} [{}] {text}", std::process::id());
    }

    fn flush(&self) {
        let _ = self
            .out
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .flush();
    }
}

fn open_own(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(LOG_MODE)
        .custom_flags(i32::try_from(flags.bits()).unwrap_or_default())
        .open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "it belongs to another user",
        ));
    }
    Ok(file)
}

impl Monitor for Log {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Connected {
                peer_version,
                protocol,
            } => {
                self.line(&format!(
                    "connected to ksyncd-agent {}, protocol {protocol}",
                    escape(peer_version.as_bytes())
                ));
            }
            Event::Item {
                path,
                entry,
                change,
            } if !change.is_none() => self.line(&self.style.line(path, entry, change)),
            Event::Deleted { path, kind } => self.line(&itemize::deleted(path, kind)),
            Event::Trouble { path, trouble } => self.line(&trouble::sentence(path, trouble)),
            Event::DeletesWithheld { count, reason } => {
                self.line(&trouble::withheld(*count, *reason))
            }
            _ => {}
        }
    }
}

impl Watcher for Log {
    fn pulse(&self) {
        self.flush();
    }

    fn closing(&self, closing: &Closing) {
        for line in stats::lines(closing, super::numbers::Numbers::Grouped)
            .iter()
            .filter(|line| !line.is_empty())
        {
            self.line(line);
        }
        self.line(&summary::line(closing));
        self.flush();
    }

    fn failure(&self, failure: &Failure) {
        self.line(&failure.to_string());
        self.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::Direction;

    const STYLE: itemize::Style = itemize::Style {
        direction: Direction::Received,
        times: true,
    };

    #[test]
    fn lines_are_appended_and_stamped() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        std::fs::write(&path, "before\n").unwrap();
        let log = Log::open(&path, STYLE).unwrap();
        log.line("hello");
        log.flush();
        let text = std::fs::read_to_string(&path).unwrap();
        let (before, line) = text.split_once('\n').unwrap();
        assert_eq!(before, "before");
        let (time, rest) = line.split_once(' ').unwrap();
        assert!(time.parse::<jiff::Timestamp>().is_ok(), "{time}");
        assert_eq!(rest, format!("[{}] hello\n", std::process::id()));
    }

    #[test]
    fn r10_a_link_in_place_of_the_log_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let victim = dir.path().join("victim");
        std::fs::write(&victim, "precious").unwrap();
        let path = dir.path().join("log");
        std::os::unix::fs::symlink(&victim, &path).unwrap();
        assert!(Log::open(&path, STYLE).is_err());
        assert_eq!(std::fs::read_to_string(&victim).unwrap(), "precious");
    }

    #[test]
    fn a_directory_or_device_is_no_log() {
        assert!(Log::open(Path::new("/"), STYLE).is_err());
        assert!(Log::open(Path::new("/dev/null"), STYLE).is_err());
    }

    #[test]
    fn a_new_log_is_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        Log::open(&path, STYLE).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o077, 0);
    }
}
