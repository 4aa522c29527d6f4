//! The run as one JSON object per line, for programs. `JSON.md` beside this package is the
//! reference; what is here may gain fields and events, and loses none.
//!
//! Paths are exact: `path` where the bytes are UTF-8, otherwise `path_bytes` in base64.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rsync_core::entry::Kind;
use rsync_core::monitor::{Change, Event, Monitor, Update};
use rsync_core::path::RelPath;
use rsync_core::receipt::Receipt;
use serde::Serialize;

use super::{Closing, Lines, Watcher, trouble};
use crate::errors::Failure;

/// Shows a run as JSON lines.
#[derive(Debug)]
pub(super) struct Json {
    lines: Arc<Lines>,
    unchanged_too: bool,
    bytes: AtomicU64,
    files: AtomicU64,
    moved_on: AtomicBool,
}

impl Json {
    /// With `unchanged_too`, entries that are as they should be get an event as well.
    pub(super) fn new(lines: Arc<Lines>, unchanged_too: bool) -> Self {
        Self {
            lines,
            unchanged_too,
            bytes: AtomicU64::new(0),
            files: AtomicU64::new(0),
            moved_on: AtomicBool::new(false),
        }
    }

    fn write(&self, record: &Record<'_>) {
        // Nothing in a record can fail to serialise: no maps with odd keys, no readers.
        if let Ok(line) = serde_json::to_string(record) {
            self.lines.out(&line);
        }
    }

    fn write_progress(&self) {
        if self.moved_on.swap(false, Ordering::Relaxed) {
            let (bytes, files) = (
                self.bytes.load(Ordering::Relaxed),
                self.files.load(Ordering::Relaxed),
            );
            self.write(&Record::Progress { bytes, files });
        }
    }
}

impl Monitor for Json {
    fn event(&self, event: &Event<'_>) {
        match *event {
            Event::Connected {
                peer_version,
                protocol,
            } => {
                // Each attempt counts from nothing.
                self.bytes.store(0, Ordering::Relaxed);
                self.files.store(0, Ordering::Relaxed);
                self.write(&Record::Connected {
                    peer_version,
                    protocol,
                });
            }
            Event::Item {
                path,
                entry,
                ref change,
            } if self.unchanged_too || !change.is_none() => self.write(&Record::Item {
                path: path.into(),
                kind: kind_word(&entry.kind),
                size: entry.file_size(),
                target: target(&entry.kind),
                update: update_word(change.update),
                created: change.created,
                changes: changes(change),
            }),
            Event::Deleted { path, kind } => self.write(&Record::Deleted {
                path: path.into(),
                kind: kind_word(kind),
            }),
            Event::Skipped { path, reason } => {
                self.write(&Record::Skipped {
                    path: path.into(),
                    reason: trouble::skip_word(reason),
                });
            }
            Event::Trouble { path, trouble } => self.write(&Record::Trouble {
                path: path.into(),
                trouble: trouble::word(trouble),
                message: &trouble::sentence(path, trouble),
            }),
            Event::DeletesWithheld { count, reason } => {
                self.write(&Record::DeletesWithheld {
                    count,
                    reason: trouble::withheld_word(reason),
                });
            }
            Event::Listed {
                entries,
                wanted_bytes,
                wanted_files,
            } => {
                self.write(&Record::Listed {
                    entries,
                    wanted_bytes,
                    wanted_files,
                });
            }
            Event::Progress { bytes, files } => {
                self.bytes.fetch_add(bytes, Ordering::Relaxed);
                self.files.fetch_add(files, Ordering::Relaxed);
                self.moved_on.store(true, Ordering::Relaxed);
            }
            _ => {}
        }
    }
}

impl Watcher for Json {
    fn pulse(&self) {
        self.write_progress();
        self.lines.flush();
    }

    fn closing(&self, closing: &Closing) {
        self.write_progress();
        self.write(&Record::Summary {
            receipt: &closing.receipt,
            sent: closing.sent,
            received: closing.received,
            agent_bytes: closing.agent_bytes,
            elapsed_seconds: closing.elapsed.as_secs_f64(),
            dry_run: closing.dry_run,
            exit_code: closing.exit().code(),
        });
    }

    fn failure(&self, failure: &Failure) {
        self.write_progress();
        self.write(&Record::Error {
            message: &failure.to_string(),
            exit_code: failure.exit().code(),
        });
    }
}

/// One line.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Record<'a> {
    Connected {
        peer_version: &'a str,
        protocol: u16,
    },
    Item {
        #[serde(flatten)]
        path: Path<'a>,
        kind: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        size: Option<u64>,
        #[serde(flatten)]
        target: Option<Target<'a>>,
        update: &'static str,
        created: bool,
        changes: Vec<&'static str>,
    },
    Deleted {
        #[serde(flatten)]
        path: Path<'a>,
        kind: &'static str,
    },
    Skipped {
        #[serde(flatten)]
        path: Path<'a>,
        reason: &'static str,
    },
    Trouble {
        #[serde(flatten)]
        path: Path<'a>,
        trouble: &'static str,
        message: &'a str,
    },
    DeletesWithheld {
        count: u64,
        reason: &'static str,
    },
    Listed {
        entries: u64,
        wanted_bytes: u64,
        wanted_files: u64,
    },
    Progress {
        bytes: u64,
        files: u64,
    },
    Summary {
        #[serde(flatten)]
        receipt: &'a Receipt,
        sent: u64,
        received: u64,
        agent_bytes: u64,
        elapsed_seconds: f64,
        dry_run: bool,
        exit_code: u8,
    },
    Error {
        message: &'a str,
        exit_code: u8,
    },
}

