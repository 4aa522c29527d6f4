//! What kubectl does not show: frames of a WebSocket, the older protocol, and late pongs.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    missing_docs,
    reason = "tests"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use testkit::{Cluster, Fault, Lie, Pod, Server};

const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// A client that does what it is told, frame by frame.
struct Client(BufReader<TcpStream>);

impl Client {
    /// Asks for an exec; the answer's status line and headers.
    fn open(server: &Server, command: &str, protocols: &str) -> (Self, String) {
        let url = server.url();
        let stream = TcpStream::connect(url.trim_start_matches("http://")).unwrap();
        let mut client = Self(BufReader::new(stream));
        let words: String = command
            .split(' ')
            .map(|word| format!("&command={word}"))
            .collect();
        let request = format!(
            "GET /api/v1/namespaces/default/pods/web/exec?stdin=true&stdout=true&stderr=true{words} HTTP/1.1\r\n\
             Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: {protocols}\r\n\r\n"
        );
        client.0.get_mut().write_all(request.as_bytes()).unwrap();
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(client.0.read_line(&mut head).unwrap(), 0, "{head}");
        }
        (client, head.to_ascii_lowercase())
    }

    fn send(&mut self, kind: u8, payload: &[u8]) {
        let mask = [1, 2, 3, 4];
        let mut frame = vec![0x80 | kind, 0x80 | u8::try_from(payload.len()).unwrap()];
        frame.extend(mask);
        frame.extend(
            payload
                .iter()
                .zip(mask.iter().cycle())
                .map(|(byte, mask)| byte ^ mask),
        );
        self.0.get_mut().write_all(&frame).unwrap();
    }

    fn receive(&mut self) -> (u8, Vec<u8>) {
        let mut head = [0; 2];
        self.0.read_exact(&mut head).unwrap();
        let len = match head[1] {
            126 => {
                let mut len = [0; 2];
                self.0.read_exact(&mut len).unwrap();
                u16::from_be_bytes(len).into()
            }
            len => usize::from(len),
        };
        let mut payload = vec![0; len];
        self.0.read_exact(&mut payload).unwrap();
        (head[0] & 0x0f, payload)
    }
}

fn server(cluster: Cluster) -> Option<Server> {
    if let Some(reason) = testkit::unavailable() {
        eprintln!("skipped: {reason}");
        return None;
    }
    Some(Server::start(cluster.pod(Pod::busybox("web"))).unwrap())
}

#[test]
fn an_exec_is_an_empty_message_output_a_status_and_a_close_with_a_code() {
    let Some(server) = server(Cluster::new()) else {
        return;
    };
    let (mut client, head) = Client::open(
        &server,
        "echo hello",
        "v5.channel.k8s.io, v4.channel.k8s.io",
    );
    assert!(head.starts_with("http/1.1 101 "), "{head}");
    // The key is the example of RFC 6455, section 1.3, and so is what it is answered with.
    assert!(
        head.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=\r\n"),
        "{head}"
    );
    assert!(
        head.contains("sec-websocket-protocol: v5.channel.k8s.io\r\n"),
        "{head}"
    );
    assert_eq!(client.receive(), (BINARY, vec![1]));
    assert_eq!(client.receive(), (BINARY, b"\x01hello\n".to_vec()));
    let (_, status) = client.receive();
    assert_eq!(status[0], 3);
    assert!(String::from_utf8_lossy(&status).contains("\"Success\""));
    assert_eq!(client.receive(), (CLOSE, 1000_u16.to_be_bytes().to_vec()));
}

#[test]
fn in_the_older_protocol_a_stream_can_not_be_closed() {
    let Some(server) = server(Cluster::new().without_v5()) else {
        return;
    };
    let (_, refused) = Client::open(&server, "cat", "v5.channel.k8s.io");
    assert!(refused.starts_with("http/1.1 403 "), "{refused}");
    let (mut client, head) = Client::open(&server, "cat", "v5.channel.k8s.io, v4.channel.k8s.io");
    assert!(
        head.contains("sec-websocket-protocol: v4.channel.k8s.io\r\n"),
        "{head}"
    );
    client.send(BINARY, &[255, 0]);
    client.send(BINARY, b"\0hello");
    assert_eq!(client.receive(), (BINARY, vec![1]));
    assert_eq!(client.receive(), (BINARY, b"\x01hello".to_vec()));
}

#[test]
fn in_the_newer_protocol_a_closed_stream_ends_the_commands_input() {
    let Some(server) = server(Cluster::new()) else {
        return;
    };
    let (mut client, _) = Client::open(&server, "wc -c", "v5.channel.k8s.io");
    client.send(BINARY, b"\0hello");
    client.send(BINARY, &[255, 0]);
    assert_eq!(client.receive(), (BINARY, vec![1]));
    assert_eq!(client.receive(), (BINARY, b"\x015\n".to_vec()));
}

#[test]
fn a_pong_carries_the_pings_payload_and_comes_late_if_it_is_to() {
    let Some(server) = server(Cluster::new()) else {
        return;
    };
    for delay in [Duration::ZERO, Duration::from_millis(300)] {
        server.lie([Fault::new(Lie::DelayPongs(delay))]);
        let (mut client, _) = Client::open(&server, "cat", "v5.channel.k8s.io");
        let start = Instant::now();
        client.send(PING, b"are you there");
        assert_eq!(client.receive(), (PONG, b"are you there".to_vec()));
        assert!(start.elapsed() >= delay);
    }
}
