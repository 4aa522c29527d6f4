//! The filter gives the verdicts that rsync gives: same rules, same tree, same paths.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod oracle;

use oracle::Tree;
use oracle::rsync::{compile, filter_arguments, random_case, rsync_sends, sample_tree};

fn assert_sends_the_same(rules: &[String], tree: &Tree) {
    let room = tempfile::tempdir().unwrap();
    let source = room.path().canonicalize().unwrap().join("source");
    oracle::build(tree, &source);
    let ours = compile(rules, false, &source).and_then(|filter| oracle::sent(&filter, &source));
    let theirs = rsync_sends(&filter_arguments(rules), &source);
    assert_eq!(
        ours.clone().ok(),
        theirs,
        "rules {rules:#?} ({:?}) on {tree:#?}",
        ours.err()
    );
}

const RULE_SETS: &[&[&str]] = &[
    &[],
    &["- *.o"],
    &["- /foo"],
    &["- foo"],
    &["- foo/"],
    &["- foo.d/"],
    &["- foo/*/bar", "- foo.d/*/bar"],
    &["- /foo.d/**/bar"],
    &["+ */", "+ *.c", "- *"],
    &["+ src/", "+ src/lib.c", "- *"],
    &["+ /src/", "+ /src/deep/***", "- *"],
    &["+ src/***", "- *"],
    &["- deep/foo"],
    &["- src/deep"],
    &["- **/bar"],
    &["- **bar"],
    &["- src/**"],
    &["- a/**/e"],
    &["- a**e"],
    &["- b/**/e"],
    &["- */a"],
    &["- ***"],
    &["- foo*"],
    &["- x[12]"],
    &["- x[!12]"],
    &["- x[^a-z]"],
    &["- x[[:alpha:]]"],
    &["- x[[:upper:]-]"],
    &["- x[]-]"],
    &["- x[[:nope:]]"],
    &["- [x]"],
    &["- \\[x]"],
    &["- \\*"],
    &["- a\\b"],
    &["- a\\\\b*"],
    &["- x["],
    &["-! */"],
    &["-! *.c", "+ foo"],
    &["-_foo bar", "exclude,!_*r*"],
    &["include */", "include *.log", "exclude *"],
    &["hide *.o", "show *", "- foo"],
    &["protect *.o", "risk *"],
    &[
        "H *.c", "P *.o", "S foo", "R foo", "-s core", "-r x.bak", "-sr x1",
    ],
    &["- *.o", "!", "- *.c"],
    &["- *.o", "clear"],
    &["-C"],
    &["+ core", "-C"],
    &["+C"],
    &["-p *.o", "-x *.c"],
    &[": .rules"],
    &["dir-merge .rules"],
    &["dir-merge,n .rules"],
    &[":e .rules"],
    &[":- .plain", "+ dash"],
    &[":+ .plain", "- *.o", "- *.c"],
    &[":w- .words"],
    &[":C"],
    &[":nC"],
    &["+ lib.c", ":C"],
    &[": .rules", "- *.c", "+ lib.o"],
    &["+ lib.o", ": .rules"],
    &[": .nested"],
    &[": .nested", ": .rules"],
    &[":n .nested"],
    &[": .merging"],
    &[": .sided"],
    &[":s .sided"],
    &[": .broken"],
    &[":s .rules", ":r .plainrules"],
    &[": /.rules"],
    &["-/ /etc/passwd", "-/ source/src/lib.c"],
    &["-/ foo"],
    &["- /"],
    &["- //"],
    &["- foo//"],
    &["- src//lib.c"],
    &["- /*"],
    &["- /*/"],
    &["- */*/"],
    &["- foo "],
    &["- -x"],
];

/// Rules that are wrong for rsync too.
const WRONG_RULES: &[&str] = &[
    "foo",
    " - foo",
    "-foo",
    "-",
    "- ",
    "! ",
    "!x",
    "clear_",
    "exclude",
    "excludefoo",
    "-e foo",
    ":! x",
    ":+- x",
    ":C- x",
    ":-C x",
    "H,s foo",
    "P,C",
    "-CC",
    ":",
    "?foo",
];

#[test]
fn every_listed_rule_set_sends_what_rsync_sends() {
    if !oracle::installed("rsync") {
        return;
    }
    let tree = sample_tree();
    for rules in RULE_SETS {
        assert_sends_the_same(
            &rules.iter().map(ToString::to_string).collect::<Vec<_>>(),
            &tree,
        );
    }
}

#[test]
fn what_rsync_calls_a_syntax_error_is_an_error() {
    if !oracle::installed("rsync") {
        return;
    }
    let source = tempfile::tempdir().unwrap();
    for rule in WRONG_RULES {
        let rules = [(*rule).to_owned()];
        assert_eq!(
            rsync_sends(&filter_arguments(&rules), source.path()),
            None,
            "`{rule}` is right for rsync"
        );
        assert!(compile(&rules, false, source.path()).is_err(), "`{rule}`");
    }
}

#[test]
fn random_rules_on_random_trees_send_what_rsync_sends() {
    if !oracle::installed("rsync") {
        return;
    }
    for seed in oracle::seeds(150) {
        let (rules, tree) = random_case(seed);
        assert_sends_the_same(&rules, &tree);
    }
}
