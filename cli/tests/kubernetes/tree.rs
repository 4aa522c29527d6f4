//! A tree with some of everything, and what can be said of a copy of it.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

/// Length of the largest file.
const LARGE: usize = 3_000_000;

/// Makes a tree of a few megabytes, the same for the same `version`.
pub(crate) fn plant(root: &Path, version: u8) {
    for directory in ["empty", "many", "deep/er/and/deeper", "odd names"] {
        fs::create_dir_all(root.join(directory)).unwrap();
    }
    for number in 0..200_u32 {
        let len = (number as usize * 37) % 5000;
        write(
            root,
            &format!("many/{number}"),
            &noise(len, version, number),
        );
    }
    write(root, "large", &noise(LARGE, version, 1000));
    write(root, "same in all versions", &noise(100_000, 0, 1001));
    write(root, "deep/er/and/deeper/file", b"deep");
    write(root, "odd names/a\nb \u{e9}", b"odd");
    write(root, "none", b"");
    fs::set_permissions(root.join("many/7"), fs::Permissions::from_mode(0o755)).unwrap();
    symlink("../many/1", root.join("empty/link")).unwrap();
    symlink("/nonexistent", root.join("dangling")).unwrap();
    fs::hard_link(root.join("many/2"), root.join("deep/hard")).unwrap();
}

fn write(root: &Path, name: &str, content: &[u8]) {
    fs::write(root.join(name), content).unwrap();
}

/// Bytes that do not repeat.
pub(crate) fn noise(len: usize, version: u8, number: u32) -> Vec<u8> {
    let mut state = u64::from(number) << 8 | u64::from(version) | 1 << 40;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        // Xorshift (Marsaglia 2003): all that is asked for is that nothing repeats.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// What rsync would still change to make `copy` like `original`, metadata included.
pub(crate) fn differences(original: &Path, copy: &Path) -> String {
    let mut command = Command::new("rsync");
    command.args(["-aHAXnic", "--delete"]);
    command.arg(original.join("")).arg(copy);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The files of a tree by name, with what they hold; without what is taken away meanwhile.
pub(crate) fn files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap().flatten() {
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                directories.push(entry.path());
            } else if kind.is_file() {
                let name = entry
                    .path()
                    .strip_prefix(root)
                    .unwrap()
                    .display()
                    .to_string();
                match fs::read(entry.path()) {
                    Ok(content) => drop(files.insert(name, content)),
                    Err(error) => assert_eq!(error.kind(), ErrorKind::NotFound, "{name}"),
                }
            }
        }
    }
    files
}
