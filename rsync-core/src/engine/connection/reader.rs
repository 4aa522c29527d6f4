//! The thread that reads: takes every frame off the stream at once and never waits for anyone.

use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;

use super::ConnectionError;
use super::shared::{Incoming, Shared};
use crate::session::{End, Event, SessionError};
use crate::wire::frame::{FrameType, HEADER_LEN, Header};
use crate::wire::message::Role;
use crate::wire::preamble::Scanner;

/// Small frames are read many at a time; larger payloads go past this buffer.
const BUFFER_LEN: usize = 64 << 10;

/// Reads until the conversation or the stream is over.
pub(super) fn run(stream: Box<dyn Read + Send>, shared: &Arc<Shared>, end: End) {
    let stream = Heard {
        stream,
        shared: Arc::clone(shared),
    };
    let mut stream = BufReader::with_capacity(BUFFER_LEN, stream);
    let result = match end {
        End::Client => skip_noise(&mut stream),
        End::Agent => Ok(()),
    };
    let result = result.and_then(|()| read_frames(&mut stream, shared));
    let mut state = shared.lock();
    match result {
        // After its goodbye a peer may do with the stream what it likes.
        Err(ConnectionError::Truncated | ConnectionError::Io { .. })
            if state.session.peer_has_left() => {}
        Err(error) => shared.fail(&mut state, error),
        Ok(()) => {}
    }
}

fn skip_noise(stream: &mut impl BufRead) -> Result<(), ConnectionError> {
    let mut scanner = Scanner::default();
    loop {
        let bytes = stream.fill_buf().map_err(ConnectionError::read)?;
        if bytes.is_empty() {
            return Err(scanner.end().into());
        }
        let found = scanner.push(bytes)?;
        let used = found.unwrap_or(bytes.len());
        stream.consume(used);
        if found.is_some() {
            return Ok(());
        }
    }
}

fn read_frames(stream: &mut impl Read, shared: &Arc<Shared>) -> Result<(), ConnectionError> {
    loop {
        let mut header = [0; HEADER_LEN];
        stream
            .read_exact(&mut header)
            .map_err(ConnectionError::read)?;
        let header = Header::parse(header).map_err(SessionError::from)?;
        let mut payload = {
            let mut state = shared.lock();
            state.session.admit(shared.now(), &header)?;
            state.spare.pop().unwrap_or_default()
        };
        payload.resize(header.len, 0);
        stream
            .read_exact(&mut payload)
            .map_err(ConnectionError::read)?;
        if take_frame(&header, payload, shared)? {
            return Ok(());
        }
    }
}

/// Handles one frame; true if it was the last one.
fn take_frame(
    header: &Header,
    payload: Vec<u8>,
    shared: &Arc<Shared>,
) -> Result<bool, ConnectionError> {
    let mut state = shared.lock();
    if state.failure.is_some() {
        return Ok(true);
    }
    match state.session.handle(shared.now(), header, &payload)? {
        Event::Messages => {
            state.incoming.push_back(Incoming {
                payload,
                compressed: header.compressed,
            });
            shared.arrived.notify_all();
            return Ok(false);
        }
        Event::Open(request) => {
            if let Some(request) = &request {
                state.compression = request.options.compression;
                if request.role == Role::Sender {
                    state.limit_bandwidth(request.options.bandwidth_limit);
                }
            }
            state.request = request;
            shared.arrived.notify_all();
        }
        Event::Goodbye => shared.arrived.notify_all(),
        Event::Nothing => {}
    }
    if header.frame_type != Some(FrameType::Pong) {
        shared.wake_writer(&mut state);
    }
    state.recycle(payload);
    Ok(state.session.is_over())
}

/// Notes every byte that arrives as a sign of life.
struct Heard {
    stream: Box<dyn Read + Send>,
    shared: Arc<Shared>,
}

impl Read for Heard {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        loop {
            match self.stream.read(buffer) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Ok(len) => {
                    if len > 0 {
                        self.shared.note_heard(len);
                    }
                    return Ok(len);
                }
                Err(error) => return Err(error),
            }
        }
    }
}
