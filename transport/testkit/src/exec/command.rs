//! The command of an exec, which stays when its client leaves.

use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout};
use tokio::runtime::Handle;

use super::Session;

/// A command that runs. Dropping this ends its input and leaves it alone: nobody reads what it
/// still says, and nobody tells it so.
pub(super) struct Running(Option<Whole>);

struct Whole {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: ChildStdout,
    stderr: ChildStderr,
    keeps_input: bool,
}

/// The parts that the way down uses.
pub(super) struct Parts<'a> {
    pub(super) child: &'a mut Child,
    pub(super) stdout: &'a mut ChildStdout,
    pub(super) stderr: &'a mut ChildStderr,
}

pub(super) struct Borrowed<'a>(&'a mut Whole);

impl Running {
    pub(super) fn start(session: &Session) -> Result<Self, String> {
        let mut command = session.sandbox.command(&session.command)?;
        let mut child = command.spawn().map_err(|error| error.to_string())?;
        match (child.stdin.take(), child.stdout.take(), child.stderr.take()) {
            (stdin, Some(stdout), Some(stderr)) => Ok(Self(Some(Whole {
                child,
                stdin,
                stdout,
                stderr,
                keeps_input: false,
            }))),
            _ => Err("the command has no pipes".to_owned()),
        }
    }

    pub(super) fn parts(&mut self) -> Option<Borrowed<'_>> {
        self.0.as_mut().map(Borrowed)
    }

    /// Its input does not end when this is dropped.
    pub(super) fn keep_input(&mut self) {
        if let Some(whole) = &mut self.0 {
            whole.keeps_input = true;
        }
    }
}

impl<'a> Borrowed<'a> {
    /// The way up and the way down.
    pub(super) fn split(self) -> (&'a mut Option<ChildStdin>, Parts<'a>) {
        let whole = self.0;
        let parts = Parts {
            child: &mut whole.child,
            stdout: &mut whole.stdout,
            stderr: &mut whole.stderr,
        };
        (&mut whole.stdin, parts)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let Some(mut whole) = self.0.take() else {
            return;
        };
        if !whole.keeps_input {
            whole.stdin = None;
        }
        // Without a runtime the server has ended, and all containers with it.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                // The pipes stay open as long as the command runs.
                let _ = whole.child.wait().await;
                drop(whole);
            });
        }
    }
}
