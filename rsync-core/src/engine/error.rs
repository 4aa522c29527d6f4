//! Why a run ended without a receipt.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::engine::connection::ConnectionError;
use crate::filter::FilterError;
use crate::path::{escape, printable};
use crate::session::SessionError;
use crate::{root, words};

/// Why a run ended without a receipt. Troubles with single entries are not errors: they are
/// told to the monitor and counted in the receipt.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The stream to the other end failed, or what came over it made no sense.
    #[error(transparent)]
    Connection(ConnectionError),
    /// There was no way to the other end.
    #[error("the other end was not reached")]
    Unreached,
    /// The other end gave up and said why.
    #[error("{}", printable(text))]
    Peer {
        /// Exit code of rsync(1) that fits best.
        code: u16,
        /// Its sentence; untrusted.
        text: String,
    },
    /// Another run writes to the destination, which is at the other end.
    #[error("{}", printable(text))]
    PeerBusy {
        /// Its sentence; untrusted.
        text: String,
    },
    /// The source is not there.
    #[error("the source {} does not exist", shown(path))]
    SourceMissing {
        /// As it was asked for.
        path: PathBuf,
    },
    /// The source can not be opened.
    #[error("can not open the source {}: {}", shown(path), words::of(error))]
    SourceUnreadable {
        /// As it was asked for.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// The destination can not be opened or made.
    #[error("can not use the destination {}: {}", shown(path), words::of(error))]
    DestinationUnusable {
        /// As it was asked for.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// Another run writes to the destination.
    #[error("another run of ksyncd{} writes to {}", process(*holder), shown(path))]
    DestinationBusy {
        /// As it was asked for.
        path: PathBuf,
        /// The number of its process, where the system tells.
        holder: Option<u32>,
    },
    /// The destination failed as a whole.
    #[error("the destination failed: {}: {}", .0, words::of(&.0.source))]
    Destination(#[source] root::Error),
    /// The system lets the process have no further thread.
    #[error("no further thread can be started: {}", words::of(.0))]
    NoThread(#[source] std::io::Error),
    /// The owner that everything is to get does not exist at the destination.
    #[error("there is no user or group {} at the destination", escape(name.as_bytes()))]
    UnknownOwner {
        /// Its name, or a number that is none.
        name: String,
    },
    /// A filter rule is not understood.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// The other end said something that its own earlier words do not allow.
    #[error("the other end broke the protocol: {0}")]
    Protocol(String),
    /// The ends do not agree on what was moved.
    #[error(
        "the other end sent {sent} files and {received} arrived, or they are not the same files"
    )]
    AccountsDiffer {
        /// Files the sender counts.
        sent: u64,
        /// Files the receiver counts.
        received: u64,
    },
    /// The other end is too old to be told what it may not delete.
    #[error(
        "the other end is too old to hold back deletions; say --max-delete-percent=100 and --accept-source if all may be deleted there"
    )]
    PeerIsCareless,
    /// The ends do not agree on what they left alone.
    #[error(
        "what both ends call unchanged is not the same at both; if nothing changes there meanwhile, run it with --checksum"
    )]
    TreesDiffer,
    /// Some entry of the source has no outcome, or two.
    #[error("the receipt does not account for every entry of the source")]
    ReceiptDoesNotAddUp,
}

/// How [`Error::DestinationBusy`] is told, so that the other end may wait: beyond all exit codes.
const BUSY: u16 = 0x103;

impl From<ConnectionError> for Error {
    fn from(error: ConnectionError) -> Self {
        match error {
            ConnectionError::Session(SessionError::Aborted { code: BUSY, text }) => {
                Self::PeerBusy { text }
            }
            ConnectionError::Session(SessionError::Aborted { code, text }) => {
                Self::Peer { code, text }
            }
            error => Self::Connection(error),
        }
    }
}

impl Error {
    /// How the other end is told.
    pub(crate) fn abort_code(&self) -> u16 {
        match self {
            Self::DestinationBusy { .. } => BUSY,
            error => error.code(),
        }
    }

    /// The exit code of rsync(1) that fits best.
    pub fn code(&self) -> u16 {
        const SYNTAX: u16 = 1;
        const START: u16 = 5;
        const IPC: u16 = 14;
        const VERSION: u16 = 2;
        const PROTOCOL: u16 = 12;
        const FILE_SELECTION: u16 = 3;
        const FILE_IO: u16 = 11;
        const PARTIAL: u16 = 23;
        match self {
            Self::Connection(error) => error.code(),
            Self::Unreached => START,
            Self::NoThread(_) => IPC,
            Self::Peer { code, .. } => *code,
            Self::SourceMissing { .. } | Self::SourceUnreadable { .. } => PARTIAL,
            Self::DestinationUnusable { .. }
            | Self::DestinationBusy { .. }
            | Self::PeerBusy { .. } => FILE_SELECTION,
            Self::Destination(_) => FILE_IO,
            Self::Filter(_) | Self::UnknownOwner { .. } => SYNTAX,
            Self::PeerIsCareless => VERSION,
            Self::Protocol(_)
            | Self::AccountsDiffer { .. }
            | Self::TreesDiffer
            | Self::ReceiptDoesNotAddUp => PROTOCOL,
        }
    }
}

fn process(number: Option<u32>) -> String {
    number.map_or_else(String::new, |number| format!(" (process {number})"))
}

fn shown(path: &Path) -> String {
    escape(path.as_os_str().as_bytes())
}
