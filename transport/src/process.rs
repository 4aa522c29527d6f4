//! A child with pipes: started, watched, and left behind only where all has been said.

use std::io::{self, Read};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rsync_core::path::escape;

use crate::carrier::{Conduit, Tail};
use crate::cause::End;
use crate::error::Error;

/// How soon a program is asked again whether it has ended: most have when their stream has. Twice as
/// late each time.
const FIRST_POLL: Duration = Duration::from_micros(250);
/// How often it is asked at least.
const POLL: Duration = Duration::from_millis(5);

/// Bytes that wait in a pipe at most: as many as Linux lets every user have.
#[cfg(target_os = "linux")]
const PIPE_LEN: usize = 1 << 20;

/// The program that carries a stream. Dropping this kills it.
#[derive(Debug)]
pub(crate) struct Process {
    program: String,
    child: Child,
    said: Tail,
    listener: JoinHandle<()>,
}

impl Process {
    pub(crate) fn start(mut command: Command) -> Result<(Self, ChildStdout, ChildStdin), Error> {
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
        let (mut child, stdin, stdout, stderr) = started.map_err(|error| Error::Start {
            program: program.clone(),
            error,
        })?;
        widen(&stdout);
        let said = Tail::default();
        let listener = listen(stderr, said.clone()).map_err(|error| {
            end(&mut child);
            Error::NoThread(error)
        })?;
        let process = Self {
            program,
            child,
            said,
            listener,
        };
        Ok((process, stdout, stdin))
    }
}

impl Conduit for Process {
    fn name(&self) -> &str {
        &self.program
    }

    fn wait(&mut self, patience: Duration) -> Option<End> {
        let deadline = Instant::now() + patience;
        let mut pause = FIRST_POLL;
        loop {
            match self.child.try_wait() {
                // Its last words may still be on their way.
                Ok(Some(status)) if self.listener.is_finished() => return End::of(status),
                Ok(status) if Instant::now() >= deadline => return status.and_then(End::of),
                Ok(_) => thread::sleep(pause),
                Err(_) => return None,
            }
            pause = (pause * 2).min(POLL);
        }
    }

    fn tail(&self) -> &Tail {
        &self.said
    }

    fn leave(mut self: Box<Self>, patience: Duration) {
        // Where there is no other thread it is ended at once, which is early but no loss.
        let waiting = thread::Builder::new().name("farewell".to_owned());
        let _ = waiting.spawn(move || self.wait(patience));
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

fn end(child: &mut Child) {
    // Both fail only if it has ended already.
    let _ = child.kill();
    let _ = child.wait();
}

/// Lets the child go on writing for longer while nobody reads.
fn widen(stdout: &ChildStdout) {
    // It works with the usual length as well, if more slowly.
    #[cfg(target_os = "linux")]
    let _ = rustix::pipe::fcntl_setpipe_size(stdout, PIPE_LEN);
    #[cfg(not(target_os = "linux"))]
    let _ = stdout;
}

fn listen(mut stderr: ChildStderr, said: Tail) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().spawn(move || {
        let mut piece = [0; 1024];
        while let Ok(len @ 1..) = stderr.read(&mut piece) {
            said.append(&piece[..len]);
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::carrier::{Carrier, TAIL_LEN};

    fn shell(script: &str) -> (Carrier, ChildStdout, ChildStdin) {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let (process, stdout, stdin) = Process::start(command).unwrap();
        let carrier = Carrier::new("this computer".into(), Box::new(process));
        (carrier, stdout, stdin)
    }

    #[test]
    fn a_program_that_can_not_be_started_is_named() {
        let error = Process::start(Command::new("/nonexistent/x")).unwrap_err();
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
    fn a_program_that_is_left_is_not_waited_for_and_ends_by_itself() {
        let (process, mut stdout, stdin) = shell("read word; printf $word; exit 4");
        process.leave(Duration::from_secs(60)).unwrap();
        let mut stdin = stdin;
        std::io::Write::write_all(&mut stdin, b"bye\n").unwrap();
        let mut said = String::new();
        stdout.read_to_string(&mut said).unwrap();
        assert_eq!(said, "bye");
    }

    #[test]
    fn an_orderly_end_with_an_error_is_an_error() {
        let patience = Duration::from_secs(3);
        assert!(shell("exit 0").0.close(patience).is_ok());
        assert!(shell("exit 4").0.close(patience).is_err());
    }
}
