//! A server, one kubectl, and what they work with.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;
use testkit::{Cluster, Pod, Server};

/// Where a kubectl and several minor versions of it may be.
pub(crate) const PLACES: [&str; 2] = ["/usr/lib/google-cloud-sdk/bin", "/usr/bin"];
pub(crate) const MINORS: [u32; 7] = [27, 28, 29, 30, 31, 32, 33];

/// A server, and one kubectl that talks to it.
pub(crate) struct Bench {
    pub(crate) server: Server,
    pub(crate) home: TempDir,
    pub(crate) program: PathBuf,
}

impl Bench {
    /// One for each kubectl that is installed.
    pub(crate) fn each(cluster: impl Fn() -> Cluster) -> Vec<Self> {
        if let Some(reason) = testkit::unavailable() {
            eprintln!("skipped: {reason}");
            return Vec::new();
        }
        let mut benches = Vec::new();
        for minor in MINORS {
            match program(minor) {
                Some(program) => benches.push(Self::new(cluster().minor(minor), program)),
                None => eprintln!("skipped: kubectl 1.{minor} is not installed"),
            }
        }
        benches
    }

    pub(crate) fn new(cluster: Cluster, program: PathBuf) -> Self {
        let server = Server::start(cluster).unwrap();
        let home = tempfile::tempdir().unwrap();
        server.kubeconfig(home.path().join("config")).unwrap();
        Self {
            server,
            home,
            program,
        }
    }

    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(&self.program);
        command
            .env_clear()
            .env("HOME", self.home.path())
            .env("PATH", "/usr/bin:/bin")
            .arg(format!("--kubeconfig={}", self.path("config").display()))
            .args(line.split_whitespace())
            .current_dir(self.home.path());
        command
    }

    pub(crate) fn run(&self, line: &str) -> Output {
        self.command(line).output().unwrap()
    }

    /// Runs and is content with nothing but success.
    pub(crate) fn succeed(&self, line: &str) -> String {
        let output = self.run(line);
        assert!(
            output.status.success(),
            "{}: {line}: {output:?}",
            self.program.display()
        );
        String::from_utf8(output.stdout).unwrap()
    }

    /// As [`Self::succeed`], for output that is no text.
    pub(crate) fn succeed_with_bytes(&self, line: &str) -> Vec<u8> {
        let output = self.run(line);
        assert!(output.status.success(), "{line}: {:?}", output.stderr);
        output.stdout
    }

    /// Runs with `input`, which ends.
    pub(crate) fn feed(&self, line: &str, input: Vec<u8>) -> Output {
        let mut command = self.command(line);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let writer = std::thread::spawn(move || stdin.write_all(&input));
        let output = child.wait_with_output().unwrap();
        // A kubectl that fails does not read to the end.
        drop(writer.join().unwrap());
        output
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.server.root("web", "app").unwrap()
    }
}

pub(crate) fn program(minor: u32) -> Option<PathBuf> {
    let paths = PLACES
        .iter()
        .map(|place| Path::new(place).join(format!("kubectl.1.{minor}")));
    paths.into_iter().find(|path| path.exists())
}

pub(crate) fn web() -> Cluster {
    Cluster::new().pod(Pod::busybox("web").label("app", "web"))
}

/// Bytes that do not repeat.
pub(crate) fn noise(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new().finalize_xof().fill(&mut bytes);
    bytes
}
