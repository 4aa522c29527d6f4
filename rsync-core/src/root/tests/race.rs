//! A directory that is swapped for a link to the outside, over and over, while it is worked on.
//!
//! How often the swap hits the right moment depends on the machine; that nothing gets out must
//! hold in any case.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rustix::fs::{RenameFlags, renameat_with};

use super::{Place, mode_of, name, path, set_mode};
use crate::entry::Timestamp;
use crate::root::{Detail, Metadata};

/// Swaps, and attempts of the work, unless the variable says more.
const ROUNDS: usize = 10_000;
const VARIABLE: &str = "KSYNCD_RACES";

/// Runs `work` at least so often, and until `here` and `there` were to change places as often.
fn while_swapping(place: &Place, here: &str, there: &str, mut work: impl FnMut(usize)) {
    let (done, swaps) = (AtomicBool::new(false), AtomicUsize::new(0));
    let wish = std::env::var(VARIABLE).ok();
    let rounds = wish.and_then(|wish| wish.parse().ok()).unwrap_or(ROUNDS);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let top = place.top().fd();
            while !done.load(Ordering::Relaxed) {
                // One of them may just have been removed by the work.
                let _ = renameat_with(top, here, top, there, RenameFlags::EXCHANGE);
                swaps.fetch_add(1, Ordering::Relaxed);
            }
        });
        // Set even if the work panics: the scope waits for the thread.
        let _stop = SetOnDrop(&done);
        let mut round = 0;
        while round < rounds || swaps.load(Ordering::Relaxed) < rounds {
            work(round);
            round += 1;
        }
        let swaps = swaps.load(Ordering::Relaxed);
        eprintln!("{here}: {swaps} swaps, {round} attempts");
    });
}

struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn r1_files_never_arrive_outside() {
    let place = Place::new();
    fs::create_dir_all(place.at("a/b")).unwrap();
    fs::create_dir(place.outside().join("b")).unwrap();
    symlink(place.outside(), place.at("link")).unwrap();
    let inside = fs::metadata(place.at("a/b")).unwrap().ino();
    while_swapping(&place, "a", "link", |round| {
        let Ok(dir) = place.top().open_beneath(&path("a/b")) else {
            return;
        };
        assert_eq!(dir.identity().unwrap().inode, inside);
        dir.stage()
            .unwrap()
            .commit(&dir, &name(&format!("file{}", round % 10)))
            .unwrap();
        let _ = dir.create_dir(&name("sub"), 0o700);
        assert!(dir.list(&Detail::default()).unwrap().problems.is_empty());
    });
    assert_eq!(fs::read_dir(place.outside().join("b")).unwrap().count(), 0);
    fs::remove_dir(place.outside().join("b")).unwrap();
    place.assert_outside_untouched();
}

#[test]
fn r2_metadata_never_lands_outside() {
    let place = Place::new();
    fs::create_dir(place.at("a")).unwrap();
    symlink(place.outside(), place.at("link")).unwrap();
    set_mode(&place.outside(), 0o751);
    let before = fs::metadata(place.outside()).unwrap();
    let all = Metadata {
        mode: Some(0o700),
        mtime: Some(Timestamp::new(5, 0)),
        ..Metadata::default()
    };
    let time = Metadata {
        mode: None,
        ..all.clone()
    };
    while_swapping(&place, "a", "link", |round| {
        // Refused while it is a link, done while it is the directory.
        let _ = place
            .top()
            .set_metadata(&name("a"), if round % 2 == 0 { &all } else { &time });
    });
    let after = fs::metadata(place.outside()).unwrap();
    assert_eq!(mode_of(&place.outside()), 0o751);
    assert_eq!(
        (after.mtime(), after.ctime_nsec()),
        (before.mtime(), before.ctime_nsec())
    );
}

#[test]
fn r6_content_is_never_read_from_outside() {
    let place = Place::new();
    fs::write(place.at("file"), "inside").unwrap();
    symlink(place.outside().join("secret"), place.at("link")).unwrap();
    while_swapping(&place, "file", "link", |_| {
        let Ok(source) = place.top().open_file(&name("file")) else {
            return;
        };
        let mut content = [0; 6];
        source.read_at(&mut content, 0).unwrap();
        assert_eq!(&content, b"inside");
    });
}

#[test]
fn r8_a_removal_never_reaches_outside() {
    let place = Place::new();
    symlink(place.outside(), place.at("link")).unwrap();
    while_swapping(&place, "tree/sub", "link", |_| {
        let _ = fs::create_dir_all(place.at("tree/sub"));
        let _ = fs::write(place.at("tree/file"), "");
        // It may find that somebody else works there; the rest goes with the next one.
        let _ = place.top().remove_tree(&name("tree"), &mut |_, _| {});
        let _ = symlink(place.outside(), place.at("link"));
    });
    place.assert_outside_untouched();
}
