//! Exec over SPDY/3.1: the client opens a stream each for errors, input and output, and what they
//! are for is in their headers.
//!
//! There is no flow control, as in the library that Kubernetes uses on both ends.

mod headers;

use std::collections::BTreeMap;
use std::io;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};

use super::{Event, FromClient, Session, Stream, ToClient};
use headers::{Packer, Unpacker};

const READ_LEN: usize = 256 * 1024;
const HEADER_LEN: usize = 8;
/// The first bit of a control frame.
const CONTROL: u32 = 1 << 31;
const VERSION: u32 = 3;
const SYN_STREAM: u16 = 1;
const SYN_REPLY: u16 = 2;
const RST_STREAM: u16 = 3;
const PING: u16 = 6;
const GOAWAY: u16 = 7;
/// The flag of the last frame of a stream in its direction.
const FINAL: u8 = 1;

/// Waits until the client has opened the streams that `session` needs, and gives both halves.
pub(crate) async fn open<C: AsyncRead + AsyncWrite + Send + 'static>(
    connection: C,
    session: &Session,
) -> io::Result<(Reader<C>, Writer<C>)> {
    let (read, write) = tokio::io::split(connection);
    let mut reader = Reader {
        connection: read,
        bytes: BytesMut::new(),
        stdin: None,
        has_ended: false,
    };
    let mut writer = Writer {
        connection: write,
        streams: BTreeMap::new(),
        is_broken: false,
    };
    let mut needed = vec!["error"];
    let wanted = [
        (session.stdin, "stdin"),
        (session.stdout, "stdout"),
        (session.stderr, "stderr"),
    ];
    needed.extend(
        wanted
            .iter()
            .filter(|(is_wanted, _)| *is_wanted)
            .map(|(_, name)| *name),
    );
    let (mut unpacker, mut packer) = (Unpacker::new(), Packer::new()?);
    while !needed.iter().all(|name| writer.streams.contains_key(*name)) {
        let frame = reader.frame().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
        match frame.kind {
            Kind::Control(SYN_STREAM) => {
                let mut payload = frame.payload;
                let invalid = |_| io::Error::from(io::ErrorKind::InvalidData);
                let id = payload.try_get_u32().map_err(invalid)?;
                // The associated stream, the priority and the slot.
                let packed = payload.get(6..).ok_or(io::ErrorKind::InvalidData)?;
                let mut headers = unpacker.unpack(packed)?;
                let purpose = headers.remove("streamtype").unwrap_or_default();
                if purpose == "stdin" {
                    reader.stdin = Some(id);
                }
                writer.streams.insert(purpose, id);
                let reply = [&id.to_be_bytes()[..], &packer.pack_nothing()?].concat();
                writer.control(SYN_REPLY, &reply).await?;
            }
            Kind::Control(PING) => writer.pong(&frame.payload).await?,
            _ => {}
        }
    }
    Ok((reader, writer))
}

pub(crate) struct Reader<C> {
    connection: ReadHalf<C>,
    bytes: BytesMut,
    /// The stream of the command's input, until its end has been told.
    stdin: Option<u32>,
    /// The last frame of that stream has come.
    has_ended: bool,
}

enum Kind {
    Control(u16),
    /// Of this stream.
    Data(u32),
}

struct Frame {
    kind: Kind,
    is_final: bool,
    payload: Bytes,
}

