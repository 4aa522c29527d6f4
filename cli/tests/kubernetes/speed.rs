//! Throughput, every way, beside `kubectl cp` and `tar` through `kubectl exec` in the same run.
//!
//! `cargo test --release -p ksyncd --test kubernetes speed -- --ignored --nocapture`

use std::fs;
use std::io::Write;
use std::process::Command;
use std::time::{Duration, Instant};

use super::site::{Site, web};
use super::tree::{differences, noise};

const FILES: u32 = 5_000;
const LARGE: usize = 200_000_000;

#[test]
#[ignore = "measures, which takes a release build and a quiet machine"]
fn speed_of_many_files_and_of_a_large_one() {
    for site in Site::each(web) {
        for number in 0..FILES {
            let directory = site.there(&format!("data/many/{}", number / 100));
            fs::create_dir_all(&directory).unwrap();
            let len = 100 + (number as usize * 37) % 9_000;
            fs::write(directory.join(number.to_string()), noise(len, 1, number)).unwrap();
        }
        fs::create_dir(site.there("data/large")).unwrap();
        fs::write(site.there("data/large/file"), noise(LARGE, 1, FILES)).unwrap();
        for part in ["many", "large"] {
            measure(&site, part);
        }
    }
}

fn measure(site: &Site, part: &str) {
    let execs = site.server.counts().execs();
    let ksyncd = time(|| {
        let ended = site.run(&format!("pull -a web:/data/{part}/ ksyncd-{part}"));
        ended.assert(0, &[]);
    });
    let execs = site.server.counts().execs() - execs;
    let copy = site.path(&format!("ksyncd-{part}"));
    assert_eq!(differences(&site.there(&format!("data/{part}")), &copy), "");
    assert_eq!(execs, 1);
    let mut line = format!("{}: {part}: ksyncd {ksyncd:.2?}", site.way.name);
    if !site.way.is_native() {
        let shell = |script: String| {
            let mut command = Command::new("sh");
            command.args(["-c", &script]).current_dir(site.path(""));
            command
                .env("HOME", site.path(""))
                .env("KUBECONFIG", site.path("kubeconfig"));
            time(move || assert!(command.output().unwrap().status.success(), "{script}"))
        };
        let copied = shell(format!("bin/kubectl cp web:/data/{part} cp-{part}"));
        let tar = shell(format!(
            "mkdir tar-{part} && bin/kubectl exec web -- tar -C /data/{part} -cf - . | tar -C tar-{part} -xf -"
        ));
        line.push_str(&format!(", kubectl cp {copied:.2?}, tar {tar:.2?}"));
    }
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn time(act: impl FnOnce()) -> Duration {
    let start = Instant::now();
    act();
    start.elapsed()
}
