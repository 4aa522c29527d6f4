//! What the tests of whole runs share: two engines joined by a socket, and trees to compare.
#![allow(dead_code, reason = "every test file uses its own part")]
#![allow(unreachable_pub, reason = "shared by several test programs")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rsync_core::engine::{self, Error, Report, Settings, Stream};
use rsync_core::monitor::{Event, Monitor};
use rsync_core::options::{Delete, DeleteWhen, Options};

/// Keeps every event as text.
#[derive(Default)]
pub struct Recorder(pub Mutex<Vec<String>>);

impl Monitor for Recorder {
    fn event(&self, event: &Event<'_>) {
        self.0.lock().unwrap().push(format!("{event:?}"));
    }
}

impl Recorder {
    pub fn events(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

pub fn streams() -> (Stream, Stream) {
    let (a, b) = UnixStream::pair().unwrap();
    let stream = |end: UnixStream| Stream {
        reader: Box::new(end.try_clone().unwrap()),
        writer: Box::new(end),
    };
    (stream(a), stream(b))
}

/// Pulls `source` (a slash at its end means its content) into `destination`.
pub fn try_pull(
    source: &str,
    destination: &Path,
    options: &Options,
    monitor: &dyn Monitor,
) -> Result<Report, Error> {
    let (here, there) = streams();
    let agent = std::thread::spawn(move || engine::serve(there, &Settings::default()));
    let report = engine::pull(
        here,
        source.as_bytes(),
        destination,
        options,
        &Settings::default(),
        monitor,
    );
    let served = agent.join().unwrap();
    assert_eq!(report.is_ok(), served.is_ok(), "{report:?} {served:?}");
    report
}

/// Pushes `source` into `destination`.
pub fn try_push(
    source: &str,
    destination: &Path,
    options: &Options,
    monitor: &dyn Monitor,
) -> Result<Report, Error> {
    let (here, there) = streams();
    let agent = std::thread::spawn(move || engine::serve(there, &Settings::default()));
    let destination = destination.as_os_str().as_bytes();
    let report = engine::push(
        here,
        Path::new(source),
        destination,
        options,
        &Settings::default(),
        monitor,
    );
    let served = agent.join().unwrap();
    assert_eq!(report.is_ok(), served.is_ok(), "{report:?} {served:?}");
    report
}

/// Pulls the content of one directory into another.
pub fn pull(source: &Path, destination: &Path, options: &Options) -> Report {
    let monitor = Recorder::default();
    let report = try_pull(&content_of(source), destination, options, &monitor);
    report.unwrap_or_else(|error| panic!("{error}\n{:#?}", monitor.events()))
}

/// The path that means what is in a directory.
pub fn content_of(directory: &Path) -> String {
    format!("{}/", directory.display())
}

/// Options with `--delete`.
pub fn deleting() -> Options {
    Options {
        delete: Delete {
            when: DeleteWhen::After,
            ..Delete::default()
        },
        ..Options::default()
    }
}

/// Bytes that do not repeat, others for each seed.
pub fn noise(len: usize, seed: u8) -> Vec<u8> {
    let mut content = vec![0; len];
    let mut hasher = blake3::Hasher::new();
    hasher.update(&[seed]).finalize_xof().fill(&mut content);
    content
}

pub fn write(path: impl AsRef<Path>, content: &[u8]) {
    std::fs::create_dir_all(path.as_ref().parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

/// Everything about a tree that a run preserves: kind, mode, time, content or target.
pub fn snapshot(root: &Path) -> BTreeMap<PathBuf, String> {
    let mut seen = BTreeMap::new();
    let mut below = vec![root.to_owned()];
    while let Some(path) = below.pop() {
        let found = std::fs::symlink_metadata(&path).unwrap();
        let time = (found.mtime(), found.mtime_nsec());
        let what = if found.is_dir() {
            below.extend(
                std::fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
            format!("dir {:o} {time:?}", found.permissions().mode())
        } else if found.is_symlink() {
            format!("link {:?} {time:?}", std::fs::read_link(&path).unwrap())
        } else {
            let digest = rsync_core::checksum::Digest::of(&std::fs::read(&path).unwrap());
            format!(
                "file {:o} {time:?} {} {digest}",
                found.permissions().mode(),
                found.len()
            )
        };
        seen.insert(path.strip_prefix(root).unwrap().to_owned(), what);
    }
    seen
}