impl<C: AsyncRead + AsyncWrite + Send + 'static> FromClient for Reader<C> {
    async fn next(&mut self) -> io::Result<Option<Event>> {
        loop {
            if self.has_ended && self.stdin.take().is_some() {
                return Ok(Some(Event::InputEnds));
            }
            let Some(frame) = self.frame().await? else {
                return Ok(None);
            };
            match frame.kind {
                Kind::Data(id) if Some(id) == self.stdin => {
                    self.has_ended = frame.is_final;
                    if !frame.payload.is_empty() {
                        return Ok(Some(Event::Input(frame.payload)));
                    }
                }
                Kind::Control(PING) => return Ok(Some(Event::Ping(frame.payload))),
                Kind::Control(RST_STREAM) => {
                    let mut payload = &frame.payload[..];
                    let id = payload.try_get_u32().ok();
                    self.has_ended |= id.is_some() && id == self.stdin;
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
            if let Some(frame) = self.parse() {
                return Ok(Some(frame));
            }
            self.bytes.reserve(READ_LEN);
            if self.connection.read_buf(&mut self.bytes).await? == 0 {
                return Ok(None);
            }
        }
    }

    /// Takes a frame off what has been read, if all of it is there. Lengths have 24 bits, which
    /// bounds what is kept.
    fn parse(&mut self) -> Option<Frame> {
        let mut header = self.bytes.get(..HEADER_LEN)?;
        let (first, second) = (header.get_u32(), header.get_u32());
        let len = (second & 0x00ff_ffff) as usize;
        if self.bytes.len() < HEADER_LEN + len {
            return None;
        }
        self.bytes.advance(HEADER_LEN);
        Some(Frame {
            kind: if first & CONTROL == 0 {
                Kind::Data(first)
            } else {
                Kind::Control((first & 0xffff) as u16)
            },
            is_final: (second >> 24) as u8 & FINAL != 0,
            payload: self.bytes.split_to(len).freeze(),
        })
    }
}

pub(crate) struct Writer<C> {
    connection: WriteHalf<C>,
    /// The client's streams by what they are for.
    streams: BTreeMap<String, u32>,
    /// A frame was begun and not ended: nothing may follow.
    is_broken: bool,
}

impl<C: AsyncRead + AsyncWrite + Send + 'static> ToClient for Writer<C> {
    async fn data(&mut self, stream: Stream, bytes: &[u8]) -> io::Result<()> {
        self.stream_data(name(stream), 0, bytes).await
    }

    async fn finish(&mut self, stream: Stream) -> io::Result<()> {
        self.stream_data(name(stream), FINAL, &[]).await
    }

    async fn pong(&mut self, payload: &[u8]) -> io::Result<()> {
        self.control(PING, payload).await
    }

    async fn end(&mut self, status: &Value) -> io::Result<()> {
        for stream in [Stream::Stdout, Stream::Stderr] {
            self.finish(stream).await?;
        }
        self.stream_data("error", FINAL, status.to_string().as_bytes())
            .await?;
        let last = self.streams.values().max().copied().unwrap_or(0);
        let goaway = [last.to_be_bytes(), 0_u32.to_be_bytes()].concat();
        self.control(GOAWAY, &goaway).await
    }
}

fn name(stream: Stream) -> &'static str {
    match stream {
        Stream::Stdout => "stdout",
        Stream::Stderr => "stderr",
    }
}

impl<C: AsyncRead + AsyncWrite + Send + 'static> Writer<C> {
    /// A frame of a stream. One that the client has not opened, or that has ended, gets none.
    async fn stream_data(&mut self, name: &str, flags: u8, bytes: &[u8]) -> io::Result<()> {
        let id = if flags & FINAL == 0 {
            self.streams.get(name).copied()
        } else {
            self.streams.remove(name)
        };
        match id {
            Some(id) => self.send(id, flags, bytes).await,
            None => Ok(()),
        }
    }

    async fn control(&mut self, kind: u16, payload: &[u8]) -> io::Result<()> {
        self.send(CONTROL | VERSION << 16 | u32::from(kind), 0, payload)
            .await
    }

    async fn send(&mut self, first: u32, flags: u8, payload: &[u8]) -> io::Result<()> {
        if self.is_broken {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let mut frame = Vec::with_capacity(HEADER_LEN + payload.len());
        frame.put_u32(first);
        frame.put_u32(u32::from(flags) << 24 | payload.len() as u32);
        frame.put_slice(payload);
        // Stays broken if this is cancelled half-way.
        self.is_broken = true;
        self.connection.write_all(&frame).await?;
        self.connection.flush().await?;
        self.is_broken = false;
        Ok(())
    }
}
