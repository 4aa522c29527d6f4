//! An exec: a command in a container, its three streams joined to a client, and lies told meanwhile.
//!
//! The protocols ([`websocket`], [`spdy`]) only turn streams into bytes and back. As in a real
//! cluster, what a client sends is not read further while the command does not take it, a command
//! stays when its client leaves, and the end of the command is told after all of its output.

mod command;
pub(crate) mod spdy;
pub(crate) mod websocket;

use std::future::Future;
use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hyper::StatusCode;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use crate::api::{failure, success};
use crate::fault::{Faults, Lie, Way};
use crate::sandbox::Sandbox;
use crate::state::State;
use command::{Parts, Running};

/// Bytes read from a command at once.
const PIECE: usize = 32 * 1024;
/// How long output may stay open after its command has ended.
const DRAIN: Duration = Duration::from_secs(2);
/// How long a client may take to close its connection when everything was said.
const LINGER: Duration = Duration::from_secs(5);
/// How long output rests before all of it is on its way: it can not be cut any more.
const REST: Duration = Duration::from_millis(50);

/// A stream of an exec.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    Stdout,
    Stderr,
}

/// What a client sends.
#[derive(Debug)]
pub(crate) enum Event {
    /// Standard input.
    Input(Bytes),
    /// The end of standard input.
    InputEnds,
    /// A question whether this end is there, to be sent back.
    Ping(Bytes),
}

/// The reading half of a protocol.
pub(crate) trait FromClient: Send {
    /// The next event; `None` when the client has closed the connection. Nothing is lost if this is
    /// cancelled.
    fn next(&mut self) -> impl Future<Output = io::Result<Option<Event>>> + Send;
}

/// The writing half of a protocol.
pub(crate) trait ToClient: Send + 'static {
    fn data(&mut self, stream: Stream, bytes: &[u8])
    -> impl Future<Output = io::Result<()>> + Send;
    /// No more comes on that stream.
    fn finish(&mut self, stream: Stream) -> impl Future<Output = io::Result<()>> + Send;
    fn pong(&mut self, payload: &[u8]) -> impl Future<Output = io::Result<()>> + Send;
    /// Tells how the command ended, and closes the connection in order.
    fn end(&mut self, status: &Value) -> impl Future<Output = io::Result<()>> + Send;
}

/// What is to be executed, and where.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) state: Arc<State>,
    pub(crate) namespace: String,
    pub(crate) pod: String,
    pub(crate) container: String,
    pub(crate) sandbox: Arc<Sandbox>,
    pub(crate) command: Vec<String>,
    pub(crate) stdin: bool,
    pub(crate) stdout: bool,
    pub(crate) stderr: bool,
    pub(crate) faults: Faults,
}

/// How an exec ended.
enum Ended {
    /// The client has left.
    Gone,
    /// The command has ended; its exit code.
    Exited(i32),
    /// The lie decides.
    Lied(Lie),
}

/// Executes a session.
pub(crate) async fn run<R: FromClient, W: ToClient>(session: Session, mut from: R, to: W) {
    let to = Arc::new(tokio::sync::Mutex::new(to));
    let mut running = match Running::start(&session) {
        Ok(running) => running,
        Err(why) => {
            let message = format!("Internal error occurred: {why}");
            let code = StatusCode::INTERNAL_SERVER_ERROR;
            let status = failure(code, "InternalError", &message);
            return farewell(&mut from, &to, &status).await;
        }
    };
    let link = Link::new(session, Arc::clone(&to));
    let Some(parts) = running.parts() else { return };
    let (stdin, command) = parts.split();
    let ended = tokio::select! {
        ended = link.up(&mut from, stdin) => ended,
        ended = link.down(command) => ended,
    };
    match ended {
        Ended::Exited(code) => farewell(&mut from, &to, &exit_status(code)).await,
        Ended::Lied(Lie::EndEarly) => farewell(&mut from, &to, &success()).await,
        Ended::Lied(Lie::Silence) => {
            running.keep_input();
            while let Ok(Some(_)) = from.next().await {}
        }
        Ended::Gone | Ended::Lied(_) => {}
    }
}

