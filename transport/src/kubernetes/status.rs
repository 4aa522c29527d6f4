//! How an exec ended, as the last message on its status channel says.
//!
//! It is a `metav1.Status`: `Success`, or a failure whose details name the exit code of the
//! command (`NonZeroExitCode`), or a failure to start it at all.

use serde::Deserialize;

/// How an exec ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The command ended with this code.
    Exited(i32),
    /// The command was not started, or the server lost it.
    Failed(String),
    /// The connection ended and nobody said why.
    Silent,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Status {
    status: String,
    reason: String,
    message: String,
    details: Option<Details>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Details {
    causes: Vec<Cause>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Cause {
    reason: String,
    message: String,
}

impl Ending {
    /// Reads all that came on the status channel.
    pub(crate) fn read(status: &[u8]) -> Self {
        if status.is_empty() {
            return Self::Silent;
        }
        let Ok(status) = serde_json::from_slice::<Status>(status) else {
            return Self::Failed(String::from_utf8_lossy(status).into_owned());
        };
        if status.status == "Success" {
            return Self::Exited(0);
        }
        let causes = status.details.unwrap_or_default().causes;
        let code = causes
            .iter()
            .find(|cause| status.reason == "NonZeroExitCode" && cause.reason == "ExitCode")
            .and_then(|cause| cause.message.parse().ok());
        code.map_or(Self::Failed(status.message), Self::Exited)
    }

    /// The command's exit code, if it had one.
    pub(crate) fn code(&self) -> Option<i32> {
        match self {
            Self::Exited(code) => Some(*code),
            Self::Failed(_) => Some(1),
            Self::Silent => None,
        }
    }

    /// What there is to say about it.
    pub(crate) fn message(&self) -> Option<String> {
        match self {
            Self::Exited(0) | Self::Silent => None,
            Self::Exited(code) => Some(format!("command terminated with exit code {code}")),
            Self::Failed(message) => Some(message.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn success_is_exit_code_0() {
        assert_eq!(
            Ending::read(br#"{"metadata":{},"status":"Success"}"#),
            Ending::Exited(0)
        );
    }

    #[test]
    fn a_command_that_fails_gives_its_code() {
        let status = br#"{"status":"Failure","reason":"NonZeroExitCode",
            "message":"command terminated with non-zero exit code",
            "details":{"causes":[{"reason":"ExitCode","message":"137"}]}}"#;
        assert_eq!(Ending::read(status), Ending::Exited(137));
    }

    #[test]
    fn a_command_that_could_not_be_started_gives_the_servers_words() {
        let status = br#"{"status":"Failure","reason":"InternalError",
            "message":"exec: \"sh\": executable file not found in $PATH"}"#;
        let ending = Ending::read(status);
        assert!(ending.message().unwrap().contains("not found"));
        assert_eq!(ending.code(), Some(1));
    }

    #[test]
    fn nothing_and_nonsense_are_no_success() {
        assert_eq!(Ending::read(b""), Ending::Silent);
        assert_eq!(Ending::read(b"oops"), Ending::Failed("oops".into()));
        assert_eq!(Ending::Silent.code(), None);
        assert_ne!(Ending::read(b"{}").code(), Some(0));
    }
}
