//! Every way the program can fail, each as one plain sentence: what, why, and what to do next.
//!
//! Failures of single entries are not here: they are reported while the run goes on
//! (`monitor::trouble`) and end up in the exit code through the receipt.

mod engine;
mod kubernetes;
mod reach;

use std::ffi::OsStr;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use rsync_core::path::escape;
pub(crate) use rsync_core::words::of as words_of;

use crate::args::unsupported;
use crate::exit::Exit;

/// Why the program did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The command line is not valid, or is a call for help.
    #[error("{0}")]
    Clap(Box<clap::Error>),
    /// An option that rsync has and ksyncd has not.
    #[error("{option} is an option of rsync that ksyncd does not have; {advice}")]
    Unsupported {
        /// As it was written.
        option: String,
        /// What to do instead.
        advice: &'static str,
    },
    /// The value of an option makes no sense.
    #[error("{option} can not be {}: {reason}", escape(.value.as_bytes()))]
    BadValue {
        /// The option.
        option: &'static str,
        /// What was given.
        value: std::ffi::OsString,
        /// What is wrong with it and what to write instead.
        reason: String,
    },
    /// A filter rule can not be understood.
    #[error("{0}; write it as rsync does, as in --filter='- *.o'")]
    BadFilter(rsync_core::filter::FilterError),
    /// SOURCE or DEST is not a location.
    #[error("{0}; ksyncd pull --help explains SOURCE and DEST")]
    BadLocation(transport::BadLocation),
    /// The end that has to be on this machine is elsewhere.
    #[error("{name} has to be on this machine and not at {place}; {other}")]
    NotHere {
        /// SOURCE or DEST.
        name: &'static str,
        /// Where it is.
        place: String,
        /// Which command would fit.
        other: &'static str,
    },
    /// Where this program is can not be found out.
    #[error("ksyncd can not find its own program: {}; start it by its full path", words_of(.0))]
    OwnProgram(io::Error),
    /// No agent could be reached, or the program that carried the stream failed.
    #[error("{0}; {advice}", advice = reach::advice(.0))]
    Transport(transport::Error),
    /// The program that carried the stream ended in the middle of the sync.
    #[error("{0}; {advice}", advice = reach::advice(.0))]
    Broken(transport::Error),
    /// The sync failed as a whole.
    #[error("{}", engine::sentence(.0))]
    Engine(rsync_core::engine::Error),
    /// This program, as the other end of a sync within this machine, failed.
    #[error("the other end failed: {}", escape(.0.to_string().as_bytes()))]
    OwnAgent(ksyncd_agent::Error),
    /// The agents to deliver can not be read.
    #[error("the agents in {} can not be read: {}; correct the variable {}", shown(.path), words_of(.cause), crate::agents::DIRECTORY_VARIABLE)]
    Agents {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// A file named on the command line can not be read.
    #[error("{} can not be read: {}; check the name given to {option}", shown(.path), words_of(.cause))]
    ReadFile {
        /// The file.
        path: PathBuf,
        /// The option that named it.
        option: &'static str,
        /// What the system said.
        cause: io::Error,
    },
    /// A file can not be written.
    #[error("{} can not be written: {}; choose another place", shown(.path), words_of(.cause))]
    WriteFile {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// The log file can not be opened.
    #[error("the log file {} can not be used: {}; name another with --log-file", shown(.path), words_of(.cause))]
    LogFile {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// There is no state directory.
    #[error(
        "what runs changed can not be remembered: {0}; set XDG_STATE_HOME to a directory of your own"
    )]
    State(crate::state::NoState),
    /// What is remembered can not be read or written.
    #[error("what is remembered of runs can not be read or written: {}; check the state directory", words_of(.0))]
    StateBroken(io::Error),
    /// No run has that name, or there is none.
    #[error("{}; ksyncd log lists the runs that can be undone", no_such_run(.id.as_deref()))]
    NoSuchRun {
        /// The name that was given.
        id: Option<String>,
    },
    /// A run can not be taken back.
    #[error("the run {id} can not be undone: {}", escape(.reason.as_bytes()))]
    NotUndoable {
        /// Which run.
        id: String,
        /// What is in the way.
        reason: String,
    },
    /// What is at the destination can not be read.
    #[error("{}: {}; make it readable, or do without a receipt", escape(.0.to_string().as_bytes()), words_of(&.0.source))]
    Unproven(rsync_core::root::Error),
    /// What is at a destination elsewhere can not all be read.
    #[error(
        "not all of what is at the destination could be looked at there; make it readable, or do without a receipt"
    )]
    UnprovenThere,
    /// There is no place for what is needed for a moment.
    #[error("a temporary directory can not be made: {}; set TMPDIR", words_of(.0))]
    NoTemporary(io::Error),
    /// A receipt is not as it was written.
    #[error(
        "the receipt was changed since it was written: its entries are not those of its digest; take a copy of it that is whole"
    )]
    ReceiptChanged,
    /// Standard output can not be written.
    #[error("standard output could not be written: {}; what was to be done has been done", words_of(.cause))]
    Output {
        /// What the system said.
        cause: io::Error,
    },
    /// The handler for signals could not be put in place.
    #[error("signals can not be watched: {}; run again", words_of(.0))]
    Signals(io::Error),
    /// A signal ended the run.
    #[error("interrupted; run again to continue")]
    Interrupted,
}

