//! A child with pipes: started, watched, explained, and never left behind.

use std::collections::VecDeque;
use std::io::Read;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rsync_core::path::escape;

use crate::cause::Cause;
use crate::delivery::Failure;
use crate::error::Error;
use crate::location::Target;

/// Bytes kept of what a program writes to its standard error: the last ones.
const TAIL_LEN: usize = 4096;
/// How long a program whose stream ended may take to end itself and say why.
const LAST_WORDS: Duration = Duration::from_secs(3);
/// How often a program is asked whether it has ended.
const POLL: Duration = Duration::from_millis(5);

/// The program that carries a stream. Dropping this kills it.
///
/// Its reader and writer are separate. Drop both before [`Self::close`], or the program waits for
/// its standard input to end.
#[derive(Debug)]
pub struct Process {
    program: String,
    target: String,
    child: Child,
    said: Arc<Mutex<VecDeque<u8>>>,
    listener: JoinHandle<()>,
}

impl Process {
    pub(crate) fn start(
        mut command: Command,
        target: &Target,
    ) -> Result<(Self, ChildStdout, ChildStdin), Error> {
        let program = escape(command.get_program().as_encoded_bytes());
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let started = command.spawn().and_then(|mut child| {
            match (child.stdin.take(), child.stdout.take(), child.stderr.take()) {
                (Some(stdin), Some(stdout), Some(stderr)) => Ok((child, stdin, stdout, stderr)),
                _ => Err(std::io::Error::other("it has no pipes")),
            }
        });
        let (child, stdin, stdout, stderr) = started.map_err(|error| Error::Start {
            program: program.clone(),
            error,
        })?;
        let said = Arc::default();
        let listener = listen(stderr, Arc::clone(&said));
        let process = Self {
            program,
            target: target.to_string(),
            child,
            said,
            listener,
        };
        Ok((process, stdout, stdin))
    }

    /// Waits for the program to end after a conversation that was complete.
    ///
    /// # Errors
    /// If it ends with another status than 0. One that does not end in time is killed, which is
    /// no error: everything has been said.
    pub fn close(mut self, patience: Duration) -> Result<(), Error> {
        match self.wait(patience) {
            Some(status) if !status.success() => Err(self.ended(Some(status))),
            _ => Ok(()),
        }
    }

    /// Says why a stream broke in the middle of a conversation.
    pub fn autopsy(mut self) -> Error {
        let status = self.wait(LAST_WORDS);
        self.ended(status)
    }

    /// Says why no agent came to run: in the program's words if it ended, otherwise in ours.
    pub(crate) fn explain(mut self, failure: Failure) -> Error {
        // Even if nothing more is to be said: the far end may be taking away what it put there.
        let status = self.wait(LAST_WORDS);
        match failure {
            Failure::Ended | Failure::Broken(_) => self.ended(status),
            // Some complain on their standard output.
            Failure::Noise(noise) if Cause::recognise(&noise).is_some() => {
                self.remember(&noise);
                self.ended(status)
            }
            failure => Error::Delivery {
                target: self.target.clone(),
                failure,
                program: self.program.clone(),
                said: self.last_words(),
            },
        }
    }

    pub(crate) fn timed_out(self, after: Duration) -> Error {
        let said = self.last_words();
        Error::TimedOut {
            target: self.target.clone(),
            after,
            program: self.program.clone(),
            said,
        }
    }

    fn ended(&self, status: Option<ExitStatus>) -> Error {
        let cause = Cause::read(status, &self.tail());
        let (target, program) = (self.target.clone(), self.program.clone());
        Error::Ended {
            target,
            cause,
            program,
            said: self.last_words(),
        }
    }

    fn wait(&mut self, patience: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + patience;
        loop {
            match self.child.try_wait() {
                // Its last words may still be on their way.
                Ok(Some(status)) if self.listener.is_finished() => return Some(status),
                Ok(status) if Instant::now() >= deadline => return status,
                Ok(_) => thread::sleep(POLL),
                Err(_) => return None,
            }
        }
    }

