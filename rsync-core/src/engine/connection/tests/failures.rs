//! Failures: everyone who waits gets to know, with the reason.

use std::io::Cursor;
use std::time::Duration;

use super::*;
use crate::session::SessionError;
use crate::wire::frame::{self, FrameType};
use crate::wire::hello::{Hello, HelloError};
use crate::wire::limits::MAX_FRAME_LEN;
use crate::wire::preamble::{MAGIC, PreambleError};

fn client_of(bytes: &[u8]) -> Result<Connection, ConnectionError> {
    let request = request(Role::Sender, Compression::Off);
    let stream = stream(Cursor::new(bytes.to_vec()), std::io::sink());
    connect(stream, &request, &Settings::default())
}

#[test]
fn a_shell_that_finds_no_agent_is_quoted() {
    let error = client_of(b"sh: 1: ksyncd-agent: not found\n").unwrap_err();
    assert!(matches!(
        error,
        ConnectionError::Preamble(PreambleError::Ended(_))
    ));
    assert!(
        error.to_string().contains("ksyncd-agent: not found"),
        "{error}"
    );
}

#[test]
fn the_reason_on_the_way_in_is_preferred_to_a_broken_pipe_on_the_way_out() {
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    let request = request(Role::Sender, Compression::Off);
    let stream = stream(Cursor::new(b"no such container".to_vec()), writer);
    let error = connect(stream, &request, &Settings::default()).unwrap_err();
    assert!(error.to_string().contains("no such container"), "{error}");
}

#[test]
fn both_ends_say_which_of_them_is_too_old() {
    let newer = Hello {
        min_version: 2,
        max_version: 3,
        ..Hello::of_this_build("9.9.9", [0; 16])
    };
    let mut bytes = MAGIC.to_vec();
    frame::put(&mut bytes, FrameType::Hello, &newer.encode());
    let error = client_of(&bytes).unwrap_err();
    assert!(matches!(
        error,
        ConnectionError::Session(SessionError::Hello(HelloError::WeAreOlder { .. }))
    ));
    assert_eq!(error.code(), 2);
    let stream = stream(Cursor::new(bytes[MAGIC.len()..].to_vec()), std::io::sink());
    let error = accept(stream, &Settings::default()).unwrap_err();
    assert!(error.to_string().contains("this end is too old"), "{error}");
    assert!(error.to_string().contains("9.9.9"), "{error}");
}

#[test]
fn an_agent_that_says_nothing_is_given_up() {
    let (client_reader, client_writer, _agent_reader, _agent_writer) = pipes();
    let request = request(Role::Sender, Compression::Off);
    let settings = Settings {
        handshake_timeout: Duration::from_millis(100),
        ..Settings::default()
    };
    let error = connect(stream(client_reader, client_writer), &request, &settings).unwrap_err();
    assert!(matches!(
        error,
        ConnectionError::Session(SessionError::HandshakeTimeout { .. })
    ));
    assert_eq!(error.code(), 35);
}

#[test]
fn a_peer_that_falls_silent_is_given_up_by_whoever_waits() {
    let newest = Hello::of_this_build("0", [0; 16]);
    let mut bytes = MAGIC.to_vec();
    frame::put(&mut bytes, FrameType::Hello, &newest.encode());
    let (silence, _kept_open) = pipe().unwrap();
    // A pipe that nobody reads: the writer gets stuck in it.
    let (_unread, writer) = pipe().unwrap();
    let request = request(Role::Receiver, Compression::Off);
    let settings = Settings {
        timeout: Duration::from_millis(100),
        ..Settings::default()
    };
    let stream = stream(Cursor::new(bytes).chain(silence), writer);
    let client = connect(stream, &request, &settings).unwrap();
    let client = client.into_sender().unwrap();
    let error = loop {
        if let Err(error) = client.outbox.send(&literal(vec![0; 1 << 16])) {
            break error;
        }
    };
    assert!(
        matches!(
            error,
            ConnectionError::Session(SessionError::Silent { .. } | SessionError::Stalled { .. })
        ),
        "{error}"
    );
    assert_eq!(error.code(), 30);
}

#[test]
fn an_abort_reaches_everyone_with_its_words_made_harmless() {
    let (mut client, agent) = pull(Compression::Off, &Settings::default());
    let sender = client.outbox.clone();
    let blocked = thread::spawn(move || {
        loop {
            if let Err(error) = sender.send(&FromReceiver::Signature {
                file: FILE,
                sums: vec![0; 1 << 16],
            }) {
                return error;
            }
        }
    });
    agent.link.abort(23, "no such directory: \x1b[2J/data");
    let received = client.inbox.recv().unwrap_err();
    for error in [received, blocked.join().unwrap()] {
        assert_eq!(error.code(), 23);
        assert!(
            error
                .to_string()
                .contains(r"no such directory: \#033[2J/data"),
            "{error}"
        );
    }
    let error = agent.outbox.send(&source()).unwrap_err();
    assert!(matches!(error, ConnectionError::Closed(_)));
}

