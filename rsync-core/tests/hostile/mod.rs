//! A peer that speaks the protocol and means harm, and a destination with something beside it
//! that no peer may ever reach.
#![allow(dead_code, reason = "every test file uses its own part")]
#![allow(unreachable_pub, reason = "shared by several test programs")]

pub mod raw;
mod sender;
pub mod trees;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use rsync_core::engine::connection::{ConnectionError, Ends, accept};
use rsync_core::engine::keeper::Keeper;
use rsync_core::engine::{self, Care, Error, Report, Settings, Stream};
use rsync_core::entry::{Entry, Kind, LinkTarget, Timestamp};
use rsync_core::keep::Keeping;
use rsync_core::options::Options;
use rsync_core::path::FileName;
use rsync_core::wire::hello::Features;
use rsync_core::wire::message::*;
use tempfile::TempDir;

use crate::common::{Recorder, snapshot, streams, write};

pub use sender::Sender;

/// Far more than any of these runs needs: who takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A directory `d` with something in it, beside things that must stay as they are.
pub struct Place {
    pub dir: TempDir,
    outside: BTreeMap<PathBuf, String>,
}

impl Place {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path();
        write(at.join("outside/canary"), b"alive");
        write(at.join("outside/below/canary"), b"alive");
        write(at.join("d-evil/canary"), b"alive");
        write(at.join("d/old"), b"precious");
        write(at.join("d/below/old"), b"precious");
        let outside = snapshot(at);
        Self { dir, outside }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn read(&self, name: &str) -> String {
        String::from_utf8_lossy(&std::fs::read(self.path(name)).unwrap()).into_owned()
    }

    pub fn exists(&self, name: &str) -> bool {
        self.path(name).symlink_metadata().is_ok()
    }

    /// Makes what was changed since the beginning part of what must stay.
    pub fn remember(&mut self) {
        self.outside = snapshot(self.dir.path());
    }

    /// Nothing beside the destination has changed.
    pub fn assert_outside_is_untouched(&self) {
        let is_outside = |(path, _): &(&PathBuf, &String)| {
            !path.as_os_str().is_empty() && !path.starts_with("d")
        };
        let now = snapshot(self.dir.path());
        let now: Vec<_> = now.iter().filter(is_outside).collect();
        let before: Vec<_> = self.outside.iter().filter(is_outside).collect();
        assert_eq!(now, before);
    }

    /// Nothing at all has changed, times of directories apart.
    pub fn assert_untouched(&self) {
        let content = |tree: &BTreeMap<PathBuf, String>| -> Vec<(PathBuf, String)> {
            let what = |what: &String| {
                if what.starts_with("dir") {
                    "dir".to_owned()
                } else {
                    what.clone()
                }
            };
            tree.iter()
                .map(|(path, found)| (path.clone(), what(found)))
                .collect()
        };
        assert_eq!(content(&snapshot(self.dir.path())), content(&self.outside));
    }

