//! What a lying sender does to a file that is changed where it is can be taken back.

use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

use rsync_core::checksum::Digest;
use rsync_core::entry::Kind;
use rsync_core::keep::{Budget, Journal, Keeping, undo};
use rsync_core::options::Options;
use rsync_core::root::Root;
use rsync_core::wire::message::DataOp;

use crate::hostile::{Place, entry, pull_kept, sender, without_digests};

/// What is sent of a file, once it is asked for.
type Attempt = fn() -> Vec<DataOp>;

/// The old content stays, and something is written behind it.
fn lengthening() -> Vec<DataOp> {
    let old = DataOp::Copy { offset: 0, len: 8 };
    vec![old, DataOp::Literal(b"evil".to_vec())]
}

/// Something is written over the old content.
fn rewriting() -> Vec<DataOp> {
    vec![DataOp::Literal(b"evil evil ev".to_vec())]
}

#[test]
fn a_file_that_gets_longer_at_first_and_is_overwritten_then_comes_back_whole() {
    let orders: [&[Attempt]; 5] = [
        &[lengthening],
        &[rewriting],
        &[lengthening, rewriting],
        &[lengthening, lengthening, rewriting],
        &[rewriting, lengthening],
    ];
    for order in orders {
        let place = Place::new();
        let before = std::fs::metadata(place.path("d/old")).unwrap();
        for name in ["run", "undo"] {
            std::fs::create_dir(place.path(name)).unwrap();
        }
        let budget = Budget { bytes: 1 << 20 };
        let keeping = Arc::new(Keeping::new(place.path("run"), budget));
        let mut options = Options::default();
        options.write.in_place = true;
        let peer = sender(without_digests(), move |sender| {
            sender.open()?;
            sender.list("", vec![entry("old", Kind::File { size: 12 })])?;
            sender.listed()?;
            let mut attempt = 0;
            sender.serve(|sender, file, _| {
                let ops = order[attempt.min(order.len() - 1)]();
                attempt += 1;
                sender.streamed(file, 12, ops, Digest::of(b"something else"))
            })
        });
        let outcome = pull_kept(&place, "/src/", &options, Some(Arc::clone(&keeping)), peer);
        assert_eq!(outcome.report().receipt.failed, 1);
        assert_ne!(place.read("d/old"), "precious");

        let records = Journal::read(&Keeping::journal_of(&place.path("run"))).unwrap();
        let root = Root::open(&place.path("d")).unwrap();
        let undoing = Keeping::new(place.path("undo"), budget);
        let run = place.path("run");
        let mut left = Vec::new();
        undo(&run, &records, &root, &undoing, &mut |path, _| {
            left.push(path.to_string());
        })
        .unwrap();
        assert!(left.is_empty(), "{left:?}");
        assert_eq!(place.read("d/old"), "precious");
        let after = std::fs::metadata(place.path("d/old")).unwrap();
        assert_eq!(
            (after.ino(), after.mode(), after.mtime(), after.mtime_nsec()),
            (
                before.ino(),
                before.mode(),
                before.mtime(),
                before.mtime_nsec()
            )
        );
    }
}