#[test]
fn a_link_that_is_dropped_wakes_both_ends() {
    let (mut client, agent) = pull(Compression::Off, &Settings::default());
    let waiting = thread::spawn(move || client.inbox.recv());
    drop(agent);
    let error = waiting.join().unwrap().unwrap_err();
    assert!(error.to_string().contains("given up"), "{error}");
}

#[test]
fn a_message_out_of_order_fails_both_ends() {
    let (mut client, mut agent) = pull(Compression::Off, &Settings::default());
    agent.outbox.send(&listed()).unwrap();
    let error = client.inbox.recv().unwrap_err();
    assert!(matches!(error, ConnectionError::Order(_)), "{error}");
    let error = agent.inbox.recv().unwrap_err();
    assert_eq!(error.code(), 12);
    assert!(error.to_string().contains("before Source"), "{error}");
}

#[test]
fn a_want_for_what_was_not_listed_fails_both_ends() {
    let (mut client, mut agent) = pull(Compression::Off, &Settings::default());
    client.outbox.send(&holdings()).unwrap();
    client.outbox.send(&want(How::Whole)).unwrap();
    assert_eq!(agent.inbox.recv().unwrap(), holdings());
    assert!(matches!(agent.inbox.recv(), Err(ConnectionError::Order(_))));
    assert!(client.inbox.recv().is_err());
}

#[test]
fn a_peer_that_leaves_before_its_last_message_has_failed() {
    let (mut client, agent) = pull(Compression::Off, &two_goodbyes());
    agent.outbox.send(&source()).unwrap();
    let closing = thread::spawn(|| agent.link.close());
    assert_eq!(client.inbox.recv().unwrap(), source());
    assert!(matches!(
        client.inbox.recv(),
        Err(ConnectionError::LeftEarly)
    ));
    assert!(closing.join().unwrap().is_err());
}

#[test]
fn a_client_that_leaves_first_waits_for_nothing_and_its_agent_for_the_goodbye() {
    let (mut client, agent) = pull(Compression::Off, &Settings::default());
    let heard = thread::spawn(move || client.inbox.recv().map(|_| client.inbox));
    client.outbox.leave();
    // Whoever waited for a message waits no longer, and nothing more can be said.
    assert!(heard.join().unwrap().is_err());
    assert!(client.outbox.send(&holdings()).is_err());
    let closing = thread::spawn(|| agent.link.close());
    client.link.close().unwrap();
    closing.join().unwrap().unwrap();
}

#[test]
fn what_an_agent_has_left_to_say_to_a_client_that_has_left_is_nobodys_loss() {
    let (client, agent) = pull(Compression::Off, &Settings::default());
    client.outbox.leave();
    client.link.close().unwrap();
    while agent.outbox.send(&source()).is_ok() {}
    agent.link.close().unwrap();
}

#[test]
fn an_agent_says_no_goodbye_to_a_client_that_leaves_first() {
    let (client_reader, client_writer, agent_reader, mut agent_writer) = pipes();
    drop(agent_reader);
    let mut bytes = MAGIC.to_vec();
    let hello = Hello::of_this_build("x", [0; 16]).encode();
    frame::put(&mut bytes, FrameType::Hello, &hello);
    frame::put(&mut bytes, FrameType::Goodbye, &[]);
    agent_writer.write_all(&bytes).unwrap();
    let request = request(Role::Sender, Compression::Off);
    let stream = stream(client_reader, std::io::sink());
    drop(client_writer);
    let heard = connect(stream, &request, &Settings::default())
        .and_then(Connection::into_receiver)
        .and_then(|mut client| client.inbox.recv());
    assert!(
        matches!(
            heard,
            Err(ConnectionError::Session(SessionError::OutOfPlace { .. }))
        ),
        "{heard:?}"
    );
}

#[test]
fn a_message_larger_than_a_frame_is_refused_and_the_connection_goes_on() {
    let (mut client, agent) = pull(Compression::Off, &Settings::default());
    assert!(matches!(
        agent.outbox.send(&literal(vec![0; MAX_FRAME_LEN])),
        Err(ConnectionError::Batch(_))
    ));
    agent.outbox.send(&source()).unwrap();
    assert_eq!(client.inbox.recv().unwrap(), source());
}

#[test]
fn a_hostile_length_ends_the_connection() {
    let mut bytes = MAGIC.to_vec();
    frame::put(
        &mut bytes,
        FrameType::Hello,
        &Hello::of_this_build("0", [0; 16]).encode(),
    );
    bytes.extend_from_slice(&[0xFF, 0xFF, 0xFF, 0xFF, FrameType::Messages as u8, 0, 0, 0]);
    let result = client_of(&bytes).and_then(|client| client.into_receiver()?.inbox.recv());
    assert!(
        matches!(
            result,
            Err(ConnectionError::Session(SessionError::Frame(_)))
        ),
        "{result:?}"
    );
}
