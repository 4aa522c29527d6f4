//! What answers at the other end is no agent, another version of one, or one that misbehaves.

use rsync_core::wire::frame::{self, FrameType};
use rsync_core::wire::hello::Hello;
use rsync_core::wire::preamble::MAGIC;

use super::place::{Ended, Place, VERBS};

/// A remote shell under which an agent seems to be in place and says what `body` prints.
const IN_PLACE: &str = "printf '\\nksyncd %s have /tmp\\n' \"$4\"; ";

/// Runs against a remote shell that does `body`.
fn against(place: &Place, verb: &str, options: &str, body: &str) -> Ended {
    let shell = place.script("rsh", body);
    let ends = if verb == "pull" { "h:/x d" } else { "s/ h:/x" };
    place.line(&format!("{verb} --rsh={shell} {options}{ends}"))
}

/// As [`against`], with the bytes of an agent that is in place.
fn against_agent(place: &Place, verb: &str, bytes: &[u8], then: &str) -> Ended {
    place.file("bytes", bytes);
    let bytes = place.path("bytes");
    let body = format!("{IN_PLACE} cat {}; {then}", bytes.display());
    against(place, verb, "", &body)
}

fn greeting(hello: &Hello) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    frame::put(&mut bytes, FrameType::Hello, &hello.encode());
    bytes
}

#[test]
fn x12_garbage_in_the_place_of_a_shell_is_quoted_without_control_characters() {
    for verb in VERBS {
        let place = Place::new();
        for body in [
            "echo This account is not available.",
            "printf 'This account is not available.\\033[2J'; exec sleep 60",
            "while echo This account is not available.; do :; done 2>/dev/null",
        ] {
            let ended = against(&place, verb, "--contimeout=5 ", body);
            assert!(matches!(ended.code, Some(5 | 35)), "{ended:?}");
            ended.assert_plain();
            if ended.code == Some(5) {
                ended.assert(5, &["h: ", "This account is not available."]);
            }
        }
        place.assert_destination_is_untouched();
    }
}

#[test]
fn x12_garbage_in_the_place_of_an_agent_is_quoted() {
    for verb in VERBS {
        let place = Place::new();
        let ended = against(
            &place,
            verb,
            "",
            &format!("{IN_PLACE} while echo noise; do :; done"),
        );
        assert!(matches!(ended.code, Some(5 | 12)), "{ended:?}");
        ended.assert(ended.code.unwrap(), &["no agent answered", "noise"]);
        place.assert_destination_is_untouched();
    }
}

#[test]
fn x12_what_a_login_script_says_first_does_no_harm() {
    let noise = "echo Welcome; printf '\\033[1mno line feed'; shift; exec \"$@\"";
    let place = Place::new();
    let shell = place.script("rsh", noise);
    let (source, out) = (place.path("s"), place.path("out"));
    for (verb, source, destination) in [
        (
            "pull",
            format!("h:{}/", source.display()),
            "pulled".to_owned(),
        ),
        ("push", "s/".to_owned(), format!("h:{}", out.display())),
    ] {
        let ended = place.line(&format!("{verb} --rsh={shell} {source} {destination}"));
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    }
    assert_eq!(place.read("pulled/sub/b"), "new");
    assert_eq!(place.read("out/sub/b"), "new");
}

#[test]
fn garbage_after_the_handshake_breaks_the_protocol() {
    let hello = Hello::of_this_build("0.0.0", [1; 16]);
    for verb in VERBS {
        let place = Place::new();
        for garbage in [
            vec![0xff; 4000],
            b"GET / HTTP/1.1\r\n\r\n".repeat(100),
            [
                4u32.to_le_bytes().as_slice(),
                &[FrameType::Messages as u8, 0, 0, 0, 9, 9, 9, 9],
            ]
            .concat(),
        ] {
            let bytes = [greeting(&hello), garbage].concat();
            let ended = against_agent(&place, verb, &bytes, "exec sleep 60");
            ended.assert(12, &[]);
            place.assert_destination_is_untouched();
        }
    }
}

#[test]
fn an_agent_of_another_version_says_which_end_is_to_be_renewed() {
    let newer = Hello {
        min_version: 2,
        max_version: 3,
        ..Hello::of_this_build("9.9.9", [1; 16])
    };
    for verb in VERBS {
        let place = Place::new();
        let ended = against_agent(&place, verb, &greeting(&newer), "exec sleep 60");
        ended.assert(2, &["9.9.9", "too old", "same version"]);
        place.assert_destination_is_untouched();
    }
}

#[test]
fn x8_silence_ends_when_patience_does() {
    for verb in VERBS {
        let place = Place::new();
        for silence in [
            "exec sleep 60".to_owned(),
            format!("{IN_PLACE} exec sleep 60"),
        ] {
            let ended = against(&place, verb, "--contimeout=1 ", &silence);
            ended.assert(35, &["no answer", "--contimeout"]);
        }
        place.assert_destination_is_untouched();
    }
}

#[test]
fn a_shell_that_ends_is_explained() {
    for verb in VERBS {
        let place = Place::new();
        for (body, code, words) in [
            ("exit 0", 12, &["h: the connection ended in the middle"][..]),
            ("echo boom >&2; exit 3", 12, &["said: boom"]),
            ("kill -9 $$", 12, &["was killed", "memory"]),
            ("echo 'sh: not found' >&2; exit 127", 5, &["no shell"]),
            (
                "printf 'a\\033[2J\\nb' >&2; exit 1",
                12,
                &["said: a\\#033[2J; b"],
            ),
        ] {
            against(&place, verb, "", body).assert(code, words);
        }
        for (then, words) in [
            ("exit 0", &["h: the connection ended in the middle"][..]),
            ("kill -9 $$", &["was killed", "memory"]),
            (
                "echo 'ksyncd-agent: the root is gone' >&2; exit 1",
                &["the agent failed", "the root is gone"],
            ),
        ] {
            // Whether the program sees the end first or fails to write is a matter of moments.
            let ended = against(&place, verb, "", &format!("{IN_PLACE} {then}"));
            assert!(matches!(ended.code, Some(5 | 12)), "{ended:?}");
            ended.assert(ended.code.unwrap(), words);
        }
        place.assert_destination_is_untouched();
    }
}
