//! Whole runs over an in-memory stream: two engines, one tree each.

mod common;

use common::{Recorder, content_of, deleting, pull, snapshot, try_pull, try_push, write};
use rsync_core::options::Options;

#[test]
fn a_pull_makes_an_exact_copy_and_the_next_one_sends_nothing() {
    let place = tempfile::tempdir().unwrap();
    let (source, destination) = (place.path().join("src"), place.path().join("dst"));
    write(source.join("a"), b"hello");
    write(source.join("sub/dir/b"), &vec![7; 3_000_000]);
    write(source.join("sub/empty"), b"");
    std::os::unix::fs::symlink("../nowhere", source.join("sub/link")).unwrap();
    let options = Options::default();
    let report = pull(&source, &destination, &options);
    assert!(report.receipt.is_complete(), "{:?}", report.receipt);
    assert_eq!(report.receipt.entries, 6);
    assert_eq!(
        std::fs::read(destination.join("sub/dir/b")).unwrap(),
        vec![7; 3_000_000]
    );
    let again = pull(&source, &destination, &options);
    assert!(again.receipt.is_complete(), "{:?}", again.receipt);
    assert_eq!(again.receipt.unchanged, 6);
    assert_eq!(again.receipt.transferred, 0);
    assert!(again.traffic.received < 1000, "{:?}", again.traffic);
}

#[test]
fn changes_moves_and_deletions_arrive() {
    let place = tempfile::tempdir().unwrap();
    let (source, destination) = (place.path().join("src"), place.path().join("dst"));
    let mut big: Vec<u8> = (0..4_000_000u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    write(source.join("big"), &big);
    write(source.join("old/moved"), &big[..1_000_000]);
    write(source.join("gone"), b"gone");
    let options = deleting();
    pull(&source, &destination, &options);
    big[2_000_000] ^= 1;
    big.splice(1_000_000..1_000_000, *b"inserted");
    write(source.join("big"), &big);
    std::fs::rename(source.join("old"), source.join("new")).unwrap();
    std::fs::remove_file(source.join("gone")).unwrap();
    let report = pull(&source, &destination, &options);
    assert!(report.receipt.is_complete(), "{:?}", report.receipt);
    assert_eq!(std::fs::read(destination.join("big")).unwrap(), big);
    assert!(destination.join("new/moved").exists() && !destination.join("old").exists());
    assert!(!destination.join("gone").exists());
    assert!(
        report.receipt.literal_bytes < 20_000,
        "{:?}",
        report.receipt
    );
    assert_eq!(report.receipt.moved, 1);
}

#[test]
fn who_pushes_is_told_what_happens_at_the_destination() {
    let place = tempfile::tempdir().unwrap();
    let (source, destination) = (place.path().join("src"), place.path().join("dst"));
    write(source.join("new"), b"new");
    write(destination.join("old"), b"old");
    write(destination.join("full/kept"), b"in the way");
    write(source.join("full"), b"a file now");
    let told = |tell_all| {
        let monitor = Recorder::default();
        let mut options = Options {
            tell_all,
            dry_run: !tell_all,
            ..deleting()
        };
        options.delete.limit = Some(0);
        try_push(&content_of(&source), &destination, &options, &monitor).unwrap();
        monitor.events().join("\n")
    };
    let quiet = told(false);
    assert!(!quiet.contains("Item"), "{quiet}");
    assert!(quiet.contains("DeletesWithheld"), "{quiet}");
    let all = told(true);
    assert!(all.contains("Item { path: \"new\""), "{all}");
    assert!(
        all.contains("Listed { entries: 2, wanted_bytes: 13, wanted_files: 2 }"),
        "{all}"
    );
    assert!(all.contains("DeletesWithheld"), "{all}");
    assert!(all.contains("Trouble"), "{all}");
}

#[test]
fn a_merge_file_that_is_not_understood_hides_nothing_to_deletion() {
    let place = tempfile::tempdir().unwrap();
    let (source, destination) = (place.path().join("src"), place.path().join("dst"));
    write(source.join("dir/.rules"), b"what is this\n");
    write(source.join("dir/file"), b"file");
    write(source.join("other"), b"other");
    write(destination.join("dir/file"), b"old");
    write(destination.join("dir/mine"), b"mine");
    let mut options = deleting();
    options.filter.rules = vec![b": .rules".to_vec()];
    let monitor = Recorder::default();
    let report = try_pull(&content_of(&source), &destination, &options, &monitor).unwrap();
    assert!(!report.receipt.is_complete());
    assert_eq!(report.receipt.unlisted, 1, "{:?}", monitor.events());
    assert_eq!(std::fs::read(destination.join("dir/file")).unwrap(), b"old");
    assert!(destination.join("dir/mine").exists());
    assert!(destination.join("other").exists());
}

#[test]
fn what_differs_below_more_directories_than_are_told_of_at_once_arrives() {
    let place = tempfile::tempdir().unwrap();
    let (from, to) = (place.path().join("from"), place.path().join("to"));
    for package in 0..1200 {
        write(from.join(format!("{package}/lib/file")), b"one");
    }
    pull(&from, &to, &deleting());
    // In few directories, which are listed, then in many, which are asked about.
    for changed in [0..3, 0..1100] {
        let count = changed.len() as u64;
        for package in changed {
            let content = format!("{count} of them");
            write(from.join(format!("{package}/lib/file")), content.as_bytes());
        }
        let report = pull(&from, &to, &deleting());
        assert_eq!(report.receipt.transferred, count);
        assert_eq!(snapshot(&from), snapshot(&to));
        assert!(report.tree_digest.is_some());
    }
}