    /// Nothing that a run writes while it writes is left.
    pub fn assert_no_temporaries(&self) {
        let left: Vec<_> = snapshot(self.dir.path())
            .into_keys()
            .filter(|path| path.to_string_lossy().contains(".ksyncd."))
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

/// What came of a run against a hostile peer.
#[derive(Debug)]
pub struct Outcome {
    pub result: Result<Report, Error>,
    pub events: Vec<String>,
}

impl Outcome {
    /// The run failed as a whole; gives the reason.
    pub fn error(self) -> String {
        match self.result {
            Err(error) => error.to_string(),
            Ok(report) => panic!("the run succeeded: {report:?} {:#?}", self.events),
        }
    }

    /// The run came to its end, though perhaps not everything was done.
    pub fn report(self) -> Report {
        self.result
            .unwrap_or_else(|error| panic!("{error} {:#?}", self.events))
    }

    /// The run failed, or says that not everything is as it should be.
    pub fn assert_no_success(&self) {
        if let Ok(report) = &self.result {
            assert!(!report.receipt.is_complete(), "{self:?}");
        }
    }

    pub fn told(&self, word: &str) -> bool {
        self.events.iter().any(|event| event.contains(word))
    }
}

pub type ReceiverEnds = Ends<FromReceiver, FromSender>;
pub type Attack = Result<(), ConnectionError>;

/// Pulls the content of a directory into `d` from a sender that does `attack`.
pub fn pull(
    place: &Place,
    options: &Options,
    attack: impl FnOnce(&mut Sender) -> Attack + Send + 'static,
) -> Outcome {
    pull_path(place, "/src/", options, attack)
}

/// Pulls `source` into `d` from a sender that does `attack`.
pub fn pull_path(
    place: &Place,
    source: &str,
    options: &Options,
    attack: impl FnOnce(&mut Sender) -> Attack + Send + 'static,
) -> Outcome {
    pull_path_as(place, source, options, without_digests(), attack)
}

/// An end that has no digest of its tree, as the oldest have none: what is tried then is something
/// else.
pub fn without_digests() -> Settings {
    Settings {
        features: Features::LZ4.with(Features::ZSTD),
        ..Settings::default()
    }
}

/// Pulls `source` into `d` from a sender with these `settings` that does `attack`.
pub fn pull_path_as(
    place: &Place,
    source: &str,
    options: &Options,
    settings: Settings,
    attack: impl FnOnce(&mut Sender) -> Attack + Send + 'static,
) -> Outcome {
    pull_from(place, source, options, sender(settings, attack))
}

/// A sender with these `settings` that does `attack` at the other end of a stream.
pub fn sender(
    settings: Settings,
    attack: impl FnOnce(&mut Sender) -> Attack + Send + 'static,
) -> impl FnOnce(Stream) {
    move |there| {
        thread::spawn(move || {
            let (_, connection) = accept(there, &settings).unwrap();
            let mut sender = Sender::new(connection.into_sender().unwrap());
            let done = attack(&mut sender);
            if done.is_ok() {
                let _ = sender.ends.link.close();
            }
        });
    }
}

/// Pulls `source` into `d` from whatever `peer` starts at the other end of the stream.
pub fn pull_from(
    place: &Place,
    source: &str,
    options: &Options,
    peer: impl FnOnce(Stream),
) -> Outcome {
    pull_kept(place, source, options, None, peer)
}

/// The same, while `keeper` keeps what the run changes.
pub fn pull_kept(
    place: &Place,
    source: &str,
    options: &Options,
    keeper: Option<Arc<Keeping>>,
    peer: impl FnOnce(Stream),
) -> Outcome {
    let (here, there) = streams();
    peer(there);
    let (source, options) = (source.as_bytes().to_vec(), options.clone());
    let destination = place.path("d");
    within_patience(move |recorder| {
        let settings = Settings::default();
        let care = Care {
            keeper: keeper.as_deref().map(|keeper| keeper as &dyn Keeper),
            ..Care::default()
        };
        engine::pull_with_care(
            here,
            &source,
            &destination,
            &options,
            &settings,
            recorder,
            &care,
        )
    })
}

/// Pushes `s` to a receiver that does `attack`.
pub fn push(
    place: &Place,
    source: &str,
    options: &Options,
    attack: impl FnOnce(&mut ReceiverEnds) -> Attack + Send + 'static,
) -> Outcome {
    push_as(place, source, options, without_digests(), attack)
}

/// Pushes `s` to a receiver with these `settings` that does `attack`.
pub fn push_as(
    place: &Place,
    source: &str,
    options: &Options,
    settings: Settings,
    attack: impl FnOnce(&mut ReceiverEnds) -> Attack + Send + 'static,
) -> Outcome {
    let (here, there) = streams();
    thread::spawn(move || {
        let (_, connection) = accept(there, &settings).unwrap();
        let mut ends = connection.into_receiver().unwrap();
        if attack(&mut ends).is_ok() {
            let _ = ends.link.close();
        }
    });
    let (source, options) = (place.dir.path().join(source), options.clone());
    within_patience(move |recorder| {
        let settings = Settings::default();
        engine::push(here, &source, b"/dst", &options, &settings, recorder)
    })
}

/// What comes of `run`, which may not hang.
pub fn within_patience(
    run: impl FnOnce(&Recorder) -> Result<Report, Error> + Send + 'static,
) -> Outcome {
    let (done, result) = channel();
    thread::spawn(move || {
        let recorder = Recorder::default();
        let result = run(&recorder);
        let _ = done.send(Outcome {
            result,
            events: recorder.events(),
        });
    });
    result
        .recv_timeout(PATIENCE)
        .expect("the run hangs or has panicked")
}

pub fn seen(size: u64) -> Seen {
    Seen {
        size,
        mtime: Timestamp::new(1_000_000_000, 0),
        mode: 0o644,
    }
}

pub fn entry(name: &str, kind: Kind) -> Entry {
    Entry {
        name: FileName::new(name.as_bytes()).unwrap(),
        kind,
        mode: 0o755,
        mtime: Timestamp::new(1_000_000_000, 0),
        owner: None,
        link: None,
        xattrs: Vec::new(),
        digest: None,
    }
}

/// A file of four bytes, as long as `evil`.
pub fn file(name: &str) -> Entry {
    entry(name, Kind::File { size: 4 })
}

pub fn dir(name: &str) -> Entry {
    entry(name, Kind::Dir)
}

pub fn link(name: &str, target: &str) -> Entry {
    let target = LinkTarget::new(target.as_bytes()).unwrap();
    entry(name, Kind::Symlink { target })
}

pub fn id(dir: DirId, index: u32) -> FileId {
    FileId { dir, index }
}

/// Options that keep `pattern` out of the run.
pub fn excluding(pattern: &str) -> Options {
    let mut options = Options::default();
    options.filter.rules = vec![format!("- {pattern}").into_bytes()];
    options
}

/// A path in a form for [`std::path`].
pub fn below(place: &Place, path: &str) -> PathBuf {
    Path::new(&place.path(path)).to_path_buf()
}
