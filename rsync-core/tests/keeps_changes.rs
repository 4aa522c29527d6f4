//! What a keeper is told of before it happens can be taken back.

#![cfg(all(feature = "keep", target_os = "linux"))]
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::fs;
use std::io::Write;
use std::ops::Range;
use std::path::PathBuf;

use proptest::prelude::*;
use rsync_core::engine::keeper::Keeper;
use rsync_core::keep::{Budget, Journal, Keeping, undo};
use rsync_core::path::FileName;
use rsync_core::root::{Dir, Root, StagedFile};

/// A destination, and where a run and its undo keep what they change.
struct Place {
    place: tempfile::TempDir,
    root: Root,
    keeping: Keeping,
}

impl Place {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        for name in ["d", "run", "undo"] {
            fs::create_dir(place.path().join(name)).unwrap();
        }
        let root = Root::open(&place.path().join("d")).unwrap();
        let keeping = Keeping::new(place.path().join("run"), Budget { bytes: 1 << 20 });
        keeping.open(&root, false);
        Self {
            place,
            root,
            keeping,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// Takes back what was told, and gives the paths that stay as they are.
    fn undo(&self) -> Vec<String> {
        let run = self.path("run");
        let records = Journal::read(&Keeping::journal_of(&run)).unwrap();
        let keeping = Keeping::new(self.path("undo"), Budget { bytes: 1 << 20 });
        keeping.open(&self.root, false);
        let mut conflicts = Vec::new();
        undo(&run, &records, &self.root, &keeping, &mut |path, _| {
            conflicts.push(path.to_string())
        })
        .unwrap();
        conflicts
    }
}

fn name(name: &str) -> FileName {
    FileName::new(name.as_bytes()).unwrap()
}

fn staged(dir: &Dir, content: &str) -> StagedFile {
    let mut file = dir.stage().unwrap();
    file.write_all(content.as_bytes()).unwrap();
    file
}

/// Puts files in place together, as a run does: those whose name is taken nowhere.
fn put_together(place: &Place, dir: &Dir, names: &[&FileName]) {
    let files: Vec<_> = names.iter().map(|_| staged(dir, "new")).collect();
    let told: Vec<_> = names
        .iter()
        .zip(&files)
        .map(|(name, file)| (*name, file.stamp().unwrap()))
        .collect();
    place.keeping.put_new(dir, &told);
    for (name, file) in names.iter().zip(files) {
        let _ = file.commit_new(dir, name);
    }
}

#[test]
fn new_files_that_are_put_together_go_together_and_what_was_there_stays() {
    let place = Place::new();
    fs::write(place.path("d/taken"), "mine").unwrap();
    put_together(
        &place,
        place.root.top(),
        &[&name("one"), &name("taken"), &name("two")],
    );
    assert_eq!(fs::read_dir(place.path("d")).unwrap().count(), 3);
    // The directory's own metadata is a change as well.
    assert_eq!(place.keeping.kept().changes, 2 + 2);

    assert!(place.undo().is_empty());
    let left: Vec<_> = fs::read_dir(place.path("d")).unwrap().collect();
    assert_eq!(left.len(), 1);
    assert_eq!(fs::read(place.path("d/taken")).unwrap(), b"mine");
}

#[test]
fn what_somebody_makes_in_a_directory_of_the_run_stays_although_nobody_looked() {
    let place = Place::new();
    let top = place.root.top();
    place.keeping.make_dir(top, &name("sub"));
    top.create_dir(&name("sub"), 0o700).unwrap();
    let sub = top.open_dir(&name("sub")).unwrap();
    fs::write(place.path("d/sub/taken"), "mine").unwrap();
    put_together(&place, &sub, &[&name("one"), &name("taken")]);

    let conflicts = place.undo();
    assert_eq!(conflicts, ["sub/taken", "sub"]);
    assert!(!place.path("d/sub/one").exists());
    assert_eq!(fs::read(place.path("d/sub/taken")).unwrap(), b"mine");
}

/// One attempt to change a file where it is: the parts of it that get other content, what it is cut
/// or lengthened to, and whether it was told what the file is then.
#[derive(Debug, Clone)]
struct Attempt {
    parts: Vec<Range<u64>>,
    len: u64,
    is_complete: bool,
}

fn attempt() -> impl Strategy<Value = Attempt> {
    let parts = prop::collection::vec((0u64..5000, 0u64..3000), 0..5);
    (parts, 0u64..20_000, any::<bool>()).prop_map(|(steps, len, is_complete)| {
        let mut end = 0;
        let parts = steps.into_iter().map(|(gap, len)| {
            let start = end + gap;
            end = start + len;
            start..end
        });
        Attempt {
            parts: parts.collect(),
            len,
            is_complete,
        }
    })
}

fn change_where_it_is(place: &Place, attempt: &Attempt, filler: u8) {
    let (dir, name) = (place.root.top(), name("f"));
    let mut keeper = place.keeping.change_content(dir, &name);
    let mut file = dir.open_in_place(&name).unwrap();
    for part in &attempt.parts {
        keeper.overwrite(part.clone());
        let content = vec![filler; (part.end - part.start) as usize];
        file.write_at(&content, part.start).unwrap();
    }
    let end = attempt.parts.last().map_or(0, |part| part.end);
    let len = attempt.len.max(end);
    keeper.overwrite(len..u64::MAX);
    file.set_len(len).unwrap();
    if attempt.is_complete {
        place.keeping.rewritten(dir, &name, &file.stamp().unwrap());
    }
}

proptest! {
    #[test]
    fn whatever_is_overwritten_cut_off_or_added_where_it_is_comes_back(
        len in 0usize..20_000,
        attempts in prop::collection::vec(attempt(), 1..4),
    ) {
        let place = Place::new();
        let old: Vec<u8> = (0..len).map(|at| (at / 7 % 251) as u8).collect();
        fs::write(place.path("d/f"), &old).unwrap();
        let before = place.root.top().stamp(&name("f")).unwrap();
        for (number, attempt) in attempts.iter().enumerate() {
            change_where_it_is(&place, attempt, 252 + number as u8);
        }
        prop_assert_eq!(place.undo(), Vec::<String>::new());
        prop_assert_eq!(fs::read(place.path("d/f")).unwrap(), old);
        prop_assert_eq!(place.root.top().stamp(&name("f")).unwrap().map(|now| now.mtime),
            before.map(|before| before.mtime));
    }
}

#[test]
fn a_part_that_there_is_no_room_for_leaves_the_file_as_the_run_left_it() {
    let place = Place::new();
    fs::write(place.path("d/f"), vec![b'o'; 3 << 20]).unwrap();
    let parts = [0..9, 1 << 20..(2 << 20) + 1, 2_999_000..3_000_000];
    let attempts = [&parts[..], &[]];
    for parts in attempts {
        let attempt = Attempt {
            parts: parts.to_vec(),
            len: 3 << 20,
            is_complete: true,
        };
        change_where_it_is(&place, &attempt, b'n');
    }
    let kept = place.keeping.kept();
    assert_eq!((kept.lost, kept.versions, kept.bytes), (1, 0, 0));
    let left = fs::read(place.path("d/f")).unwrap();
    assert_eq!(place.undo(), ["f"]);
    assert_eq!(fs::read(place.path("d/f")).unwrap(), left);
}
