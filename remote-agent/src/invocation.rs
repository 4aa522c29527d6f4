//! What the agent was called for.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use rsync_core::engine::MAX_TIMEOUT;

/// What the agent was called for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Invocation {
    /// Serve one client.
    Serve {
        /// Remove the executable and its directory first.
        once: bool,
        /// Silence after which the client counts as dead, if it said so.
        timeout: Option<Duration>,
        /// The working directory, if not the one it was started in.
        directory: Option<PathBuf>,
    },
    /// Print its identity.
    Probe,
    /// Print its version.
    Version,
}

/// Arguments that mean nothing to the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is the agent of ksyncd, started by it and not by hand")]
pub struct BadInvocation;

impl Invocation {
    /// Reads the arguments after the program's name.
    ///
    /// # Errors
    /// If they are anything but one of the three forms.
    pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Self, BadInvocation> {
        let mut args = args.into_iter().peekable();
        let invocation = match args.next().as_deref().and_then(|word| word.to_str()) {
            Some("serve") => {
                let once = args.next_if(|word| word == "--once").is_some();
                let timeout = args.peek().and_then(|word| seconds(word));
                args.next_if(|_| timeout.is_some());
                Self::Serve {
                    once,
                    timeout,
                    directory: args.next().map(PathBuf::from),
                }
            }
            Some("--probe") => Self::Probe,
            Some("--version") => Self::Version,
            _ => return Err(BadInvocation),
        };
        if args.next().is_some() {
            Err(BadInvocation)
        } else {
            Ok(invocation)
        }
    }
}

/// The seconds of `--timeout=SECONDS`; none is no time that anybody could mean.
fn seconds(word: &OsStr) -> Option<Duration> {
    let seconds = word.to_str()?.strip_prefix("--timeout=")?.parse().ok()?;
    (1..=MAX_TIMEOUT.as_secs())
        .contains(&seconds)
        .then(|| Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Invocation, BadInvocation> {
        Invocation::parse(words.iter().map(OsString::from))
    }

    #[test]
    fn the_three_forms_are_understood() {
        let serve = |once, directory: Option<&str>| {
            Ok(Invocation::Serve {
                once,
                timeout: None,
                directory: directory.map(PathBuf::from),
            })
        };
        assert_eq!(parse(&["serve"]), serve(false, None));
        assert_eq!(parse(&["serve", "/srv"]), serve(false, Some("/srv")));
        assert_eq!(
            parse(&["serve", "--once", "/srv"]),
            serve(true, Some("/srv"))
        );
        assert_eq!(parse(&["--probe"]), Ok(Invocation::Probe));
        assert_eq!(parse(&["--version"]), Ok(Invocation::Version));
    }

    #[test]
    fn a_client_says_how_long_it_may_be_silent() {
        let timeout = |words: &[&str]| match parse(words) {
            Ok(Invocation::Serve { timeout, .. }) => timeout.map(|timeout| timeout.as_secs()),
            other => panic!("{other:?}"),
        };
        assert_eq!(timeout(&["serve", "--timeout=7"]), Some(7));
        assert_eq!(
            timeout(&["serve", "--once", "--timeout=86400", "/srv"]),
            Some(86_400)
        );
        for nonsense in [
            "--timeout=0",
            "--timeout=86401",
            "--timeout=-1",
            "--timeout=x",
        ] {
            assert_eq!(
                parse(&["serve", nonsense, "/srv"]),
                Err(BadInvocation),
                "{nonsense}"
            );
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for words in [
            &[][..],
            &["help"],
            &["serve", "/a", "/b"],
            &["--probe", "x"],
        ] {
            assert_eq!(parse(words), Err(BadInvocation), "{words:?}");
        }
    }
}
