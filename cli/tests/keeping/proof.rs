//! A receipt says what is there, and a later look finds every difference.

use std::fs;

use crate::place::{Place, text};

fn pulled() -> Place {
    let place = Place::new();
    place.shell(
        "mkdir -p s/sub; echo one > s/a; echo two > s/sub/b; ln -s a s/link
         printf x > \"s/$(printf 'not\\377utf8')\"; touch -d 2001-01-01 s/a s/sub/b",
    );
    place.run("pull -a --receipt=proof s/ d", 0);
    place
}

#[test]
fn a_receipt_accounts_for_the_run_and_for_what_is_there() {
    let place = pulled();
    let receipt: serde_json::Value =
        serde_json::from_slice(&fs::read(place.path("proof")).unwrap()).unwrap();
    assert_eq!(receipt["format"], "ksyncd-receipt-1");
    assert_eq!(receipt["counts"]["entries"], 5);
    assert_eq!(receipt["counts"]["transferred"], 5);
    assert_eq!(receipt["source"], "s/");
    assert_ne!(receipt["content_digest"], "0".repeat(32));
    let entries = receipt["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 5, "{entries:?}");
    let a = entries.iter().find(|entry| entry["path"] == "a").unwrap();
    let digest = rsync_core::checksum::Digest::of(b"one\n").to_string();
    assert_eq!(a["digest"], digest);
    assert_eq!(a["size"], 4);
}

#[test]
fn a_receipt_has_a_digest_of_the_whole_tree_from_either_end() {
    let place = pulled();
    let trees = |name: &str| {
        let receipt: serde_json::Value =
            serde_json::from_slice(&fs::read(place.path(name)).unwrap()).unwrap();
        assert_eq!(receipt["trees"]["source"], receipt["trees"]["destination"]);
        let digest = receipt["trees"]["source"].as_str().unwrap().to_owned();
        assert_eq!(digest.len(), 64);
        digest
    };
    let first = trees("proof");
    // Nothing travels now, and everything is still part of it.
    place.run("pull -a --receipt=again s/ d", 0);
    assert_eq!(trees("again"), first);
    place.shell("touch -d 2002-02-02 s/sub/b");
    place.run("pull -a --receipt=changed s/ d", 0);
    assert_ne!(trees("changed"), first);
}

#[test]
fn a_receipt_that_was_changed_proves_nothing() {
    let place = pulled();
    let text_of = || fs::read_to_string(place.path("proof")).unwrap();
    let changed = text_of().replace("\"size\": 4", "\"size\": 5");
    assert_ne!(changed, text_of());
    fs::write(place.path("proof"), changed).unwrap();
    let said = text(&place.run("verify proof d", 3).stderr);
    assert!(said.contains("changed since"), "{said}");
}

#[test]
fn a_receipt_names_the_agents_of_which_one_ran() {
    let place = Place::new();
    place.shell(
        "mkdir s; echo one > s/a
         printf '#!/bin/sh\nshift\nexec \"$@\"\n' > rsh; chmod +x rsh",
    );
    let (rsh, source) = (place.path("rsh"), place.path("s"));
    let (rsh, source) = (rsh.display(), source.display());
    let mut command = place.command(&format!("pull --receipt=proof --rsh={rsh} h:{source}/ d"));
    let output = command.output().unwrap();
    if text(&output.stderr).contains("no agent") {
        eprintln!("skipped: this build has no agent to deliver");
        return;
    }
    assert!(output.status.success(), "{output:?}");
    let receipt: serde_json::Value =
        serde_json::from_slice(&fs::read(place.path("proof")).unwrap()).unwrap();
    let target = &receipt["target"];
    let digest = target["agents"][std::env::consts::ARCH].as_str().unwrap();
    assert_eq!(digest.len(), 64, "{target}");
    assert_ne!(target["route"], "");
}

#[test]
fn a_single_flipped_bit_is_found_even_if_size_and_time_are_the_same() {
    let place = pulled();
    place.shell("printf 'tvo\\n' > d/sub/b; touch -d 2001-01-01 d/sub/b; cp -a d before");
    let said = text(&place.run("verify proof d", 23).stdout);
    assert_eq!(said, "sub/b differs in content\n");
    assert_eq!(place.differences("before", "d"), "");
}

#[test]
fn an_untouched_destination_agrees_with_its_receipt_and_its_source() {
    let place = pulled();
    assert!(place.run("verify proof d", 0).stdout.is_empty());
    assert!(place.run("verify s/ d", 0).stdout.is_empty());
}

#[test]
fn every_difference_is_named_and_nothing_is_changed() {
    let place = pulled();
    place.shell(
        "printf ONE\\\\n > d/a; touch -d 2001-01-01 d/a; chmod 600 d/sub/b; rm d/link; echo x > d/extra
         cp -a d before",
    );
    let said = text(&place.run("verify proof d", 23).stdout);
    let mut lines: Vec<&str> = said.lines().collect();
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "a differs in content",
            "extra was not there",
            "link is missing",
            "sub/b differs in permissions",
        ]
    );
    let said = text(&place.run("verify s/ d", 23).stdout);
    for name in ["a", "extra", "link", "sub/b"] {
        assert!(
            said.lines()
                .any(|line| line.split(' ').any(|word| word == name)),
            "{name}: {said}"
        );
    }
    assert_eq!(
        said.lines().count(),
        4 + usize::from(said.contains(" ./")),
        "{said}"
    );
    assert_eq!(place.differences("before", "d"), "");
    assert_eq!(place.log().len(), 1, "a look is no run to undo");
}

#[test]
fn a_receipt_follows_no_link_that_has_its_name() {
    let place = pulled();
    place.shell("echo mine > mine; ln -sf mine proof; rm -r d");
    place.run("pull -a --receipt=proof s/ d", 0);
    assert_eq!(fs::read_to_string(place.path("mine")).unwrap(), "mine\n");
    place.run("verify proof d", 0);
}

#[test]
fn what_is_no_receipt_is_a_source() {
    let place = Place::new();
    place.shell("echo '{}' > s; cp -p s d");
    place.run("verify s d", 0);
    place.shell("echo '{ }' > d");
    place.run("verify s d", 23);
}
