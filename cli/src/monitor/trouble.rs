//! What went wrong with an entry, and why one was left out, as plain sentences: the path, the
//! cause, the next step.

use std::io;

use rsync_core::monitor::{SkipReason, Trouble, WithheldReason};
use rsync_core::path::{RelPath, escape};
use rsync_core::root::CHANGE_MODE;
use rsync_core::wire::message::{FileFailure, ProblemKind, SystemError};

use crate::errors::words_of;

/// A sentence about an entry that is not at the destination as it should be.
pub(super) fn sentence(path: &RelPath, trouble: &Trouble) -> String {
    match trouble {
        Trouble::Unlisted(ProblemKind::System(error)) => unreadable(path, error),
        Trouble::Source(FileFailure::System(error)) => unreadable(path, error),
        Trouble::Unlisted(ProblemKind::BadName) => {
            format!(
                "{path} has a name or link target that can not be carried; rename it at the source or exclude it"
            )
        }
        Trouble::Unlisted(ProblemKind::TooManyXattrs) => {
            format!(
                "{path} has more extended attributes than can be carried; exclude it or leave out -X and -A"
            )
        }
        Trouble::Unlisted(ProblemKind::TooDeep) => {
            format!(
                "{path} lies deeper than ksyncd goes; exclude it or sync that directory by itself"
            )
        }
        Trouble::Unlisted(ProblemKind::Rules(reason)) => {
            let reason = escape(reason.as_bytes());
            format!("{path} was left out: {reason}; mend that file and run again")
        }
        Trouble::Source(FileFailure::Vanished) => {
            format!(
                "{path} vanished at the source while it was transferred; run again if it should be there"
            )
        }
        Trouble::Source(FileFailure::NotAFile) => {
            format!(
                "{path} is no longer a regular file at the source; run again to take what it is now"
            )
        }
        Trouble::Source(FileFailure::KeptChanging) => {
            format!("{path} kept changing while it was read; run again when it is at rest")
        }
        Trouble::Source(FileFailure::Refused) => {
            format!(
                "{path} was not handed out by the other end; run again, both ends may not see the same tree"
            )
        }
        Trouble::Destination { operation, error } => {
            format!(
                "{path} can not be written ({}: {}); {}",
                escape(operation.as_bytes()),
                words_of(error),
                destination_advice(operation, error)
            )
        }
        Trouble::Corrupt => format!("{path} arrived damaged and was thrown away; run again"),
        Trouble::NameCollision => {
            format!(
                "{path} has the same name as another entry on this file system; rename one of them at the source"
            )
        }
        Trouble::Refused(reason) => {
            let reason = escape(reason.as_bytes());
            format!("{path} was refused: {reason}; exclude it if it is not needed")
        }
        _ => format!("{path} was not transferred; run again"),
    }
}

/// The word for the kind of trouble, for programs.
pub(super) fn word(trouble: &Trouble) -> &'static str {
    match trouble {
        Trouble::Unlisted(_) => "unlisted",
        Trouble::Source(FileFailure::Vanished) => "vanished",
        Trouble::Source(FileFailure::KeptChanging) => "kept_changing",
        Trouble::Source(_) => "source",
        Trouble::Destination { .. } => "destination",
        Trouble::Corrupt => "corrupt",
        Trouble::NameCollision => "name_collision",
        Trouble::Refused(_) => "refused",
        _ => "other",
    }
}

/// Why an entry was left out.
pub(super) fn skipped(path: &RelPath, reason: SkipReason) -> String {
    match reason {
        SkipReason::SpecialFile => {
            format!("skipping {path}: a device, pipe or socket, which needs -D")
        }
        SkipReason::Link => format!("skipping {path}: a symbolic link"),
        SkipReason::Exists => format!("skipping {path}: it exists"),
        SkipReason::Missing => format!("skipping {path}: it does not exist at the destination"),
        SkipReason::Newer => format!("skipping {path}: it is newer at the destination"),
        SkipReason::Size => format!("skipping {path}: its size is out of the limits"),
    }
}

/// The word for a reason to leave an entry out, for programs.
pub(super) fn skip_word(reason: SkipReason) -> &'static str {
    match reason {
        SkipReason::SpecialFile => "special_file",
        SkipReason::Link => "link",
        SkipReason::Exists => "exists",
        SkipReason::Missing => "missing",
        SkipReason::Newer => "newer",
        SkipReason::Size => "size",
    }
}

/// A sentence about deletions that did not happen.
pub(super) fn withheld(count: u64, reason: WithheldReason) -> String {
    let what = match count {
        0 => "nothing was deleted".to_owned(),
        1 => "one entry was not deleted".to_owned(),
        _ => format!("{count} entries were not deleted"),
    };
    match reason {
        WithheldReason::IncompleteListing => format!(
            "{what} because parts of the source could not be read; make them readable, exclude them, \
             or give --ignore-errors"
        ),
        WithheldReason::Limit => {
            format!("{what} because of --max-delete; raise it if that is what you want")
        }
        WithheldReason::EmptySource => format!(
            "{what} because the source is empty; check that it is mounted and the right one, \
             or give --delete-from-empty"
        ),
        WithheldReason::NewSource => format!(
            "{what} because the source is not the one that earlier runs came from: it was restarted, \
             replaced, emptied or is not mounted; check it, then give --accept-source once"
        ),
        WithheldReason::Proportion => format!(
            "{what} because that is too large a part of the destination; check the source, then \
             raise --max-delete-percent"
        ),
    }
}

