//! Exec over WebSocket (RFC 6455): each binary message is a channel number and bytes.
//!
//! Channels: 0 standard input, 1 output, 2 error, 3 the status at the end, 4 the size of a terminal.
//! In `v5.channel.k8s.io` a message on channel 255 closes the channel that its byte names.
//!
//! The framing is here and not a library's because a server that lies has to decide itself when it
//! answers a ping and how a connection ends.

use std::io;

use bytes::{Buf, Bytes, BytesMut};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};

use super::{Event, FromClient, Stream, ToClient};

/// A message longer than this is refused.
const MAX_MESSAGE_LEN: u64 = 16 * 1024 * 1024;
/// The longest header of a frame from a client: two bytes, a long length, a mask.
const MAX_HEADER_LEN: usize = 14;
const READ_LEN: usize = 256 * 1024;

const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;
const FINAL: u8 = 0x80;

const CHANNEL_STATUS: u8 = 3;
const CHANNEL_CLOSE: u8 = 255;
/// The code of a close that is in order. Without a code kubectl takes it for an error.
const NORMAL_CLOSURE: u16 = 1000;

/// The halves of a connection that has been upgraded.
pub(crate) fn new<C: AsyncRead + AsyncWrite + Send + 'static>(
    connection: C,
    can_close_streams: bool,
) -> (Reader<C>, Writer<C>) {
    let (read, write) = tokio::io::split(connection);
    let reader = Reader {
        connection: read,
        bytes: BytesMut::new(),
        channel: None,
        can_close_streams,
    };
    let writer = Writer {
        connection: write,
        frame: BytesMut::new(),
        is_broken: false,
        has_greeted: false,
    };
    (reader, writer)
}

pub(crate) struct Reader<C> {
    connection: ReadHalf<C>,
    bytes: BytesMut,
    /// The channel of a message that has begun and not ended.
    channel: Option<u8>,
    can_close_streams: bool,
}

struct Frame {
    is_final: bool,
    kind: u8,
    payload: Bytes,
}

impl<C: AsyncRead + AsyncWrite + Send + 'static> FromClient for Reader<C> {
    async fn next(&mut self) -> io::Result<Option<Event>> {
        loop {
            let Some(mut frame) = self.frame().await? else {
                return Ok(None);
            };
            match frame.kind {
                CLOSE => return Ok(None),
                PING => return Ok(Some(Event::Ping(frame.payload))),
                PONG => continue,
                TEXT => return Err(io::ErrorKind::InvalidData.into()),
                BINARY if !frame.payload.is_empty() => self.channel = Some(frame.payload.get_u8()),
                BINARY => continue,
                CONTINUATION => {}
                _ => return Err(io::ErrorKind::InvalidData.into()),
            }
            let channel = self.channel;
            if frame.is_final {
                self.channel = None;
            }
            match channel {
                Some(0) if !frame.payload.is_empty() => {
                    return Ok(Some(Event::Input(frame.payload)));
                }
                Some(CHANNEL_CLOSE) if self.can_close_streams && frame.payload[..] == [0] => {
                    return Ok(Some(Event::InputEnds));
                }
                _ => {}
            }
        }
    }
}

