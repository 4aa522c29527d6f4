//! Whole runs against a peer whose words were recorded from an honest one, and are then cut after
//! every byte, and said twice, in another order or not at all, frame by frame. Whatever comes of it:
//! no file is there that is not as it was or as it should be, and no run calls itself complete unless
//! the tree is.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
#[path = "../common/mod.rs"]
mod common;
mod speech;

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use common::{Recorder, content_of, deleting, write};
use rsync_core::engine::{self, Settings, Stream};
use rsync_core::options::{Compression, Options};
use speech::Piece;

/// Which end's words are recorded and played again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Played {
    /// An agent's, to a client that pulls.
    Agent,
    /// A client's that pushes, to an agent.
    Client,
}

struct Place {
    dir: tempfile::TempDir,
    played: Played,
}

/// Every file: its content.
type Files = BTreeMap<PathBuf, Vec<u8>>;

impl Place {
    fn new(played: Played) -> Self {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path().join("from/new"), b"new content");
        write(dir.path().join("from/changed"), &[7; 300]);
        write(dir.path().join("from/sub/same"), b"same");
        Self { dir, played }
    }

    fn from(&self) -> PathBuf {
        self.dir.path().join("from")
    }

    fn to(&self) -> PathBuf {
        self.dir.path().join("to")
    }

    /// What is at the destination before every run.
    fn prepare(&self) {
        let _ = std::fs::remove_dir_all(self.to());
        for (name, content) in [("changed", "old"), ("gone", "gone")] {
            let path = self.to().join(name);
            write(&path, content.as_bytes());
            // What an end says of them is as long every time.
            let file = std::fs::File::options().write(true).open(path).unwrap();
            file.set_modified(std::time::UNIX_EPOCH).unwrap();
        }
    }

    fn options() -> Options {
        Options {
            compression: Compression::Off,
            ..deleting()
        }
    }

    /// The end that is tried, with this stream. True if it calls the run complete.
    fn try_end(&self, stream: Stream) -> bool {
        match self.played {
            Played::Agent => {
                let source = content_of(&self.from());
                engine::pull(
                    stream,
                    source.as_bytes(),
                    &self.to(),
                    &Self::options(),
                    &Settings::default(),
                    &Recorder::default(),
                )
                .is_ok_and(|report| report.receipt.is_complete())
            }
            // What an agent calls complete is for its client to judge, who is not there.
            Played::Client => engine::serve(stream, &Settings::default()).is_ok(),
        }
    }

    fn other_end(&self, stream: Stream) {
        let settings = Settings::default();
        match self.played {
            Played::Agent => engine::serve(stream, &settings).unwrap(),
            Played::Client => {
                let (source, to) = (content_of(&self.from()), self.to());
                let (source, to) = (Path::new(&source), to.as_os_str().as_bytes());
                let monitor = Recorder::default();
                engine::push(stream, source, to, &Self::options(), &settings, &monitor)
                    .map(drop)
                    .unwrap();
            }
        }
    }

    /// All that the played end says in an honest run, after which the tree is whole.
    fn record(&self) -> Vec<Piece> {
        self.prepare();
        let pieces = speech::record(
            |stream| self.other_end(stream),
            |stream| assert!(self.try_end(stream)),
        );
        self.assert_whole();
        assert!(self.play(pieces.clone()), "as it was recorded it succeeds");
        self.assert_whole();
        pieces
    }

    /// Says `pieces` to a new run. True if that calls itself complete.
    fn play(&self, pieces: Vec<Piece>) -> bool {
        self.prepare();
        self.try_end(speech::play(pieces))
    }

    fn files(&self, below: &Path) -> Files {
        let mut files = Files::new();
        let mut dirs = vec![below.to_owned()];
        while let Some(dir) = dirs.pop() {
            for entry in std::fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    dirs.push(path);
                } else {
                    let name = path.strip_prefix(below).unwrap().to_owned();
                    files.insert(name, std::fs::read(path).unwrap());
                }
            }
        }
        files
    }

    fn assert_whole(&self) {
        assert_eq!(self.files(&self.to()), self.files(&self.from()));
    }

    /// Every file is the old one or the new one, and what was said to be complete is.
    fn assert_not_wrong(&self, complete: bool, what: &str) {
        if complete {
            return self.assert_whole();
        }
        let (now, new) = (self.files(&self.to()), self.files(&self.from()));
        for (name, content) in &now {
            let old: Option<&[u8]> = match name.to_str() {
                Some("changed") => Some(b"old"),
                Some("gone") => Some(b"gone"),
                _ => None,
            };
            let is_temporary = name.to_string_lossy().contains(".ksyncd.");
            assert!(
                is_temporary
                    || old == Some(&content[..])
                    || new.get(name).is_some_and(|new| new == content),
                "{what}: {name:?} holds {content:?}"
            );
        }
        assert!(now.contains_key(Path::new("changed")), "{what}: lost");
    }
}

#[test]
fn x11_a_run_that_is_cut_after_any_byte_is_no_success_and_harms_no_file() {
    for played in [Played::Agent, Played::Client] {
        let place = Place::new(played);
        let pieces = place.record();
        let mut cuts = 0;
        for last in 0..pieces.len() {
            for len in 0..pieces[last].bytes.len() {
                let mut cut = pieces[..=last].to_vec();
                cut[last].bytes.truncate(len);
                let complete = place.play(cut);
                let what = format!("{played:?}: {len} bytes of piece {last}");
                place.assert_not_wrong(complete, &what);
                let misses_something = pieces[last..].iter().any(Piece::matters);
                assert!(!complete || !misses_something, "{what}");
                cuts += 1;
            }
        }
        println!("{played:?}: cut after each of {cuts} bytes: 0 wrong");
    }
}

#[test]
fn x11_frames_of_a_run_that_are_doubled_swapped_or_lost_do_no_harm() {
    for played in [Played::Agent, Played::Client] {
        let place = Place::new(played);
        let pieces = place.record();
        let (mut tried, mut complete_ones) = (0, 0);
        let mut play = |pieces: Vec<Piece>, what: String| {
            let complete = place.play(pieces);
            place.assert_not_wrong(complete, &what);
            tried += 1;
            complete_ones += u32::from(complete);
        };
        for first in 0..pieces.len() {
            let mut lost = pieces.clone();
            lost[first].bytes.clear();
            play(lost, format!("{played:?}: {first} lost"));
            for second in 0..pieces.len() {
                let mut doubled = pieces.clone();
                let again = Piece {
                    after: pieces[second].after,
                    bytes: pieces[first].bytes.clone(),
                };
                doubled.insert(second, again);
                play(
                    doubled,
                    format!("{played:?}: {first} again before {second}"),
                );
                if first >= second {
                    continue;
                }
                let mut swapped = pieces.clone();
                swapped[first].bytes = pieces[second].bytes.clone();
                swapped[second].bytes = pieces[first].bytes.clone();
                play(swapped, format!("{played:?}: {first} and {second} swapped"));
            }
        }
        println!(
            "{played:?}: {} frames, {tried} times doubled, swapped or lost: 0 wrong, \
             {complete_ones} complete all the same",
            pieces.len()
        );
        assert!(complete_ones > 0, "what may come twice was tried too");
    }
}
