//! A whole pull from an agent that says anything: nothing outside of the destination changes.

#![no_main]

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use oracles::peer::{agent, settings};
use rsync_core::engine::pull;
use rsync_core::monitor::Silent;
use rsync_core::options::{Attributes, Compare, Delete, DeleteWhen, Links, Options, Write};

/// In memory, if the system has such a place.
static PLACE: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let shared_memory = Path::new("/dev/shm");
    let place = if shared_memory.is_dir() {
        tempfile::tempdir_in(shared_memory)
    } else {
        tempfile::tempdir()
    };
    place.expect("a directory to work in")
});

fuzz_target!(|bytes: &[u8]| {
    let Some((&choice, batch)) = bytes.split_first() else {
        return;
    };
    let options = options(choice);
    let place = PLACE.path();
    let destination = prepare(place);
    let before = outside(place);

    let (stream, _) = agent(batch);
    let report = pull(
        stream,
        b"/source/",
        &destination,
        &options,
        &settings(),
        &Silent,
    );

    assert_eq!(outside(place), before, "something outside was touched");
    if let Ok(report) = report {
        assert!(report.receipt.adds_up());
    }
    assert_eq!(temporaries(&destination), Vec::<String>::new());
});

/// A destination with something in it that leads astray, beside something to be hit.
fn prepare(place: &Path) -> std::path::PathBuf {
    let destination = place.join("destination");
    let _ = fs::remove_dir_all(&destination);
    let victim = place.join("victim");
    if !victim.exists() {
        fs::create_dir(&victim).expect("a directory");
        fs::write(victim.join("file"), "precious").expect("a file");
    }
    fs::create_dir(&destination).expect("a directory");
    fs::create_dir(destination.join("d")).expect("a directory");
    fs::write(destination.join("a"), [b'x'; 2000]).expect("a file");
    fs::write(destination.join("d/b"), "old").expect("a file");
    for (target, name) in [
        ("../victim", "l"),
        ("../victim/file", "f"),
        ("../..", "d/up"),
    ] {
        std::os::unix::fs::symlink(target, destination.join(name)).expect("a link");
    }
    destination
}

/// Everything about what lies beside the destination.
fn outside(place: &Path) -> Vec<(String, u64, u32, i64, i64)> {
    let mut found: Vec<_> = ["", "victim"]
        .iter()
        .flat_map(|dir| fs::read_dir(place.join(dir)).expect("a directory"))
        .map(|entry| entry.expect("an entry"))
        .filter(|entry| entry.file_name() != "destination")
        .map(|entry| {
            let found = entry.metadata().expect("metadata");
            let name = entry.path().display().to_string();
            (
                name,
                found.ino(),
                found.mode(),
                found.ctime(),
                found.ctime_nsec(),
            )
        })
        .collect();
    found.sort();
    assert_eq!(
        fs::read(place.join("victim/file")).expect("a file"),
        b"precious"
    );
    found
}

/// Files that a run puts together and has to clean up.
fn temporaries(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with(".ksyncd.") && name.ends_with(".tmp") && name.len() == 28)
        .collect()
}

fn options(choice: u8) -> Options {
    let bit = |number: u8| choice >> number & 1 == 1;
    Options {
        attributes: Attributes {
            hard_links: bit(0),
            xattrs: bit(1),
            specials: bit(2),
            ..Attributes::default()
        },
        links: if bit(3) { Links::Safe } else { Links::Preserve },
        compare: if bit(4) {
            Compare::Checksum
        } else {
            Compare::QuickCheck
        },
        delete: Delete {
            when: if bit(5) {
                DeleteWhen::After
            } else {
                DeleteWhen::Never
            },
            ..Delete::default()
        },
        write: Write {
            in_place: bit(6),
            sparse: bit(7),
            ..Write::default()
        },
        ..Options::default()
    }
}
