//! Lists of files, files of patterns and `-C` mean what they mean to rsync.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod oracle;

use std::fs;

use oracle::Choices;
use oracle::rsync::{rsync_sends, sample_tree};
use rsync_core::filter::{Filter, cvs_rules, paths_from_file, rules_from_file};
use rsync_core::options::FilterSpec;

#[test]
fn a_list_of_files_sends_what_rsync_sends() {
    if !oracle::installed("rsync") {
        return;
    }
    for seed in oracle::seeds(60) {
        let mut choices = Choices(seed);
        let tree = choices.tree();
        let room = tempfile::tempdir().unwrap();
        let source = room.path().join("source");
        oracle::build(&tree, &source);
        let recurse = choices.one_in(2);
        let all: Vec<String> = oracle::everything(&source).into_iter().collect();
        let listed: Vec<&str> = (0..1 + choices.below(4))
            .map(|_| all[choices.below(all.len())].trim_end_matches('/'))
            .collect();
        let content = format!("# a comment\n\n./{}\n", listed.join("\n/"));
        fs::write(room.path().join("list"), &content).unwrap();

        let only = Some(paths_from_file(content.as_bytes(), false).unwrap());
        let spec = FilterSpec {
            only,
            recurse_into_listed: recurse,
            ..FilterSpec::default()
        };
        let ours = oracle::sent(&Filter::new(&spec, false).unwrap(), &source).unwrap();
        let mut arguments = vec!["--files-from=list".to_owned()];
        arguments.extend(recurse.then(|| "-r".to_owned()));
        assert_eq!(
            Some(ours),
            rsync_sends(&arguments, &source),
            "seed {seed}, {listed:?} of {all:?}"
        );
    }
}

#[test]
fn a_file_of_patterns_sends_what_rsync_sends() {
    if !oracle::installed("rsync") {
        return;
    }
    let room = tempfile::tempdir().unwrap();
    let source = room.path().join("source");
    oracle::build(&sample_tree(), &source);
    let contents = [
        "*.o\n# foo\n; foo\n\n+ lib.c\n*.c\n",
        "- foo\r+ core\rx*\n",
        "*.c\n!\n*.o\n",
        "!x\n-x\n -x\nfoo bar\n",
        "*.o\0*.c\0#x#\0- foo",
    ];
    for content in contents {
        for include in [false, true] {
            let zero = content.contains('\0');
            fs::write(room.path().join("patterns"), content).unwrap();
            let mut rules = rules_from_file(content.as_bytes(), include, zero);
            rules.push(b"- foo*".to_vec());
            let filter = Filter::new(
                &FilterSpec {
                    rules,
                    ..FilterSpec::default()
                },
                false,
            )
            .unwrap();
            let option = if include {
                "--include-from=patterns"
            } else {
                "--exclude-from=patterns"
            };
            let mut arguments: Vec<String> = zero.then(|| "-0".to_owned()).into_iter().collect();
            arguments.extend([option.to_owned(), "--exclude=foo*".to_owned()]);
            assert_eq!(
                Some(oracle::sent(&filter, &source).unwrap()),
                rsync_sends(&arguments, &source),
                "{content:?} {include}"
            );
        }
    }
}

#[test]
fn cvs_exclude_sends_what_rsync_sends() {
    if !oracle::installed("rsync") {
        return;
    }
    let room = tempfile::tempdir().unwrap();
    let source = room.path().join("source");
    oracle::build(&sample_tree(), &source);
    let mut rules = cvs_rules();
    rules.push(b":C".to_vec());
    let filter = Filter::new(
        &FilterSpec {
            rules,
            ..FilterSpec::default()
        },
        false,
    )
    .unwrap();
    assert_eq!(
        Some(oracle::sent(&filter, &source).unwrap()),
        rsync_sends(&["-C".to_owned()], &source)
    );
}
