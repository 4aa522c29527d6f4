//! Throughput beside `docker cp` and `tar` through `docker exec` in the same run.
//!
//! `cargo test --release -p ksyncd --test containers speed -- --ignored --nocapture`

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::process::Command;
use std::time::{Duration, Instant};

use super::daemon::Daemon;

const FILES: usize = 5_000;
const LARGE: usize = 200_000_000;
const ROUNDS: usize = 5;

#[test]
#[ignore = "measures, which takes a release build and a quiet machine"]
fn speed_of_many_files_and_of_a_large_one() {
    let Some(docker) = Daemon::get() else { return };
    let random = |len: usize| {
        let mut bytes = vec![0; len];
        let mut source = fs::File::open("/dev/urandom").unwrap();
        std::io::Read::read_exact(&mut source, &mut bytes).unwrap();
        bytes
    };
    for number in 0..FILES {
        let directory = docker.path(&format!("original/many/{}", number / 100));
        fs::create_dir_all(&directory).unwrap();
        let content = random(100 + number * 37 % 9_000);
        fs::write(directory.join(number.to_string()), content).unwrap();
    }
    fs::create_dir(docker.path("original/large")).unwrap();
    fs::write(docker.path("original/large/file"), random(LARGE)).unwrap();
    let container = docker.container("busy", &[]);
    docker.docker(&["cp", "original/.", &format!("{container}:/data")]);

    for part in ["many", "large"] {
        let mut times: BTreeMap<&str, Vec<Duration>> = BTreeMap::new();
        for _ in 0..ROUNDS {
            for tool in ["ksyncd", "docker cp", "docker exec tar"] {
                let _ = fs::remove_dir_all(docker.path("copy"));
                fs::create_dir(docker.path("copy")).unwrap();
                let there = format!("{container}:/data/{part}");
                let begun = Instant::now();
                match tool {
                    "ksyncd" => docker
                        .run(&format!("pull -a docker:{there}/ copy"))
                        .assert(0, &[]),
                    "docker cp" => drop(docker.docker(&["cp", &format!("{there}/."), "copy"])),
                    _ => docker.shell(&format!(
                        "docker exec {container} busybox tar -C /data/{part} -cf - . | tar -C copy -xf -"
                    )),
                }
                times.entry(tool).or_default().push(begun.elapsed());
                let original = docker.path(&format!("original/{part}"));
                let mut compare = Command::new("diff");
                compare.arg("-r").arg(original).arg(docker.path("copy"));
                assert!(compare.status().unwrap().success(), "{tool}");
            }
        }
        for (tool, times) in &mut times {
            times.sort_unstable();
            let (first, median, last) = (times[0], times[ROUNDS / 2], times[ROUNDS - 1]);
            let line = format!("{part:<6} {tool:<16} {median:.3?} ({first:.3?} to {last:.3?})");
            let _ = writeln!(std::io::stderr(), "{line}");
        }
    }
}
