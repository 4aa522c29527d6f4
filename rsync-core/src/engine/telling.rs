//! Lets a client that pushes watch the receiver: events become messages at one end, and events
//! again at the other.

use std::borrow::Cow;
use std::sync::{Mutex, PoisonError};

use crate::engine::connection::Outbox;
use crate::monitor::{Event, Monitor, Trouble};
use crate::wire::message::{FromReceiver, SystemError, Told, ToldTrouble};

/// Progress is told after so many bytes or files.
const PROGRESS_STEP: (u64, u64) = (1 << 20, 256);

/// A monitor that tells the other end.
pub(crate) struct Teller<'a> {
    outbox: &'a Outbox<FromReceiver>,
    tell_all: bool,
    progress: Mutex<(u64, u64)>,
}

impl<'a> Teller<'a> {
    /// Tells through `outbox`; every entry if `tell_all`.
    pub(crate) fn new(outbox: &'a Outbox<FromReceiver>, tell_all: bool) -> Self {
        Self {
            outbox,
            tell_all,
            progress: Mutex::default(),
        }
    }
}

impl Monitor for Teller<'_> {
    fn event(&self, event: &Event<'_>) {
        let told = match *event {
            Event::Progress { bytes, files } => {
                let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
                progress.0 += bytes;
                progress.1 += files;
                if progress.0 < PROGRESS_STEP.0 && progress.1 < PROGRESS_STEP.1 {
                    return;
                }
                let (bytes, files) = std::mem::take(&mut *progress);
                Told::Progress { bytes, files }
            }
            Event::Item {
                path,
                entry,
                change,
            } if self.tell_all => {
                let entry = crate::entry::Entry {
                    xattrs: Vec::new(),
                    ..entry.clone()
                };
                Told::Item {
                    path: path.clone(),
                    entry,
                    change,
                }
            }
            Event::Deleted { path, kind } if self.tell_all => Told::Deleted {
                path: path.clone(),
                kind: kind.clone(),
            },
            Event::Skipped { path, reason } if self.tell_all => Told::Skipped {
                path: path.clone(),
                reason,
            },
            Event::Trouble { path, trouble } => Told::Trouble {
                path: path.clone(),
                trouble: told_trouble(trouble),
            },
            Event::DeletesWithheld { count, reason } => Told::Withheld { count, reason },
            Event::Listed {
                entries,
                wanted_bytes,
                wanted_files,
            } => Told::Listed {
                entries,
                wanted_bytes,
                wanted_files,
            },
            Event::Connected { .. }
            | Event::Item { .. }
            | Event::Deleted { .. }
            | Event::Skipped { .. } => return,
        };
        // An error of the connection is seen by whoever receives.
        let _ = self.outbox.send(&FromReceiver::Told(told));
    }
}

fn told_trouble(trouble: &Trouble) -> ToldTrouble {
    match trouble {
        Trouble::Unlisted(kind) => ToldTrouble::Unlisted(kind.clone()),
        Trouble::Source(failure) => ToldTrouble::Source(failure.clone()),
        Trouble::Destination { operation, error } => ToldTrouble::Destination(SystemError {
            operation: operation.clone().into_owned(),
            code: error.raw_os_error().unwrap_or(0),
        }),
        Trouble::Corrupt => ToldTrouble::Corrupt,
        Trouble::NameCollision => ToldTrouble::NameCollision,
        Trouble::Refused(reason) => ToldTrouble::Refused(reason.clone().into_owned()),
    }
}

/// Shows the monitor what the receiver told.
pub(crate) fn show(told: &Told, monitor: &dyn Monitor) {
    match told {
        Told::Item {
            path,
            entry,
            change,
        } => monitor.event(&Event::Item {
            path,
            entry,
            change: *change,
        }),
        Told::Deleted { path, kind } => monitor.event(&Event::Deleted { path, kind }),
        Told::Skipped { path, reason } => monitor.event(&Event::Skipped {
            path,
            reason: *reason,
        }),
        Told::Trouble { path, trouble } => {
            let trouble = match trouble.clone() {
                ToldTrouble::Unlisted(kind) => Trouble::Unlisted(kind),
                ToldTrouble::Source(failure) => Trouble::Source(failure),
                ToldTrouble::Destination(SystemError { operation, code }) => Trouble::Destination {
                    operation: Cow::Owned(operation),
                    error: std::io::Error::from_raw_os_error(code),
                },
                ToldTrouble::Corrupt => Trouble::Corrupt,
                ToldTrouble::NameCollision => Trouble::NameCollision,
                ToldTrouble::Refused(reason) => Trouble::Refused(Cow::Owned(reason)),
            };
            monitor.event(&Event::Trouble {
                path,
                trouble: &trouble,
            });
        }
        Told::Withheld { count, reason } => {
            monitor.event(&Event::DeletesWithheld {
                count: *count,
                reason: *reason,
            });
        }
        Told::Listed {
            entries,
            wanted_bytes,
            wanted_files,
        } => monitor.event(&Event::Listed {
            entries: *entries,
            wanted_bytes: *wanted_bytes,
            wanted_files: *wanted_files,
        }),
        Told::Progress { bytes, files } => monitor.event(&Event::Progress {
            bytes: *bytes,
            files: *files,
        }),
    }
}
