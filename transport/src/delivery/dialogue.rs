//! The client's side of the conversation with the delivery script.
//!
//! The script says lines `ksyncd TOKEN WORD…`, each after an empty line:
//!
//! | words              | meaning                                                             |
//! |--------------------|---------------------------------------------------------------------|
//! | `need MACHINE`     | send the agent for this machine, exactly its bytes                  |
//! | `have DIRECTORY`   | it was there; whatever follows this line is the agent's             |
//! | `placed DIRECTORY` | it is there now; whatever follows this line is the agent's          |
//! | `tried WHY PLACE`  | it does not work there; another place is tried                      |
//! | `nowhere`          | it works in none of the places; the end                             |
//! | `machine SYSTEM`   | none of the agents on offer is for this `uname -sm`; the end        |
//! | `short`            | the stream ended within the agent's bytes; the end                  |
//!
//! Everything that comes is the far end's word and bounded here: bytes, lines and requests.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};

use rsync_core::path::escape;
use rsync_core::words;

use crate::agents::Agents;

/// Most bytes before the agent starts that are not part of the conversation.
pub const MAX_NOISE: usize = 64 << 10;
/// Most lines of the conversation: each place is tried once.
const MAX_LINES: usize = 64;
/// The agent is sent in pieces of this many bytes, so that progress shows.
const PIECE: usize = 64 << 10;

/// How an agent came to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivered {
    /// Nothing was delivered: the agent belongs to this computer or to the target.
    Local,
    /// It was there from an earlier run.
    Reused {
        /// The directory it runs from, as the far end says; escaped before it is shown.
        place: Vec<u8>,
    },
    /// It was sent.
    Uploaded {
        /// The directory it runs from, as the far end says; escaped before it is shown.
        place: Vec<u8>,
        /// Bytes sent, counting repetitions.
        bytes: u64,
    },
}

/// Progress of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A shell answered.
    Answered,
    /// So many bytes of the agent were taken since the last step.
    Sent(u64),
}

/// A place where the agent could not be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// The place, as the far end says.
    pub place: Vec<u8>,
    /// Why not.
    pub why: Why,
}

/// Why an agent could not be run in a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// No directory can be made there.
    Unwritable,
    /// The directory is not private, or belongs to somebody else.
    Taken,
    /// There is no room.
    Full,
    /// Files there may not be executed (`noexec`, or a security policy).
    NotExecutable,
    /// The agent ran there and ended with this status instead of its hash.
    Misbehaved(u8),
    /// Something that this version does not know.
    Other,
}

impl Why {
    fn parse(word: &[u8]) -> Self {
        match word {
            b"unwritable" => Self::Unwritable,
            b"taken" => Self::Taken,
            b"full" => Self::Full,
            b"126" => Self::NotExecutable,
            status => match std::str::from_utf8(status).map(str::parse) {
                Ok(Ok(status)) => Self::Misbehaved(status),
                _ => Self::Other,
            },
        }
    }
}

impl fmt::Display for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", escape(&self.place))?;
        match self.why {
            Why::Unwritable => f.write_str("is not writable"),
            Why::Taken => f.write_str("is occupied by another user"),
            Why::Full => f.write_str("is full"),
            Why::NotExecutable => f.write_str("does not allow execution"),
            Why::Misbehaved(status) => write!(f, "lets the agent end with status {status}"),
            Why::Other => f.write_str("does not work"),
        }
    }
}

