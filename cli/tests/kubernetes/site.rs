//! A cluster with one pod, a place on this computer, and ways between them.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use testkit::{Cluster, Pod, Process, Server};

/// Longer than any run may take, whatever goes wrong.
const BOUND: Duration = Duration::from_secs(90);
/// How long a container may take to be rid of what a client left behind.
const TIDY: Duration = Duration::from_secs(60);
/// Where several minor versions of kubectl may be.
const KUBECTL: &str = "/usr/lib/google-cloud-sdk/bin";

/// A way into a cluster.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Way {
    pub(crate) name: &'static str,
    via: &'static str,
    /// Of kubectl, which is then the only program that is found.
    kubectl: Option<u32>,
    websocket: bool,
}

pub(crate) const WAYS: [Way; 4] = [
    Way {
        name: "the client that ksyncd has",
        via: "native",
        kubectl: None,
        websocket: true,
    },
    Way {
        name: "kubectl over WebSocket",
        via: "kubectl",
        kubectl: Some(33),
        websocket: true,
    },
    Way {
        name: "kubectl over SPDY where WebSocket is refused",
        via: "auto",
        kubectl: Some(33),
        websocket: false,
    },
    Way {
        name: "kubectl of a time when there was only SPDY",
        via: "kubectl",
        kubectl: Some(29),
        websocket: true,
    },
];

impl Way {
    /// Whether no kubectl may help.
    pub(crate) fn is_native(self) -> bool {
        self.via == "native"
    }
}

/// A cluster with a pod `web`, and a place with a kubeconfig.
pub(crate) struct Site {
    pub(crate) server: Server,
    pub(crate) way: Way,
    place: TempDir,
}

impl Site {
    /// One for each way that there is on this computer.
    pub(crate) fn each(cluster: impl Fn() -> Cluster) -> Vec<Self> {
        if let Some(reason) = missing() {
            skip(reason);
            return Vec::new();
        }
        WAYS.iter()
            .filter_map(|way| Self::new(*way, cluster()))
            .collect()
    }

    /// Does the same for each way at once, because most of it is waiting.
    pub(crate) fn each_at_once<T: Send>(
        cluster: impl Fn() -> Cluster,
        act: impl Fn(Self) -> T + Sync,
    ) -> Vec<T> {
        let act = &act;
        thread::scope(|scope| {
            let sites = Self::each(cluster).into_iter();
            let acting: Vec<_> = sites.map(|site| scope.spawn(move || act(site))).collect();
            // Whoever panicked has said why.
            acting
                .into_iter()
                .map(|acting| acting.join().unwrap())
                .collect()
        })
    }

    fn new(way: Way, cluster: Cluster) -> Option<Self> {
        let kubectl = way
            .kubectl
            .map(|minor| Path::new(KUBECTL).join(format!("kubectl.1.{minor}")));
        if kubectl.as_ref().is_some_and(|kubectl| !kubectl.exists()) {
            skip(&format!("{}: it is not installed", way.name));
            return None;
        }
        let cluster = if way.websocket {
            cluster
        } else {
            cluster.without_websocket()
        };
        let server = Server::start(cluster).unwrap();
        let place = tempfile::tempdir().unwrap();
        server.kubeconfig(place.path().join("kubeconfig")).unwrap();
        fs::create_dir(place.path().join("bin")).unwrap();
        if let Some(kubectl) = kubectl {
            symlink(kubectl, place.path().join("bin/kubectl")).unwrap();
        }
        Some(Self { server, way, place })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// A path in the pod's container.
    pub(crate) fn there(&self, name: &str) -> PathBuf {
        self.server.root("web", "app").unwrap().join(name)
    }

    /// Runs `verb` between the pod and this place, with words parted by spaces.
    pub(crate) fn run(&self, line: &str) -> Ended {
        let mut words = line.split(' ');
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("ksyncd"));
        command
            .env_clear()
            .env("HOME", self.place.path())
            .env("PATH", self.path("bin"))
            .current_dir(self.place.path())
            .args(words.next())
            .args(["--kubeconfig", "kubeconfig", "--via", self.way.via])
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        bounded(command.spawn().unwrap(), line)
    }

    /// Waits until the server listens, which it does not while it starts again.
    pub(crate) fn await_server(&self) {
        let url = self.server.url();
        let address = url.trim_start_matches("http://");
        let patience = Instant::now() + BOUND;
        while TcpStream::connect(address).is_err() {
            assert!(Instant::now() < patience, "the server does not come back");
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// What still runs in the pod when it had time to end.
    pub(crate) fn left(&self) -> Vec<Process> {
        self.left_after(TIDY)
    }

    pub(crate) fn left_after(&self, patience: Duration) -> Vec<Process> {
        let patience = Instant::now() + patience;
        loop {
            let left = self.server.leftovers();
            if left.is_empty() || Instant::now() > patience {
                return left;
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// A cluster with one pod of busybox.
pub(crate) fn web() -> Cluster {
    Cluster::new().pod(Pod::busybox("web"))
}

/// Why none of this can be tested here.
fn missing() -> Option<&'static str> {
    // A build for checks only may have been told to bring no agent.
    let is_without_agent = option_env!("KSYNCD_AGENTS_DIR").is_some_and(|directory| {
        let agent = Path::new(directory)
            .join(std::env::consts::ARCH)
            .join("ksyncd-agent");
        !agent.is_file()
    });
    if is_without_agent {
        return Some("this build of ksyncd has no agent");
    }
    testkit::unavailable()
}

pub(crate) fn skip(reason: &str) {
    let _ = writeln!(std::io::stderr(), "skipped: {reason}");
}

/// A run that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stderr: String,
}

impl Ended {
    #[track_caller]
    pub(crate) fn assert_success(&self, way: Way) {
        assert_eq!(self.code, Some(0), "{}: {}", way.name, self.stderr);
    }

    /// It ended with `code`, in plain sentences that say what `words` say and a next step.
    #[track_caller]
    pub(crate) fn assert(&self, way: Way, code: i32, words: &[&str]) {
        assert_eq!(self.code, Some(code), "{}: {}", way.name, self.stderr);
        for word in words {
            assert!(
                self.stderr.contains(word),
                "{}: no {word:?} in {}",
                way.name,
                self.stderr
            );
        }
        self.assert_plain();
    }

    #[track_caller]
    pub(crate) fn assert_plain(&self) {
        for odd in ["os error", "Error {", "Err(", "Some(", "panicked"] {
            assert!(!self.stderr.contains(odd), "{odd:?} in {}", self.stderr);
        }
        for line in self.stderr.lines() {
            assert!(line.starts_with("ksyncd: "), "{line}");
            assert!(!line.contains(char::is_control), "{line:?}");
        }
    }
}

/// Waits for the end of a run, which has to come by itself.
fn bounded(mut child: Child, line: &str) -> Ended {
    let _ignored = listen(child.stdout.take().unwrap());
    let stderr = listen(child.stderr.take().unwrap());
    let status = wait(&mut child);
    if status.is_none() {
        child.kill().unwrap();
        panic!("it hangs: {line}: {}", text(stderr));
    }
    Ended {
        code: status.and_then(|status| status.code()),
        stderr: text(stderr),
    }
}

fn wait(child: &mut Child) -> Option<ExitStatus> {
    let patience = Instant::now() + BOUND;
    while Instant::now() < patience {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        thread::sleep(Duration::from_millis(5));
    }
    None
}

fn listen(mut pipe: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).unwrap();
        bytes
    })
}

fn text(listener: JoinHandle<Vec<u8>>) -> String {
    String::from_utf8(listener.join().unwrap()).unwrap()
}
