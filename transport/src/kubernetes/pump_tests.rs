//! The pump against a server in the same process.

use std::io::{BufReader, Read, Write};
use std::thread;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio_tungstenite::tungstenite::protocol::Role;

use super::*;

const PATIENCE: Duration = Duration::from_secs(30);

type Socket = WebSocketStream<DuplexStream>;

/// A pump whose other end is served by `serve`.
fn pump<F: Future<Output = ()> + Send + 'static>(
    serve: impl FnOnce(Socket) -> F + Send + 'static,
) -> Ends {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let runtime = Arc::new(Background::new(runtime));
    // Narrow, so that both directions are full at once.
    let (here, there) = tokio::io::duplex(64 << 10);
    runtime.spawn(async move {
        serve(Socket::from_raw_socket(there, Role::Server, None).await).await;
    });
    let here = runtime.block_on(Socket::from_raw_socket(here, Role::Client, None));
    start(here, &runtime)
}

fn message(channel: u8, content: &[u8]) -> Message {
    Message::Binary([&[channel], content].concat().into())
}

const EXIT_7: &[u8] = br#"{"status":"Failure","reason":"NonZeroExitCode",
    "details":{"causes":[{"reason":"ExitCode","message":"7"}]}}"#;

#[test]
fn what_is_written_comes_back_and_the_end_of_input_is_told() {
    let mut ends = pump(|mut socket| async move {
        loop {
            let Some(Ok(Message::Binary(piece))) = socket.next().await else {
                continue;
            };
            match piece.as_ref() {
                [CLOSE, STDIN] => break,
                [STDIN, content @ ..] => {
                    assert!(content.len() <= PIECE);
                    socket.send(message(STDOUT, content)).await.unwrap();
                }
                other => panic!("{other:?}"),
            }
        }
        socket
            .send(message(STATUS, br#"{"status":"Success"}"#))
            .await
            .unwrap();
        socket.close(None).await.unwrap();
    });
    let content: Vec<u8> = (0..300_000u32).map(|n| n as u8).collect();
    ends.writer.write_all(&content).unwrap();
    drop(ends.writer);
    let mut back = Vec::new();
    ends.reader.read_to_end(&mut back).unwrap();
    assert!(back == content);
    assert_eq!(ends.link.wait(PATIENCE), Some(End::Code(0)));
}

/// Both ends write first and read later, as much as no buffer holds.
#[test]
fn two_full_directions_do_not_wait_for_each_other() {
    const LEN: usize = 8 << 20;
    let mut ends = pump(|mut socket| async move {
        for _ in 0..LEN / 4096 {
            socket.send(message(STDOUT, &[7; 4096])).await.unwrap();
        }
        let mut heard = 0;
        while heard < LEN {
            if let Some(Ok(Message::Binary(piece))) = socket.next().await {
                heard += piece.len() - 1;
            }
        }
        socket.send(message(STDOUT, b"!")).await.unwrap();
        socket.close(None).await.unwrap();
    });
    let mut writer = ends.writer;
    let writing = thread::spawn(move || {
        writer.write_all(&vec![9; LEN]).unwrap();
        writer
    });
    let mut heard = vec![0; LEN + 1];
    ends.reader.read_exact(&mut heard).unwrap();
    assert_eq!((heard[LEN - 1], heard[LEN]), (7, b'!'));
    drop(writing.join().unwrap());
}

#[test]
fn the_exit_code_and_the_last_words_arrive() {
    let mut ends = pump(|mut socket| async move {
        socket
            .send(message(STDERR, b"no space left"))
            .await
            .unwrap();
        socket.send(message(STATUS, EXIT_7)).await.unwrap();
        socket.close(None).await.unwrap();
    });
    assert_eq!(ends.link.wait(PATIENCE), Some(End::Code(7)));
    let said = String::from_utf8(ends.link.tail().bytes()).unwrap();
    assert!(
        said.contains("no space left") && said.contains("exit code 7"),
        "{said}"
    );
    assert_eq!(ends.reader.read(&mut [0; 1]).unwrap(), 0);
}

#[test]
fn a_connection_that_is_cut_ends_both_streams_without_a_code() {
    let mut ends = pump(|socket| async move { drop(socket) });
    let mut rest = Vec::new();
    BufReader::new(&mut ends.reader)
        .read_to_end(&mut rest)
        .unwrap();
    assert_eq!(ends.link.wait(PATIENCE), None);
    // What is on its way may still be taken.
    while ends.writer.write_all(&[0; PIECE]).is_ok() {}
}

#[test]
fn messages_of_unknown_channels_and_empty_ones_do_no_harm() {
    let mut ends = pump(|mut socket| async move {
        for odd in [&b""[..], &[STDOUT], &[9, 1, 2], &[CLOSE], &[CLOSE, STDOUT]] {
            socket
                .send(Message::Binary(odd.to_vec().into()))
                .await
                .unwrap();
        }
        socket.send(Message::Text("text".into())).await.unwrap();
        socket.send(message(STDOUT, b"fine")).await.unwrap();
        socket
            .send(message(STATUS, &vec![b'x'; 3 * MAX_STATUS]))
            .await
            .unwrap();
        socket.close(None).await.unwrap();
    });
    let mut heard = String::new();
    ends.reader.read_to_string(&mut heard).unwrap();
    assert_eq!(heard, "fine");
    assert_eq!(ends.link.wait(PATIENCE), Some(End::Code(1)));
}

const HOUR: Duration = Duration::from_secs(3600);

/// Both tasks of a link on a clock that does not wait, the far end of the connection, and where the
/// link leads to here.
async fn simulated() -> (DuplexStream, mpsc::Sender<Bytes>, mpsc::Receiver<Bytes>) {
    let (here, there) = tokio::io::duplex(64 << 10);
    let here = Socket::from_raw_socket(here, Role::Client, None).await;
    let (to_remote, from_remote) = here.split();
    let (stdout, output) = mpsc::channel(QUEUE);
    let (input, stdin) = mpsc::channel(QUEUE);
    let incoming = Incoming {
        stdout: Some(stdout),
        said: Tail::default(),
        status: Vec::new(),
    };
    tokio::spawn(send(to_remote, stdin));
    tokio::spawn(incoming.receive(from_remote));
    (there, input, output)
}

fn simulate(act: impl Future<Output = ()>) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().start_paused(true).build();
    let bounded = async { tokio::time::timeout(2 * HOUR, act).await };
    assert!(
        runtime.unwrap().block_on(bounded).is_ok(),
        "nothing comes any more"
    );
}

#[test]
fn a_link_on_which_nothing_is_said_for_an_hour_is_kept_alive_by_pings() {
    simulate(async {
        let (there, input, mut output) = simulated().await;
        let mut there = Socket::from_raw_socket(there, Role::Server, None).await;
        let begun = tokio::time::Instant::now();
        let mut pings = 0;
        while begun.elapsed() < HOUR {
            match there.next().await {
                Some(Ok(Message::Ping(_))) => pings += 1,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(pings, HOUR.as_secs() / PING.as_secs());

        input
            .send(Bytes::from_static(&[STDIN, b'?']))
            .await
            .unwrap();
        while !there.next().await.unwrap().unwrap().is_binary() {}
        there.send(message(STDOUT, b"!")).await.unwrap();
        assert_eq!(output.recv().await.unwrap(), "!");
    });
}

#[test]
fn a_link_whose_pings_are_not_answered_for_an_hour_still_carries_what_comes() {
    simulate(async {
        let (mut there, _input, mut output) = simulated().await;
        let mut ignored = [0; 64];
        let begun = tokio::time::Instant::now();
        while begun.elapsed() < HOUR {
            assert_ne!(
                there.read(&mut ignored).await.unwrap(),
                0,
                "it is still there"
            );
        }
        // A binary message of two bytes.
        there.write_all(&[0x82, 2, STDOUT, b'!']).await.unwrap();
        assert_eq!(output.recv().await.unwrap(), "!");
    });
}

#[test]
fn much_output_leaves_the_pings_as_they_are() {
    simulate(async {
        let (there, _input, mut output) = simulated().await;
        let (mut to_here, mut from_here) = Socket::from_raw_socket(there, Role::Server, None)
            .await
            .split();
        let talk = tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(100)).await;
                to_here.send(message(STDOUT, b"x")).await.unwrap();
            }
        });
        let listen = tokio::spawn(async move { while output.recv().await.is_some() {} });
        let begun = tokio::time::Instant::now();
        for _ in 0..100 {
            assert!(from_here.next().await.unwrap().unwrap().is_ping());
        }
        assert_eq!(begun.elapsed().as_secs(), 100 * PING.as_secs());
        talk.abort();
        listen.abort();
    });
}
