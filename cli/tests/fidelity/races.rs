//! Files that change while they are read: nothing torn arrives.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Child, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::awkward::noise;
use crate::place::{Place, Run, places};

/// Bytes of a block that a writer writes at once.
const BLOCK: usize = 4096;

/// Runs `change` over and over until `run` has ended.
fn while_changing(change: impl FnMut() + Send, run: impl FnOnce() -> Run) -> Run {
    let stop = AtomicBool::new(false);
    let mut change = change;
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                change();
            }
        });
        let run = run();
        stop.store(true, Ordering::Relaxed);
        run
    })
}

/// Writes version after version, block by block from the front: at any moment the file holds some
/// blocks of one version and then only blocks of the one before.
fn write_versions(file: &File, blocks: usize, version: &mut u32) {
    *version += 1;
    let block: Vec<u8> = version.to_le_bytes().repeat(BLOCK / 4);
    for number in 0..blocks {
        file.write_all_at(&block, (number * BLOCK) as u64).unwrap();
    }
}

/// True if the file held exactly this at some moment; a block may be there in part.
fn existed(content: &[u8]) -> bool {
    let versions: Vec<u32> = content
        .chunks(4)
        .map(|bytes| u32::from_le_bytes(bytes.try_into().unwrap()))
        .collect();
    let Some(&first) = versions.first() else {
        return true;
    };
    let mut older = versions.iter().skip_while(|&&version| version == first);
    older.all(|&version| version + 1 == first)
}

/// The run was a success and what arrived existed, or it says that it was not and the old
/// version is there.
#[track_caller]
fn assert_not_torn(place: &Place, run: &Run, old: Option<&[u8]>) {
    let found = fs::read(place.dest().join("f")).ok();
    match run.code {
        Some(0) => {
            let found = found.unwrap();
            let mut versions: Vec<&[u8]> = found.chunks(4).collect();
            versions.dedup();
            assert!(existed(&found), "something torn arrived: {versions:?}");
        }
        Some(23 | 24) => {
            assert!(run.err.contains('f'), "{}", run.err);
            assert!(found.as_deref() == old, "the old version is not there");
        }
        code => panic!("{code:?}: {}", run.err),
    }
}

#[test]
fn a_file_that_is_written_all_the_time_is_never_delivered_torn() {
    for blocks in [1, 4, 64, 2000] {
        for has_old in [false, true] {
            for options in ["-a", "-a --whole-file", "-ac"] {
                for place in places() {
                    let file = File::create(place.source().join("f")).unwrap();
                    let mut version = 0;
                    write_versions(&file, blocks, &mut version);
                    let old = 7u32.to_le_bytes().repeat(blocks * BLOCK / 4);
                    if has_old {
                        place.write_dest("f", &old);
                        place.in_dest("touch -d @5 f");
                    }
                    let run = while_changing(
                        || write_versions(&file, blocks, &mut version),
                        || place.sync(options),
                    );
                    assert_not_torn(&place, &run, has_old.then_some(&old));
                }
            }
        }
    }
}

#[test]
fn a_file_that_is_replaced_all_the_time_arrives_as_one_of_them() {
    for place in places() {
        let source = place.source();
        let replace = |number: &mut u32| {
            *number += 1;
            let content = number.to_le_bytes().repeat(100_000);
            fs::write(source.join("next"), content).unwrap();
            fs::rename(source.join("next"), source.join("f")).unwrap();
        };
        let mut number = 0;
        replace(&mut number);
        for _ in 0..5 {
            let run = while_changing(|| replace(&mut number), || place.sync("-a --exclude=next"));
            let found = place.read_dest("f");
            let first = &found[..4];
            assert!(matches!(run.code, Some(0 | 24)), "{}", run.err);
            assert!(found.len() == 400_000 && found.chunks(4).all(|number| number == first));
        }
    }
}

/// A run of one large file that was begun and takes a while.
fn begin(place: &Place, content: &[u8]) -> Child {
    place.write("f", content);
    let run = start_slow(place);
    wait_until(|| largest(&place.dest()) > 300_000);
    run
}

fn start_slow(place: &Place) -> Child {
    place
        .command("-a --bwlimit=4M --no-compress", "s/", "d")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn wait_until(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < deadline, "it does not happen");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Size of the largest file in a directory.
fn largest(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let sizes = entries.map(|entry| entry.metadata().map_or(0, |found| found.len()));
    sizes.max().unwrap_or(0)
}

fn end(run: Child) -> Run {
    let output: Output = run.wait_with_output().unwrap();
    Run::of("", output)
}

#[test]
fn a_file_that_grows_shrinks_or_is_rewritten_while_it_is_read_is_read_again() {
    let content = noise(2_000_000);
    let changes: [(&str, Vec<u8>); 4] = [
        ("grows", [content.as_slice(), b"more"].concat()),
        ("shrinks", content[..1000].to_vec()),
        ("is rewritten", noise(2_000_001)),
        ("is emptied", Vec::new()),
    ];
    for place in places() {
        for (what, after) in &changes {
            let run = begin(&place, &content);
            let file = File::options()
                .write(true)
                .open(place.source().join("f"))
                .unwrap();
            file.write_all_at(after, 0).unwrap();
            file.set_len(after.len() as u64).unwrap();
            end(run).done();
            assert!(place.read_dest("f") == *after, "{what}");
            fs::remove_dir_all(place.dest()).unwrap();
        }
    }
}

#[test]
fn a_file_that_vanishes_before_it_is_read_is_reported_and_the_others_arrive() {
    for place in places() {
        for number in 0..300 {
            place.write(format!("{number:03}"), noise(20_000));
        }
        place.write("zzz", noise(3_000_000));
        place.write_dest("zzz", "old");
        let run = start_slow(&place);
        wait_until(|| fs::read_dir(place.dest()).unwrap().count() > 20);
        fs::remove_file(place.source().join("zzz")).unwrap();
        let run = end(run);
        // It may have been opened before it went, which lets it be read.
        match run.code {
            Some(0) => assert!(place.read_dest("zzz") == noise(3_000_000)),
            _ => {
                let run = run.ended(24);
                assert!(run.err.contains("zzz"), "{}", run.err);
                assert_eq!(place.read_dest("zzz"), b"old");
            }
        }
        for number in 0..300 {
            assert!(place.dest().join(format!("{number:03}")).exists());
        }
    }
}

#[test]
fn a_tree_that_changes_all_the_time_never_ends_a_run_early() {
    for place in places() {
        let source = place.source();
        for number in 0..200 {
            place.write(format!("stays/{number}"), format!("{number}"));
        }
        let mut random = crate::stale::Random::new(5);
        let mut change = || {
            let dir = source.join(format!("comes{}", random.next() % 4));
            let file = dir.join(format!("{}", random.next() % 10));
            match random.next() % 4 {
                0 => drop(fs::create_dir(&dir)),
                1 => drop(fs::remove_dir_all(&dir)),
                2 => drop(fs::write(&file, noise((random.next() % 100_000) as usize))),
                _ => drop(fs::remove_file(&file)),
            }
        };
        for _ in 0..10 {
            let run = while_changing(&mut change, || place.sync("-a --delete"));
            assert!(
                matches!(run.code, Some(0 | 23 | 24)),
                "{:?}: {}",
                run.code,
                run.err
            );
            for number in 0..200 {
                assert_eq!(
                    place.read_dest(&format!("stays/{number}")),
                    format!("{number}").as_bytes()
                );
            }
        }
        place.sync("-a --delete").done();
        crate::judge::assert_nothing_to_do(&place, "-ac --delete");
    }
}
