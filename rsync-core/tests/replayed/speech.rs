//! What an end says in an honest run, and how it is said again to another one.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use rsync_core::engine::Stream;
use rsync_core::wire::frame::{FrameType, HEADER_LEN, Header};
use rsync_core::wire::preamble::MAGIC;

/// How long is waited for words of the other end that do not come, because what it was told is not
/// what it was told in the honest run.
const PATIENCE: Duration = Duration::from_millis(40);

/// A frame, or the magic, and how much the other end had said before it. Nothing at all stands for the
/// end.
#[derive(Debug, Clone)]
pub(crate) struct Piece {
    pub(crate) bytes: Vec<u8>,
    pub(crate) after: usize,
}

impl Piece {
    /// True if it is more than a frame that only concerns the conversation as such.
    pub(crate) fn matters(&self) -> bool {
        let frame_type = frame_type(&self.bytes);
        !self.bytes.is_empty()
            && !matches!(
                frame_type,
                Some(FrameType::Credit | FrameType::Ping | FrameType::Pong)
            )
    }
}

/// How much an end has said: bytes of messages, however many frames they came in, and one for its
/// goodbye.
#[derive(Debug, Default)]
struct Count {
    said: usize,
    unparsed: Vec<u8>,
    is_closed: bool,
}

impl Count {
    fn add(&mut self, bytes: &[u8]) {
        self.unparsed.extend_from_slice(bytes);
        for frame in take_frames(&mut self.unparsed) {
            match frame_type(&frame) {
                Some(FrameType::Messages) => self.said += frame.len() - HEADER_LEN,
                Some(FrameType::Goodbye) => self.said += 1,
                _ => {}
            }
        }
    }
}

type Shared = Arc<(Mutex<Count>, Condvar)>;

/// A writer that counts.
struct Counted<W> {
    to: W,
    count: Shared,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Before it can be answered.
        self.count.0.lock().unwrap().add(bytes);
        self.count.1.notify_all();
        self.to.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

impl<W> Drop for Counted<W> {
    fn drop(&mut self) {
        self.count.0.lock().unwrap().is_closed = true;
        self.count.1.notify_all();
    }
}

/// Keeps what is written, with what had been heard by then.
struct Tee {
    to: UnixStream,
    heard: Shared,
    said: Arc<Mutex<(Vec<u8>, Vec<Piece>)>>,
}

impl Write for Tee {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let after = self.heard.0.lock().unwrap().said;
        {
            let mut said = self.said.lock().unwrap();
            let (unparsed, pieces) = &mut *said;
            unparsed.extend_from_slice(bytes);
            let frames = take_frames(unparsed);
            pieces.extend(frames.into_iter().map(|bytes| Piece { bytes, after }));
        }
        self.to.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// All that an end says while `say` and `hear` have their conversation. Answers to pings are left
/// out: there is no telling when they would have to come.
pub(crate) fn record(say: impl FnOnce(Stream) + Send, hear: impl FnOnce(Stream)) -> Vec<Piece> {
    let (one, other) = UnixStream::pair().unwrap();
    let (heard, said) = (Shared::default(), Arc::default());
    let tee = Tee {
        to: one.try_clone().unwrap(),
        heard: Arc::clone(&heard),
        said: Arc::clone(&said),
    };
    let counted = Counted {
        to: other.try_clone().unwrap(),
        count: Arc::clone(&heard),
    };
    std::thread::scope(|scope| {
        scope.spawn(|| say(stream(one, tee)));
        hear(stream(other, counted));
    });
    let (unparsed, mut pieces) = std::mem::take(&mut *said.lock().unwrap());
    assert!(unparsed.is_empty());
    pieces.retain(|piece| frame_type(&piece.bytes) != Some(FrameType::Pong));
    // Who is played waits for the last word of the other end.
    pieces.push(Piece {
        bytes: Vec::new(),
        after: heard.0.lock().unwrap().said,
    });
    pieces
}

/// A stream on which `pieces` come, each after what it came after.
pub(crate) fn play(pieces: Vec<Piece>) -> Stream {
    let heard = Shared::default();
    let player = Player {
        pieces: pieces.into(),
        current: Vec::new(),
        heard: Arc::clone(&heard),
    };
    let counted = Counted {
        to: io::sink(),
        count: heard,
    };
    stream(player, counted)
}

struct Player {
    pieces: VecDeque<Piece>,
    current: Vec<u8>,
    heard: Shared,
}

impl Read for Player {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            let Some(next) = self.pieces.pop_front() else {
                return Ok(0);
            };
            let (count, changed) = &*self.heard;
            let count = count.lock().unwrap();
            let is_early = |count: &mut Count| !count.is_closed && count.said < next.after;
            drop(changed.wait_timeout_while(count, PATIENCE, is_early));
            self.current = next.bytes;
        }
        let len = buffer.len().min(self.current.len());
        buffer[..len].copy_from_slice(&self.current[..len]);
        self.current.drain(..len);
        Ok(len)
    }
}

fn stream(reader: impl Read + Send + 'static, writer: impl Write + Send + 'static) -> Stream {
    Stream {
        reader: Box::new(reader),
        writer: Box::new(writer),
    }
}

fn frame_type(frame: &[u8]) -> Option<FrameType> {
    let header = *frame.first_chunk::<HEADER_LEN>()?;
    Header::parse(header).ok()?.frame_type
}

/// The magic, if there is one, and every whole frame.
fn take_frames(bytes: &mut Vec<u8>) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    if bytes.starts_with(&MAGIC) {
        frames.push(bytes.drain(..MAGIC.len()).collect());
    }
    while let Some((header, _)) = bytes.split_first_chunk::<HEADER_LEN>() {
        let len = HEADER_LEN + Header::parse(*header).unwrap().len;
        if bytes.len() < len {
            break;
        }
        frames.push(bytes.drain(..len).collect());
    }
    frames
}
