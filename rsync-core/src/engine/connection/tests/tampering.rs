//! Streams that end too soon or say something twice: never a success.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::*;
use crate::wire::frame::{FrameType, HEADER_LEN, Header};
use crate::wire::preamble::MAGIC;

/// A stream that ends after so many bytes.
struct CutAfter<R> {
    stream: R,
    left: u64,
    tail: Vec<u8>,
    /// Set when the end was reached before a goodbye.
    was_cut: Arc<AtomicBool>,
    seen: Arc<AtomicU64>,
}

impl<R: Read> Read for CutAfter<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let len = usize::try_from(self.left)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        if len == 0 {
            let goodbye = Header::new(FrameType::Goodbye, 0).encode();
            self.was_cut
                .store(!self.tail.ends_with(&goodbye), Ordering::SeqCst);
            return Ok(0);
        }
        let len = self.stream.read(&mut buffer[..len])?;
        self.left -= len as u64;
        self.tail.extend_from_slice(&buffer[..len]);
        self.seen.fetch_add(len as u64, Ordering::SeqCst);
        Ok(len)
    }
}

/// What came of a pass whose streams are cut after so many bytes towards client and agent.
struct Outcome {
    client: Result<Traffic, ConnectionError>,
    agent: Result<Traffic, ConnectionError>,
    client_was_cut: bool,
    agent_was_cut: bool,
    seen: [u64; 2],
}

fn cut_pass(settings: &Settings, to_client: u64, to_agent: u64) -> Outcome {
    let (client_reader, client_writer, agent_reader, agent_writer) = pipes();
    let seen = [Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0))];
    let was_cut = [
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicBool::new(false)),
    ];
    let client_reader = CutAfter {
        stream: client_reader,
        left: to_client,
        tail: Vec::new(),
        was_cut: Arc::clone(&was_cut[0]),
        seen: Arc::clone(&seen[0]),
    };
    let agent_reader = CutAfter {
        stream: agent_reader,
        left: to_agent,
        tail: Vec::new(),
        was_cut: Arc::clone(&was_cut[1]),
        seen: Arc::clone(&seen[1]),
    };
    let (client, agent) = thread::scope(|scope| {
        let agent = scope.spawn(|| {
            let (_, connection) = accept(stream(agent_reader, agent_writer), settings)?;
            send_pass(connection.into_sender()?)
        });
        let request = request(Role::Sender, Compression::Off);
        let client = connect(stream(client_reader, client_writer), &request, settings)
            .and_then(Connection::into_receiver)
            .and_then(receive_pass);
        (client, agent.join().unwrap())
    });
    let [client_was_cut, agent_was_cut] = was_cut.map(|was_cut| was_cut.load(Ordering::SeqCst));
    Outcome {
        client,
        agent,
        client_was_cut,
        agent_was_cut,
        seen: seen.map(|seen| seen.load(Ordering::SeqCst)),
    }
}

#[test]
fn a_pass_cut_at_any_byte_is_a_failure_at_the_end_that_misses_something() {
    // One that leaves first misses nothing of what comes after its account.
    let settings = two_goodbyes();
    let [to_client, _] = length_of_a_pass(&settings);
    for len in 0..to_client {
        let outcome = cut_pass(&settings, len, u64::MAX);
        // How many control frames there are is not fixed, so a pass may be over before the cut.
        assert!(
            !outcome.client_was_cut || outcome.client.is_err(),
            "client, {len} bytes of {to_client}"
        );
    }
    for settings in [settings, Settings::default()] {
        let [_, to_agent] = length_of_a_pass(&settings);
        for len in 0..to_agent {
            let outcome = cut_pass(&settings, u64::MAX, len);
            assert!(
                !outcome.agent_was_cut || outcome.agent.is_err(),
                "agent, {len} bytes of {to_agent}"
            );
        }
    }
}

