//! A process that can open nothing more says that it keeps nothing. The only test here: the limit is
//! the process's.

#![cfg(all(feature = "keep", target_os = "linux"))]
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::fs;

use rsync_core::engine::keeper::Keeper;
use rsync_core::keep::{Budget, Keeping, Loss};
use rsync_core::path::FileName;
use rsync_core::root::Root;
use rustix::io::Errno;
use rustix::process::{Resource, getrlimit, setrlimit};

/// Does something while nothing can be opened. What is open stays so.
fn without_descriptors(what: impl FnOnce()) {
    let usual = getrlimit(Resource::Nofile);
    let mut none = usual;
    none.current = Some(0);
    setrlimit(Resource::Nofile, none).unwrap();
    what();
    setrlimit(Resource::Nofile, usual).unwrap();
}

#[test]
fn a_run_whose_destination_can_not_be_held_for_the_journal_says_that_it_keeps_nothing() {
    for is_created in [false, true] {
        let place = tempfile::tempdir().unwrap();
        let (dir, run) = (place.path().join("d"), place.path().join("run"));
        fs::create_dir(&dir).unwrap();
        fs::create_dir(&run).unwrap();
        let root = Root::open(&dir).unwrap();
        let keeping = Keeping::new(run.clone(), Budget { bytes: 1 << 20 });
        without_descriptors(|| keeping.open(&root, is_created));
        keeping.make_dir(root.top(), &FileName::new(b"new").unwrap());

        let kept = keeping.kept();
        assert_eq!(kept.changes, 0);
        assert_eq!(kept.lost, 1 + u64::from(is_created));
        let Some(Loss::System { code, .. }) = kept.first_loss else {
            panic!("{kept:?}");
        };
        assert_eq!(code, Errno::MFILE.raw_os_error());
        assert!(!Keeping::journal_of(&run).exists());
    }
}
