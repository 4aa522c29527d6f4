//! The agent in a container that has next to no memory: its kernel would kill it, and perhaps what
//! the container is there for, if it took more.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

use crate::place::Place;
use crate::points::all_points;

/// What the agent's control group may have, in bytes.
const LIMIT: u64 = 32 << 20;

/// A control group of its own, gone when dropped.
struct Group {
    dir: PathBuf,
    peak: &'static str,
}

impl Group {
    /// Of the second or the first version; the error says why there is none.
    fn new(name: &str) -> Result<Self, String> {
        let name = format!("ksyncd-{name}-{}", std::process::id());
        let versions = [
            ("/sys/fs/cgroup", "memory.max", "memory.peak"),
            (
                "/sys/fs/cgroup/memory",
                "memory.limit_in_bytes",
                "memory.max_usage_in_bytes",
            ),
        ];
        let mut reasons = Vec::new();
        for (root, limit, peak) in versions {
            let dir = PathBuf::from(root).join(&name);
            let made = fs::create_dir(&dir);
            let group = Self { dir, peak };
            // Without the kernel's own files in it, that is an ordinary directory.
            let set = made.and_then(|()| {
                let file = OpenOptions::new().write(true).open(group.dir.join(limit));
                file?.write_all(LIMIT.to_string().as_bytes())
            });
            match set {
                Ok(()) => return Ok(group),
                Err(error) => reasons.push(format!("{root}: {error}")),
            }
        }
        Err(reasons.join(", "))
    }

    fn peak(&self) -> String {
        fs::read_to_string(self.dir.join(self.peak)).unwrap_or_default()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.dir);
    }
}

fn assert_works(verb: &str) {
    let group = match Group::new(verb) {
        Ok(group) => group,
        Err(why) => {
            eprintln!("skipped: {verb} within {LIMIT} bytes: no control group can be made: {why}");
            return;
        }
    };
    let place = Place::new();
    let (files, mib) = if all_points() {
        (100_000, 1024)
    } else {
        (3000, 96)
    };
    place.shell(&format!(
        "mkdir s; cd s; for d in $(seq 100); do mkdir $d; for f in $(seq {}); do echo $d $f > $d/$f; done; done
         head -c {mib}M /dev/urandom > large
         cat > ../rsh <<'END'\n#!/bin/sh\nshift; echo $$ > {}/cgroup.procs; exec \"$@\"\nEND\nchmod +x ../rsh",
        files / 100,
        group.dir.display()
    ));
    let (rsh, here) = (place.path("rsh"), place.path(""));
    let (rsh, here) = (rsh.display(), here.display());
    // Once anew, and once with everything there and the large file changed in its middle.
    for round in ["anew", "again"] {
        let ends = match verb {
            "pull" => format!("h:{here}s/ d"),
            _ => format!("s/ h:{here}d"),
        };
        let line = format!("{verb} -a --no-undo --rsh={rsh} {ends}");
        let output = place.command(&line).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        if said.contains("no agent") {
            eprintln!("skipped: this build has no agent to deliver");
            return;
        }
        assert_eq!(output.status.code(), Some(0), "{verb} {round}: {said}");
        place.shell("diff -r s d");
        place.shell("printf changed | dd of=s/large bs=1 seek=40000000 conv=notrunc 2>/dev/null");
    }
    eprintln!(
        "{verb}: {files} files and {mib} MiB within {LIMIT} bytes, pages of files included: at most {} bytes",
        group.peak().trim()
    );
}

#[test]
fn x10_the_agent_of_a_pull_works_within_32_mib() {
    assert_works("pull");
}

#[test]
fn x10_the_agent_of_a_push_works_within_32_mib() {
    assert_works("push");
}