async fn farewell<R: FromClient, W: ToClient>(
    from: &mut R,
    to: &tokio::sync::Mutex<W>,
    status: &Value,
) {
    let said = to.lock().await.end(status).await;
    if said.is_ok() {
        let closed = async { while let Ok(Some(_)) = from.next().await {} };
        // A client that does not close is left alone.
        let _ = tokio::time::timeout(LINGER, closed).await;
    }
}

/// How the API tells an exit code.
fn exit_status(code: i32) -> Value {
    if code == 0 {
        return success();
    }
    let message = format!("command terminated with non-zero exit code: exit status {code}");
    let mut status = failure(
        StatusCode::INTERNAL_SERVER_ERROR,
        "NonZeroExitCode",
        &message,
    );
    status["details"] = json!({"causes": [{"reason": "ExitCode", "message": code.to_string()}]});
    status
}

/// Both directions of one exec.
struct Link<W> {
    session: Session,
    faults: Mutex<Faults>,
    to: Arc<tokio::sync::Mutex<W>>,
    /// Until when nothing flows up, and down.
    stalled: Mutex<[Option<Instant>; 2]>,
}

impl<W: ToClient> Link<W> {
    fn new(mut session: Session, to: Arc<tokio::sync::Mutex<W>>) -> Self {
        let faults = Mutex::new(std::mem::take(&mut session.faults));
        Self {
            session,
            faults,
            to,
            stalled: Mutex::default(),
        }
    }

    /// From the client to the command.
    async fn up<R: FromClient>(
        &self,
        from: &mut R,
        stdin: &mut Option<tokio::process::ChildStdin>,
    ) -> Ended {
        if !self.session.stdin {
            stdin.take();
        }
        loop {
            let event = match from.next().await {
                Ok(Some(event)) => event,
                Ok(None) | Err(_) => return Ended::Gone,
            };
            match event {
                Event::Input(bytes) => {
                    if let Err(ended) = self.write(stdin, &bytes).await {
                        return ended;
                    }
                }
                Event::InputEnds => drop(stdin.take()),
                Event::Ping(payload) => self.pong(payload),
            }
        }
    }

    async fn write(
        &self,
        stdin: &mut Option<tokio::process::ChildStdin>,
        mut rest: &[u8],
    ) -> Result<(), Ended> {
        loop {
            let (len, lie) = lock(&self.faults).admit(Way::Up, rest.len());
            let (now, later) = rest.split_at(len);
            rest = later;
            if let Some(pipe) = stdin
                && pipe.write_all(now).await.is_err()
            {
                // It reads no more, which is its own affair.
                stdin.take();
            }
            self.session
                .state
                .counts
                .up
                .fetch_add(len as u64, Ordering::Relaxed);
            match lie {
                Some(lie) => self.lie(lie).await?,
                None => return self.wait(Way::Up).await,
            }
        }
    }

    /// From the command to the client, until the command has ended.
    async fn down(&self, mut command: Parts<'_>) -> Ended {
        match self.outputs(&mut command).await {
            Ok(code) => Ended::Exited(code),
            Err(ended) => ended,
        }
    }