impl Failure {
    /// What clap says, with options of rsync told apart from misspelt ones.
    pub(crate) fn from_clap(error: clap::Error) -> Self {
        if let (ErrorKind::UnknownArgument, Some(ContextValue::String(option))) =
            (error.kind(), error.get(ContextKind::InvalidArg))
            && let Some(found) = unsupported::find(option)
        {
            return Self::Unsupported {
                option: escape(option.as_bytes()),
                advice: found.advice,
            };
        }
        Self::Clap(Box::new(error))
    }

    /// What to do about an error of the transport.
    pub(crate) fn advice(error: &transport::Error) -> &'static str {
        reach::advice(error)
    }

    /// Who writes to the destination, if that is what is in the way.
    pub(crate) fn busy(&self) -> Option<String> {
        use rsync_core::engine::Error::{DestinationBusy, PeerBusy};
        match self {
            Self::Engine(error @ (DestinationBusy { .. } | PeerBusy { .. })) => {
                Some(engine::busy(error))
            }
            _ => None,
        }
    }

    /// The exit code.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Clap(error) if !error.use_stderr() => Exit::Success,
            Self::Clap(_) | Self::BadValue { .. } | Self::BadFilter(_) => Exit::Usage,
            Self::BadLocation(_) | Self::NotHere { .. } => Exit::Usage,
            Self::OwnProgram(_) => Exit::Startup,
            Self::Transport(error) => reach::exit(error),
            Self::Broken(_) => Exit::Protocol,
            Self::Engine(error) => engine::exit(error),
            Self::OwnAgent(_) => Exit::Startup,
            Self::Agents { .. } => Exit::FileIo,
            Self::Unsupported { .. } => Exit::Unsupported,
            Self::ReadFile { .. } | Self::WriteFile { .. } => Exit::FileIo,
            Self::State(_) | Self::StateBroken(_) => Exit::FileIo,
            Self::NoSuchRun { .. } | Self::NotUndoable { .. } => Exit::FileSelection,
            Self::Unproven(_) | Self::UnprovenThere | Self::NoTemporary(_) => Exit::FileIo,
            Self::ReceiptChanged => Exit::FileSelection,
            Self::LogFile { .. } => Exit::LogFile,
            Self::Output { .. } => Exit::Diagnostics,
            Self::Signals(_) => Exit::Startup,
            Self::Interrupted => Exit::Interrupted,
        }
    }

    /// Tells the user, and says how the program ends.
    pub(crate) fn report(&self) -> Exit {
        // If standard error is gone there is nobody left to tell.
        let _ = match self {
            Self::Clap(error) => error.print(),
            // The transport knows the agent's words by its name.
            Self::OwnAgent(error) => writeln!(io::stderr().lock(), "ksyncd-agent: {error}"),
            _ => writeln!(io::stderr().lock(), "ksyncd: {self}"),
        };
        self.exit()
    }
}

fn no_such_run(id: Option<&str>) -> String {
    match id {
        Some(id) => format!("there is no run {}", escape(id.as_bytes())),
        None => "there is no run to undo, and a push is never one".to_owned(),
    }
}

/// A path as it is shown.
fn shown(path: &Path) -> String {
    escape(AsRef::<OsStr>::as_ref(path).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args;
    use std::ffi::OsString;

    fn failure(line: &str) -> Failure {
        args::parse(line.split(' ').map(OsString::from)).unwrap_err()
    }

    #[test]
    fn an_option_that_only_rsync_has_is_named_with_an_alternative() {
        for (line, option) in [
            ("ksyncd pull --link-dest=../old a b", "--link-dest"),
            ("ksyncd pull -avR a b", "-R"),
            ("ksyncd push --daemon a b", "--daemon"),
            ("ksyncd pull --info=progress2 a b", "--info"),
        ] {
            let failure = failure(line);
            assert_eq!(failure.exit(), Exit::Unsupported, "{line}");
            assert!(failure.to_string().starts_with(option), "{failure}");
            assert!(failure.to_string().contains("; "), "{failure}");
        }
    }

    #[test]
    fn a_misspelt_option_is_a_usage_error() {
        assert_eq!(failure("ksyncd pull --dleete a b").exit(), Exit::Usage);
        assert_eq!(failure("ksyncd pull a").exit(), Exit::Usage);
        assert_eq!(failure("ksyncd pull --max-size=x a b").exit(), Exit::Usage);
    }

    #[test]
    fn a_call_for_help_is_no_error() {
        for line in [
            "ksyncd --help",
            "ksyncd -V",
            "ksyncd pull -h",
            "ksyncd push --help",
        ] {
            assert_eq!(failure(line).exit(), Exit::Success, "{line}");
        }
    }
}
