//! A sender that writes bytes of its own making after a proper handshake.

use std::io::{Read, Write};
use std::thread;

use rsync_core::engine::Stream;
use rsync_core::wire::batch;
use rsync_core::wire::frame::{self, FrameType};
use rsync_core::wire::hello::Hello;
use rsync_core::wire::message::FromSender;
use rsync_core::wire::preamble::MAGIC;

/// What an agent says first.
pub fn greeting() -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    let hello = Hello::of_this_build("6.6.6", [6; 16]);
    frame::put(&mut bytes, FrameType::Hello, &hello.encode());
    bytes
}

/// Messages back to back, as they are in a frame.
pub fn encode(messages: &[FromSender]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for message in messages {
        batch::append(&mut bytes, message, 1 << 20).unwrap();
    }
    bytes
}

/// Replaces `from`, which is there once, by as many other bytes.
pub fn patch(bytes: &mut [u8], from: &[u8], to: &[u8]) {
    assert_eq!(from.len(), to.len());
    let places: Vec<usize> = (0..bytes.len())
        .filter(|&at| bytes[at..].starts_with(from))
        .collect();
    let [at] = places[..] else {
        panic!("{} is at {places:?}", from.escape_ascii())
    };
    bytes[at..at + to.len()].copy_from_slice(to);
}

/// Says `bytes`, then listens until the other end has had enough.
pub fn say(stream: Stream, bytes: Vec<u8>) {
    let Stream {
        mut reader,
        mut writer,
    } = stream;
    thread::spawn(move || {
        let _ = writer.write_all(&bytes).and_then(|()| writer.flush());
        let mut heard = [0; 4096];
        while matches!(reader.read(&mut heard), Ok(1..)) {}
    });
}

/// One frame of messages.
pub fn frame(payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame::put(&mut bytes, FrameType::Messages, payload);
    bytes
}
