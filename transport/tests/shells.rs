//! Delivery by the shells of this computer, and what may go wrong on the way to them.

// Helpers are test code too.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use common::{ScriptedAgent, converse, reach_by, reach_saying};
use transport::delivery::{Delivered, Failure};
use transport::{Cause, Error, Target, Timeouts, reach};

/// Words that lead to `shell` as if it were a far end's `sh`, with `directory` as its `TMPDIR`.
/// The front door appends `sh -s …`; `before` runs first.
fn far_end(shell: &str, directory: &Path, before: &str) -> Vec<String> {
    let script = format!("{before}\nshift\nexec {shell} \"$@\"");
    let directory = format!("TMPDIR={}", directory.display());
    ["env", &directory, "sh", "-c", &script, "sh"]
        .map(str::to_owned)
        .to_vec()
}

fn through(words: &[String], agent: &Arc<ScriptedAgent>) -> Result<transport::Reached, Error> {
    reach_by(&words.iter().map(String::as_str).collect::<Vec<_>>(), agent)
}

/// The shells of a far end that this computer has.
fn shells() -> impl Iterator<Item = &'static str> {
    let common = [
        "dash",
        "bash",
        "bash --posix",
        "busybox sh",
        "ksh",
        "mksh",
        "yash",
        "zsh --emulate sh",
    ];
    common.into_iter().filter(|shell| {
        let program = shell.split(' ').next().unwrap();
        let is_there = Command::new(program).args(["-c", ":"]).output().is_ok();
        if !is_there {
            eprintln!("skipped: there is no {program}");
        }
        is_there
    })
}

#[test]
fn every_common_shell_tells_the_agent_what_the_client_says_first() {
    // One that is told whole, and one that only the client can say.
    for (len, told) in [(300, true), (1 << 20, false)] {
        for shell in shells() {
            let directory = tempfile::tempdir().unwrap();
            let agent = ScriptedAgent::new(1);
            let words = far_end(shell, directory.path(), "cd /usr");
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            for _delivered_and_there in 0..2 {
                let reached = reach_saying(&vec![0xa7; len], &words, &agent)
                    .unwrap_or_else(|error| panic!("{shell}: {error}"));
                assert_eq!(reached.is_opened, told, "{shell}");
                let expected = if told {
                    format!("/usr, told {}", "a7".repeat(len))
                } else {
                    "/usr".to_owned()
                };
                assert_eq!(converse(reached), expected, "{shell}");
            }
            assert_eq!(agent.deliveries(), 1, "{shell}");
        }
    }
}

#[test]
fn what_a_far_end_happens_to_have_in_its_environment_is_not_what_the_client_says() {
    let directory = tempfile::tempdir().unwrap();
    let before = "export opening=00 KSYNCD_OPENING=";
    let words = far_end("sh", directory.path(), before);
    assert_eq!(
        converse(through(&words, &ScriptedAgent::new(1)).unwrap()),
        std::env::current_dir().unwrap().to_str().unwrap()
    );
}

#[test]
fn every_common_shell_delivers_and_reuses() {
    for shell in shells() {
        let directory = tempfile::tempdir().unwrap();
        let agent = ScriptedAgent::new(1);
        let words = far_end(shell, directory.path(), "cd /usr");
        for delivered in [1, 1] {
            let reached =
                through(&words, &agent).unwrap_or_else(|error| panic!("{shell}: {error}"));
            assert_eq!(converse(reached), "/usr", "{shell}");
            assert_eq!(agent.deliveries(), delivered, "{shell}");
        }
    }
}

#[test]
fn a_place_with_spaces_and_special_characters_in_its_name_works() {
    let outer = tempfile::tempdir().unwrap();
    let directory = outer.path().join("a b $(id) 'c' *");
    fs::create_dir(&directory).unwrap();
    let agent = ScriptedAgent::new(1);
    let reached = through(&far_end("sh", &directory, "cd \"$TMPDIR\""), &agent).unwrap();
    assert_eq!(converse(reached), directory.to_str().unwrap());
}

#[test]
fn x12_noise_of_a_login_script_does_not_disturb() {
    let directory = tempfile::tempdir().unwrap();
    let agent = ScriptedAgent::new(1);
    let before = "echo Welcome; yes noise | head -c 60000; printf 'no newline'; echo warning >&2";
    converse(through(&far_end("sh", directory.path(), before), &agent).unwrap());
}

