//! One exec over a WebSocket, as a blocking reader and writer (protocol `v5.channel.k8s.io`).
//!
//! A message is one byte that names a channel, and what the channel carries:
//!
//! | channel | carries                                                    |
//! |---------|------------------------------------------------------------|
//! | 0       | standard input, to the far end                             |
//! | 1, 2    | standard output and standard error                         |
//! | 3       | how it ended: a `metav1.Status` as JSON (`status.rs`)      |
//! | 255     | the end of the channel whose number follows                |
//!
//! Invariants:
//! - Each direction has a task and a bounded queue of its own. Neither ever waits for the other:
//!   a full queue of one leaves the other as it is.
//! - A link on which nothing is sent carries a ping every [`PING`], so that nobody between the
//!   ends takes it for dead.
//! - The end of standard output is reported only when the status is known or the link is gone.

use std::io::{self, Read, Write};
use std::sync::{Arc, mpsc as blocking};
use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use rsync_core::words;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};

use super::client::Background;
use super::status::Ending;
use crate::carrier::{Conduit, Tail};
use crate::cause::End;

const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const STATUS: u8 = 3;
const CLOSE: u8 = 255;

/// How often a link on which nothing else is sent carries a ping.
const PING: Duration = Duration::from_secs(5);
/// Most bytes of standard input in one message, as kubectl does it.
const PIECE: usize = 32 << 10;
/// Messages that wait in each direction.
const QUEUE: usize = 16;
/// Most bytes of a status.
const MAX_STATUS: usize = 64 << 10;

/// Both ends of the streams of a command, and what tells of its end.
pub(crate) struct Ends {
    pub(crate) reader: Reader,
    pub(crate) writer: Writer,
    pub(crate) link: Link,
}

/// Pumps between the WebSocket and the ends until either is gone.
pub(crate) fn start<S>(socket: WebSocketStream<S>, runtime: &Arc<Background>) -> Ends
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
{
    let (to_remote, from_remote) = socket.split();
    let (stdout, output) = mpsc::channel(QUEUE);
    let (input, stdin) = mpsc::channel(QUEUE);
    let (ended, ending) = blocking::channel();
    let said = Tail::default();
    let incoming = Incoming {
        stdout: Some(stdout),
        said: said.clone(),
        status: Vec::new(),
    };
    let sending = runtime.spawn(send(to_remote, stdin)).abort_handle();
    let stop_sending = sending.clone();
    let receiving = runtime
        .spawn(async move {
            let ending = incoming.receive(from_remote).await;
            stop_sending.abort();
            drop(ended.send(ending));
        })
        .abort_handle();
    Ends {
        reader: Reader {
            output,
            piece: Bytes::new(),
        },
        writer: Writer(input),
        link: Link {
            ending,
            ended: None,
            said,
            tasks: [sending, receiving],
            _runtime: Arc::clone(runtime),
        },
    }
}

/// What comes from the far end, on its way to the reader.
struct Incoming {
    stdout: Option<mpsc::Sender<Bytes>>,
    said: Tail,
    status: Vec<u8>,
}

/// What broke a connection, in words without numbers.
fn spoken(error: &Error) -> String {
    match error {
        Error::Io(error) => words::of(error),
        error => error.to_string(),
    }
}

impl Incoming {
    async fn receive<S>(mut self, mut socket: SplitStream<WebSocketStream<S>>) -> Ending
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    {
        let broken = loop {
            match socket.next().await {
                Some(Ok(Message::Binary(message))) => self.take(message).await,
                // The close frame is answered by the next call, which then ends the stream.
                Some(Ok(_)) => {}
                Some(Err(error)) => break Some(spoken(&error)),
                None => break None,
            }
        };
        if let Some(broken) = &broken {
            self.said.append(format!("\n{broken}\n").as_bytes());
        }
        let ending = Ending::read(&self.status);
        if let Some(message) = ending.message() {
            self.said.append(format!("\n{message}\n").as_bytes());
        }
        ending
    }

    async fn take(&mut self, message: Bytes) {
        let Some((&channel, _)) = message.split_first() else {
            return;
        };
        let content = message.slice(1..);
        match channel {
            STDOUT if !content.is_empty() => {
                // Who does not listen any more can not be told; the status still matters.
                if let Some(stdout) = &self.stdout
                    && stdout.send(content).await.is_err()
                {
                    self.stdout = None;
                }
            }
            STDERR => self.said.append(&content),
            STATUS => {
                let room = MAX_STATUS.saturating_sub(self.status.len());
                self.status
                    .extend_from_slice(&content[..content.len().min(room)]);
            }
            _ => {}
        }
    }
}

/// Sends standard input, its end, and pings.
async fn send<S>(
    mut socket: SplitSink<WebSocketStream<S>, Message>,
    mut stdin: mpsc::Receiver<Bytes>,
) where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let mut is_open = true;
    loop {
        let next = async {
            if is_open {
                stdin.recv().await
            } else {
                std::future::pending().await
            }
        };
        let sent = match tokio::time::timeout(PING, next).await {
            Ok(Some(message)) => {
                let fed = socket.feed(Message::Binary(message)).await;
                match fed {
                    Ok(()) if stdin.is_empty() => socket.flush().await,
                    fed => fed,
                }
            }
            Ok(None) => {
                is_open = false;
                let end = Bytes::from_static(&[CLOSE, STDIN]);
                socket.send(Message::Binary(end)).await
            }
            Err(_) => socket.send(Message::Ping(Bytes::new())).await,
        };
        if sent.is_err() {
            // The receiving task hears of it, and why.
            return;
        }
    }
}

/// The standard output of the far end.
pub(crate) struct Reader {
    output: mpsc::Receiver<Bytes>,
    piece: Bytes,
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.piece.is_empty() {
            match self.output.blocking_recv() {
                Some(piece) => self.piece = piece,
                None => return Ok(0),
            }
        }
        let len = buffer.len().min(self.piece.len());
        buffer[..len].copy_from_slice(&self.piece.split_to(len));
        Ok(len)
    }
}

/// The standard input of the far end. Dropping it ends that.
pub(crate) struct Writer(mpsc::Sender<Bytes>);

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let piece = &bytes[..bytes.len().min(PIECE)];
        if !piece.is_empty() {
            let mut message = Vec::with_capacity(piece.len() + 1);
            message.push(STDIN);
            message.extend_from_slice(piece);
            self.0
                .blocking_send(message.into())
                .map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        }
        Ok(piece.len())
    }

    /// Does nothing: what waits in the queue is on its way.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The connection. Dropping it cuts it.
pub(crate) struct Link {
    ending: blocking::Receiver<Ending>,
    ended: Option<Ending>,
    said: Tail,
    tasks: [AbortHandle; 2],
    /// What the tasks run on.
    _runtime: Arc<Background>,
}

impl Conduit for Link {
    fn name(&self) -> &str {
        "the cluster"
    }

    fn wait(&mut self, patience: Duration) -> Option<End> {
        if self.ended.is_none() {
            self.ended = self.ending.recv_timeout(patience).ok();
        }
        self.ended.as_ref().and_then(Ending::code).map(End::Code)
    }

    fn tail(&self) -> &Tail {
        &self.said
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

#[cfg(test)]
#[path = "pump_tests.rs"]
mod tests;
