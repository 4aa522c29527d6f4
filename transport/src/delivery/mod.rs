//! Getting an agent to run at the far end of a byte stream, where nothing but a POSIX shell is.
//!
//! One remote command does it all. The command line is `sh -s TOKEN TIMEOUT MACHINE:HASH:SIZE…`: plain
//! words that need no quoting, so they survive every remote shell, exec call and URL alike. The
//! script travels on standard input; once the shell has read it, nothing is sent
//! that was not asked for, because the shells and tools of a small image read further than they
//! should.
//!
//! - What the client says to the agent first, its *opening*, is a word of the script, and the agent
//!   finds it in its environment. So it works at once and no round trip is waited for; what is in an
//!   environment is shown to the same user only.
//! - An agent that is there already, by the hash of its content, is started at once. If not, its
//!   bytes are asked for, put in place, tried out, and it is started: no second command.
//! - While it arrives it has no name, so that nothing is left of a delivery that is cut, however
//!   that happens. Where there is no `/proc` it has one, and the agent removes what is old (in
//!   `leftovers.rs` there).
//! - It lives in a directory `.ksyncd-UID` of mode 0700, below the first of a list of places
//!   where it can be executed. What others planted under that name is not used; the agent then
//!   lives in a directory of a random name, which it removes when it starts.
//! - Everything the script says carries the token. What else comes, from a login script for
//!   example, is noise, and tolerated up to [`MAX_NOISE`] bytes.
//!
//! What this is not: proof of who runs at the far end. The programs of the image take part in
//! the delivery, so a hostile image can do as it likes with the agent; the protocol spoken
//! afterwards trusts nothing of what it says.

mod dialogue;

use std::fmt::Write as _;
use std::io::{self, BufReader, Read, Write};
use std::time::Duration;

pub use dialogue::{Delivered, Failure, MAX_NOISE, Step, Tried, Why};
pub(crate) use dialogue::{Listener, split_word};

use crate::agents::Agents;

/// The script as it is written; sent without comments and indentation.
const SCRIPT: &str = include_str!("script.sh");

/// Most bytes of an opening that are told by the script: a system passes on 128 KiB at most as one
/// variable, and two characters are a byte.
const MAX_OPENING_LEN: usize = 16 << 10;

/// One delivery, to be used once.
#[derive(Debug)]
pub struct Delivery {
    token: String,
    timeout: Duration,
    offers: Vec<String>,
    /// What the agent is told in its environment: nothing, or the opening as hexadecimal digits.
    opening: String,
}

impl Delivery {
    /// Prepares to deliver one of `agents`, which is to take a client that is silent for `timeout`
    /// for dead, and to hear `opening` before anything that comes by its input.
    ///
    /// # Errors
    /// If the system has no random numbers.
    pub fn new(agents: &dyn Agents, timeout: Duration, opening: &[u8]) -> io::Result<Self> {
        let token = token()?;
        let offers = agents.offers();
        let offers = offers
            .iter()
            .map(|offer| format!("{}:{}:{}", offer.machine, offer.digest, offer.len));
        Ok(Self {
            token,
            timeout,
            offers: offers.collect(),
            opening: match opening.len() {
                0..=MAX_OPENING_LEN => hexadecimal(opening),
                _ => String::new(),
            },
        })
    }

    /// Whether the agent hears the opening. One that is too long has to be said to it.
    pub fn tells_opening(&self) -> bool {
        !self.opening.is_empty()
    }

    /// The remote command: words without any character that a shell treats specially.
    pub fn command(&self) -> Vec<String> {
        let fixed = ["sh", "-s", &self.token].map(str::to_owned);
        fixed
            .into_iter()
            .chain([self.timeout.as_secs().to_string()])
            .chain(self.offers.iter().cloned())
            .collect()
    }

    /// Speaks with the script that [`Self::command`] started until an agent runs.
    ///
    /// `input` and `output` are the command's standard output and input. When this returns, all
    /// that comes from `input` is the agent's, and `output` leads to the agent. `step` hears of
    /// every bit of progress.
    ///
    /// # Errors
    /// [`Failure`] says how far it came.
    pub fn run<R: Read, W: Write>(
        &self,
        input: &mut BufReader<R>,
        output: &mut W,
        agents: &dyn Agents,
        step: &dyn Fn(Step),
    ) -> Result<Delivered, Failure> {
        let sent = output
            .write_all(self.script().as_bytes())
            .and_then(|()| output.flush());
        // Who did not wait for the script may have said why.
        let heard = dialogue::converse(&self.token, input, output, agents, step);
        match (sent, heard) {
            (Err(error), Err(Failure::Ended)) => Err(Failure::Broken(error)),
            (_, heard) => heard,
        }
    }

    /// Everything that the shell reads.
    fn script(&self) -> String {
        format!("opening={}\n{}", self.opening, script())
    }
}

/// What an agent is told of its client's patience.
pub(crate) fn timeout(timeout: Duration) -> String {
    format!("--timeout={}", timeout.as_secs())
}

/// What nobody at the far end can know before the conversation.
pub(crate) fn token() -> io::Result<String> {
    let mut random = [0u8; 16];
    getrandom::fill(&mut random)?;
    Ok(hexadecimal(&random))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut digits, byte| {
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}

fn script() -> String {
    without_comments(SCRIPT)
}

/// A script as it is sent: without comments, empty lines and indentation.
pub(crate) fn without_comments(script: &str) -> String {
    let lines = script.lines().map(str::trim_start);
    let mut script = String::with_capacity(script.len());
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
        script.push_str(line);
        script.push('\n');
    }
    script
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agents::testing::OneAgent;

    const TIMEOUT: Duration = Duration::from_secs(60);

    #[test]
    fn the_remote_command_needs_no_quoting_in_any_shell() {
        let delivery = Delivery::new(&OneAgent::new("x86_64", b"agent"), TIMEOUT, b"").unwrap();
        for word in delivery.command() {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-:_".contains(&byte);
            assert!(word.bytes().all(plain), "{word}");
        }
    }

    #[test]
    fn two_deliveries_have_different_tokens() {
        let agents = OneAgent::new("x86_64", b"agent");
        let [one, two] = [(); 2].map(|()| Delivery::new(&agents, TIMEOUT, b"").unwrap().token);
        assert_ne!(one, two);
    }

    #[test]
    fn an_opening_is_one_plain_word_whatever_is_in_it_and_one_that_is_too_long_is_not_told() {
        let agents = OneAgent::new("x86_64", b"agent");
        let opening = |bytes: &[u8]| Delivery::new(&agents, TIMEOUT, bytes).unwrap();
        let told = opening(b"'\n$(id)\xff\0");
        assert!(told.tells_opening());
        assert!(told.script().starts_with("opening=270a2428696429ff00\n{\n"));
        let silent = opening(&[7; MAX_OPENING_LEN + 1]);
        assert!(!silent.tells_opening());
        assert!(silent.script().starts_with("opening=\n{\n"));
    }

    #[test]
    fn the_script_is_one_group_so_that_it_is_read_before_it_runs() {
        let script = script();
        assert!(script.starts_with("{\n") && script.ends_with("\n}\n"));
        assert!(script.len() < 4096, "{} bytes", script.len());
    }
}
