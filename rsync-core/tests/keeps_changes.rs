//! What a keeper is told of before it happens can be taken back.

#![cfg(all(feature = "keep", target_os = "linux"))]
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::fs;
use std::io::Write;
use std::path::PathBuf;

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