/// The word for a reason to withhold deletions, for programs.
pub(super) fn withheld_word(reason: WithheldReason) -> &'static str {
    match reason {
        WithheldReason::IncompleteListing => "incomplete_listing",
        WithheldReason::Limit => "limit",
        WithheldReason::EmptySource => "empty_source",
        WithheldReason::NewSource => "new_source",
        WithheldReason::Proportion => "proportion",
    }
}

/// What the other end's system said, in words.
///
/// The number is Linux's. Numbers up to 34 mean the same on every Unix, except 11.
pub(crate) fn system_error(error: &SystemError) -> String {
    let known = cfg!(target_os = "linux") || ((1..=34).contains(&error.code) && error.code != 11);
    if known {
        words_of(&io::Error::from_raw_os_error(error.code))
    } else {
        format!("Linux error {}", error.code)
    }
}

fn unreadable(path: &RelPath, error: &SystemError) -> String {
    let advice = match error.code {
        2 | 40 if error.operation == "follow" => "mend that link, or exclude it",
        40 => "a link leads back to a directory above it: exclude the link",
        1 | 13 => "run as a user who may read it, or exclude it",
        5 => "check the disk at the source",
        27 => "exclude it",
        _ => "run again",
    };
    format!(
        "{path} can not be read at the source ({}: {}); {advice}",
        escape(error.operation.as_bytes()),
        system_error(error)
    )
}

fn destination_advice(operation: &str, error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::Unsupported if operation == CHANGE_MODE => "--no-perms does without modes",
        io::ErrorKind::Unsupported => "exclude it, the file system there can not hold it",
        io::ErrorKind::PermissionDenied => "check who may write there, or run as that user",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "make room and run again",
        io::ErrorKind::ReadOnlyFilesystem => "choose a destination that can be written",
        io::ErrorKind::DirectoryNotEmpty => "delete what is in the way, or use --delete",
        io::ErrorKind::InvalidFilename => "shorten the name at the source or exclude it",
        _ => "run again, or exclude it",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path() -> RelPath {
        RelPath::new(b"logs/a.log").unwrap()
    }

    #[test]
    fn every_sentence_names_the_path_the_cause_and_the_next_step() {
        let denied = SystemError {
            operation: "open".to_owned(),
            code: 13,
        };
        assert_eq!(
            sentence(&path(), &Trouble::Source(FileFailure::System(denied))),
            "logs/a.log can not be read at the source (open: Permission denied); run as a user who may read it, \
             or exclude it"
        );
        let full = Trouble::Destination {
            operation: "write".into(),
            error: io::Error::from_raw_os_error(28),
        };
        assert_eq!(
            sentence(&path(), &full),
            "logs/a.log can not be written (write: No space left on device); make room and run again"
        );
        let no_modes = Trouble::Destination {
            operation: CHANGE_MODE.into(),
            error: io::ErrorKind::Unsupported.into(),
        };
        assert!(sentence(&path(), &no_modes).ends_with("; --no-perms does without modes"));
        let no_links = Trouble::Destination {
            operation: "create".into(),
            error: io::ErrorKind::Unsupported.into(),
        };
        assert!(sentence(&path(), &no_links).contains("; exclude it"));
        for trouble in [
            Trouble::Unlisted(ProblemKind::BadName),
            Trouble::Unlisted(ProblemKind::TooManyXattrs),
            Trouble::Unlisted(ProblemKind::TooDeep),
            Trouble::Source(FileFailure::Vanished),
            Trouble::Source(FileFailure::NotAFile),
            Trouble::Source(FileFailure::KeptChanging),
            Trouble::Source(FileFailure::Refused),
            Trouble::Corrupt,
            Trouble::NameCollision,
            Trouble::Refused("it lies below .git".into()),
        ] {
            let sentence = sentence(&path(), &trouble);
            assert!(
                sentence.starts_with("logs/a.log ") && sentence.contains("; "),
                "{sentence}"
            );
        }
    }

    #[test]
    fn what_the_other_end_says_can_not_forge_a_line() {
        let hostile = SystemError {
            operation: "open\nksyncd: all is well\x1b[2J".to_owned(),
            code: 1,
        };
        let sentence = sentence(&path(), &Trouble::Source(FileFailure::System(hostile)));
        assert!(
            !sentence.contains('\n') && !sentence.contains('\x1b'),
            "{sentence}"
        );
    }

    #[test]
    fn an_error_number_that_no_system_knows_has_words_too() {
        for code in [i32::MIN, -1, 0, 11, 9999, i32::MAX] {
            assert!(
                !system_error(&SystemError {
                    operation: String::new(),
                    code
                })
                .is_empty()
            );
        }
    }
}
