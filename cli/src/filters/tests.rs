//! What the filter options of a command line come to.

use std::collections::HashMap;

use super::*;
use crate::args::{self, Command};
use crate::exit::Exit;

fn spec_with(
    line: &str,
    files: &[(&str, &str)],
    cvsignore: Option<&str>,
) -> Result<FilterSpec, Failure> {
    let parsed = args::parse(line.split('|').map(OsString::from)).unwrap();
    let Command::Pull(args) = parsed.command else {
        panic!("not a pull")
    };
    let files: HashMap<&str, &str> = files.iter().copied().collect();
    let read = |path: &Path| {
        let content = path.to_str().and_then(|path| files.get(path));
        content
            .map(|content| content.as_bytes().to_vec())
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    };
    let around = Surroundings {
        read: &read,
        home: Some("/home/me".into()),
        cvsignore: cvsignore.map(OsString::from),
    };
    spec(&args, &parsed.matches, &around)
}

fn rules(options: &str, files: &[(&str, &str)]) -> Vec<String> {
    let spec = spec_with(&format!("ksyncd|pull|{options}|a|b"), files, None).unwrap();
    spec.rules
        .into_iter()
        .map(|rule| String::from_utf8(rule).unwrap())
        .collect()
}

#[test]
fn rules_keep_the_order_of_the_command_line_across_different_options() {
    let files = [("more", "x\n+ y\n# note\n\n"), ("less", "z")];
    let options = "--include=a|--exclude=b|-f|P c|--exclude-from=more|-F|--include|d|--include-from|less|-f|- e|-F";
    assert_eq!(
        rules(options, &files),
        [
            "+ a",
            "- b",
            "P c",
            "- x",
            "+ y",
            ": /.rsync-filter",
            "+ d",
            "+ z",
            "- e",
            "- .rsync-filter"
        ]
    );
}

#[test]
fn two_f_in_one_word_are_two() {
    assert_eq!(rules("-aFF", &[]), [": /.rsync-filter", "- .rsync-filter"]);
    assert_eq!(rules("-FFF", &[]).len(), 2);
}

#[test]
fn a_prefix_in_a_pattern_overrides_the_option() {
    assert_eq!(
        rules(
            "--exclude=+ keep|--include=- drop|--exclude=!|--exclude=-x",
            &[]
        ),
        ["+ keep", "- drop", "!", "- -x"]
    );
}

#[test]
fn cvs_rules_come_last_wherever_the_option_stands() {
    let files = [("/home/me/.cvsignore", "mine *.tmp\n")];
    let spec = spec_with("ksyncd|pull|-C|--exclude=a|x|y", &files, Some("env")).unwrap();
    let rules: Vec<&[u8]> = spec.rules.iter().map(Vec::as_slice).collect();
    assert_eq!(rules[..2], [&b"- a"[..], b":C"]);
    assert_eq!(rules[2..rules.len() - 3], cvs_rules());
    assert_eq!(
        rules[rules.len() - 3..],
        [&b"- mine"[..], b"- *.tmp", b"- env"]
    );
}

#[test]
fn cvs_rules_stand_where_a_filter_rule_puts_them() {
    let rules = rules("-f|-C|--exclude=a", &[]);
    assert_eq!(rules.last().unwrap(), "- a");
    assert_eq!(rules.len(), cvs_rules().len() + 1);
}

#[test]
fn a_merge_rule_becomes_the_rules_of_its_file() {
    let files = [("f", "- a\n. g\n; note\n+ b\n"), ("g", "P c\n")];
    assert_eq!(rules("-f|. f", &files), ["- a", "P c", "+ b"]);
    assert_eq!(rules("-f|merge f", &files), ["- a", "P c", "+ b"]);
    assert_eq!(rules("-f|merge_g", &files), ["P c"]);
}

#[test]
fn modifiers_of_a_merge_rule_reach_its_rules() {
    let files = [
        ("dir/f", "a b\nc\n"),
        ("g", "- x\nexclude y\n-/ /z\ninclude,p w\n"),
        ("h", "a !\tb"),
    ];
    assert_eq!(rules("-f|.-e dir/f", &files), ["- f", "- a b", "- c"]);
    assert_eq!(rules("-f|.+w dir/f", &files), ["+ a", "+ b", "+ c"]);
    assert_eq!(
        rules("-f|.,s g", &files),
        ["-s x", "exclude,s y", "-s/ /z", "include,sp w"]
    );
    assert_eq!(rules("-f|.C h", &files), ["- a", "!", "- b"]);
    assert_eq!(rules("-f|.-rn dir/f", &files), ["-r a b", "-r c"]);
}

#[test]
fn files_that_merge_each_other_end_in_an_error() {
    let failure = spec_with("ksyncd|pull|-f|. f|a|b", &[("f", ". f\n")], None).unwrap_err();
    assert_eq!(failure.exit(), Exit::Usage);
}

#[test]
fn a_rule_that_is_none_is_named() {
    let failure = spec_with("ksyncd|pull|-f|nonsense|a|b", &[], None).unwrap_err();
    assert_eq!(failure.exit(), Exit::Usage);
    assert!(failure.to_string().contains("nonsense"), "{failure}");
}

#[test]
fn a_file_that_is_not_there_is_named_with_its_option() {
    let failure = spec_with("ksyncd|pull|--exclude-from=gone|a|b", &[], None).unwrap_err();
    assert_eq!(failure.exit(), Exit::FileIo);
    let text = failure.to_string();
    assert!(
        text.contains("gone") && text.contains("--exclude-from"),
        "{text}"
    );
}

#[test]
fn a_list_of_files_is_read_and_checked() {
    let files = [("list", "/etc/hosts\nb/\n"), ("bad", "../x\n")];
    let spec = spec_with("ksyncd|pull|--files-from=list|-r|a|b", &files, None).unwrap();
    let only: Vec<String> = spec.only.unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(only, ["etc/hosts", "b"]);
    assert!(spec.recurse_into_listed);
    assert!(
        !spec_with("ksyncd|pull|--files-from=list|-a|a|b", &files, None)
            .unwrap()
            .recurse_into_listed
    );
    let failure = spec_with("ksyncd|pull|--files-from=bad|a|b", &files, None).unwrap_err();
    assert!(failure.to_string().contains("../x"), "{failure}");
}

#[test]
fn without_recursion_nothing_below_the_first_level_takes_part() {
    assert_eq!(rules("--no-recursive|--include=x", &[]), ["- /*/*", "+ x"]);
    assert_eq!(rules("-d", &[]), ["- /*/*"]);
    assert!(rules("-dr", &[]).is_empty());
}
