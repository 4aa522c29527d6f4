//! Any two trees are alike after one run, and the next run sends nothing.

#![allow(clippy::unwrap_used)]

mod common;

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use common::{content_of, deleting, snapshot, try_pull, try_push};
use proptest::prelude::*;
use rsync_core::monitor::Silent;

#[derive(Debug, Clone)]
enum Node {
    File {
        seed: u8,
        len: usize,
        mode: u32,
        secs: i64,
    },
    Dir {
        mode: u32,
        secs: i64,
        below: Vec<(Vec<u8>, Node)>,
    },
    Link {
        target: String,
    },
}

fn name() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => "[a-d]".prop_map(String::into_bytes),
        1 => Just(vec![0xff, 0xfe]),
        1 => Just(b"-rf".to_vec()),
        1 => Just(b"new\nline".to_vec()),
    ]
}

fn leaf() -> impl Strategy<Value = Node> {
    let len = prop_oneof![4 => 0usize..100, 2 => 2000usize..9000, 1 => 60_000usize..300_000];
    let mode = prop::sample::select(vec![0o644u32, 0o600, 0o755, 0o444]);
    prop_oneof![
        5 => (0u8..3, len, mode, 0i64..3).prop_map(|(seed, len, mode, secs)| Node::File { seed, len, mode, secs }),
        1 => "[a-c/.]{1,6}".prop_map(|target| Node::Link { target }),
    ]
}

fn node() -> impl Strategy<Value = Node> {
    leaf().prop_recursive(4, 40, 6, |inner| {
        let mode = prop::sample::select(vec![0o755u32, 0o700, 0o555]);
        (prop::collection::vec((name(), inner), 0..6), mode, 0i64..3)
            .prop_map(|(below, mode, secs)| Node::Dir { mode, secs, below })
    })
}

fn tree() -> impl Strategy<Value = Node> {
    prop::collection::vec((name(), node()), 0..8).prop_map(|below| Node::Dir {
        mode: 0o755,
        secs: 1,
        below,
    })
}

/// The same content seed gives the same bytes, with lengths cut: files that share beginnings.
fn content(seed: u8, len: usize) -> Vec<u8> {
    let mut state = u32::from(seed) + 1;
    (0..len)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect()
}

fn make(path: &Path, node: &Node) {
    let set = |secs: i64, mode: u32| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        let time = std::time::UNIX_EPOCH + std::time::Duration::new(1_000_000 + secs as u64, 7);
        std::fs::File::open(path)
            .unwrap()
            .set_modified(time)
            .unwrap();
    };
    match node {
        Node::File {
            seed,
            len,
            mode,
            secs,
        } => {
            std::fs::write(path, content(*seed, *len)).unwrap();
            set(*secs, *mode);
        }
        Node::Link { target } => std::os::unix::fs::symlink(target, path).unwrap(),
        Node::Dir { mode, secs, below } => {
            std::fs::create_dir(path).unwrap();
            for (name, node) in below {
                let path = path.join(std::ffi::OsStr::from_bytes(name));
                if std::fs::symlink_metadata(&path).is_err() {
                    make(&path, node);
                }
            }
            set(*secs, *mode);
        }
    }
}

/// What quick check can not tell apart is not different: same size and time, other content.
fn would_fool_quick_check(a: &Path, b: &Path) -> bool {
    let (Ok(found_a), Ok(found_b)) = (std::fs::symlink_metadata(a), std::fs::symlink_metadata(b))
    else {
        return false;
    };
    if found_a.is_dir() && found_b.is_dir() {
        return std::fs::read_dir(a).unwrap().any(|entry| {
            would_fool_quick_check(
                &entry.as_ref().unwrap().path(),
                &b.join(entry.unwrap().file_name()),
            )
        });
    }
    let times = || found_a.modified().unwrap() == found_b.modified().unwrap();
    found_a.is_file()
        && found_b.is_file()
        && found_a.len() == found_b.len()
        && times()
        && std::fs::read(a).unwrap() != std::fs::read(b).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn two_trees_converge_in_one_run_and_the_next_sends_nothing(
        source in tree(), destination in prop::option::of(tree()), push: bool, whole_file: bool, in_place: bool,
    ) {
        let place = tempfile::tempdir().unwrap();
        let (from, to) = (place.path().join("from"), place.path().join("to"));
        make(&from, &source);
        if let Some(destination) = &destination {
            make(&to, destination);
        }
        prop_assume!(!would_fool_quick_check(&from, &to));
        let mut options = deleting();
        options.delete.when_source_is_empty = true;
        options.whole_file = whole_file;
        options.write.in_place = in_place;
        let run = || {
            let sync = if push { try_push } else { try_pull };
            sync(&content_of(&from), &to, &options, &Silent)
        };
        let report = run().unwrap();
        prop_assert!(report.receipt.is_complete(), "{:?}", report.receipt);
        prop_assert_eq!(snapshot(&from), snapshot(&to));
        prop_assert!(report.tree_digest.is_some());
        let again = run().unwrap();
        prop_assert!(again.receipt.is_complete(), "{:?}", again.receipt);
        prop_assert_eq!(again.receipt.transferred, 0);
        prop_assert_eq!(again.receipt.literal_bytes, 0);
        prop_assert_eq!(again.receipt.entries, report.receipt.entries);
        prop_assert_eq!(again.tree_digest, report.tree_digest);
    }
}
