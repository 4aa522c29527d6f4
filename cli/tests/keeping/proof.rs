//! A receipt says what is there, and a later look finds every difference.

use std::fs;

use crate::place::{Place, lacks, text};

fn pulled() -> Place {
    let place = Place::new();
    place.shell(
        "mkdir -p s/sub; echo one > s/a; echo two > s/sub/b; ln -s a s/link
         printf x > \"s/$(printf 'not\\377utf8')\"; touch -d 2001-01-01 s/a s/sub/b",
    );
    place.run("pull -a --receipt=proof s/ d", 0);
    place
}

/// Its format comes first, by which a receipt is known.
fn write_receipt(place: &Place, name: &str, receipt: &serde_json::Value) {
    let text = receipt.to_string();
    let format = &receipt["format"];
    let rest = text.strip_prefix('{').unwrap();
    let rest = rest.replacen(&format!("\"format\":{format},"), "", 1);
    let text = format!("{{\"format\":{format},{rest}");
    fs::write(place.path(name), text).unwrap();
}

#[test]
fn a_receipt_accounts_for_the_run_and_for_what_is_there() {
    let place = pulled();
    let receipt = place.receipt("proof");
    assert_eq!(receipt["format"], "ksyncd-receipt-1");
    assert_eq!(receipt["counts"]["entries"], 5);
    assert_eq!(receipt["counts"]["transferred"], 5);
    assert_eq!(receipt["source"], "s/");
    assert_ne!(receipt["content_digest"], "0".repeat(32));
    let entries = receipt["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 6, "the directory itself too: {entries:?}");
    let a = entries.iter().find(|entry| entry["path"] == "a").unwrap();
    let digest = rsync_core::checksum::Digest::of(b"one\n").to_string();
    assert_eq!(a["digest"], digest);
    assert_eq!(a["size"], 4);
}

#[test]
fn a_receipt_has_a_digest_of_the_whole_tree_from_either_end() {
    let place = pulled();
    let trees = |name: &str| {
        let receipt = place.receipt(name);
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
    place.shell("mkdir s; echo one > s/a");
    let (rsh, source) = (place.remote_shell(), place.path("s"));
    let (rsh, source) = (rsh.display(), source.display());
    let pull = format!("pull --receipt=proof --rsh={rsh} h:{source}/ d");
    if place.run_with_agent(&pull).is_none() {
        return;
    }
    let receipt = place.receipt("proof");
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
            ". differs in time",
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

/// A tree with everything that a change can be about, pulled, and copied to `agreed`.
fn pulled_whole() -> Option<Place> {
    if lacks(&["rsync", "setfattr", "setfacl"]) {
        return None;
    }
    let place = Place::new();
    place.shell(
        "mkdir -p s/sub/deep; echo one > s/a; echo two > s/sub/b; ln -s a s/link; mkfifo s/sub/pipe
         echo three > s/sub/deep/c; setfattr -n user.k -v old s/a s/sub; setfacl -m u:1:r s/sub/b
         touch -d 2001-01-01 s/a s/sub/b s/sub/pipe s/sub/deep s/sub s",
    );
    place.run("pull -aAX --specials --receipt=proof s/ d", 0);
    place.shell("cp -a d agreed");
    let said = text(&place.run("verify proof d", 0).stderr);
    assert!(
        said.contains("the digest that both ends agreed on"),
        "{said}"
    );
    Some(place)
}

/// Each change with its traces wiped, and what a look at the receipt says of it.
const CHANGES: &[(&str, &str)] = &[
    (
        "printf 'tvo\\n' > sub/b; touch -d 2001-01-01 sub/b",
        "sub/b differs in content",
    ),
    (
        "echo longer >> sub/b; touch -d 2001-01-01 sub/b",
        "sub/b differs in size, content",
    ),
    ("touch -d 2001-01-02 a", "a differs in time"),
    (
        "touch -d '2001-01-01 00:00:00.000000001' a",
        "a differs in time",
    ),
    ("chmod 600 a", "a differs in permissions"),
    ("chmod u+s a", "a differs in permissions"),
    ("chmod 700 sub/deep", "sub/deep differs in permissions"),
    ("chmod 700 .", ". differs in permissions"),
    ("setfattr -n user.k -v new a", "a differs in attributes"),
    ("setfattr -x user.k sub", "sub differs in attributes"),
    ("setfattr -n user.k -v new .", ". differs in attributes"),
    ("setfacl -m u:2:r sub/b", "sub/b differs in access list"),
    ("setfacl -d -m u:2:r sub", "sub differs in access list"),
    ("rm link; touch -d 2001-01-01 .", "link is missing"),
    (
        "rm -r sub/deep; touch -d 2001-01-01 sub",
        "sub/deep is missing\nsub/deep/c is missing",
    ),
    (
        "echo x > sub/extra; touch -d 2001-01-01 sub",
        "sub/extra was not there",
    ),
    (
        "mkdir sub/more; touch -d 2001-01-01 sub",
        "sub/more was not there",
    ),
    (
        "touch ../stamp; touch -hr link ../stamp; rm link; ln -s b link; touch -hr ../stamp link; touch -d 2001-01-01 .",
        "link differs in kind",
    ),
    (
        "rm sub/pipe; touch -d 2001-01-01 sub/pipe sub",
        "sub/pipe differs in kind, size, content",
    ),
];

#[test]
fn every_kind_of_change_is_found_against_the_receipt_and_against_the_source() {
    let Some(place) = pulled_whole() else {
        return;
    };
    let owner = ("chown -h 12345 a", "a differs in owner");
    let group = ("chgrp 12345 sub", "sub differs in owner");
    let may_give = std::os::unix::fs::chown(place.path("agreed/a"), Some(0), Some(0)).is_ok();
    let owners = [owner, group].into_iter().filter(|_| may_give);
    for (change, found) in CHANGES.iter().copied().chain(owners) {
        place.shell("rm -rf d before; cp -a agreed d");
        place.run("verify proof d", 0);
        place.run("verify -aAX --specials s/ d", 0);
        place.shell(&format!("cd d; {change}; cd ..; cp -a d before"));
        let said = text(&place.run("verify proof d", 23).stdout);
        assert_eq!(said.trim_end(), found, "{change}");
        let live = text(&place.run("verify -aAX --specials s/ d", 23).stdout);
        let name = found.split(' ').next().unwrap().replace("sub/deep\n", "");
        assert!(live.contains(&name), "{change}: {live}");
        assert_eq!(
            place.differences("before", "d"),
            "",
            "{change}: changed by a look"
        );
    }
    assert_eq!(place.log().len(), 1, "a look is no run to undo");
}

/// Whoever writes a receipt that fits a changed tree would have to find another tree with the digest
/// that both ends computed.
#[test]
fn a_receipt_that_was_made_to_fit_a_changed_tree_has_not_the_digest_of_both_ends() {
    let Some(place) = pulled_whole() else {
        return;
    };
    place.shell("echo longer >> d/a");
    place.run("pull -aAX --specials --receipt=other d/ e", 0);
    let (mut forged, other) = (place.receipt("proof"), place.receipt("other"));
    for part in ["entries", "entries_digest"] {
        forged[part] = other[part].clone();
    }
    write_receipt(&place, "forged", &forged);
    let said = text(&place.run("verify forged d", 23).stdout);
    assert_eq!(said, ". has not the digest that both ends agreed on\n");
}

/// The last line of a look at a receipt, for programs.
fn verified(place: &Place, line: &str, code: i32) -> serde_json::Value {
    let said = text(&place.run(&format!("verify --json {line}"), code).stdout);
    serde_json::from_str(said.lines().last().unwrap()).unwrap()
}

#[test]
fn a_look_says_whether_the_digest_of_both_ends_could_be_computed_again() {
    let place = pulled();
    assert_eq!(verified(&place, "proof d", 0)["agreed_digest"], "same");

    // What is here beside the source is in the receipt, and in no digest of both ends.
    place.shell("mkdir e; echo mine > e/mine");
    place.run("pull -a --receipt=more s/ e", 0);
    let look = place.run("verify more e", 0);
    assert!(look.stdout.is_empty());
    let said = text(&look.stderr);
    assert!(said.contains("0 differences from the receipt; the digest that both ends agreed on can not be computed again"), "{said}");
    let verified_more = verified(&place, "more e", 0);
    assert_eq!(verified_more["agreed_digest"], "of_other");
    assert_eq!(verified_more["differences"], 0);
    let message = verified_more["message"].as_str().unwrap();
    assert!(said.contains(message), "{message}");

    let mut none = place.receipt("proof");
    none["trees"] = serde_json::Value::Null;
    write_receipt(&place, "none", &none);
    assert_eq!(verified(&place, "none d", 0)["agreed_digest"], "none");
}

#[test]
fn differences_from_a_receipt_are_events_for_programs() {
    let place = pulled();
    place.shell("chmod 600 d/a; rm d/not*; touch -r s d");
    let said = text(&place.run("verify --json proof d", 23).stdout);
    let events = said.lines().map(|line| serde_json::from_str(line).unwrap());
    let events: Vec<serde_json::Value> = events.collect();
    let expected = [
        serde_json::json!({"event": "difference", "path": "a", "how": "differs in permissions"}),
        serde_json::json!({"event": "difference", "path_bytes": "bm90/3V0Zjg=", "how": "is missing"}),
    ];
    assert_eq!(events[..2], expected);
    assert_eq!(events[2]["agreed_digest"], "different");
    assert_eq!(
        (&events[2]["differences"], &events[2]["exit_code"]),
        (&2.into(), &23.into())
    );
    assert_eq!(events.len(), 3);
}

#[test]
fn a_receipt_of_an_older_version_is_held_to_what_it_tells() {
    let place = pulled();
    let mut old = place.receipt("proof");
    let fields = old.as_object_mut().unwrap();
    for new in ["tells_attributes", "trees", "entries_digest"] {
        fields.remove(new);
    }
    let entries = fields["entries"].as_array_mut().unwrap();
    entries.retain(|entry| entry["path"] != ".");
    write_receipt(&place, "old", &old);
    place.run("verify old d", 0);
    place.shell("chmod 600 d/a");
    place.run("verify old d", 23);
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
