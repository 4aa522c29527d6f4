//! Whole runs within this machine, from outside: the program is its own agent.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};
use serde_json::Value;
use tempfile::TempDir;

/// A source `s` and a destination `d` beside each other.
struct Place {
    dir: TempDir,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("s")).unwrap();
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn file(&self, name: &str, content: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Sets the time of an entry, not of what it points to, in seconds of 1970.
    fn date(&self, name: &str, secs: i64) {
        let time = Timespec {
            tv_sec: secs,
            tv_nsec: 0,
        };
        let times = Timestamps {
            last_access: time,
            last_modification: time,
        };
        utimensat(CWD, self.path(name), &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
    }

    fn command(&self, args: &str) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("ksyncd"));
        command
            .current_dir(self.dir.path())
            .env_remove("RSYNC_RSH")
            .env("XDG_STATE_HOME", self.path("state"))
            .args(args.split(' '));
        command
    }

    fn run(&self, args: &str) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs and gives the sorted lines of standard output.
    fn lines(&self, args: &str, code: i32) -> Vec<String> {
        let output = self.run(args);
        assert_eq!(
            output.status.code(),
            Some(code),
            "{args}: {}",
            text(&output.stderr)
        );
        let mut lines: Vec<String> = text(&output.stdout).lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }

    fn names(&self, dir: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(dir)).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn a_pull_and_a_push_bring_everything_and_account_for_it() {
    let place = Place::new();
    place.file("s/a/b/c", "hello");
    symlink("a/b/c", place.path("s/link")).unwrap();
    for verb in ["pull", "push"] {
        let output = place.run(&format!("{verb} s/ {verb}ed"));
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert!(output.stdout.is_empty());
        assert!(
            text(&output.stderr).starts_with("ksyncd: 4 entries: 4 transferred, 0 unchanged,"),
            "{output:?}"
        );
        assert_eq!(
            fs::read_to_string(place.path(&format!("{verb}ed/a/b/c"))).unwrap(),
            "hello"
        );
        assert_eq!(
            fs::read_link(place.path(&format!("{verb}ed/link"))).unwrap(),
            Path::new("a/b/c")
        );
        let again = place.run(&format!("{verb} s/ {verb}ed"));
        assert!(
            text(&again.stderr).starts_with("ksyncd: 4 entries: 0 transferred, 4 unchanged,"),
            "{again:?}"
        );
    }
}

/// The expected lines are those that rsync 3.5 prints for the same trees.
#[test]
fn itemized_lines_are_those_of_rsync() {
    let place = Place::new();
    for name in [
        "s/d/grown",
        "s/d/touched",
        "s/same",
        "d/d/grown",
        "d/d/touched",
        "d/same",
        "d/old/x",
    ] {
        place.file(name, "x");
        place.date(name, 1_000_000_000);
    }
    place.file("s/d/grown", "xx");
    place.date("s/d/grown", 1_100_000_000);
    place.date("s/d/touched", 1_200_000_000);
    place.file("s/new", "new");
    fs::create_dir(place.path("s/ne")).unwrap();
    symlink("grown", place.path("s/d/link")).unwrap();
    symlink("touched", place.path("d/d/link")).unwrap();
    place.date("s/d/link", 1_100_000_000);
    for name in ["d/d/link", "d/d", "d/old", "d", "s/d"] {
        place.date(name, 1_000_000_000);
    }

    let expected = [
        "*deleting   old/",
        "*deleting   old/x",
        ".d..t...... ./",
        ">f+++++++++ new",
        ">f..t...... d/touched",
        ">f.st...... d/grown",
        "cLc.t...... d/link -> grown",
        "cd+++++++++ ne/",
    ];
    assert_eq!(place.lines("pull -ani --delete s/ d", 0), expected);
    assert_eq!(
        place.names("d"),
        ["d", "old", "same"],
        "a dry run changes nothing"
    );
    let mut done = place.lines("pull -ai --delete s/ d", 0);
    // The directory that the link is made anew in gets its time back.
    done.retain(|line| line != ".d..t...... d/");
    assert_eq!(done, expected);
    assert!(place.lines("pull -ai --delete s/ d", 0).is_empty());
}

#[test]
fn names_are_listed_when_asked_for() {
    let place = Place::new();
    place.file("s/a", "x");
    place.file("d/old", "x");
    let lines = place.lines("pull -v --delete s/ d", 0);
    assert_eq!(lines.last().unwrap(), "deleting old");
    assert!(lines.contains(&"a".to_owned()), "{lines:?}");
}