fn length_of_a_pass(settings: &Settings) -> [u64; 2] {
    let whole = cut_pass(settings, u64::MAX, u64::MAX);
    whole.client.unwrap();
    whole.agent.unwrap();
    let [to_client, to_agent] = whole.seen;
    assert!(to_client > 200 && to_agent > 150, "{:?}", whole.seen);
    whole.seen
}

/// Everything that goes to a client in a pass, frame by frame, the magic first. Without pongs:
/// a replay is faster than the client's ping.
fn recorded() -> Vec<Vec<u8>> {
    struct Tee(PipeReader, Arc<Mutex<Vec<u8>>>);
    impl Read for Tee {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let len = self.0.read(buffer)?;
            let mut copy = self.1.lock().unwrap_or_else(PoisonError::into_inner);
            copy.extend_from_slice(&buffer[..len]);
            Ok(len)
        }
    }
    let (client_reader, client_writer, agent_reader, agent_writer) = pipes();
    let copy = Arc::new(Mutex::new(Vec::new()));
    let agent = thread::spawn(|| {
        let (_, connection) = accept(stream(agent_reader, agent_writer), &two_goodbyes())?;
        send_pass(connection.into_sender()?)
    });
    let stream = stream(Tee(client_reader, Arc::clone(&copy)), client_writer);
    let request = request(Role::Sender, Compression::Off);
    let client = connect(stream, &request, &two_goodbyes()).unwrap();
    receive_pass(client.into_receiver().unwrap()).unwrap();
    agent.join().unwrap().unwrap();
    let bytes = copy.lock().unwrap().clone();
    let mut rest = bytes.strip_prefix(&MAGIC).unwrap();
    let mut frames = vec![MAGIC.to_vec()];
    while let Some((header, _)) = rest.split_first_chunk::<HEADER_LEN>() {
        let header = Header::parse(*header).unwrap();
        let len = HEADER_LEN + header.len;
        if header.frame_type != Some(FrameType::Pong) {
            frames.push(rest[..len].to_vec());
        }
        rest = &rest[len..];
    }
    frames
}

fn is_messages(frame: &[u8]) -> bool {
    frame[..16.min(frame.len())] != MAGIC && frame[4] == FrameType::Messages as u8
}

fn is_just_listed(frame: &[u8]) -> bool {
    let taken = crate::wire::batch::take::<FromSender>(&frame[HEADER_LEN..]);
    matches!(taken, Ok((FromSender::Listed(_), [])))
}

#[test]
fn messages_that_are_doubled_lost_or_swapped_never_make_a_success() {
    let frames = recorded();
    assert!(succeeds(&frames));
    let messages: Vec<usize> = (0..frames.len())
        .filter(|&at| is_messages(&frames[at]))
        .collect();
    assert!(messages.len() >= 3);
    for &at in &messages {
        let mut doubled = frames.clone();
        doubled.insert(at, frames[at].clone());
        assert!(!succeeds(&doubled), "frame {at} doubled");
        let mut lost = frames.clone();
        lost.remove(at);
        assert!(!succeeds(&lost), "frame {at} lost");
    }
    for pair in messages.windows(2) {
        if is_just_listed(&frames[pair[0]]) {
            // Content may come on both sides of it.
            continue;
        }
        let mut swapped = frames.clone();
        swapped.swap(pair[0], pair[1]);
        assert!(!succeeds(&swapped), "frames {pair:?} swapped");
    }
}

/// True if a client takes these frames for a whole pass.
fn succeeds(frames: &[Vec<u8>]) -> bool {
    // Only reads: the recorded agent asks nothing back.
    let stream = stream(std::io::Cursor::new(frames.concat()), std::io::sink());
    let request = request(Role::Sender, Compression::Off);
    let Ok(client) = connect(stream, &request, &two_goodbyes()).and_then(Connection::into_receiver)
    else {
        return false;
    };
    let mut client = client;
    let mut messages = 0;
    for message in &mut client.inbox {
        if message.is_err() {
            return false;
        }
        messages += 1;
    }
    // Content that is lost or doubled between Begin and End is found by its digest; here, counted.
    client.inbox.is_finished() && client.link.close().is_ok() && messages == 7
}
