//! Throughput, every way, beside `kubectl cp` and `tar` through `kubectl exec` in the same run.
//!
//! `cargo test --release -p ksyncd --test kubernetes speed -- --ignored --nocapture`
//!
//! All ways and tools take turns, so that what else the machine does meets all of them. Every copy is
//! compared with the original, file by file, after its time was taken.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::process::Command;
use std::time::{Duration, Instant};

use super::site::{Site, web};
use super::tree::{differences, files, noise};

const FILES: u32 = 5_000;
const LARGE: usize = 200_000_000;
/// How often each is measured, if `KSYNCD_ROUNDS` does not say.
const ROUNDS: u32 = 5;

/// What brings files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Tool {
    /// The agent has to be delivered first.
    FirstContact,
    /// The agent is there.
    Ksyncd,
    /// The agent and all files are there.
    Again,
    KubectlCp,
    Tar,
}

const TOOLS: [Tool; 5] = [
    Tool::FirstContact,
    Tool::Ksyncd,
    Tool::Again,
    Tool::KubectlCp,
    Tool::Tar,
];

#[test]
#[ignore = "measures, which takes a release build and a quiet machine"]
fn speed_of_many_files_and_of_a_large_one() {
    let rounds = std::env::var("KSYNCD_ROUNDS").map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    let sites = Site::each(web);
    for site in &sites {
        for number in 0..FILES {
            let len = 100 + (number as usize * 37) % 9_000;
            let name = format!("data/many/{}/{number}", number / 100);
            site.put("web", &name, noise(len, 1, number));
        }
        site.put("web", "data/large/file", noise(LARGE, 1, FILES));
    }
    for part in ["many", "large"] {
        let mut times: BTreeMap<_, Vec<Duration>> = BTreeMap::new();
        for _ in 0..rounds {
            for (number, site) in sites.iter().enumerate() {
                for tool in TOOLS {
                    if let Some(time) = measure(site, tool, part) {
                        times.entry((number, tool)).or_default().push(time);
                    }
                }
            }
        }
        for ((number, tool), times) in &mut times {
            times.sort_unstable();
            let bytes = if part == "many" { many_len() } else { LARGE };
            report(part, sites[*number].way.name, *tool, bytes, times);
        }
    }
}

fn many_len() -> usize {
    (0..FILES as usize)
        .map(|number| 100 + (number * 37) % 9_000)
        .sum()
}

/// How long it took; `None` where the tool does not belong to this way.
fn measure(site: &Site, tool: Tool, part: &str) -> Option<Duration> {
    let original = site.there(&format!("data/{part}"));
    let copy = site.path("copy");
    let is_ours = matches!(tool, Tool::FirstContact | Tool::Ksyncd | Tool::Again);
    if !is_ours && site.way.is_native() {
        return None;
    }
    if tool == Tool::FirstContact {
        // There is nothing to remove before the first round.
        let _ = fs::remove_dir_all(site.there("tmp/.ksyncd-0"));
    }
    if tool != Tool::Again {
        let _ = fs::remove_dir_all(&copy);
    }
    let execs = site.server.counts().execs();
    let begun = Instant::now();
    match tool {
        Tool::KubectlCp => shell(site, &format!("bin/kubectl cp web:/data/{part} copy")),
        Tool::Tar => {
            let there = format!("bin/kubectl exec web -- tar -C /data/{part} -cf - .");
            shell(site, &format!("mkdir copy && {there} | tar -C copy -xf -"));
        }
        _ => site
            .run(&format!("pull -a web:/data/{part}/ copy"))
            .assert(0, &[]),
    }
    let time = begun.elapsed();
    if is_ours {
        assert_eq!(site.server.counts().execs() - execs, 1, "one exec");
        assert_eq!(differences(&original, &copy), "");
    } else {
        assert!(files(&original) == files(&copy), "{tool:?}");
    }
    Some(time)
}

fn shell(site: &Site, script: &str) {
    let mut command = Command::new("sh");
    command.args(["-c", script]).current_dir(site.path(""));
    command
        .env("HOME", site.path(""))
        .env("KUBECONFIG", site.path("kubeconfig"));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{script}: {output:?}");
}

/// `times` are sorted.
fn report(part: &str, way: &str, tool: Tool, bytes: usize, times: &[Duration]) {
    let seconds = |at: usize| times[at].as_secs_f64();
    let (median, last) = (seconds(times.len() / 2), times.len() - 1);
    let rate = match tool {
        // Nothing but listings travels.
        Tool::Again => String::new(),
        _ => format!("{:.1} MB/s", bytes as f64 / median / 1e6),
    };
    let _ = writeln!(
        std::io::stderr(),
        "{part:<6} {way:<46} {:<13} {median:>6.3} s ({:.3} to {:.3}) {rate}",
        format!("{tool:?}"),
        seconds(0),
        seconds(last),
    );
}