    async fn outputs(&self, command: &mut Parts<'_>) -> Result<i32, Ended> {
        // A fault of the first byte does not wait for it.
        self.deliver(Stream::Stdout, &[]).await?;
        let (noise, cut) = {
            let mut faults = lock(&self.faults);
            (faults.make_noise(), faults.tail())
        };
        if let Some(noise) = noise {
            self.deliver(Stream::Stdout, &noise).await?;
        }
        let mut held = BytesMut::new();
        let (mut out, mut err) = (vec![0; PIECE], vec![0; PIECE]);
        let (mut out_ends, mut err_ends, mut code) = (false, false, None);
        while !(out_ends && err_ends) {
            tokio::select! {
                len = command.stdout.read(&mut out), if !out_ends => match len {
                    Ok(len @ 1..) => {
                        held.extend_from_slice(&out[..len]);
                        let now = held.len().saturating_sub(cut.unwrap_or(0));
                        self.deliver(Stream::Stdout, &held.split_to(now)).await?;
                    }
                    // What is still held is what gets lost.
                    _ => {
                        if !held.is_empty() {
                            lock(&self.faults).cut_tail();
                        }
                        out_ends = self.finish(Stream::Stdout).await?;
                    }
                },
                len = command.stderr.read(&mut err), if !err_ends => match len {
                    Ok(len @ 1..) => self.deliver(Stream::Stderr, &err[..len]).await?,
                    _ => err_ends = self.finish(Stream::Stderr).await?,
                },
                () = tokio::time::sleep(REST), if !held.is_empty() => {
                    self.deliver(Stream::Stdout, &held.split()).await?;
                }
                ended = command.child.wait(), if code.is_none() => code = Some(exit_code(&ended)),
                () = tokio::time::sleep(DRAIN), if code.is_some() => break,
            }
        }
        match code {
            Some(code) => Ok(code),
            None => Ok(exit_code(&command.child.wait().await)),
        }
    }

    async fn deliver(&self, stream: Stream, mut rest: &[u8]) -> Result<(), Ended> {
        let is_wanted = match stream {
            Stream::Stderr => self.session.stderr,
            _ => self.session.stdout,
        };
        loop {
            self.wait(Way::Down).await?;
            let (len, lie) = lock(&self.faults).admit(Way::Down, rest.len());
            let (now, later) = rest.split_at(len);
            rest = later;
            if is_wanted && !now.is_empty() {
                let sent = self.to.lock().await.data(stream, now).await;
                sent.map_err(|_| Ended::Gone)?;
                self.session
                    .state
                    .counts
                    .down
                    .fetch_add(len as u64, Ordering::Relaxed);
            }
            match lie {
                Some(lie) => self.lie(lie).await?,
                None => return Ok(()),
            }
        }
    }

    /// Always true.
    async fn finish(&self, stream: Stream) -> Result<bool, Ended> {
        let finished = self.to.lock().await.finish(stream).await;
        finished.map(|()| true).map_err(|_| Ended::Gone)
    }

    fn pong(&self, payload: Bytes) {
        let delay = lock(&self.faults).delay_pong();
        let to = Arc::clone(&self.to);
        // By itself: what the client does not read must not keep it from being read.
        tokio::spawn(async move {
            if let Some(delay) = delay {
                tokio::time::sleep(delay).await;
            }
            // A client that has left needs no answer.
            let _ = to.lock().await.pong(&payload).await;
        });
    }

    async fn lie(&self, lie: Lie) -> Result<(), Ended> {
        let Session {
            state,
            namespace,
            pod,
            container,
            ..
        } = &self.session;
        match lie {
            Lie::Stall(way, time) => {
                let until = Some(Instant::now() + time);
                let mut stalled = lock(&self.stalled);
                for (own, at) in [(Way::Up, 0), (Way::Down, 1)] {
                    if way == own || way == Way::Either {
                        stalled[at] = until;
                    }
                }
            }
            Lie::Kill => self.session.sandbox.kill_others(),
            Lie::Die => state.kill_container(namespace, pod, container),
            // A successor that can not be made leaves no pod at all, which is as bad.
            Lie::Replace => drop(state.replace_pod(namespace, pod)),
            Lie::Restart => {
                state.restart();
                std::future::pending::<()>().await;
            }
            lie => return Err(Ended::Lied(lie)),
        }
        Ok(())
    }

    /// Waits while that way is stalled.
    async fn wait(&self, way: Way) -> Result<(), Ended> {
        loop {
            let until = lock(&self.stalled)[usize::from(way == Way::Down)];
            match until {
                Some(until) if until > Instant::now() => tokio::time::sleep_until(until).await,
                _ => return Ok(()),
            }
        }
    }
}

/// As shells count it: a signal adds 128.
fn exit_code(ended: &io::Result<std::process::ExitStatus>) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    match ended {
        Ok(status) => status
            .code()
            .or_else(|| status.signal().map(|signal| 128 + signal))
            .unwrap_or(255),
        Err(_) => 255,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
