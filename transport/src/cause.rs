//! What the end of a program means for its user: the program's words and status, put in order.
//!
//! There is no other way to know: `kubectl`, `docker`, `podman` and `ssh` tell apart by their
//! English only. A text that is not recognised is [`Cause::Unknown`]; the words themselves are
//! always quoted beside the cause.

use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

/// How what carried a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// With this exit code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

impl End {
    pub(crate) fn of(status: ExitStatus) -> Option<Self> {
        let code = status.code().map(Self::Code);
        code.or_else(|| status.signal().map(Self::Signal))
    }

    pub(crate) fn is_success(self) -> bool {
        self == Self::Code(0)
    }
}

/// What the end of the program that leads to a target means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// There is no such pod, container or context, or it does not run.
    NoSuchTarget,
    /// The user may not do that, or is not who he says.
    Forbidden,
    /// The cluster, the container engine or the host does not answer.
    Unreachable,
    /// There is no shell at the target.
    NoShell,
    /// The program at the target was killed: out of memory, or its container ended.
    Killed,
    /// The agent ended and said why.
    AgentFailed,
    /// Everything ended without an error, in the middle of the conversation.
    Truncated,
    /// None of these.
    Unknown,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSuchTarget => "there is no such target, or it is not running",
            Self::Forbidden => "access was denied",
            Self::Unreachable => "it can not be reached",
            Self::NoShell => "there is no shell in it that could start the agent",
            Self::Killed => "the agent was killed (out of memory, or its container ended)",
            Self::AgentFailed => "the agent failed",
            Self::Truncated => "the connection ended in the middle of the conversation",
            Self::Unknown => "the connection ended",
        })
    }
}

impl Cause {
    /// Reads the end of what carried a stream, if it has ended, and its last words.
    pub(crate) fn read(end: Option<End>, said: &[u8]) -> Self {
        if let Some(cause) = Self::recognise(said) {
            return cause;
        }
        match end {
            Some(End::Code(0)) => Self::Truncated,
            Some(End::Code(126 | 127)) => Self::NoShell,
            Some(End::Code(137) | End::Signal(9)) => Self::Killed,
            _ => Self::Unknown,
        }
    }

    /// Recognises the words of a program that say what is wrong.
    pub(crate) fn recognise(said: &[u8]) -> Option<Self> {
        let said = String::from_utf8_lossy(said).to_lowercase();
        let row = WORDS
            .iter()
            .find(|(words, _)| words.iter().any(|word| said.contains(word)));
        row.map(|(_, cause)| *cause)
    }
}

/// Earlier rows win: a missing shell is reported in words that contain those of other rows.
const WORDS: &[(&[&str], Cause)] = &[
    (&["ksyncd-agent: "], Cause::AgentFailed),
    (
        &[
            "executable file not found",
            "executable file `sh` not found",
            "exec: \"sh\"",
            "sh: not found",
            "run command 'sh'",
            "exit code 126",
            "exit code 127",
        ],
        Cause::NoShell,
    ),
    (&["exit code 137"], Cause::Killed),
    (
        &[
            "forbidden",
            "unauthorized",
            "you must be logged in",
            "permission denied",
            "host key verification failed",
            "too many authentication failures",
        ],
        Cause::Forbidden,
    ),
    (
        &[
            "(notfound)",
            "no such container",
            "no container with name or id",
            "container not found",
            "is not valid for pod",
            "is not running",
            "running containers",
            "cannot exec into a container in a completed pod",
            "cannot exec in a stopped",
            "context was not found",
            "does not exist",
            "no matches for kind",
            "doesn't have a resource type",
        ],
        Cause::NoSuchTarget,
    ),
    (
        &[
            "could not resolve hostname",
            "no such host",
            "connection refused",
            "connection timed out",
            "operation timed out",
            "no route to host",
            "network is unreachable",
            "unable to connect to the server",
            "was refused - did you specify",
            "cannot connect to the docker daemon",
            "cannot connect to podman",
            "i/o timeout",
        ],
        Cause::Unreachable,
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn exit(code: i32) -> Option<End> {
        End::of(ExitStatus::from_raw(code << 8))
    }

    #[test]
    fn the_programs_own_words_are_understood() {
        let cases: &[(&str, i32, Cause)] = &[
            (
                "Error from server (NotFound): pods \"web\" not found",
                1,
                Cause::NoSuchTarget,
            ),
            (
                "Error from server (Forbidden): pods \"web\" is forbidden: User \"dev\" cannot \
                 get resource \"pods\"",
                1,
                Cause::Forbidden,
            ),
            (
                "error: Internal error occurred: Internal error occurred: error executing command \
                 in container: exec: \"sh\": executable file not found in $PATH",
                1,
                Cause::NoShell,
            ),
            (
                "OCI runtime exec failed: exec failed: unable to start container process: exec: \
                 \"sh\": executable file not found in $PATH: unknown",
                126,
                Cause::NoShell,
            ),
            ("Error: No such container: db", 1, Cause::NoSuchTarget),
            (
                "Error response from daemon: Container 5f is not running",
                1,
                Cause::NoSuchTarget,
            ),
            (
                "permission denied while trying to connect to the Docker daemon socket",
                1,
                Cause::Forbidden,
            ),
            (
                "Cannot connect to the Docker daemon at unix:///var/run/docker.sock.",
                1,
                Cause::Unreachable,
            ),
            (
                "dev@h: Permission denied (publickey).",
                255,
                Cause::Forbidden,
            ),
            (
                "ssh: Could not resolve hostname h: Name or service not known",
                255,
                Cause::Unreachable,
            ),
            ("command terminated with exit code 137", 137, Cause::Killed),
            ("ksyncd-agent: the root is gone", 1, Cause::AgentFailed),
            ("", 127, Cause::NoShell),
            ("", 137, Cause::Killed),
            ("", 0, Cause::Truncated),
            ("", 1, Cause::Unknown),
        ];
        for (said, code, cause) in cases {
            assert_eq!(Cause::read(exit(*code), said.as_bytes()), *cause, "{said}");
        }
        assert_eq!(
            Cause::read(End::of(ExitStatus::from_raw(9)), b""),
            Cause::Killed
        );
    }
}