impl<C: AsyncRead + AsyncWrite + Send + 'static> Reader<C> {
    /// The next frame; `None` when the connection has ended.
    async fn frame(&mut self) -> io::Result<Option<Frame>> {
        loop {
            if let Some(frame) = self.parse()? {
                return Ok(Some(frame));
            }
            self.bytes.reserve(READ_LEN);
            if self.connection.read_buf(&mut self.bytes).await? == 0 {
                return Ok(None);
            }
        }
    }

    /// Takes a frame off what has been read, if all of it is there.
    fn parse(&mut self) -> io::Result<Option<Frame>> {
        let mut header = &self.bytes[..self.bytes.len().min(MAX_HEADER_LEN)];
        let available = header.len();
        let (Ok(first), Ok(second)) = (header.try_get_u8(), header.try_get_u8()) else {
            return Ok(None);
        };
        let len = match second & 0x7f {
            126 => header.try_get_u16().map(u64::from),
            127 => header.try_get_u64(),
            len => Ok(u64::from(len)),
        };
        let Ok(len) = len else { return Ok(None) };
        if len > MAX_MESSAGE_LEN || second & FINAL == 0 {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let Ok(mask) = header.try_get_u32_ne() else {
            return Ok(None);
        };
        let header_len = available - header.len();
        let len = usize::try_from(len).map_err(|_| io::ErrorKind::InvalidData)?;
        if self.bytes.len() < header_len + len {
            self.bytes.reserve(header_len + len - self.bytes.len());
            return Ok(None);
        }
        self.bytes.advance(header_len);
        let mut payload = self.bytes.split_to(len);
        unmask(&mut payload, mask.to_ne_bytes());
        Ok(Some(Frame {
            is_final: first & FINAL != 0,
            kind: first & 0x0f,
            payload: payload.freeze(),
        }))
    }
}

fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let mut pieces = payload.chunks_exact_mut(4);
    for piece in &mut pieces {
        for (byte, mask) in piece.iter_mut().zip(mask) {
            *byte ^= mask;
        }
    }
    for (byte, mask) in pieces.into_remainder().iter_mut().zip(mask) {
        *byte ^= mask;
    }
}

pub(crate) struct Writer<C> {
    connection: WriteHalf<C>,
    frame: BytesMut,
    /// A frame was begun and not ended: nothing may follow.
    is_broken: bool,
    has_greeted: bool,
}

impl<C: AsyncRead + AsyncWrite + Send + 'static> ToClient for Writer<C> {
    async fn data(&mut self, stream: Stream, bytes: &[u8]) -> io::Result<()> {
        self.greet().await?;
        let channel = match stream {
            Stream::Stdout => 1,
            Stream::Stderr => 2,
        };
        self.send(BINARY, &[channel], bytes).await
    }

    /// WebSocket has no word for it; the status says it for all streams.
    async fn finish(&mut self, _: Stream) -> io::Result<()> {
        Ok(())
    }

    async fn pong(&mut self, payload: &[u8]) -> io::Result<()> {
        self.send(PONG, &[], payload).await
    }

    async fn end(&mut self, status: &Value) -> io::Result<()> {
        self.greet().await?;
        self.send(BINARY, &[CHANNEL_STATUS], status.to_string().as_bytes())
            .await?;
        self.send(CLOSE, &[], &NORMAL_CLOSURE.to_be_bytes()).await?;
        self.connection.shutdown().await
    }
}

impl<C: AsyncRead + AsyncWrite + Send + 'static> Writer<C> {
    /// A real server begins with an empty message, so that clients know that they are connected.
    async fn greet(&mut self) -> io::Result<()> {
        if !self.has_greeted {
            self.has_greeted = true;
            self.send(BINARY, &[1], &[]).await?;
        }
        Ok(())
    }

    async fn send(&mut self, kind: u8, head: &[u8], bytes: &[u8]) -> io::Result<()> {
        if self.is_broken {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.frame.clear();
        self.frame.extend_from_slice(&[FINAL | kind]);
        let len = head.len() + bytes.len();
        match (u8::try_from(len), u16::try_from(len)) {
            (Ok(len @ ..126), _) => self.frame.extend_from_slice(&[len]),
            (_, Ok(len)) => {
                self.frame.extend_from_slice(&[126]);
                self.frame.extend_from_slice(&len.to_be_bytes());
            }
            _ => {
                self.frame.extend_from_slice(&[127]);
                self.frame.extend_from_slice(&(len as u64).to_be_bytes());
            }
        }
        self.frame.extend_from_slice(head);
        self.frame.extend_from_slice(bytes);
        // Stays broken if this is cancelled half-way.
        self.is_broken = true;
        self.connection.write_all(&self.frame).await?;
        self.connection.flush().await?;
        self.is_broken = false;
        Ok(())
    }
}
