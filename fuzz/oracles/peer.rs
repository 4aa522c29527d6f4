//! A peer that says what it is told to, whatever this end answers, and keeps what it hears.

use std::io::{self, Read, Write};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use rsync_core::engine::{Settings, Stream};
use rsync_core::wire::frame::{FrameType, HEADER_LEN, Header, put};
use rsync_core::wire::hello::{Hello, encode_request};
use rsync_core::wire::limits::MAX_FRAME_LEN;
use rsync_core::wire::message::Request;
use rsync_core::wire::preamble::MAGIC;

/// What an end under test may wait for a peer that has nothing more to say.
pub fn settings() -> Settings {
    Settings {
        timeout: Duration::from_secs(20),
        ..Settings::default()
    }
}

/// The stream to an agent that sends `batch` and leaves.
pub fn agent(batch: &[u8]) -> (Stream, Heard) {
    let mut speech = MAGIC.to_vec();
    put(&mut speech, FrameType::Hello, &hello());
    say(&mut speech, batch);
    put(&mut speech, FrameType::Goodbye, &[]);
    stream(speech, Vec::new(), None)
}

/// How long a client listens for more before it hangs up.
const PATIENCE: Duration = Duration::from_millis(20);

/// The stream to a client that asks for `request`, sends `batch`, and leaves once this end has,
/// or hangs up when this end says nothing more. (A client may not say goodbye first.)
pub fn client(request: &Request, batch: &[u8]) -> (Stream, Heard) {
    let mut speech = Vec::new();
    put(&mut speech, FrameType::Hello, &hello());
    let request = encode_request(1, request).expect("a small request");
    put(&mut speech, FrameType::Request, &request);
    say(&mut speech, batch);
    let mut goodbye = Vec::new();
    put(&mut goodbye, FrameType::Goodbye, &[]);
    stream(speech, goodbye, Some(PATIENCE))
}

/// A hello without features: what this end sends travels as it is.
fn hello() -> Vec<u8> {
    let mut hello = Hello::of_this_build("fuzz", [9; 16]);
    hello.features = Default::default();
    hello.encode()
}

fn say(speech: &mut Vec<u8>, batch: &[u8]) {
    if !batch.is_empty() {
        put(
            speech,
            FrameType::Messages,
            &batch[..batch.len().min(MAX_FRAME_LEN)],
        );
    }
}

fn stream(speech: Vec<u8>, farewell: Vec<u8>, patience: Option<Duration>) -> (Stream, Heard) {
    let heard = Heard::default();
    let reader = Box::new(Speaker {
        speech: io::Cursor::new(speech),
        farewell: Some(farewell),
        patience,
        heard: heard.clone(),
    });
    let writer = Box::new(Listener(heard.clone()));
    (Stream { reader, writer }, heard)
}

/// Everything that this end said.
#[derive(Clone, Default)]
pub struct Heard(Arc<(Mutex<Said>, Condvar)>);

#[derive(Default)]
struct Said {
    bytes: Vec<u8>,
    /// Where the next frame's header is.
    next: usize,
    /// A goodbye or an abort was among it, or the stream was dropped.
    over: bool,
}

impl Heard {
    /// All bytes, in order.
    pub fn bytes(&self) -> Vec<u8> {
        self.0
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .bytes
            .clone()
    }

    /// Waits until this end leaves, or has said nothing for as long as there is patience.
    fn wait_for_the_end(&self, patience: Option<Duration>) {
        let (said, changed) = &*self.0;
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        while !said.over {
            let so_far = said.bytes.len();
            said = match patience {
                None => changed.wait(said).unwrap_or_else(PoisonError::into_inner),
                Some(patience) => {
                    let (said, waited) = changed
                        .wait_timeout(said, patience)
                        .unwrap_or_else(PoisonError::into_inner);
                    if waited.timed_out() && said.bytes.len() == so_far {
                        return;
                    }
                    said
                }
            };
        }
    }

    fn change(&self, change: impl FnOnce(&mut Said)) {
        change(&mut self.0.0.lock().unwrap_or_else(PoisonError::into_inner));
        self.0.1.notify_all();
    }
}

impl Said {
    fn look_for_the_end(&mut self) {
        if self.next == 0 && self.bytes.starts_with(&MAGIC) {
            self.next = MAGIC.len();
        }
        while let Some(header) = self
            .bytes
            .get(self.next..)
            .and_then(|rest| rest.first_chunk::<HEADER_LEN>())
        {
            let header = Header::parse(*header).expect("a frame of this end's own making");
            self.over |= matches!(
                header.frame_type,
                Some(FrameType::Goodbye | FrameType::Abort)
            );
            self.next += HEADER_LEN + header.len;
        }
    }
}

/// Gives its speech, then stays silent until this end leaves.
struct Speaker {
    speech: io::Cursor<Vec<u8>>,
    farewell: Option<Vec<u8>>,
    patience: Option<Duration>,
    heard: Heard,
}

impl Read for Speaker {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.speech.read(buffer)?;
        if read > 0 {
            return Ok(read);
        }
        self.heard.wait_for_the_end(self.patience);
        match self.farewell.take() {
            Some(farewell) if !farewell.is_empty() => {
                self.speech = io::Cursor::new(farewell);
                self.speech.read(buffer)
            }
            _ => Ok(0),
        }
    }
}

struct Listener(Heard);

impl Write for Listener {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.change(|said| {
            said.bytes.extend_from_slice(bytes);
            said.look_for_the_end();
        });
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.0.change(|said| said.over = true);
    }
}
