//! The words of a remote shell command such as rsync's `-e`, `--rsh` and `RSYNC_RSH` hold.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// Why a text is not a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadCommand {
    /// It has no words.
    #[error("the remote shell command is empty")]
    Empty,
    /// A quote is not closed.
    #[error("the remote shell command lacks a closing quote")]
    OpenQuote,
}

/// Splits a remote shell command into words, as rsync does: at spaces, except within single or
/// double quotes, where a doubled quote stands for itself (rsync(1), `--rsh`). No shell is
/// involved and nothing else is special.
///
/// # Errors
/// If there are no words or a quote is not closed.
pub fn split_command(text: &OsStr) -> Result<Vec<OsString>, BadCommand> {
    let mut words = Vec::new();
    let mut word: Option<Vec<u8>> = None;
    let mut quote = None;
    let mut bytes = text.as_bytes().iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match quote {
            Some(open) if byte == open => match bytes.next_if_eq(&open) {
                Some(_) => word.get_or_insert_default().push(byte),
                None => quote = None,
            },
            None if byte == b'\'' || byte == b'"' => {
                quote = Some(byte);
                word.get_or_insert_default();
            }
            None if byte == b' ' => words.extend(word.take()),
            _ => word.get_or_insert_default().push(byte),
        }
    }
    words.extend(word);
    match (quote, words.first()) {
        (Some(_), _) => Err(BadCommand::OpenQuote),
        (None, None) => Err(BadCommand::Empty),
        (None, Some(program)) if program.is_empty() => Err(BadCommand::Empty),
        _ => Ok(words.into_iter().map(OsString::from_vec).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Result<Vec<OsString>, BadCommand> {
        split_command(OsStr::new(text))
    }

    #[test]
    fn words_are_parted_by_spaces_outside_quotes() {
        assert_eq!(split("ssh  -p 22 ").unwrap(), ["ssh", "-p", "22"]);
        assert_eq!(
            split("'my ssh' -o \"a b\"c ''").unwrap(),
            ["my ssh", "-o", "a bc", ""]
        );
        assert_eq!(split("ssh -o 'it''s'").unwrap(), ["ssh", "-o", "it's"]);
    }

    #[test]
    fn nothing_but_spaces_and_quotes_is_special() {
        assert_eq!(
            split("ssh $(id) `id` ;|&*").unwrap(),
            ["ssh", "$(id)", "`id`", ";|&*"]
        );
    }

    #[test]
    fn a_command_without_a_program_is_refused() {
        assert_eq!(split(" "), Err(BadCommand::Empty));
        assert_eq!(split("'' x"), Err(BadCommand::Empty));
        assert_eq!(split("ssh 'x"), Err(BadCommand::OpenQuote));
    }
}