/// Why no agent runs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The stream ended before an agent ran.
    #[error("the connection ended before an agent ran")]
    Ended,
    /// The stream broke.
    #[error("the connection broke before an agent ran: {}", words::of(.0))]
    Broken(#[source] io::Error),
    /// What came is not what a shell running the script says.
    #[error("no shell answered, but this came: {}", escape(.0))]
    Noise(Vec<u8>),
    /// There is no agent for this system.
    #[error("there is no agent for `{}`", escape(.0))]
    Machine(Vec<u8>),
    /// The agent on this side can not be had.
    #[error("the agent can not be read: {}", words::of(.0))]
    Image(#[source] io::Error),
    /// The agent can be run in none of the places.
    #[error("the agent can not be run there: {}", list(.0))]
    Nowhere(Vec<Tried>),
    /// Less of the agent arrived than was sent.
    #[error("the connection lost part of the agent")]
    Short,
}

fn list(tried: &[Tried]) -> String {
    let mut reasons: Vec<String> = Vec::new();
    for place in tried.iter().map(ToString::to_string) {
        if !reasons.contains(&place) {
            reasons.push(place);
        }
    }
    if reasons.is_empty() {
        "there is no place for it".to_owned()
    } else {
        reasons.join(", ")
    }
}

/// Speaks with the script until an agent runs or none will.
pub(super) fn converse<R: Read, W: Write>(
    token: &str,
    input: &mut BufReader<R>,
    output: &mut W,
    agents: &dyn Agents,
    step: &dyn Fn(Step),
) -> Result<Delivered, Failure> {
    let mut listener = Listener::new(token);
    let mut tried = Vec::new();
    let mut sent = 0;
    for _ in 0..MAX_LINES {
        let line = listener.next_line(input)?;
        step(Step::Answered);
        let (word, rest) = split_word(&line);
        match word {
            b"need" => sent += send(rest, output, agents, step)?,
            b"have" => {
                return Ok(Delivered::Reused {
                    place: rest.to_vec(),
                });
            }
            b"placed" => {
                return Ok(Delivered::Uploaded {
                    place: rest.to_vec(),
                    bytes: sent,
                });
            }
            b"tried" => {
                let (why, place) = split_word(rest);
                tried.push(Tried {
                    place: place.to_vec(),
                    why: Why::parse(why),
                });
            }
            b"machine" => return Err(Failure::Machine(rest.to_vec())),
            b"nowhere" => return Err(Failure::Nowhere(tried)),
            b"short" => return Err(Failure::Short),
            _ => return Err(Failure::Noise(line)),
        }
    }
    Err(Failure::Nowhere(tried))
}

pub(crate) fn split_word(line: &[u8]) -> (&[u8], &[u8]) {
    match line.iter().position(|&byte| byte == b' ') {
        Some(at) => (&line[..at], &line[at + 1..]),
        None => (line, &[]),
    }
}

fn send(
    machine: &[u8],
    output: &mut impl Write,
    agents: &dyn Agents,
    step: &dyn Fn(Step),
) -> Result<u64, Failure> {
    let offers = agents.offers();
    let offer = offers
        .iter()
        .find(|offer| offer.machine.as_bytes() == machine);
    let offer = offer.ok_or_else(|| Failure::Machine(machine.to_vec()))?;
    let image = agents.image(&offer.machine).map_err(Failure::Image)?;
    for piece in image.chunks(PIECE) {
        output
            .write_all(piece)
            .and_then(|()| output.flush())
            .map_err(Failure::Broken)?;
        step(Step::Sent(piece.len() as u64));
    }
    Ok(image.len() as u64)
}

/// Picks the lines of the conversation out of the noise around them.
pub(crate) struct Listener {
    prefix: Vec<u8>,
    noise: Vec<u8>,
}

impl Listener {
    /// Listens for lines that carry this token.
    pub(crate) fn new(token: &str) -> Self {
        Self {
            prefix: format!("ksyncd {token} ").into_bytes(),
            noise: Vec::new(),
        }
    }

    /// The next line of the conversation, without its prefix.
    pub(crate) fn next_line(&mut self, input: &mut impl BufRead) -> Result<Vec<u8>, Failure> {
        loop {
            let mut line = Vec::new();
            let room = (MAX_NOISE - self.noise.len()) as u64 + 1;
            input
                .by_ref()
                .take(room)
                .read_until(b'\n', &mut line)
                .map_err(Failure::Broken)?;
            if line.pop_if(|last| *last == b'\n').is_some() {
                if let Some(said) = line.strip_prefix(self.prefix.as_slice()) {
                    return Ok(said.to_vec());
                }
                line.push(b'\n');
            } else if (line.len() as u64) < room {
                return Err(self.ended(&line));
            }
            self.noise.extend_from_slice(&line);
            if self.noise.len() > MAX_NOISE {
                return Err(Failure::Noise(self.excerpt()));
            }
        }
    }

    fn ended(&mut self, last: &[u8]) -> Failure {
        self.noise.extend_from_slice(last);
        if self.noise.iter().all(u8::is_ascii_whitespace) {
            Failure::Ended
        } else {
            Failure::Noise(self.excerpt())
        }
    }

    fn excerpt(&self) -> Vec<u8> {
        let text = self.noise.trim_ascii();
        text[..text.len().min(200)].to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agents::testing::OneAgent;

    const AGENT: &[u8] = b"\x7fELF agent";

    /// What comes of a far end that says `said`, and what it was sent.
    fn hear(said: &[u8]) -> (Result<Delivered, Failure>, Vec<u8>, Vec<u8>) {
        let mut input = BufReader::new(said);
        let mut output = Vec::new();
        let agents = OneAgent::new("x86_64", AGENT);
        let result = converse("T0", &mut input, &mut output, &agents, &|_| ());
        let mut rest = Vec::new();
        input.read_to_end(&mut rest).unwrap();
        (result, output, rest)
    }

    #[test]
    fn what_follows_the_last_line_is_left_for_the_agent() {
        let (result, sent, rest) = hear(b"\nksyncd T0 have /tmp/.ksyncd-0\n\x01\x02\n\x03");
        assert_eq!(
            result.unwrap(),
            Delivered::Reused {
                place: b"/tmp/.ksyncd-0".to_vec()
            }
        );
        assert_eq!(sent, b"");
        assert_eq!(rest, b"\x01\x02\n\x03");
    }

    #[test]
    fn exactly_the_agent_is_sent_when_it_is_asked_for() {
        let (result, sent, _) = hear(b"\nksyncd T0 need x86_64\n\nksyncd T0 placed /run/x\n");
        let bytes = AGENT.len() as u64;
        assert_eq!(
            result.unwrap(),
            Delivered::Uploaded {
                place: b"/run/x".to_vec(),
                bytes
            }
        );
        assert_eq!(sent, AGENT);
    }

    #[test]
    fn x12_noise_of_a_login_script_is_passed_over() {
        let noise = b"Welcome!\nksyncd T1 have /evil\n\xff\xfe no newline\nksyncd T0 have /tmp/x\n";
        assert!(matches!(hear(noise).0, Ok(Delivered::Reused { place }) if place == b"/tmp/x"));
    }

    #[test]
    fn x12_endless_noise_is_not_listened_to() {
        for unit in [&b"x"[..], b"line\n", b"\n"] {
            let noise = unit.repeat(MAX_NOISE + 2);
            assert!(matches!(hear(&noise).0, Err(Failure::Noise(said)) if said.len() <= 200));
        }
    }

    #[test]
    fn a_stream_that_ends_in_silence_has_ended_and_one_that_ends_in_words_quotes_them() {
        assert!(matches!(hear(b"\n").0, Err(Failure::Ended)));
        let failure = hear(b"This account is not available.\x1b[2J")
            .0
            .unwrap_err();
        let message = failure.to_string();
        assert!(
            message.contains("not available") && !message.contains('\x1b'),
            "{message}"
        );
    }

    #[test]
    fn a_machine_that_was_not_offered_gets_nothing() {
        let (result, sent, _) = hear(b"ksyncd T0 need ../../etc/passwd\n");
        assert!(matches!(result, Err(Failure::Machine(_))));
        assert_eq!(sent, b"");
    }

    #[test]
    fn a_far_end_that_asks_for_ever_is_cut_off() {
        let (result, _, _) = hear(&b"ksyncd T0 need x86_64\n".repeat(1000));
        assert!(matches!(result, Err(Failure::Nowhere(_))));
    }

    #[test]
    fn the_places_tried_are_named_once_each_with_the_reason() {
        let said = b"ksyncd T0 tried 126 /tmp\nksyncd T0 tried 126 /tmp\n\
            ksyncd T0 tried unwritable /var/my tmp\nksyncd T0 nowhere\n";
        let message = hear(said).0.unwrap_err().to_string();
        assert_eq!(
            message,
            "the agent can not be run there: /tmp does not allow execution, \
             /var/my tmp is not writable"
        );
    }
}