    fn tail(&self) -> Vec<u8> {
        self.said
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .copied()
            .collect()
    }

    fn remember(&self, words: &[u8]) {
        append(
            &mut self.said.lock().unwrap_or_else(PoisonError::into_inner),
            words,
        );
    }

    fn last_words(&self) -> String {
        let tail = self.tail();
        let lines = tail.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
        let lines: Vec<&[u8]> = lines.filter(|line| !line.is_empty()).collect();
        // kubectl logs each of its attempts before it says what came of them.
        let is_answered = lines.last().is_some_and(|line| !is_log_line(line));
        let told = lines
            .into_iter()
            .filter(|line| !(is_answered && is_log_line(line)));
        told.map(escape).collect::<Vec<_>>().join("; ")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn listen(mut stderr: ChildStderr, said: Arc<Mutex<VecDeque<u8>>>) -> JoinHandle<()> {
    thread::spawn(move || {
        let mut piece = [0; 1024];
        while let Ok(len @ 1..) = stderr.read(&mut piece) {
            append(
                &mut said.lock().unwrap_or_else(PoisonError::into_inner),
                &piece[..len],
            );
        }
    })
}

/// True for what Kubernetes' logging writes: a letter, month and day, and a time (klog, "E1121
/// 04:12:36.976937 …").
fn is_log_line(line: &[u8]) -> bool {
    let digits = |range: &[u8]| !range.is_empty() && range.iter().all(u8::is_ascii_digit);
    line.len() > 8
        && matches!(line[0], b'I' | b'W' | b'E' | b'F')
        && digits(&line[1..5])
        && line[5] == b' '
        && digits(&line[6..8])
}

fn append(tail: &mut VecDeque<u8>, words: &[u8]) {
    tail.extend(words);
    tail.drain(..tail.len().saturating_sub(TAIL_LEN));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> (Process, ChildStdout, ChildStdin) {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let target = Target::Local {
            program: "sh".into(),
            args: Vec::new(),
        };
        Process::start(command, &target).unwrap()
    }

    #[test]
    fn a_program_that_can_not_be_started_is_named() {
        let target = Target::Local {
            program: "/nonexistent/x".into(),
            args: Vec::new(),
        };
        let error = Process::start(Command::new("/nonexistent/x"), &target).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("cannot start /nonexistent/x: No such file")
        );
    }

    #[test]
    fn x13_last_words_are_quoted_on_one_line_without_control_characters() {
        let (process, _, _) = shell("printf 'one\\ntwo \\033[2J\\n' >&2; exit 3");
        let message = process.autopsy().to_string();
        assert!(
            message.ends_with("(sh said: one; two \\#033[2J)"),
            "{message}"
        );
    }

    #[test]
    fn log_lines_before_an_answer_are_not_quoted() {
        let log = "E1121 04:12:36.976937   15408 memcache.go:265] refused";
        let said = |script: &str| shell(script).0.autopsy().to_string();
        let answered = said(&format!("echo '{log}' >&2; echo 'no server' >&2; exit 1"));
        assert!(answered.ends_with("(sh said: no server)"), "{answered}");
        let alone = said(&format!("echo '{log}' >&2; exit 1"));
        assert!(alone.ends_with("refused)"), "{alone}");
    }

    #[test]
    fn only_the_end_of_endless_words_is_kept() {
        let (process, _, _) = shell("yes | head -c 1000000 >&2; echo the end >&2; exit 1");
        let message = process.autopsy().to_string();
        assert!(
            message.len() < 3 * TAIL_LEN && message.ends_with("the end)"),
            "{message}"
        );
    }

    #[test]
    fn a_program_that_does_not_end_is_killed_when_it_is_dropped() {
        let (process, mut stdout, _stdin) = shell("exec sleep 1000");
        drop(process);
        assert_eq!(stdout.read(&mut [0; 1]).unwrap(), 0);
    }

    #[test]
    fn an_orderly_end_with_an_error_is_an_error() {
        assert!(shell("exit 0").0.close(LAST_WORDS).is_ok());
        assert!(shell("exit 4").0.close(LAST_WORDS).is_err());
    }
}
