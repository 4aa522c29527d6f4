//! A cluster, a place on this computer, and ways between them.

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rsync_core::checksum::Digest;
use tempfile::TempDir;
use testkit::{Cluster, Pod, Process, Server};

use super::ended::{BOUND, Ended, bounded};
use super::skipped::{kubectl, missing, skip};

/// How long a container may take to be rid of what a client left behind.
const TIDY: Duration = Duration::from_secs(60);

/// Where agents are kept, below a place for them.
const KEPT: &str = ".ksyncd-0";

/// A way into a cluster.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Way {
    pub(crate) name: &'static str,
    /// `None` where each line says it.
    via: Option<&'static str>,
    /// Of kubectl, which is then the only program that is found.
    kubectl: Option<u32>,
    websocket: bool,
}

const WAYS: [Way; 4] = [
    Way {
        name: "the client that ksyncd has",
        via: Some("native"),
        kubectl: None,
        websocket: true,
    },
    Way {
        name: "kubectl over WebSocket",
        via: Some("kubectl"),
        kubectl: Some(33),
        websocket: true,
    },
    Way {
        name: "kubectl over SPDY where WebSocket is refused",
        via: Some("auto"),
        kubectl: Some(33),
        websocket: false,
    },
    Way {
        name: "kubectl of a time when there was only SPDY",
        via: Some("kubectl"),
        kubectl: Some(29),
        websocket: true,
    },
];

/// Every program is found.
const ANY: Way = Way {
    name: "any way",
    via: None,
    kubectl: None,
    websocket: true,
};

impl Way {
    /// Whether no kubectl may help.
    pub(crate) fn is_native(self) -> bool {
        self.via == Some("native")
    }
}

/// A cluster, and a place with a kubeconfig.
pub(crate) struct Site {
    pub(crate) server: Server,
    pub(crate) way: Way,
    place: TempDir,
}

impl Site {
    /// One where each line says by which way; `None` where there are no containers.
    pub(crate) fn any(cluster: Cluster) -> Option<Self> {
        match missing() {
            Some(reason) => {
                skip(reason);
                None
            }
            None => Self::new(ANY, cluster),
        }
    }

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
        let program = way.kubectl.map(kubectl);
        if program.as_ref().is_some_and(|program| !program.exists()) {
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
        if let Some(program) = program {
            symlink(program, place.path().join("bin/kubectl")).unwrap();
        }
        Some(Self { server, way, place })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// Writes a file of this place.
    pub(crate) fn put_here(&self, name: &str, content: impl AsRef<[u8]>) {
        write(&self.path(name), content.as_ref());
    }

    /// Writes a program of this place.
    pub(crate) fn put_program(&self, name: &str, script: &str) {
        self.put_here(name, script);
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// The text of a file of this place; empty if it is not there.
    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// A path in the container `app` of the pod `web`.
    pub(crate) fn there(&self, name: &str) -> PathBuf {
        self.root("web").join(name)
    }

    /// The root of the container `app` of a pod.
    pub(crate) fn root(&self, pod: &str) -> PathBuf {
        self.server.root(pod, "app").unwrap()
    }

    /// Writes a file of the container `app` of a pod.
    pub(crate) fn put(&self, pod: &str, name: &str, content: impl AsRef<[u8]>) {
        write(&self.root(pod).join(name), content.as_ref());
    }

    /// The program with words parted by spaces, the first of which is a verb.
    pub(crate) fn command(&self, line: &str) -> Command {
        let mut words = line.split(' ');
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("ksyncd"));
        command
            .env_clear()
            .env("HOME", self.place.path())
            .env("KUBECONFIG", self.path("kubeconfig"))
            .current_dir(self.place.path())
            .args(words.next())
            .args(self.way.via.map(|via| format!("--via={via}")))
            .args(words)
            .stdin(Stdio::null());
        match (self.way.via, std::env::var_os("PATH")) {
            (None, Some(path)) => command.env("PATH", path),
            _ => command.env("PATH", self.path("bin")),
        };
        command
    }

    /// Runs the program, which has to end by itself.
    pub(crate) fn run(&self, line: &str) -> Ended {
        self.run_within(BOUND, line)
    }

    pub(crate) fn run_within(&self, bound: Duration, line: &str) -> Ended {
        let name = format!("{}: {line}", self.way.name);
        bounded(self.command(line), bound, &name)
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

    /// What still runs in the pods when it had time to end.
    pub(crate) fn left(&self) -> Vec<Process> {
        self.left_after(TIDY)
    }

    /// The files and directories of ours in the container `app` of the pod `web`, beside agents that
    /// are kept and what is below `excused`, when it had time to be rid of them.
    pub(crate) fn litter(&self, excused: Option<&str>) -> Vec<String> {
        let patience = Instant::now() + TIDY;
        loop {
            let mut found = Vec::new();
            litter(&self.there(""), Path::new(""), &mut found);
            found.retain(|name| !excused.is_some_and(|excused| name.starts_with(excused)));
            if found.is_empty() || Instant::now() > patience {
                return found;
            }
            thread::sleep(Duration::from_millis(20));
        }
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

/// What there is of ours in a directory that lies at `name` below `root`, beside agents that are
/// kept: those are whole, and in a directory of their own.
fn litter(root: &Path, name: &Path, found: &mut Vec<String>) {
    // What is there one moment may be gone in the next.
    let Ok(entries) = fs::read_dir(root.join(name)) else {
        return;
    };
    for entry in entries.flatten() {
        let own = entry.file_name().to_string_lossy().into_owned();
        let name = name.join(&own);
        let path = root.join(&name);
        let is_kept = if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            litter(root, &name, found);
            own == KEPT && fs::read_dir(path).is_ok_and(|mut all| all.next().is_some())
        } else {
            is_whole_agent(&path, &own)
        };
        if own.contains("ksyncd") && !is_kept {
            found.push(name.display().to_string());
        }
    }
}

/// Whether a file is the agent that its name says.
fn is_whole_agent(path: &Path, name: &str) -> bool {
    let home = path.parent().and_then(Path::file_name);
    let digest = name.strip_prefix("ksyncd-agent-");
    home.is_some_and(|home| home == KEPT)
        && fs::read(path).is_ok_and(|file| digest == Some(&Digest::of(&file).to_string()))
}

/// A cluster with one pod of busybox.
pub(crate) fn web() -> Cluster {
    Cluster::new().pod(Pod::busybox("web"))
}

fn write(path: &Path, content: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}
