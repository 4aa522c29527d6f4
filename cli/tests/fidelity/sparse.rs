//! Holes in files.

use std::fs::File;
use std::os::unix::fs::FileExt;

use crate::judge::{assert_nothing_to_do, disk_usage};
use crate::memory::peaks_of;
use crate::place::{Place, is_asked_for_everything, lacks, places};

/// More than the disk needs for the few bytes of data in these files.
const LITTLE: u64 = 256 << 10;
/// More memory than either side may need for a file of any size.
const ENOUGH_MEMORY: u64 = 64 << 20;

#[test]
fn holes_stay_holes() {
    if lacks(&["rsync", "du"]) {
        return;
    }
    for place in places() {
        place.in_source(
            "truncate -s 64M empty; truncate -s 64M end; printf x >> end
             printf x > start; truncate -s 64M start; truncate -s 10M middle; printf x >> middle; truncate -s 20M middle
             truncate -s 40000 small; printf x >> small",
        );
        place.sync("-a").done();
        assert_nothing_to_do(&place, "-ac --delete");
        for name in ["empty", "end", "start", "middle", "small"] {
            let usage = disk_usage(&place.dest().join(name));
            assert!(usage <= 16 << 10, "{name} takes {usage}");
        }
    }
}

#[test]
fn holes_stay_holes_in_a_file_that_is_updated_or_moved() {
    if lacks(&["rsync", "du"]) {
        return;
    }
    for place in places() {
        place.in_source(
            "truncate -s 32M updated; truncate -s 32M moved; printf end | tee -a updated >> moved",
        );
        place.copy();
        for options in ["-a --delete", "-a --delete --inplace", "-a"] {
            let file = File::options()
                .write(true)
                .open(place.source().join("updated"));
            file.unwrap()
                .write_at(options.as_bytes(), 20 << 20)
                .unwrap();
            place.sync(options).done();
            assert_nothing_to_do(&place, "-ac");
            let usage = disk_usage(&place.dest().join("updated"));
            assert!(usage <= LITTLE, "{options}: takes {usage}");
        }
        place.in_source("mv moved another-name");
        place.sync("-a --delete").done();
        assert_nothing_to_do(&place, "-ac --delete");
        place.in_source("mv another-name yet-another");
        place.sync("-a --delete --max-delete=9").done();
        assert_nothing_to_do(&place, "-ac --delete");
        let usage = disk_usage(&place.dest().join("yet-another"));
        assert!(usage <= LITTLE, "a moved file takes {usage}");
    }
}

#[test]
fn zeros_become_holes_when_asked_for() {
    if lacks(&["rsync", "du"]) {
        return;
    }
    for place in places() {
        place.in_source("head -c 4M /dev/zero > zeros; echo x >> zeros; head -c 40000 /dev/zero > small; echo x >> small");
        place.sync("-aS").done();
        assert_nothing_to_do(&place, "-ac");
        for name in ["zeros", "small"] {
            let usage = disk_usage(&place.dest().join(name));
            assert!(usage <= 16 << 10, "{name} takes {usage}");
        }
    }
}

#[test]
fn a_file_of_4_gib_with_little_in_it_takes_little_disk_and_memory() {
    if lacks(&["rsync", "du"]) {
        return;
    }
    for place in places() {
        let huge = make_huge(&place);
        assert_takes_little(&place, "created");
        if is_asked_for_everything() {
            huge.write_at(b"y", 2 << 30).unwrap();
            assert_takes_little(&place, "updated");
        }
    }
}

fn make_huge(place: &Place) -> File {
    let huge = File::create(place.source().join("huge")).unwrap();
    huge.set_len(4 << 30).unwrap();
    for offset in [0, 1 << 30, 3 << 30, (4 << 30) - 1] {
        huge.write_at(b"x", offset).unwrap();
    }
    huge
}

fn assert_takes_little(place: &Place, how: &str) {
    let peaks = peaks_of(place.command("-a", "s/", "d"));
    eprintln!("{:?}: {how}: bytes of memory: {peaks:?}", place.way);
    let usage = disk_usage(&place.dest().join("huge"));
    assert!(usage <= LITTLE, "takes {usage}");
    assert!(peaks.iter().all(|&peak| peak < ENOUGH_MEMORY), "{peaks:?}");
    assert_nothing_to_do(place, "-a");
    for offset in [0, 1 << 30, 2 << 30, 3 << 30, (4 << 30) - 1] {
        let byte_of = |tree: std::path::PathBuf| {
            let mut byte = [0];
            File::open(tree.join("huge"))
                .unwrap()
                .read_exact_at(&mut byte, offset)
                .unwrap();
            byte
        };
        assert_eq!(
            byte_of(place.source()),
            byte_of(place.dest()),
            "at {offset}"
        );
    }
}