#[test]
fn quiet_is_silent() {
    let place = Place::new();
    place.file("s/a", "x");
    let output = place.run("pull -q s/ d");
    assert!(
        output.status.success() && output.stdout.is_empty() && output.stderr.is_empty(),
        "{output:?}"
    );
}

#[test]
fn the_first_filter_that_matches_decides_across_options() {
    let place = Place::new();
    for name in ["keep.o", "drop.o", "a.c"] {
        place.file(&format!("s/{name}"), "x");
    }
    place.file("rules", "- *.o\n");
    assert_eq!(
        place
            .run("pull --include=keep.o --exclude-from=rules s/ first")
            .status
            .code(),
        Some(0)
    );
    assert_eq!(place.names("first"), ["a.c", "keep.o"]);
    assert_eq!(
        place
            .run("pull --exclude-from=rules --include=keep.o s/ second")
            .status
            .code(),
        Some(0)
    );
    assert_eq!(place.names("second"), ["a.c"]);
}

#[test]
fn without_recursion_directories_come_empty() {
    let place = Place::new();
    place.file("s/d/deep", "x");
    place.file("s/f", "x");
    assert_eq!(place.run("pull --no-recursive s/ d").status.code(), Some(0));
    assert_eq!(place.names("d"), ["d", "f"]);
    assert!(place.names("d/d").is_empty());
}

#[test]
fn a_source_that_is_not_there_ends_with_23_and_its_name() {
    let place = Place::new();
    for line in ["pull gone/ d", "push gone/ d"] {
        let output = place.run(line);
        assert_eq!(output.status.code(), Some(23), "{line}");
        assert!(text(&output.stderr).contains("gone"), "{output:?}");
    }
}

#[test]
fn deletions_over_the_limit_end_with_25() {
    let place = Place::new();
    place.file("s/kept", "x");
    for name in ["1", "2", "3"] {
        place.file(&format!("d/{name}"), "x");
    }
    let output = place.run("pull --delete --max-delete=1 s/ d");
    assert_eq!(output.status.code(), Some(25), "{output:?}");
    let text = text(&output.stderr);
    assert!(
        text.contains("--max-delete") && text.contains("1 deleted; 2 deletions withheld"),
        "{text}"
    );
    assert_eq!(place.names("d").len(), 3);
}

#[test]
fn d1_an_empty_source_deletes_nothing_unless_told_to() {
    let place = Place::new();
    place.file("d/precious", "x");
    let output = place.run("pull --delete s/ d");
    assert_eq!(output.status.code(), Some(25), "{output:?}");
    assert!(
        text(&output.stderr).contains("--delete-from-empty"),
        "{output:?}"
    );
    assert_eq!(place.names("d"), ["precious"]);
    assert_eq!(
        place
            .run("pull --delete --delete-from-empty s/ d")
            .status
            .code(),
        Some(0)
    );
    assert!(place.names("d").is_empty());
}

#[test]
fn json_is_one_event_a_line_with_exact_names_and_ends_with_the_account() {
    let place = Place::new();
    let odd = OsStr::from_bytes(b"odd\n\xff");
    fs::write(place.path("s").join(odd), "x").unwrap();
    let output = place.run("pull --json s/ d");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let events: Vec<Value> = text(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(events[0]["event"], "connected");
    let item = events.iter().find(|event| event["kind"] == "file").unwrap();
    assert_eq!(item["path_bytes"], "b2RkCv8=");
    assert!(item.get("path").is_none());
    let summary = events.last().unwrap();
    assert_eq!(
        (&summary["event"], &summary["exit_code"]),
        (&"summary".into(), &0.into())
    );
}

#[test]
fn the_log_says_what_was_done() {
    let place = Place::new();
    place.file("s/a", "x");
    assert_eq!(
        place.run("pull -q --log-file=log s/ d").status.code(),
        Some(0)
    );
    let log = fs::read_to_string(place.path("log")).unwrap();
    assert!(
        log.lines().any(|line| line.ends_with("] >f+++++++++ a")),
        "{log}"
    );
    assert!(log.contains(" entries: "), "{log}");
}

#[test]
fn figures_come_with_stats() {
    let place = Place::new();
    place.file("s/a", "hello");
    let output = place.run("pull --stats s/ d");
    let text = text(&output.stdout);
    for line in [
        "Number of regular files transferred: 1",
        "Total file size: 5 bytes",
        "Literal data: 5 bytes",
    ] {
        assert!(text.lines().any(|shown| shown == line), "{text}");
    }
}

#[test]
fn a_reader_that_goes_away_does_not_stop_the_run() {
    let place = Place::new();
    place.file("s/a", "x");
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = place
        .command("pull -v s/ d")
        .stdout(writer)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(13), "{output:?}");
    assert_eq!(fs::read_to_string(place.path("d/a")).unwrap(), "x");
}

