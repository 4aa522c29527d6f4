//! An agent that serves a source to a client that says anything: nothing outside of the source
//! is read, and the source stays as it is.

#![no_main]

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use oracles::peer::{client, settings};
use rsync_core::engine::serve;
use rsync_core::options::{Attributes, Compare, FilterSpec, Links, Options};
use rsync_core::wire::message::{Request, Role};

const SECRET: &[u8] = b"nobody may ever hear this";

struct Tree {
    place: tempfile::TempDir,
    source: PathBuf,
}

static TREE: LazyLock<Tree> = LazyLock::new(|| {
    let place = tempfile::tempdir().expect("a directory to work in");
    let source = place.path().join("source");
    fs::create_dir_all(source.join("d")).expect("a directory");
    fs::write(place.path().join("secret"), SECRET).expect("a file");
    fs::write(source.join("excluded"), SECRET).expect("a file");
    fs::write(source.join("a"), [b'a'; 70_000]).expect("a file");
    fs::write(source.join("d/b"), "small").expect("a file");
    for (target, name) in [("../secret", "l"), ("..", "up"), ("d/b", "inside")] {
        std::os::unix::fs::symlink(target, source.join(name)).expect("a link");
    }
    Tree { place, source }
});

fuzz_target!(|bytes: &[u8]| {
    let Some((&choice, batch)) = bytes.split_first() else {
        return;
    };
    let source = TREE.source.as_os_str().as_bytes();
    let request = Request {
        role: Role::Sender,
        path: [source, b"/"].concat(),
        options: options(choice),
    };
    let (stream, heard) = client(&request, batch);
    let served = serve(stream, &settings());
    let said = heard.bytes();
    assert!(
        !said.windows(SECRET.len()).any(|window| window == SECRET),
        "a secret went out: {served:?}"
    );
    assert_eq!(
        fs::read_dir(TREE.place.path())
            .expect("a directory")
            .count(),
        2
    );
    assert_eq!(fs::read_dir(&TREE.source).expect("a directory").count(), 6);
});

fn options(choice: u8) -> Options {
    let bit = |number: u8| choice >> number & 1 == 1;
    Options {
        attributes: Attributes {
            hard_links: bit(0),
            xattrs: bit(1),
            specials: bit(2),
            ..Attributes::default()
        },
        links: match choice >> 3 & 3 {
            0 => Links::Preserve,
            1 => Links::Skip,
            _ => Links::Safe,
        },
        compare: if bit(5) {
            Compare::Checksum
        } else {
            Compare::QuickCheck
        },
        filter: FilterSpec {
            rules: vec![b"- excluded".to_vec()],
            ..FilterSpec::default()
        },
        whole_file: bit(6),
        ..Options::default()
    }
}
