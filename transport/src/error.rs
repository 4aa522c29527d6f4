//! Why no agent could be reached, told so that the reader knows what to do next.

use std::io;
use std::time::Duration;

use rsync_core::words;

use crate::cause::Cause;
use crate::containers;
use crate::delivery::Failure;
use crate::kubernetes::Problem;

/// Why no agent could be reached, or why the stream to one ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The program that leads to the target can not be started on this computer.
    #[error("cannot start {program}: {}", words::of(error))]
    Start {
        /// The program.
        program: String,
        /// What the system said.
        #[source]
        error: io::Error,
    },
    /// The system lets this program have no further thread.
    #[error("no further thread can be started here: {}", words::of(.0))]
    NoThread(#[source] io::Error),
    /// The program that leads to the target ended before its time.
    #[error("{target}: {cause}{}", quote(program, said))]
    Ended {
        /// The target, as the user would call it.
        target: String,
        /// What that means.
        cause: Cause,
        /// The program.
        program: String,
        /// The end of what it wrote to its standard error, escaped, lines joined by `; `.
        said: String,
    },
    /// A shell answered, or something did, but no agent came to run.
    #[error("{target}: {failure}{}", quote(program, said))]
    Delivery {
        /// The target, as the user would call it.
        target: String,
        /// What went wrong.
        #[source]
        failure: Failure,
        /// The program.
        program: String,
        /// The end of what it wrote to its standard error, escaped, lines joined by `; `.
        said: String,
    },
    /// The pod, or the way to it, is not as it has to be.
    #[error("{target}: {problem}")]
    Kubernetes {
        /// The target, as the user would call it.
        target: String,
        /// What is wrong.
        #[source]
        problem: Problem,
    },
    /// The container or volume is not as it has to be.
    #[error("{target}: {problem}")]
    Container {
        /// The target, as the user would call it.
        target: String,
        /// What is wrong.
        #[source]
        problem: containers::Problem,
    },
    /// Nothing happened for too long.
    #[error("{target}: no answer for {} seconds{}", after.as_secs(), quote(program, said))]
    TimedOut {
        /// The target, as the user would call it.
        target: String,
        /// How long.
        after: Duration,
        /// The program.
        program: String,
        /// The end of what it wrote to its standard error, escaped, lines joined by `; `.
        said: String,
    },
}

impl Error {
    /// There is no shell, or no place where an agent can be executed.
    pub(crate) fn has_no_place(&self) -> bool {
        let nowhere = matches!(
            self,
            Self::Delivery {
                failure: Failure::Nowhere(_),
                ..
            }
        );
        nowhere || self.cause() == Some(Cause::NoShell)
    }

    /// What the end of the program means, if that is what happened.
    pub fn cause(&self) -> Option<Cause> {
        match self {
            Self::Ended { cause, .. } => Some(*cause),
            _ => None,
        }
    }
}

fn quote(program: &str, said: &str) -> String {
    if said.is_empty() {
        String::new()
    } else {
        format!(" ({program} said: {said})")
    }
}