#[test]
fn x12_a_far_end_that_only_makes_noise_is_given_up() {
    let directory = tempfile::tempdir().unwrap();
    let agent = ScriptedAgent::new(1);
    let error = through(&far_end("sh", directory.path(), "exec yes noise"), &agent).unwrap_err();
    assert!(
        matches!(
            error,
            Error::Delivery {
                failure: Failure::Noise(_),
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn x8_a_far_end_that_says_nothing_is_given_up_and_ended() {
    let directory = tempfile::tempdir().unwrap();
    let mark = directory.path().join("pid");
    let before = format!("echo $$ >{}; exec sleep 1000", mark.display());
    let words = far_end("sh", directory.path(), &before);
    let command = words.iter().map(Into::into).collect();
    let target = Target::RemoteShell {
        command,
        host: None,
    };
    let timeouts = Timeouts {
        answer: Duration::from_secs(2),
        ..Timeouts::default()
    };
    let error = reach(&target, ScriptedAgent::new(1), &timeouts, b"", &|_| ()).unwrap_err();
    assert!(matches!(error, Error::TimedOut { .. }), "{error}");
    let pid = fs::read_to_string(mark).unwrap();
    assert!(!Path::new("/proc").join(pid.trim()).join("exe").exists());
}

#[test]
fn a_delivery_cut_short_leaves_nothing_behind() {
    let directory = tempfile::tempdir().unwrap();
    let agent = ScriptedAgent::new(1);
    // The stream towards the shell ends within the agent.
    let words = far_end(
        "sh",
        directory.path(),
        "dd bs=4096 count=20 | \"$@\"; exit 1",
    );
    let error = through(&words, &agent).unwrap_err();
    assert!(
        matches!(error, Error::Delivery { .. } | Error::Ended { .. }),
        "{error}"
    );
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn a_delivery_in_which_nothing_arrives_any_more_ends_by_itself() {
    for shell in ["dash", "bash", "busybox sh"] {
        let directory = tempfile::tempdir().unwrap();
        // The stream stays open, also when the client is gone.
        let before = "mkfifo $TMPDIR/end; (dd bs=4096 count=20; exec cat $TMPDIR/end) |";
        let words = far_end(shell, directory.path(), "");
        let script = format!("shift; {before} {shell} \"$@\"");
        let command = words[..4].iter().chain([&script, &words[5]]);
        let target = Target::RemoteShell {
            command: command.map(Into::into).collect(),
            host: None,
        };
        let timeouts = Timeouts {
            silence: Duration::from_secs(2),
            agent: Duration::from_secs(4),
            ..Timeouts::default()
        };
        let error = reach(&target, ScriptedAgent::new(1), &timeouts, b"", &|_| ()).unwrap_err();
        assert!(matches!(error, Error::TimedOut { .. }), "{shell}: {error}");
        let patience = Instant::now() + Duration::from_secs(60);
        while fs::read_dir(directory.path()).unwrap().count() > 1 {
            assert!(Instant::now() < patience, "{shell}");
            thread::sleep(Duration::from_millis(20));
        }
        drop(
            fs::File::options()
                .write(true)
                .open(directory.path().join("end")),
        );
    }
}

#[test]
fn a_far_end_that_dies_is_reported_with_its_last_words() {
    let directory = tempfile::tempdir().unwrap();
    let before = "echo 'Error from server (NotFound): pods \"x\" not found' >&2; exit 1";
    let error = through(
        &far_end("sh", directory.path(), before),
        &ScriptedAgent::new(1),
    )
    .unwrap_err();
    assert_eq!(error.cause(), Some(Cause::NoSuchTarget));
    assert!(
        error.to_string().contains("pods \"x\" not found"),
        "{error}"
    );
}

#[test]
fn a_system_without_an_agent_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let bin = directory.path().join("uname");
    fs::write(&bin, "#!/bin/sh\necho Plan9 mips\n").unwrap();
    assert!(
        Command::new("chmod")
            .arg("755")
            .arg(&bin)
            .status()
            .unwrap()
            .success()
    );
    let before = format!("PATH={}:$PATH", directory.path().display());
    let error = through(
        &far_end("sh", directory.path(), &before),
        &ScriptedAgent::new(1),
    )
    .unwrap_err();
    assert!(
        error.to_string().contains("no agent for `Plan9 mips`"),
        "{error}"
    );
}

#[test]
fn a_remote_shell_that_joins_and_parses_its_words_again_gets_the_same_command() {
    let directory = tempfile::tempdir().unwrap();
    let agent = ScriptedAgent::new(1);
    // As ssh does: all words after the host, joined by spaces, for a shell to take apart.
    let script = "TMPDIR=$1; export TMPDIR; shift 2; exec sh -c \"$*\"";
    let command = ["sh", "-c", script, "sh", directory.path().to_str().unwrap()];
    let target = Target::RemoteShell {
        command: command.map(Into::into).to_vec(),
        host: Some("host".into()),
    };
    let reached = reach(
        &target,
        Arc::clone(&agent) as _,
        &Timeouts::default(),
        b"",
        &|_| (),
    )
    .unwrap();
    assert!(matches!(reached.how, Delivered::Uploaded { .. }));
    converse(reached);
}