/// A path as events have it.
#[derive(Debug, Serialize)]
pub(crate) enum Path<'a> {
    #[serde(rename = "path")]
    Text(&'a str),
    #[serde(rename = "path_bytes")]
    Bytes(String),
}

impl<'a> From<&'a RelPath> for Path<'a> {
    fn from(path: &'a RelPath) -> Self {
        match path.as_bytes() {
            [] => Self::Text("."),
            bytes => Self::from(bytes),
        }
    }
}

impl<'a> From<&'a [u8]> for Path<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Text(text),
            Err(_) => Self::Bytes(BASE64.encode(bytes)),
        }
    }
}

#[derive(Debug, Serialize)]
enum Target<'a> {
    #[serde(rename = "target")]
    Text(&'a str),
    #[serde(rename = "target_bytes")]
    Bytes(String),
}

fn target(kind: &Kind) -> Option<Target<'_>> {
    let Kind::Symlink { target } = kind else {
        return None;
    };
    Some(match std::str::from_utf8(target.as_bytes()) {
        Ok(text) => Target::Text(text),
        Err(_) => Target::Bytes(BASE64.encode(target.as_bytes())),
    })
}

fn kind_word(kind: &Kind) -> &'static str {
    match kind {
        Kind::File { .. } => "file",
        Kind::Dir => "directory",
        Kind::Symlink { .. } => "symlink",
        Kind::Fifo => "fifo",
        Kind::Socket => "socket",
        Kind::CharDevice { .. } => "char_device",
        Kind::BlockDevice { .. } => "block_device",
    }
}

fn update_word(update: Update) -> &'static str {
    match update {
        Update::None => "none",
        Update::Transfer => "transfer",
        Update::Local => "local",
        Update::HardLink => "hard_link",
        Update::Moved => "moved",
    }
}

fn changes(change: &Change) -> Vec<&'static str> {
    [
        (change.content, "content"),
        (change.size, "size"),
        (change.time, "time"),
        (change.permissions, "permissions"),
        (change.owner, "owner"),
        (change.group, "group"),
        (change.acl, "acl"),
        (change.xattr, "xattr"),
    ]
    .into_iter()
    .filter_map(|(set, word)| set.then_some(word))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn shown(record: &Record<'_>) -> Value {
        serde_json::to_value(record).unwrap()
    }

    fn deleted(path: &[u8]) -> Value {
        let path = RelPath::new(path).unwrap();
        shown(&Record::Deleted {
            path: (&path).into(),
            kind: "file",
        })
    }

    #[test]
    fn a_path_is_text_where_it_can_be_and_bytes_where_it_must() {
        assert_eq!(
            deleted("grün\n".as_bytes()),
            json!({"event": "deleted", "path": "grün\n", "kind": "file"})
        );
        assert_eq!(
            deleted(b"a/\xff"),
            json!({"event": "deleted", "path_bytes": "YS//", "kind": "file"})
        );
        assert_eq!(
            deleted(b""),
            json!({"event": "deleted", "path": ".", "kind": "file"})
        );
    }

    #[test]
    fn an_item_says_what_changed() {
        let path = RelPath::new(b"l").unwrap();
        let item = Record::Item {
            path: (&path).into(),
            kind: "symlink",
            size: None,
            target: Some(Target::Text("x")),
            update: update_word(Update::Local),
            created: false,
            changes: changes(&Change {
                content: true,
                time: true,
                ..Change::default()
            }),
        };
        assert_eq!(
            shown(&item),
            json!({"event": "item", "path": "l", "kind": "symlink", "target": "x", "update": "local",
                   "created": false, "changes": ["content", "time"]})
        );
    }

    #[test]
    fn the_summary_carries_every_count_of_the_receipt() {
        let receipt = Receipt {
            entries: 2,
            unchanged: 1,
            failed: 1,
            vanished: 1,
            ..Receipt::default()
        };
        let summary = shown(&Record::Summary {
            receipt: &receipt,
            sent: 1,
            received: 2,
            agent_bytes: 0,
            elapsed_seconds: 0.5,
            dry_run: false,
            exit_code: 24,
        });
        let counts = serde_json::to_value(receipt).unwrap();
        for (name, count) in counts.as_object().unwrap() {
            assert_eq!(&summary[name], count, "{name}");
        }
        assert_eq!(summary["exit_code"], 24);
    }

    #[test]
    fn every_record_is_one_line() {
        let line = serde_json::to_string(&Record::Error {
            message: "a\nb",
            exit_code: 1,
        })
        .unwrap();
        assert!(!line.contains('\n'), "{line}");
    }
}