#[test]
fn a_signal_ends_the_run_with_20_and_leaves_nothing_half_done() {
    let place = Place::new();
    fs::write(place.path("s/big"), noise(64 << 20)).unwrap();
    let mut run = place
        .command("pull --bwlimit=1M --no-compress s/ d")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while fs::read_dir(place.path("d")).map_or(0, Iterator::count) == 0 {
        assert!(run.try_wait().unwrap().is_none(), "it ended too early");
        thread::sleep(Duration::from_millis(5));
    }
    let pid = rustix::process::Pid::from_child(&run);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(run.wait().unwrap().code(), Some(20));
    let mut said = String::new();
    run.stderr.unwrap().read_to_string(&mut said).unwrap();
    assert!(said.contains("interrupted"), "{said}");
    assert!(place.names("d").is_empty(), "{:?}", place.names("d"));
}

#[test]
#[cfg(target_os = "linux")]
fn there_is_room_for_descriptors_before_there_are_threads() {
    let place = Place::new();
    let shell = "while read line; do case $line in FDSize:*) echo $line >size; esac; done </proc/$PPID/status";
    place.file("shell", &format!("#!/bin/sh\n{shell}\nexit 1\n"));
    let script = place.path("shell");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let args = format!("pull --rsh {} host:/s/ d/", script.display());
    place.command(&args).output().unwrap();
    let said = fs::read_to_string(place.path("size")).unwrap();
    let room = said
        .split_whitespace()
        .last()
        .and_then(|room| room.parse::<u32>().ok());
    assert!(room.unwrap() >= 1024, "{said}");
}

/// In more directories than can be open at a time: a file that changes, one that is new, one that is
/// there under another name, one that goes, and directories that make way for a link and for a file. In one
/// of them, as many directories in each other, which go.
fn many_directories(place: &Place) {
    const DIRECTORIES: usize = 300;
    let old = noise(20_000);
    for number in 0..DIRECTORIES {
        for (top, mark) in [("s", "newer"), ("d", "old")] {
            let dir = format!("{top}/{number:03}");
            place.file(&format!("{dir}/{mark}"), &format!("{mark} {number}"));
            let path = place.path(&format!("{dir}/changed"));
            fs::write(&path, [&old, dir.as_bytes(), mark.as_bytes()].concat()).unwrap();
            place.date(
                &format!("{dir}/changed"),
                1_000 * mark.len() as i64 + number as i64,
            );
            let moved = format!("{dir}/moved-{mark}");
            place.file(&moved, &format!("{number:05}"));
            place.date(&moved, 1_000_000 + number as i64);
        }
        symlink("newer", place.path(&format!("s/{number:03}/way"))).unwrap();
        place.file(&format!("d/{number:03}/way/made"), "a directory");
        place.file(&format!("s/{number:03}/full"), "a file");
        place.file(&format!("d/{number:03}/full/of"), "files");
    }
    place.file(&format!("d/000/{}file", "deep/".repeat(DIRECTORIES)), "");
}

#[test]
fn a_run_that_may_have_few_descriptors_brings_everything() {
    for descriptors in ["80", "256"] {
        for verb in ["pull", "push"] {
            let place = Place::new();
            many_directories(&place);
            let command = place.command(&format!("{verb} --delete s/ d/"));
            let mut limited = Command::new("sh");
            limited
                .args(["-c", "ulimit -n $0; exec \"$@\"", descriptors])
                .arg(command.get_program())
                .args(command.get_args())
                .envs(
                    command
                        .get_envs()
                        .filter_map(|(name, value)| Some((name, value?))),
                )
                .current_dir(place.dir.path());
            let output = limited.output().unwrap();
            let said = text(&output.stderr);
            assert!(output.status.success(), "{verb} {descriptors}: {said}");
            assert!(!said.contains("can not be undone"), "{said}");
            let differs = Command::new("diff")
                .args(["-r", "s", "d"])
                .current_dir(place.dir.path())
                .output()
                .unwrap();
            assert_eq!(text(&differs.stdout), "", "{verb} {descriptors}: {said}");
        }
    }
}

/// Bytes that do not shrink.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(&mut next)
        .flatten()
        .take(len)
        .collect()
}
