//! rsync as the judge: running it, and trees and rules to ask it about.

use std::collections::BTreeSet;
use std::path::Path;

use rsync_core::filter::{Filter, FilterError};
use rsync_core::options::FilterSpec;

use super::{Choices, Tree, lines, run};

/// Nothing if a rule is refused.
pub(crate) type Verdict = Option<BTreeSet<String>>;

pub(crate) fn filter_arguments(rules: &[String]) -> Vec<String> {
    rules
        .iter()
        .map(|rule| format!("--filter={rule}"))
        .collect()
}

pub(crate) fn compile(
    rules: &[String],
    delete_excluded: bool,
    root: &Path,
) -> Result<Filter, FilterError> {
    let rules = rules.iter().map(|rule| rule.clone().into_bytes()).collect();
    let spec = FilterSpec {
        rules,
        ..FilterSpec::default()
    };
    Filter::with_absolute_root(&spec, delete_excluded, root.as_os_str().as_encoded_bytes())
}

/// What rsync would send of `source` with these arguments.
pub(crate) fn rsync_sends(arguments: &[String], source: &Path) -> Verdict {
    let empty = tempfile::tempdir().unwrap();
    let mut all = vec!["-an".to_owned(), "--out-format=%n".to_owned()];
    all.extend_from_slice(arguments);
    all.extend([
        format!("{}/", source.display()),
        format!("{}/", empty.path().display()),
    ]);
    let output = run("rsync", &all, source.parent().unwrap());
    match output.status.code() {
        Some(0) => Some(lines(&output)),
        Some(1) => None,
        other => panic!(
            "rsync {all:?} ended with {other:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        ),
    }
}

/// A tree with something for every rule of the tables.
pub(crate) fn sample_tree() -> Tree {
    let empty = [
        "main.c",
        "main.o",
        "foo",
        "foo bar",
        "*",
        "a\\b",
        "-x",
        "[x]",
        ".git/HEAD",
        "CVS/Root",
        "core",
        "x.bak",
        "#x#",
        "src/lib.c",
        "src/lib.o",
        "src/foo",
        "src/deep/lib.c",
        "src/deep/foo/bar",
        "src/deep/foo/x/bar",
        "foo.d/bar",
        "foo.d/baz/bar",
        "foo.d/baz/qux/bar",
        "build/out.o",
        "build/keep/me",
        "empty/",
        "a/b/c/d/e",
        "b/a",
        "x1",
        "x2",
        "xa",
        "xA",
        "x-",
        "x]",
        "logs/2024.log",
        "logs/2025.log",
    ];
    let mut tree: Tree = empty
        .iter()
        .map(|path| ((*path).to_owned(), String::new()))
        .collect();
    let files = [
        (".rules", "- *.o\n# a comment\n; another\n\n+ foo\n"),
        ("src/.rules", "+ lib.o\n- /lib.c\n- deep/foo\n"),
        ("src/deep/.rules", "!\n- foo\n"),
        ("logs/.rules", "- 2024.log\r\n"),
        (".plain", "*.o\nfoo\n- dash\n"),
        (".words", "*.o foo\tx[12]\n"),
        ("src/.cvsignore", "*.c\n! lib.o\n"),
        (".nested", ": .rules\n- main.c\n"),
        (".merging", ". .plainrules\n- x1\n"),
        (".plainrules", "- *.log\n"),
        (".sided", "H foo\nP bar\n-s main.c\n-r main.o\n"),
        (".broken", "- ok\nnonsense\n"),
    ];
    tree.extend(files.map(|(path, content)| (path.to_owned(), content.to_owned())));
    tree
}

pub(crate) fn random_pattern(choices: &mut Choices) -> String {
    let piece = [
        "a",
        "b",
        "d",
        "ad",
        "*",
        "**",
        "***",
        "?",
        "/",
        "/",
        "[ab]",
        "[!a]",
        "[^d]",
        "[a-c]",
        ".o",
        "\\*",
        "\\",
        "a b",
        "[[:alpha:]]",
        "[",
        "]",
        "bd",
        "cd",
        "***/",
        "d/",
        "/a",
    ];
    choices.joined(&piece, 4)
}

pub(crate) fn random_rule(choices: &mut Choices) -> String {
    let kind = choices.of(&[
        "-", "-", "-", "+", "+", "H", "S", "P", "R", "exclude", "include", "hide", "protect", "!",
    ]);
    if kind == "!" {
        return kind.to_owned();
    }
    let modifier = choices.of(&["", "", "", "", "!", "s", "r", "p", "sr", "/", "x"]);
    let comma = if modifier.is_empty() || (kind.len() == 1 && choices.one_in(2)) {
        ""
    } else {
        ","
    };
    format!(
        "{kind}{comma}{modifier}{}{}",
        choices.of(&[" ", "_"]),
        random_pattern(choices)
    )
}

pub(crate) fn random_rules(choices: &mut Choices) -> Vec<String> {
    (0..1 + choices.below(5))
        .map(|_| random_rule(choices))
        .collect()
}

pub(crate) fn random_case(seed: u64) -> (Vec<String>, Tree) {
    let mut choices = Choices(seed);
    let mut tree = choices.tree();
    let mut rules = random_rules(&mut choices);
    for name in [".f", ".g"] {
        if choices.one_in(2) {
            continue;
        }
        let modifier = choices.of(&[
            "", "", "", "n", "-", "+", "w-", "C", "s", "r", "p", "/", "e", "es", "er", "ep",
        ]);
        let at = choices.below(rules.len() + 1);
        rules.insert(at, format!(":{modifier} {name}"));
        let bare = modifier.contains(['-', '+', 'C']);
        for _ in 0..1 + choices.below(3) {
            let mut lines = if bare {
                vec![random_pattern(&mut choices), random_pattern(&mut choices)]
            } else {
                random_rules(&mut choices)
            };
            if !bare && choices.one_in(6) {
                lines.push(": .g".to_owned());
            }
            let dirs: Vec<String> = tree
                .keys()
                .filter_map(|path| Some(path.rsplit_once('/')?.0.to_owned() + "/"))
                .collect();
            let dir = if dirs.is_empty() || choices.one_in(3) {
                ""
            } else {
                &dirs[choices.below(dirs.len())]
            };
            tree.insert(format!("{dir}{name}"), lines.join("\n"));
        }
    }
    (rules, tree)
}
