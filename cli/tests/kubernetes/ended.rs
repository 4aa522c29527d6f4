//! A run that has ended, and what can be said of it.

use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Longer than any usual run may take, whatever goes wrong.
pub(crate) const BOUND: Duration = Duration::from_secs(90);

#[derive(Debug)]
pub(crate) struct Ended {
    /// The way and the command line.
    line: String,
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    /// It ended with `code`, and said what `words` say in plain sentences.
    #[track_caller]
    pub(crate) fn assert(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, Some(code), "{}: {self:?}", self.line);
        for word in words {
            let is_said = self.out.contains(word) || self.err.contains(word);
            assert!(is_said, "no {word:?} in {self:?}");
        }
        self.assert_plain();
    }

    #[track_caller]
    pub(crate) fn assert_plain(&self) {
        for odd in ["os error", "Error {", "Err(", "Some(", "panicked"] {
            assert!(!self.err.contains(odd), "{odd:?} in {self:?}");
        }
        for line in self.err.lines() {
            assert!(line.starts_with("ksyncd: "), "{line:?} in {self:?}");
            assert!(!line.contains(char::is_control), "{line:?} in {self:?}");
        }
    }
}

/// Runs `command`, which has to end by itself within `bound`.
pub(crate) fn bounded(mut command: Command, bound: Duration, line: &str) -> Ended {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let out = listen(child.stdout.take().unwrap());
    let err = listen(child.stderr.take().unwrap());
    let status = wait(&mut child, bound);
    if status.is_none() {
        child.kill().unwrap();
        panic!("it hangs: {line}: {}", text(err));
    }
    Ended {
        line: line.to_owned(),
        code: status.and_then(|status| status.code()),
        out: text(out),
        err: text(err),
    }
}

fn wait(child: &mut Child, bound: Duration) -> Option<ExitStatus> {
    let patience = Instant::now() + bound;
    while Instant::now() < patience {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        thread::sleep(Duration::from_millis(5));
    }
    None
}

fn listen(mut pipe: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).unwrap();
        bytes
    })
}

fn text(listener: JoinHandle<Vec<u8>>) -> String {
    String::from_utf8_lossy(&listener.join().unwrap()).into_owned()
}
