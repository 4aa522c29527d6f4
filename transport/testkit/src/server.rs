//! The server: a port on the loopback interface, and threads of its own.

use std::convert::Infallible;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};

use crate::api;
use crate::cluster::Cluster;
use crate::error::Error;
use crate::fault::Fault;
use crate::pod::Pod;
use crate::sandbox::Process;
use crate::state::State;

/// Threads that carry bytes.
const THREADS: usize = 2;
/// How long a restart takes.
const RESTART: Duration = Duration::from_millis(200);

/// A server that runs until this is dropped, and everything in its containers with it.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    state: Arc<State>,
    runtime: Option<Runtime>,
}

/// What has happened since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Requests of any kind.
    pub requests: u64,
    /// Execs over WebSocket that were accepted.
    pub websocket: u64,
    /// Execs over SPDY that were accepted.
    pub spdy: u64,
    /// Bytes of standard input that commands got.
    pub up: u64,
    /// Bytes of standard output and error that clients got.
    pub down: u64,
}

impl Counts {
    /// Execs that were accepted.
    pub fn execs(&self) -> u64 {
        self.websocket + self.spdy
    }
}

impl Server {
    /// Starts a server for `cluster` on a free port.
    ///
    /// # Errors
    /// If there is no port, or no room for the containers' root directories.
    pub fn start(cluster: Cluster) -> Result<Self, Error> {
        let state = Arc::new(State::new(cluster)?);
        let runtime = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("testkit")
            .enable_all()
            .build()
            .map_err(Error::Listen)?;
        let listener = StdListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(Error::Listen)?;
        listener.set_nonblocking(true).map_err(Error::Listen)?;
        let address = listener.local_addr().map_err(Error::Listen)?;
        let listener = {
            let _context = runtime.enter();
            TcpListener::from_std(listener).map_err(Error::Listen)?
        };
        runtime.spawn(listen(Arc::clone(&state), listener, address));
        Ok(Self {
            address,
            state,
            runtime: Some(runtime),
        })
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Writes a kubeconfig whose current context leads here.
    ///
    /// # Errors
    /// If the file can not be written.
    pub fn kubeconfig(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = path.as_ref();
        let url = self.url();
        let text = format!(
            "apiVersion: v1\n\
             kind: Config\n\
             current-context: testkit\n\
             clusters:\n\
             - name: testkit\n  cluster:\n    server: {url}\n\
             users:\n\
             - name: developer\n  user:\n    token: testkit\n\
             contexts:\n\
             - name: testkit\n  context:\n    cluster: testkit\n    user: developer\n    namespace: default\n"
        );
        fs::write(path, text).map_err(|error| Error::Write {
            path: path.to_owned(),
            error,
        })
    }

    /// The root directory of a container in the namespace `default`, to be filled and looked at.
    ///
    /// # Errors
    /// If there is no such container.
    pub fn root(&self, pod: &str, container: &str) -> Result<PathBuf, Error> {
        let sandbox = self.state.sandbox("default", pod, container);
        sandbox
            .map(|sandbox| sandbox.root().to_owned())
            .ok_or_else(|| Error::NoSuchContainer(format!("{pod}/{container}")))
    }

    /// What has happened since the start.
    pub fn counts(&self) -> Counts {
        let counts = &self.state.counts;
        Counts {
            requests: counts.requests.load(Ordering::Relaxed),
            websocket: counts.websocket.load(Ordering::Relaxed),
            spdy: counts.spdy.load(Ordering::Relaxed),
            up: counts.up.load(Ordering::Relaxed),
            down: counts.down.load(Ordering::Relaxed),
        }
    }

    /// What runs in the containers now. After the last exec has ended, this is what was left behind.
    pub fn leftovers(&self) -> Vec<Process> {
        self.state.processes()
    }

    /// Adds the faults of the next exec that has none waiting yet.
    pub fn lie(&self, faults: impl IntoIterator<Item = Fault>) {
        self.state.add_faults(faults.into_iter().collect());
    }

    /// The faults that have come to happen since this was last asked, in that order. One that waits
    /// for more bytes than a run has is not among them.
    pub fn told(&self) -> Vec<Fault> {
        self.state.told.take()
    }

    /// Refuses `verb` on `resource` from now on; `*` stands for any.
    pub fn deny(&self, verb: &str, resource: &str) {
        self.state.access().deny(verb, resource);
    }

    /// Takes back a [`Self::deny`].
    pub fn allow(&self, verb: &str, resource: &str) {
        self.state.access().allow(verb, resource);
    }

    /// Whether every request is answered with 401 from now on.
    pub fn expire_credentials(&self, is_expired: bool) {
        self.state.access().is_expired = is_expired;
    }

    /// Adds a pod, or puts it in the place of one of its name.
    ///
    /// # Errors
    /// If there is no room for its root directories.
    pub fn add_pod(&self, pod: Pod) -> Result<(), Error> {
        self.state.remove_pod(&pod.namespace, &pod.name);
        self.state.add_pod(pod)
    }

    /// Deletes a pod of the namespace `default`, with everything that runs there; false if it is
    /// not there.
    pub fn remove_pod(&self, name: &str) -> bool {
        self.state.remove_pod("default", name)
    }

    /// Puts its successor in the place of a pod of the namespace `default`; false if it is not there.
    ///
    /// # Errors
    /// If there is no room for its root directories.
    pub fn replace_pod(&self, name: &str) -> Result<bool, Error> {
        self.state.replace_pod("default", name)
    }

    /// Kills everything in a container of the namespace `default`; the next exec finds it started
    /// again.
    pub fn kill_container(&self, pod: &str, container: &str) {
        self.state.kill_container("default", pod, container);
    }

    /// Adds an object of a known kind, or puts it in the place of one of its name.
    pub fn put(&self, object: Value) {
        self.state.put(object);
    }

    /// Drops all connections, and listens again on the same port a moment later.
    pub fn restart(&self) {
        self.state.restart();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.state.kill_all();
        if let Some(runtime) = self.runtime.take() {
            // Tests may be asynchronous themselves, where waiting is not allowed.
            runtime.shutdown_background();
        }
    }
}

async fn listen(state: Arc<State>, mut listener: TcpListener, address: SocketAddr) {
    let mut restarts = state.restarts();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => drop(tokio::spawn(serve(Arc::clone(&state), stream))),
                // Out of descriptors, perhaps: there will be others.
                Err(_) => tokio::time::sleep(RESTART).await,
            },
            _ = restarts.changed() => {
                drop(listener);
                tokio::time::sleep(RESTART).await;
                listener = match bind(address).await {
                    Ok(listener) => listener,
                    Err(_) => return,
                };
            }
        }
    }
}

/// Somebody may have taken the port meanwhile, and may leave it again.
async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let mut attempts = 0;
    loop {
        match TcpListener::bind(address).await {
            Err(error) if attempts == 50 => return Err(error),
            Err(_) => tokio::time::sleep(RESTART).await,
            Ok(listener) => return Ok(listener),
        }
        attempts += 1;
    }
}

async fn serve(state: Arc<State>, stream: TcpStream) {
    // Small messages are not to wait for larger ones; without it they only come later.
    let _ = stream.set_nodelay(true);
    let mut restarts = state.restarts();
    let service = service_fn(|request| {
        let state = Arc::clone(&state);
        async move { Ok::<_, Infallible>(api::answer(state, request).await) }
    });
    let connection = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::select! {
        // What a client does to its connection is its own affair.
        _ = connection => {}
        _ = restarts.changed() => {}
    }
}
