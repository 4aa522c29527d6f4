//! `--chmod` gives the modes that rsync gives.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod oracle;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use oracle::Choices;
use rsync_core::options::chmod;

const MODES: [u32; 10] = [
    0, 0o644, 0o755, 0o700, 0o421, 0o7777, 0o4755, 0o2644, 0o1060, 0o7067,
];

const CHANGES: &[&str] = &[
    "D755,F644",
    "u=rwX,go-w",
    "Dg+s,ug+w,Fo-w,+X",
    "D2775,F664",
    "go=",
    "a=rX",
    "g=u",
    "o=g",
    "g-o",
    "g=o,o=",
    "u=o,g=u",
    "=u",
    "+g",
    "-o",
    "D=g",
    "a+s",
    "+s",
    "g=s",
    "u=t",
    "=t",
    "+t",
    "o+t",
    "a-X",
    "u+x,+X",
    "u=rwxX",
    "uu+r",
    "uDFF+r",
    "DD755",
    "00000755",
    "7",
    "0",
    "+",
    "=",
    "u=",
    "uD+r",
    "",
    "u",
    "D",
    "u+rw,",
    ",u+r",
    "u+rw-x",
    "DF755",
    "u7",
    "8",
    "10000",
    "g+uo",
    "g+a",
    "u=gX",
    "x",
    "u+ r",
];

fn umask() -> u32 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let umask = status.lines().find_map(|line| line.strip_prefix("Umask:"));
    umask
        .and_then(|octal| u32::from_str_radix(octal.trim(), 8).ok())
        .unwrap_or(0o022)
}

fn build(source: &Path) {
    fs::create_dir(source).unwrap();
    for mode in MODES {
        let (file, dir) = (
            source.join(format!("f{mode:o}")),
            source.join(format!("d{mode:o}")),
        );
        fs::write(&file, "").unwrap();
        fs::create_dir(&dir).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        fs::set_permissions(&dir, fs::Permissions::from_mode(mode)).unwrap();
    }
}

fn modes(directory: &Path) -> BTreeMap<String, u32> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    let mode = |entry: &fs::DirEntry| entry.metadata().unwrap().permissions().mode() & 0o7777;
    entries
        .map(|entry| (entry.file_name().into_string().unwrap(), mode(&entry)))
        .collect()
}

fn rsync_gives(change: &str, room: &Path) -> Option<BTreeMap<String, u32>> {
    let copy = room.join("copy");
    let _ = fs::remove_dir_all(&copy);
    let arguments = ["-a", &format!("--chmod={change}"), "source/", "copy/"].map(str::to_owned);
    let output = oracle::run("rsync", &arguments, room);
    match output.status.code() {
        Some(0) => Some(modes(&copy)),
        Some(1) => None,
        other => panic!(
            "--chmod={change} ended with {other:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        ),
    }
}

fn assert_changes_the_same(change: &str, room: &Path) {
    let ours = chmod::parse(change, umask()).ok().map(|rules| {
        let before = MODES.iter().flat_map(|mode| [("f", *mode), ("d", *mode)]);
        before
            .map(|(kind, mode)| {
                (
                    format!("{kind}{mode:o}"),
                    chmod::apply(&rules, mode, kind == "d"),
                )
            })
            .collect()
    });
    assert_eq!(ours, rsync_gives(change, room), "--chmod={change}");
}

/// Directories that their owner can not enter can be copied by the superuser only.
fn comparable() -> bool {
    let locked = tempfile::tempdir().unwrap();
    fs::set_permissions(locked.path(), fs::Permissions::from_mode(0o000)).unwrap();
    let superuser = fs::read_dir(locked.path()).is_ok();
    if !superuser {
        oracle::note("skipped: modes without access can be compared by the superuser only");
    }
    superuser && oracle::installed("rsync")
}

#[test]
fn every_listed_change_gives_the_modes_of_rsync() {
    if !comparable() {
        return;
    }
    let room = tempfile::tempdir().unwrap();
    build(&room.path().join("source"));
    for change in CHANGES {
        assert_changes_the_same(change, room.path());
    }
}

#[test]
fn random_changes_give_the_modes_of_rsync() {
    if !comparable() {
        return;
    }
    let room = tempfile::tempdir().unwrap();
    build(&room.path().join("source"));
    for seed in oracle::seeds(80) {
        let mut choices = Choices(seed);
        let clause = |choices: &mut Choices| {
            let who = choices.joined(&["", "", "D", "F", "u", "g", "o", "a"], 3);
            let what = choices.joined(&["", "r", "w", "x", "X", "s", "t", "u", "g", "o"], 3);
            match choices.below(6) {
                0 => format!("{}{:o}", choices.of(&["", "D", "F"]), choices.below(0o7777)),
                _ => format!("{who}{}{what}", choices.of(&["+", "-", "="])),
            }
        };
        let clauses: Vec<String> = (0..1 + choices.below(3))
            .map(|_| clause(&mut choices))
            .collect();
        assert_changes_the_same(&clauses.join(","), room.path());
    }
}
