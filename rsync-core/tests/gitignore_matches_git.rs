//! `.gitignore` files hide what git ignores.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod oracle;

use std::collections::BTreeSet;
use std::path::Path;

use oracle::{Choices, Tree};
use rsync_core::filter::Filter;
use rsync_core::options::FilterSpec;

/// The files that git would add.
fn git_lists(tree: &Path) -> BTreeSet<String> {
    let arguments = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
    assert!(
        oracle::run("git", &arguments("init -q"), tree)
            .status
            .success()
    );
    let output = oracle::run(
        "git",
        &arguments("ls-files -z --others --exclude-standard"),
        tree,
    );
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    output
        .stdout
        .split(|&byte| byte == 0)
        .filter(|name| !name.is_empty())
        .map(text)
        .collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn assert_ignores_the_same(tree: &Tree) {
    let room = tempfile::tempdir().unwrap();
    oracle::build(tree, room.path());
    let spec = FilterSpec {
        gitignore: true,
        ..FilterSpec::default()
    };
    let ours = oracle::sent(&Filter::new(&spec, false).unwrap(), room.path()).unwrap();
    let ours: BTreeSet<String> = ours
        .into_iter()
        .filter(|path| !path.ends_with('/'))
        .collect();
    assert_eq!(ours, git_lists(room.path()), "{tree:#?}");
}

const FILES: &[&str] = &[
    "main.c",
    "main.o",
    "foo",
    "foo bar",
    "foo ",
    "#x",
    "!x",
    "a\\b",
    "*",
    "src/main.o",
    "src/foo",
    "src/deep/foo",
    "src/deep/x/foo",
    "build/out.o",
    "build/keep/me",
    "a/b",
    "a/x/b",
    "a/x/y/b",
    "a/xb",
    "x/build/out",
    "docs/a.txt",
    "docs/sub/a.txt",
    "[x]",
    "x1",
    "x2",
    "dir.d/file",
    "logs/.keep",
    "logs/today",
];

const IGNORE_FILES: &[&str] = &[
    "",
    "*.o",
    "/foo",
    "foo",
    "foo/",
    "foo \nfoo\\ \n",
    "foo bar",
    "# comment\n\\#x\n\\!x",
    "!x",
    "*\n!main.c",
    "*\n!*/\n!*.c",
    "build/",
    "/build/",
    "build/*\n!build/keep",
    "build\n!build/keep",
    "a/**/b",
    "**/b",
    "a/**",
    "a/*",
    "a/**b",
    "a**/b",
    "**",
    "**/foo",
    "foo/**",
    "src/deep",
    "deep/foo",
    "/src/*/foo",
    "docs/*.txt",
    "*.txt\n!docs/a.txt",
    "x[12]",
    "x[!1]",
    "\\[x]",
    "[x]",
    "a\\\\b",
    "\\*",
    "*/",
    "*/*\n",
    "dir.d",
    "*.d/",
    "logs/*\n!.keep",
    "foo\r\nmain.c\r\n",
    "\u{feff}foo",
    "foo\\",
    "x[",
    "/",
    "//",
    "foo//",
    "/**/b",
    "**/",
    "/*",
    "!",
    "\\",
];

#[test]
fn every_listed_file_ignores_what_git_ignores() {
    if !oracle::installed("git") {
        return;
    }
    for content in IGNORE_FILES {
        let mut tree: Tree = FILES
            .iter()
            .map(|path| ((*path).to_owned(), String::new()))
            .collect();
        tree.insert(".gitignore".to_owned(), (*content).to_owned());
        assert_ignores_the_same(&tree);
        tree.insert("src/.gitignore".to_owned(), "!foo\n/deep/x\n".to_owned());
        assert_ignores_the_same(&tree);
    }
}

#[test]
fn random_files_on_random_trees_ignore_what_git_ignores() {
    if !oracle::installed("git") {
        return;
    }
    let pieces = [
        "a", "b", "d", "ad", "*", "*", "**", "**/", "/**", "?", "/", "/", "[ab]", "[!a]", "[a-c]",
        ".o", "\\*", "\\", " ", "[", "!", "#",
    ];
    for seed in oracle::seeds(120) {
        let mut choices = Choices(seed);
        let mut tree = choices.tree();
        let dirs: Vec<String> = tree
            .keys()
            .filter_map(|path| Some(path.rsplit_once('/')?.0.to_owned() + "/"))
            .collect();
        for _ in 0..1 + choices.below(3) {
            let dir = if dirs.is_empty() || choices.one_in(2) {
                ""
            } else {
                &dirs[choices.below(dirs.len())]
            };
            let lines: Vec<String> = (0..1 + choices.below(5))
                .map(|_| {
                    format!(
                        "{}{}",
                        choices.of(&["", "", "!", "/"]),
                        choices.joined(&pieces, 4)
                    )
                })
                .collect();
            tree.insert(format!("{dir}.gitignore"), lines.join("\n"));
        }
        assert_ignores_the_same(&tree);
    }
}

#[test]
fn a_rule_comes_before_every_ignore_file() {
    let room = tempfile::tempdir().unwrap();
    let tree = [
        (".gitignore", "*.o\n!main.c\n"),
        ("main.o", ""),
        ("lib.o", ""),
        ("main.c", ""),
    ];
    oracle::build(
        &tree
            .map(|(path, content)| (path.to_owned(), content.to_owned()))
            .into(),
        room.path(),
    );
    let rules = vec![b"+ main.o".to_vec(), b"- main.c".to_vec()];
    let filter = Filter::new(
        &FilterSpec {
            rules,
            gitignore: true,
            ..FilterSpec::default()
        },
        false,
    )
    .unwrap();
    let sent = oracle::sent(&filter, room.path()).unwrap();
    assert_eq!(sent, [".gitignore", "main.o"].map(str::to_owned).into());
}
