//! Why a sync ended without an account: exit code and sentence.

use rsync_core::engine::{ConnectionError, Error};
use rsync_core::path::printable;

use super::reach::THREADS;
use super::{shown, words_of};
use crate::exit::Exit;

/// The exit code.
pub(super) fn exit(error: &Error) -> Exit {
    of_code(error.code())
}

/// What the other end claims is believed only as far as it is a failure.
fn of_code(code: u16) -> Exit {
    let known = Exit::ALL
        .into_iter()
        .find(|exit| u16::from(exit.code()) == code);
    known
        .filter(|&exit| exit != Exit::Success)
        .unwrap_or(Exit::Protocol)
}

/// Who writes to the destination.
pub(super) fn busy(error: &Error) -> String {
    let said = printable(&error.to_string());
    match error {
        Error::PeerBusy { .. } => format!("at the other end {said}"),
        _ => said,
    }
}

/// What went wrong, why, and what to do next.
pub(super) fn sentence(error: &Error) -> String {
    match error {
        Error::SourceMissing { path } => {
            format!("the source {} does not exist; check SOURCE", shown(path))
        }
        Error::SourceUnreadable { path, error } => {
            format!(
                "the source {} can not be read: {}; check SOURCE and who may read it",
                shown(path),
                words_of(error)
            )
        }
        Error::DestinationUnusable { path, error } => {
            let path = shown(path);
            format!(
                "the destination {path} can not be used: {}; check DEST and who may write there",
                words_of(error)
            )
        }
        Error::DestinationBusy { .. } | Error::PeerBusy { .. } => {
            format!(
                "{}; run again when that has ended, or say --wait",
                busy(error)
            )
        }
        Error::Destination(_) => {
            format!(
                "{}; check its disk and run again",
                printable(&error.to_string())
            )
        }
        Error::Peer { code, text } => {
            format!(
                "the other end gave up: {}; {}",
                printable(text),
                peer_advice(*code)
            )
        }
        Error::UnknownOwner { .. } => {
            format!("{error}; correct --chown, or write a number")
        }
        Error::Filter(error) => format!("{error}; correct the rule"),
        Error::Connection(error) => {
            format!(
                "{}; {}",
                printable(&error.to_string()),
                connection_advice(error)
            )
        }
        Error::NoThread(_) => format!("{error}; {THREADS}"),
        error => format!(
            "{}; run again, and report it if it happens twice",
            printable(&error.to_string())
        ),
    }
}

/// Either end may be the one that has waited long enough.
const WAIT_LONGER: &str = "check the connection, or wait longer with --timeout";

fn peer_advice(code: u16) -> &'static str {
    match of_code(code) {
        Exit::FileSelection | Exit::Partial => "check the path there, and who may use it",
        Exit::FileIo => "check the disk there",
        Exit::Usage => "correct the command line",
        Exit::Timeout => WAIT_LONGER,
        Exit::Ipc => THREADS,
        _ => "run again",
    }
}

fn connection_advice(error: &ConnectionError) -> &'static str {
    match of_code(error.code()) {
        Exit::Incompatible => "use the same version at both ends",
        Exit::Startup => "run again, and check that nothing there writes to standard output first",
        Exit::Timeout => WAIT_LONGER,
        Exit::ConnectTimeout => "check the connection, or wait longer with --contimeout",
        _ => "run again",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use std::path::PathBuf;

    #[test]
    fn a_peer_can_not_turn_its_failure_into_a_success_or_its_words_into_lines() {
        for code in [0, 7, 64, 256, u16::MAX] {
            let error = Error::Peer {
                code,
                text: "fine\nksyncd: done\x1b[2J".to_owned(),
            };
            assert_eq!(exit(&error), Exit::Protocol, "{code}");
            assert!(!sentence(&error).contains(['\n', '\x1b']));
        }
        assert_eq!(
            exit(&Error::Peer {
                code: 23,
                text: String::new()
            }),
            Exit::Partial
        );
    }

    #[test]
    fn a_destination_that_can_not_be_used_is_named_with_the_systems_words() {
        let error = io::Error::from_raw_os_error(13);
        let error = Error::DestinationUnusable {
            path: PathBuf::from("/srv/a\nb"),
            error,
        };
        assert_eq!(
            sentence(&error),
            "the destination /srv/a\\#012b can not be used: Permission denied; check DEST and who may write there"
        );
        assert_eq!(exit(&error), Exit::FileSelection);
    }

    #[test]
    fn whoever_writes_to_the_destination_is_named() {
        let here = Error::DestinationBusy {
            path: PathBuf::from("d"),
            holder: Some(77),
        };
        let there = Error::PeerBusy {
            text: format!("{here}\n\x1b[2J"),
        };
        assert_eq!(
            sentence(&here),
            "another run of ksyncd (process 77) writes to d; run again when that has ended, or say --wait"
        );
        let said = sentence(&there);
        assert!(
            said.starts_with("at the other end another run of ksyncd (process 77) writes to d")
        );
        assert!(!said.contains(['\n', '\x1b']));
        for error in [here, there] {
            assert_eq!(exit(&error), Exit::FileSelection);
        }
    }

    #[test]
    fn silence_is_a_timeout_that_can_be_raised() {
        let error = Error::Connection(ConnectionError::CloseTimeout {
            after: std::time::Duration::from_secs(9),
        });
        let theirs = Error::Peer {
            code: Exit::Timeout as u16,
            text: "the other end has been silent for 9 s".into(),
        };
        for error in [error, theirs] {
            assert_eq!(exit(&error), Exit::Timeout);
            assert!(sentence(&error).ends_with("--timeout"));
        }
    }
}
