//! Why the other end could not be reached: exit code and next step.

use transport::containers::Problem;
use transport::delivery::Failure as Undelivered;
use transport::{Cause, Error};

use super::kubernetes;
use crate::exit::Exit;

/// The exit code.
pub(super) fn exit(error: &Error) -> Exit {
    match error {
        Error::Start { .. } | Error::NoThread(_) => Exit::Ipc,
        Error::Kubernetes { problem, .. } => kubernetes::exit(problem),
        Error::Container { problem, .. } => match problem {
            Problem::Machine { .. } => Exit::Unsupported,
            Problem::NotPlaced { .. } => Exit::Startup,
            _ => Exit::FileSelection,
        },
        Error::TimedOut { .. } => Exit::ConnectTimeout,
        Error::Delivery {
            failure: Undelivered::Machine(_),
            ..
        } => Exit::Unsupported,
        Error::Delivery { .. } => Exit::Startup,
        _ => match error.cause() {
            Some(Cause::NoSuchTarget) => Exit::FileSelection,
            Some(Cause::Unreachable) => Exit::Socket,
            Some(Cause::Forbidden | Cause::NoShell | Cause::AgentFailed) => Exit::Startup,
            _ => Exit::Protocol,
        },
    }
}

/// Next step where there may be no further thread.
pub(super) const THREADS: &str =
    "end other programs, or raise the limit of processes (ulimit -u, pids.max)";

/// What to do next.
pub(super) fn advice(error: &Error) -> &'static str {
    match error {
        Error::Start { .. } => "install it, or put it where PATH leads",
        Error::NoThread(_) => THREADS,
        Error::Kubernetes { problem, .. } => kubernetes::advice(problem),
        Error::Container { problem, .. } => match problem {
            Problem::NoService { .. } => "start it, or check its name",
            Problem::SeveralProjects { .. } => "write compose:PROJECT/SERVICE:PATH",
            Problem::NoVolume { .. } => "check its name; docker volume create makes one",
            Problem::Machine { .. } => "Linux on x86-64 and on arm64 is supported",
            _ => "start the container without --read-only, or use docker cp",
        },
        Error::TimedOut { .. } => "check that it is up, or wait longer with --contimeout",
        Error::Delivery {
            failure: Undelivered::Machine(_),
            ..
        } => "Linux on x86-64 and on arm64 is supported",
        Error::Delivery {
            failure: Undelivered::Nowhere(_),
            ..
        } => {
            "give it a directory that can be written and executed from, such as an emptyDir at \
             /tmp (docker: --tmpfs=/tmp:exec); beside a pod's container, --agent-image=busybox adds \
             one"
        }
        Error::Delivery { .. } => {
            "run again, and check that nothing there writes to standard output first"
        }
        _ => match error.cause() {
            Some(Cause::NoSuchTarget) => {
                "check its name, and --namespace, --container and --context"
            }
            Some(Cause::Forbidden) => {
                "log in again, or ask for the right to execute commands there"
            }
            Some(Cause::Unreachable) => "check the network and where the configuration points",
            Some(Cause::NoShell) => {
                "choose another container of the pod with --container, or add one with \
                 --agent-image=busybox"
            }
            Some(Cause::Killed) => "give the container more memory, or run again when it is stable",
            _ => "run again",
        },
    }
}
