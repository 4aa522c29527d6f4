//! What other programs say about two trees.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Output};

use crate::place::{Place, sorted_changes, words};

/// What the judges need.
pub(crate) const JUDGES: [&str; 4] = ["rsync", "diff", "getfattr", "getfacl"];

/// Everything that can be preserved is preserved: content, metadata, links, absence.
#[track_caller]
pub(crate) fn assert_identical(place: &Place) {
    let (source, dest) = (place.source(), place.dest());
    assert_nothing_to_do(place, "-aHAXDc --delete");
    let compared = Command::new("diff")
        .args(["-r", "--no-dereference"])
        .args([&source, &dest])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&compared.stdout);
    let about_special_files = |line: &&str| {
        line.ends_with(" is a fifo")
            || line.contains("special file")
            || line.contains(" is a socket")
    };
    let differences: Vec<&str> = said
        .lines()
        .filter(|line| !about_special_files(line))
        .collect();
    assert!(differences.is_empty(), "diff: {differences:#?}");
    for describe in [facts, attributes, access_lists] {
        assert_same_lines(&describe(&source), &describe(&dest));
    }
}

/// rsync, with these options, sees nothing that it would do.
#[track_caller]
pub(crate) fn assert_nothing_to_do(place: &Place, options: &str) {
    let lines = rsync_would(place, options);
    assert!(lines.is_empty(), "rsync {options}: {lines:#?}");
}

/// A run with `ours` leaves the destination as rsync with `theirs` would have left it.
#[track_caller]
pub(crate) fn assert_does_as_rsync(place: &Place, ours: &str, theirs: &str) {
    let reference = place.dest_base().join("r");
    let _ = fs::remove_dir_all(&reference);
    if place.dest().exists() {
        copy(&place.dest(), &reference);
    }
    rsync(theirs, &place.source(), &reference);
    let run = place.sync(ours);
    assert!(matches!(run.code, Some(0 | 25)), "{ours}: {}", run.err);
    let times = if theirs.starts_with("-rlptgoO") {
        "-O"
    } else {
        ""
    };
    let everything = format!("-naHAXDic --delete {times}");
    let mut differences = sorted_changes(&rsync(&everything, &reference, &place.dest()));
    // What is only here and lost something has the time of that.
    let is_only_here = |name: &str| fs::symlink_metadata(place.source().join(name)).is_err();
    differences.retain(|line| !line.strip_prefix(".d..t...... ").is_some_and(is_only_here));
    assert!(
        differences.is_empty(),
        "{ours}: what rsync {theirs} would have done more: {differences:#?}\n{}{}",
        run.err,
        run.out
    );
}

/// Makes one tree a copy of another, down to the last attribute.
pub(crate) fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-aT").arg(from).arg(to).status();
    assert!(copied.unwrap().success());
}

/// The itemized lines of a dry run of rsync, sorted.
#[track_caller]
pub(crate) fn rsync_would(place: &Place, options: &str) -> Vec<String> {
    sorted_changes(&rsync(
        &format!("-ni {options}"),
        &place.source(),
        &place.dest(),
    ))
}

/// What rsync prints when it works on what is in two directories.
#[track_caller]
pub(crate) fn rsync(options: &str, source: &Path, dest: &Path) -> String {
    let content = |path: &Path| {
        [path.as_os_str(), OsStr::new("/")]
            .into_iter()
            .collect::<std::ffi::OsString>()
    };
    let output = Command::new("rsync")
        .args(words(options))
        .args([content(source), content(dest)])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let is_success = output.status.success() || output.status.code() == Some(25);
    assert!(is_success, "rsync {options}: {said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Kind, mode, owners, size, time and target of everything in a tree, as find(1) sees them; the
/// size of a directory is the file system's affair.
fn facts(tree: &Path) -> Vec<String> {
    let format = r"%P %y %m %U %G %T@ %l\0";
    let all = find(tree, &[OsStr::new("-printf"), OsStr::new(format)]);
    let sizes = find(
        tree,
        ["-type", "f", "-printf", r"%P %s\0"]
            .map(OsStr::new)
            .as_slice(),
    );
    [all, sizes].concat()
}

/// Everything about a tree that changes when it is touched: inodes, times of change and of
/// modification.
pub(crate) fn snapshot(tree: &Path) -> Vec<String> {
    let format = r"%P %y %m %U %G %s %T@ %C@ %i %n %l\0";
    find(tree, &[OsStr::new("-printf"), OsStr::new(format)])
}

fn find(tree: &Path, expression: &[&OsStr]) -> Vec<String> {
    let output = Command::new("find")
        .arg(tree)
        .args(expression)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let mut lines: Vec<String> = output
        .stdout
        .split(|&byte| byte == 0)
        .map(|line| line.escape_ascii().to_string())
        .collect();
    lines.sort();
    lines
}

/// All extended attributes, as getfattr(1) sees them.
pub(crate) fn attributes(tree: &Path) -> Vec<String> {
    blocks(tree, "getfattr -Rhd -m - -e hex .")
}

/// All access control lists, as getfacl(1) sees them.
pub(crate) fn access_lists(tree: &Path) -> Vec<String> {
    blocks(tree, "getfacl -RPn .")
}

/// The paragraphs that a command run in a directory prints, sorted.
fn blocks(dir: &Path, command: &str) -> Vec<String> {
    let mut words = command.split(' ');
    let output = Command::new(words.next().unwrap())
        .args(words)
        .current_dir(dir)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command}: {said}");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut blocks: Vec<String> = text.split("\n\n").map(str::to_owned).collect();
    blocks.sort();
    blocks
}

/// How many bytes of the disk a file takes, as du(1) sees it.
pub(crate) fn disk_usage(file: &Path) -> u64 {
    let output = Command::new("du").arg("-B1").arg(file).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.split_whitespace().next().unwrap().parse().unwrap()
}

#[track_caller]
pub(crate) fn assert_same_lines(expected: &[String], found: &[String]) {
    let only_in = |these: &[String], those: &[String]| -> Vec<String> {
        let those: std::collections::HashSet<&String> = those.iter().collect();
        these
            .iter()
            .filter(|line| !those.contains(line))
            .take(20)
            .cloned()
            .collect()
    };
    assert!(
        expected == found,
        "missing: {:#?}\ntoo much: {:#?}",
        only_in(expected, found),
        only_in(found, expected)
    );
}

/// What rsync does with two paths.
pub(crate) fn rsync_paths(options: &str, source: &Path, dest: &Path) -> Output {
    let mut command = Command::new("rsync");
    command.args(words(options)).args([source, dest]);
    command.output().unwrap()
}

/// A name as the kernel takes it.
pub(crate) fn name(bytes: &[u8]) -> &OsStr {
    OsStr::from_bytes(bytes)
}
