//! The program from outside: what it prints, and which exit code it ends with.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use assert_cmd::Command;
use predicates::prelude::*;
use predicates::str::{contains, is_empty, starts_with};

fn ksyncd(args: &[&str]) -> assert_cmd::assert::Assert {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("ksyncd"));
    command.env_remove("RSYNC_RSH").args(args).assert()
}

#[test]
fn help_names_the_commands_and_shows_examples() {
    ksyncd(&["--help"])
        .success()
        .stderr(is_empty())
        .stdout(
            contains("pull")
                .and(contains("push"))
                .and(contains("Examples:")),
        )
        .stdout(contains("agent").not());
}

#[test]
fn short_help_shows_only_what_a_newcomer_needs() {
    ksyncd(&["pull", "-h"])
        .success()
        .stdout(
            contains("--dry-run")
                .and(contains("--delete"))
                .and(contains("--exclude")),
        )
        .stdout(
            contains("--max-delete")
                .not()
                .and(contains("--kubeconfig").not()),
        );
}

#[test]
fn long_help_shows_everything_under_headings() {
    let shown = ksyncd(&["pull", "--help"]).success();
    let text = String::from_utf8(shown.get_output().stdout.clone()).unwrap();
    let headings = [
        "Essential options:",
        "Reaching the other end:",
        "Choosing files:",
        "Metadata:",
        "Changing the destination:",
        "Output:",
    ];
    let places: Vec<usize> = headings
        .iter()
        .map(|heading| text.find(heading).unwrap())
        .collect();
    assert!(places.is_sorted(), "{places:?}");
    for option in [
        "--max-delete",
        "--kubeconfig",
        "--chmod",
        "--bwlimit",
        "--files-from",
        "--json",
    ] {
        assert!(text.contains(option), "{option}");
    }
}

#[test]
fn without_a_command_the_help_is_an_error() {
    ksyncd(&[])
        .code(1)
        .stdout(is_empty())
        .stderr(contains("Usage"));
}

#[test]
fn version_is_printed() {
    ksyncd(&["-V"]).success().stdout(starts_with("ksyncd "));
}

#[test]
fn a_misspelt_option_ends_with_1_and_a_hint() {
    ksyncd(&["pull", "--exclud", "x", "a", "b"])
        .code(1)
        .stdout(is_empty())
        .stderr(contains("--exclude"));
}

#[test]
fn an_option_only_rsync_has_ends_with_4_and_an_alternative() {
    for (option, alternative) in [
        ("--link-dest=old", "--backup-dir"),
        ("-R", "--files-from"),
        ("--list-only", "--dry-run"),
        ("--info=progress2", "--progress"),
        ("--force", "--delete"),
    ] {
        ksyncd(&["push", "-a", option, "a", "b"])
            .code(4)
            .stdout(is_empty())
            .stderr(starts_with("ksyncd: ").and(contains(alternative)));
    }
}

#[test]
fn a_value_that_makes_no_sense_ends_with_1() {
    for args in [
        &["pull", "--max-size=big", "a", "b"][..],
        &["pull", "--backup-dir=/tmp", "a", "b"],
        &["pull", "--filter=nonsense", "a", "b"],
        &["pull", "--chown=:", "a", "b"],
        &["pull", "-e", "", "a", "b"],
        &["pull", "rsync://host/module", "b"],
        &["pull", "", "b"],
    ] {
        ksyncd(args).code(1).stdout(is_empty());
    }
}

#[test]
fn a_remote_destination_of_a_pull_names_push() {
    ksyncd(&["pull", "a", "web:/srv"])
        .code(1)
        .stderr(contains("DEST").and(contains("push")));
}

#[test]
fn a_missing_filter_file_ends_with_11_and_its_name() {
    ksyncd(&["pull", "--exclude-from=no-such-file", "a", "b"])
        .code(11)
        .stderr("ksyncd: no-such-file can not be read: No such file or directory; check the name given to --exclude-from\n");
}

#[test]
fn a_log_file_that_can_not_be_used_ends_with_6_before_anything_happens() {
    let dir = tempfile::tempdir().unwrap();
    let dest = dir.path().join("dest");
    let source = dir.path().join("source");
    std::fs::create_dir(&source).unwrap();
    let (source, dest) = (source.to_str().unwrap(), dest.to_str().unwrap());
    ksyncd(&["pull", "--log-file=/", source, dest])
        .code(6)
        .stderr(contains("--log-file"));
    assert!(!std::path::Path::new(dest).exists());
}

#[test]
fn a_program_that_can_not_be_started_ends_with_14_and_its_name() {
    ksyncd(&["pull", "-e", "/no/such/shell", "host:/x", "b"])
        .code(14)
        .stderr(contains("/no/such/shell"));
}

#[test]
fn json_carries_the_error_that_ends_a_run() {
    let shown = ksyncd(&["pull", "--json", "-e", "/no/such/shell", "host:/x", "b"]).code(14);
    let line = String::from_utf8(shown.get_output().stdout.clone()).unwrap();
    let event: serde_json::Value = serde_json::from_str(line.trim_end()).unwrap();
    assert_eq!(
        (event["event"].as_str(), event["exit_code"].as_u64()),
        (Some("error"), Some(14))
    );
}

#[test]
fn p12_a_hostile_argument_can_not_reach_the_terminal_unescaped() {
    ksyncd(&["pull", "--exclude-from=a\x1b[2Jb\nc", "a", "b"])
        .code(11)
        .stderr(contains("\x1b").not().and(contains("a\\#033[2Jb\\#012c")));
}

#[test]
fn every_shell_gets_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        ksyncd(&["completions", shell])
            .success()
            .stderr(is_empty())
            .stdout(contains("itemize-changes"));
    }
    ksyncd(&["completions", "csh"]).code(1);
}

#[test]
fn man_pages_are_printed_or_written_with_the_exit_codes() {
    ksyncd(&["man"])
        .success()
        .stdout(contains(".TH ksyncd 1").and(contains("EXIT STATUS")));
    let dir = tempfile::tempdir().unwrap();
    let pages = dir.path().join("man1");
    ksyncd(&["man", pages.to_str().unwrap()])
        .success()
        .stdout(is_empty());
    let mut names: Vec<String> = std::fs::read_dir(&pages)
        .unwrap()
        .map(|page| page.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "ksyncd-completions.1",
            "ksyncd-doctor.1",
            "ksyncd-log.1",
            "ksyncd-man.1",
            "ksyncd-pull.1",
            "ksyncd-push.1",
            "ksyncd-undo.1",
            "ksyncd-verify.1",
            "ksyncd.1"
        ]
    );
    let page = std::fs::read_to_string(pages.join("ksyncd-pull.1")).unwrap();
    assert!(
        page.contains("max\\-delete") && page.contains("EXIT STATUS"),
        "{page}"
    );
    ksyncd(&["man", "/dev/null/x"]).code(11);
}

#[test]
fn as_a_plugin_of_kubectl_it_is_called_by_two_words() {
    let dir = tempfile::tempdir().unwrap();
    let plugin = dir.path().join("kubectl-ksyncd");
    std::os::unix::fs::symlink(assert_cmd::cargo::cargo_bin!("ksyncd"), &plugin).unwrap();
    for args in [&["--help"][..], &["pull", "--help"]] {
        let shown = Command::new(&plugin).args(args).assert().success();
        shown.stdout(contains("Usage: kubectl ksyncd"));
    }
    let misspelt = Command::new(&plugin).arg("pul").assert().failure();
    misspelt.stderr(contains("kubectl ksyncd"));
}
