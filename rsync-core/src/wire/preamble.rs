//! The first 16 bytes that an agent sends, and how a client finds them.
//!
//! A shell or a wrapper may print before the agent starts, so the client skips what comes before
//! [`MAGIC`], up to [`MAX_NOISE_LEN`] bytes. The magic is made like PNG's: it holds bytes that
//! are not text, a carriage return and line feeds, so that a terminal in the path shows, because
//! a terminal changes them.

use super::limits::MAX_NOISE_LEN;
use crate::path::escape;

/// What an agent's stream begins with.
pub const MAGIC: [u8; 16] = *b"\x8Aksyncd \xFF\x00\r\n\x1A\n\x80~";

/// Most bytes of noise quoted in an error.
const QUOTED_LEN: usize = 200;

/// Looks for [`MAGIC`] in a stream that comes in pieces.
#[derive(Debug, Default)]
pub struct Scanner {
    seen: Vec<u8>,
}

/// Why a stream is not an agent's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PreambleError {
    /// The magic came through changed, as a terminal changes it.
    #[error("the stream is a terminal (it changes line ends); run the agent without a TTY")]
    Terminal,
    /// The stream goes on and on without the magic.
    #[error("no agent answered; the other side said: {0}")]
    Noise(String),
    /// The stream ended before the magic.
    #[error("the stream ended before an agent answered; the other side said: {0}")]
    Ended(String),
}

impl Scanner {
    /// Takes the next bytes of the stream. Once the magic is complete, says how many of them it
    /// took; what follows belongs to the first frame.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Option<usize>, PreambleError> {
        for (position, &byte) in bytes.iter().enumerate() {
            self.seen.push(byte);
            if self.seen.ends_with(&MAGIC) {
                return Ok(Some(position + 1));
            }
            if ends_with_translated_magic(&self.seen) {
                return Err(PreambleError::Terminal);
            }
            if self.seen.len() >= MAX_NOISE_LEN + MAGIC.len() {
                return Err(PreambleError::Noise(self.quoted_noise()));
            }
        }
        Ok(None)
    }

    /// The error to report if the stream ends here.
    pub fn end(&self) -> PreambleError {
        PreambleError::Ended(self.quoted_noise())
    }

    fn quoted_noise(&self) -> String {
        match &self.seen[..self.seen.len().min(QUOTED_LEN)] {
            [] => "nothing".to_owned(),
            quoted if quoted.len() < self.seen.len() => format!("\"{}…\"", escape(quoted)),
            quoted => format!("\"{}\"", escape(quoted)),
        }
    }
}

/// What the line disciplines of a terminal make of the magic (termios(3): ONLCR, ICRNL, IGNCR,
/// INLCR, ISTRIP), told by its last bytes.
fn ends_with_translated_magic(seen: &[u8]) -> bool {
    const NAME: &[u8] = b"ksyncd \xFF\x00";
    const NAME_STRIPPED: &[u8] = b"ksyncd \x7F\x00";
    const TAILS: [&[u8]; 4] = [b"\r\r\n\x1A\r\n", b"\n\n\x1A\n", b"\n\x1A\n", b"\r\r\x1A\r"];
    TAILS.iter().any(|tail| {
        seen.strip_suffix(*tail)
            .is_some_and(|head| head.ends_with(NAME) || head.ends_with(NAME_STRIPPED))
    }) || seen.ends_with(b"ksyncd \x7F\x00\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(parts: &[&[u8]]) -> Vec<u8> {
        parts.concat()
    }

    #[test]
    fn noise_of_a_shell_is_skipped_however_the_bytes_are_cut() {
        let noise = b"Welcome!\n\x8Aksync\x8Aksyncd \xFF";
        let bytes = stream(&[noise, &MAGIC, b"rest"]);
        for cut in 1..bytes.len() {
            let mut scanner = Scanner::default();
            let mut taken = 0;
            for piece in bytes.chunks(cut) {
                if let Some(used) = scanner.push(piece).unwrap() {
                    taken += used;
                    break;
                }
                taken += piece.len();
            }
            assert_eq!(taken, noise.len() + MAGIC.len(), "pieces of {cut} bytes");
        }
    }

    #[test]
    fn as_much_noise_as_allowed_is_skipped_and_one_byte_more_is_not() {
        let noise = vec![b'x'; MAX_NOISE_LEN];
        let found = Scanner::default().push(&stream(&[&noise, &MAGIC])).unwrap();
        assert_eq!(found, Some(MAX_NOISE_LEN + MAGIC.len()));
        let result = Scanner::default().push(&stream(&[&noise, b"x", &MAGIC]));
        assert!(matches!(result, Err(PreambleError::Noise(_))));
    }

    #[test]
    fn an_error_quotes_the_noise_so_that_it_can_do_no_harm() {
        let mut scanner = Scanner::default();
        scanner.push(b"sh: agent: \x1B[31mnot found\n").unwrap();
        let text = scanner.end().to_string();
        assert!(
            text.contains(r"sh: agent: \#033[31mnot found\#012"),
            "{text}"
        );
        assert!(Scanner::default().end().to_string().ends_with("nothing"));
    }

    #[test]
    fn a_terminal_is_recognised_by_the_line_ends_it_changes() {
        let translate = |from: &[u8], to: &[u8]| {
            MAGIC
                .iter()
                .flat_map(|&byte| {
                    if from == [byte] {
                        to.to_vec()
                    } else {
                        vec![byte]
                    }
                })
                .collect::<Vec<_>>()
        };
        let stripped: Vec<u8> = MAGIC.iter().map(|byte| byte & 0x7F).collect();
        for changed in [
            translate(b"\n", b"\r\n"),
            translate(b"\r", b"\n"),
            translate(b"\r", b""),
            translate(b"\n", b"\r"),
            stripped,
        ] {
            let result = Scanner::default().push(&stream(&[b"motd\r\n", &changed]));
            assert_eq!(
                result,
                Err(PreambleError::Terminal),
                "{}",
                changed.escape_ascii()
            );
        }
    }
}
