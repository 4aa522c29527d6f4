//! A cluster, a place on this machine, and the program between them.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use testkit::{Cluster, Server};

/// No run takes longer, whatever goes wrong.
const BOUND: Duration = Duration::from_secs(60);

pub(crate) struct Bench {
    pub(crate) server: Server,
    place: TempDir,
}

impl Bench {
    /// `None` where there are no containers.
    pub(crate) fn new(cluster: Cluster) -> Option<Self> {
        if let Some(reason) = testkit::unavailable() {
            return skip(reason);
        }
        let server = Server::start(cluster).unwrap();
        let place = tempfile::tempdir().unwrap();
        server.kubeconfig(place.path().join("kubeconfig")).unwrap();
        Some(Self { server, place })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// Puts a file into the container `app` of a pod.
    pub(crate) fn there(&self, pod: &str, name: &str, content: impl AsRef<[u8]>) {
        let root = self.server.root(pod, "app").unwrap();
        write(&root.join(name), content.as_ref());
    }

    pub(crate) fn here(&self, name: &str, content: impl AsRef<[u8]>) {
        write(&self.path(name), content.as_ref());
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// The program with the words of `line`.
    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("ksyncd"));
        command
            .args(line.split(' '))
            .current_dir(self.place.path())
            .env("KUBECONFIG", self.path("kubeconfig"))
            .env_remove("RSYNC_RSH")
            .stdin(Stdio::null());
        command
    }

    /// Runs the program with the words of `line`.
    pub(crate) fn run(&self, line: &str) -> Ended {
        let begun = Instant::now();
        let output = self.command(line).output().unwrap();
        assert!(begun.elapsed() < BOUND, "{line} took {:?}", begun.elapsed());
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ended {
            line: line.to_owned(),
            code: output.status.code(),
            out: text(&output.stdout),
            err: text(&output.stderr),
        }
    }
}

fn write(path: &Path, content: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// Every file below a directory with its content.
pub(crate) fn tree(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut waiting = vec![root.to_owned()];
    while let Some(dir) = waiting.pop() {
        for entry in fs::read_dir(dir).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_owned();
                files.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    files
}

/// Bytes that do not compress, the same for the same seed.
pub(crate) fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut step = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..len).map(|_| step()).collect()
}

/// Whether there is a kubectl to fall back to.
pub(crate) fn has_kubectl() -> bool {
    let version = Command::new("kubectl")
        .args(["version", "--client"])
        .output();
    let works = version.is_ok_and(|output| output.status.success());
    if !works {
        let _: Option<()> = skip("there is no kubectl");
    }
    works
}

pub(crate) fn skip<T>(reason: &str) -> Option<T> {
    let _ = writeln!(std::io::stderr(), "skipped: {reason}");
    None
}

/// A run that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    line: String,
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    /// It ended with this code and said all of this.
    pub(crate) fn assert(&self, code: i32, said: &[&str]) -> &Self {
        assert_eq!(self.code, Some(code), "{}: {self:?}", self.line);
        for words in said {
            assert!(
                self.out.contains(words) || self.err.contains(words),
                "{words:?} in {self:?}"
            );
        }
        self
    }
}
