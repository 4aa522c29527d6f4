//! How it is said: lines for programs, and names that try to be more than names.

use serde_json::Value;

use super::place::{Place, VERBS};

fn events(stdout: &str) -> Vec<Value> {
    stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

#[test]
fn a_run_that_fails_as_a_whole_ends_its_json_with_the_error() {
    let place = Place::new();
    for (line, code) in [
        ("pull --json gone/ d", 23),
        ("push --json gone/ d", 23),
        ("pull --json s/ no/such/place", 3),
        ("push --json s/ no/such/place", 3),
        ("pull --json --rsh=/nonexistent h:/x d", 14),
        ("push --json --rsh=/nonexistent s/ h:/x", 14),
    ] {
        let ended = place.line(line);
        assert_eq!(ended.code, Some(code), "{line}: {}", ended.stderr);
        let events = events(&ended.stdout);
        let last = events.last().unwrap_or_else(|| panic!("{line}: no event"));
        assert_eq!(last["event"], "error", "{line}");
        assert_eq!(last["exit_code"], code, "{line}");
        assert!(last["message"].as_str().unwrap().contains("; "), "{last}");
    }
}

#[test]
fn troubles_of_entries_are_events_with_exact_paths() {
    for verb in VERBS {
        let place = Place::new();
        place.file("s/odd\n\u{1b}[2J", "x");
        place.mode("s/odd\n\u{1b}[2J", 0);
        std::fs::create_dir(place.path("out")).unwrap();
        place.mode("out", 0o777);
        let Some(ended) = place.as_nobody(&format!("{verb} --json s/ out")) else {
            return;
        };
        assert_eq!(ended.code, Some(23), "{}", ended.stderr);
        let events = events(&ended.stdout);
        let trouble = events
            .iter()
            .find(|event| event["event"] == "trouble")
            .unwrap();
        assert_eq!(trouble["path"], "odd\n\u{1b}[2J");
        assert!(
            trouble["message"]
                .as_str()
                .unwrap()
                .contains("odd\\#012\\#033[2J")
        );
        assert_eq!(events.last().unwrap()["exit_code"], 23);
    }
}

#[test]
fn p12_hostile_names_reach_the_terminal_escaped() {
    for verb in VERBS {
        let place = Place::new();
        place.file("s/x\nksyncd: all is well\u{1b}[2J\u{202e}", "x");
        place.mode("s/x\nksyncd: all is well\u{1b}[2J\u{202e}", 0);
        std::fs::create_dir(place.path("out")).unwrap();
        place.mode("out", 0o777);
        let Some(ended) = place.as_nobody(&format!("{verb} -v s/ out")) else {
            return;
        };
        ended.assert(
            23,
            &["x\\#012ksyncd: all is well\\#033[2J\\#342\\#200\\#256 can not be read"],
        );
    }
}

#[test]
fn p12_hostile_paths_on_the_command_line_are_escaped_too() {
    for verb in VERBS {
        let place = Place::new();
        let ended = place.run([verb, "gone\u{1b}[2J\nx", "d"]);
        ended.assert(23, &["gone\\#033[2J\\#012x does not exist"]);
        let ended = place.run([verb, "s/", "d/a/\u{1b}[2J"]);
        ended.assert(3, &["d/a/\\#033[2J"]);
        place.assert_destination_is_untouched();
    }
}

#[test]
fn what_is_not_supported_changes_nothing() {
    let place = Place::new();
    for verb in VERBS {
        for option in [
            "--link-dest=x",
            "--daemon",
            "-R",
            "--files-from=gone",
            "--filter=nonsense",
        ] {
            let ended = place.run([verb, "--delete", option, "s/", "d"]);
            assert!(matches!(ended.code, Some(1 | 4 | 11)), "{ended:?}");
            ended.assert_plain();
        }
        place.assert_destination_is_untouched();
    }
}
