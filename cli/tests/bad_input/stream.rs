//! A stream that is cut or stands still, at any stage.

use super::place::{Place, VERBS};

/// A source that takes more than a moment, and what of it is at the destination already.
fn large() -> Place {
    let place = Place::new();
    place.file("s/large", noise(24 << 20));
    place
}

/// Bytes that do not shrink.
pub(crate) fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(&mut next)
        .flatten()
        .take(len)
        .collect()
}

fn ends(place: &Place, verb: &str) -> String {
    match verb {
        "pull" => format!("h:{}/ d", place.path("s").display()),
        _ => format!("s/ h:{}", place.path("d").display()),
    }
}

/// Old files are whole, new ones are whole or not there, and nothing else is but what arrived of the
/// large one, which nobody else may read.
fn assert_nothing_is_harmed(place: &Place) {
    use std::os::unix::fs::PermissionsExt;
    let known = ["a", "mine", "sub", "large"];
    let names = place.names("d");
    let others: Vec<_> = names
        .iter()
        .filter(|name| !known.contains(&name.as_str()))
        .collect();
    assert!(others.len() <= 1, "{others:?} was left behind");
    for name in others {
        assert!(name.starts_with(".ksyncd."), "{name} was left behind");
        let found = std::fs::metadata(place.path("d").join(name)).unwrap();
        assert_eq!(found.permissions().mode() & 0o7777, 0o600, "{name}");
        assert!(found.len() >= 1 << 20, "{name} is not worth it");
    }
    if place.path("d/mine").exists() {
        assert_eq!(place.read("d/mine"), "precious");
    }
    assert!(["old and precious", "new"].contains(&place.read("d/a").as_str()));
    if place.path("d/large").exists() {
        assert_eq!(
            std::fs::metadata(place.path("d/large")).unwrap().len(),
            24 << 20
        );
    }
}

#[test]
fn x11_a_stream_cut_after_any_byte_of_the_beginning_is_no_success() {
    // The last of these is the length of the whole conversation, about.
    for bytes in [0, 1, 60, 100, 140, 200, 300] {
        for verb in VERBS {
            let place = Place::new();
            let cut = format!("shift; \"$@\" | dd bs=1 count={bytes} 2>/dev/null");
            let shell = place.script("rsh", &cut);
            let options = "--contimeout=3 --delete";
            let ended = place.line(&format!(
                "{verb} --rsh={shell} {options} {}",
                ends(&place, verb)
            ));
            if ended.code == Some(0) {
                assert!(bytes > 200, "a success after {bytes} bytes");
                continue;
            }
            let known = matches!(ended.code, Some(5 | 10 | 12 | 35));
            assert!(known, "{bytes}: {ended:?}");
            ended.assert_plain();
            assert_nothing_is_harmed(&place);
        }
    }
}

#[test]
fn x11_a_stream_cut_in_the_middle_of_a_file_leaves_the_old_ones() {
    for verb in VERBS {
        let place = large();
        let way = if verb == "pull" {
            "\"$@\" | dd bs=65536 count=30 2>/dev/null"
        } else {
            // Enough for the script and the beginning of the file.
            "dd bs=65536 count=60 2>/dev/null | \"$@\""
        };
        let shell = place.script("rsh", &format!("shift; {way}"));
        let options = "--no-compress --delete";
        let ended = place.line(&format!(
            "{verb} --rsh={shell} {options} {}",
            ends(&place, verb)
        ));
        assert!(matches!(ended.code, Some(10 | 12)), "{ended:?}");
        ended.assert_plain();
        assert_nothing_is_harmed(&place);
    }
}

#[test]
fn x8_a_stream_that_stands_still_ends_with_30() {
    for verb in VERBS {
        let place = large();
        let way = if verb == "pull" {
            "\"$@\" | (dd bs=65536 count=30 2>/dev/null; exec sleep 20)"
        } else {
            "(dd bs=65536 count=60 2>/dev/null; exec sleep 20) | \"$@\""
        };
        let shell = place.script("rsh", &format!("shift; {way}"));
        let options = "--no-compress --timeout=2";
        let ended = place.line(&format!(
            "{verb} --rsh={shell} {options} {}",
            ends(&place, verb)
        ));
        ended.assert(30, &[" 2 s", "--timeout"]);
        if verb == "pull" {
            assert_nothing_is_harmed(&place);
        }
    }
}
