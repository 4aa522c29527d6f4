//! What a source that is not trusted must not bring: files that programs of this machine run or
//! obey by themselves.

use crate::place::{Ended, Place};

/// Pulls from `s` as if it were elsewhere.
fn pull(place: &Place, options: &str, ends: &str) -> Ended {
    // The words are the host's name and the command.
    let shell = place.script("rsh", "shift; exec \"$@\"");
    place.line(&format!("pull --rsh={shell} {options} {ends}"))
}

fn source(place: &Place) -> String {
    format!("host:{}/", place.path("s").display())
}

#[test]
fn p11_what_programs_run_by_themselves_is_neither_made_nor_changed() {
    let place = Place::new();
    place.file("s/.git/hooks/post-checkout", "evil");
    place.file("s/.git/config", "evil, and longer");
    place.file("s/sub/.envrc", "evil");
    place.file("s/.VSCode/tasks.json", "evil");
    place.file("d/.git/config", "mine");
    let ended = pull(&place, "-a", &format!("{} d", source(&place)));
    ended.assert(23, &[".git/config", "sub/.envrc", "--trust-source"]);
    assert_eq!(place.names("d/.git"), ["config"]);
    assert_eq!(place.read("d/.git/config"), "mine");
    assert_eq!(place.names("d/sub"), ["b"]);
    assert_eq!(place.names("d"), [".git", "a", "mine", "sub"]);
    assert_eq!(place.read("d/a"), "new");
}

#[test]
fn p11_a_dry_run_refuses_the_same() {
    let place = Place::new();
    place.file("s/.envrc", "evil");
    for destination in ["d", "nowhere"] {
        let ended = pull(&place, "-an", &format!("{} {destination}", source(&place)));
        ended.assert(23, &[".envrc", "--trust-source"]);
    }
}

#[test]
fn p11_what_programs_run_by_themselves_is_not_deleted_either() {
    let place = Place::new();
    place.file("d/.git/config", "mine");
    place.file("d/old/.git/config", "mine");
    place.file("d/old/file", "old");
    let ended = pull(&place, "-a --delete", &format!("{} d", source(&place)));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(place.read("d/.git/config"), "mine");
    assert_eq!(place.read("d/old/.git/config"), "mine");
    assert_eq!(place.names("d/old"), [".git"]);
    assert_eq!(place.names("d"), [".git", "a", "old", "sub"]);
}

#[test]
fn p11_what_is_here_already_as_it_is_there_is_no_reason_to_fail() {
    let place = Place::new();
    place.file("s/.git/config", "same");
    let trusting = format!("{} d", source(&place));
    assert_eq!(pull(&place, "-a --trust-source", &trusting).code, Some(0));
    assert_eq!(place.read("d/.git/config"), "same");
    place.file("s/a", "newer than new");
    assert_eq!(pull(&place, "-a", &trusting).code, Some(0));
    assert_eq!(place.read("d/a"), "newer than new");
}

#[test]
fn p11_what_is_asked_for_by_name_is_taken() {
    let place = Place::new();
    place.file("s/.git/config", "wanted");
    place.file("s/.envrc", "wanted");
    for name in [".git", ".envrc"] {
        let ends = format!("{}{name} d", source(&place));
        assert_eq!(pull(&place, "-a", &ends).code, Some(0));
    }
    assert_eq!(place.read("d/.git/config"), "wanted");
    assert_eq!(place.read("d/.envrc"), "wanted");
}

#[test]
fn what_is_copied_within_this_machine_is_not_guarded() {
    let place = Place::new();
    place.file("s/.git/config", "mine");
    place.file("d/.hg/old", "mine");
    assert_eq!(place.line("pull -a --delete s/ d").code, Some(0));
    assert_eq!(place.names("d"), [".git", "a", "sub"]);
}

#[test]
fn t8_mounted_credentials_are_left_out_of_a_larger_pull_unless_they_are_included() {
    let place = Place::new();
    let script = "mkdir -p R/tmp R/bin R/run/secrets/kubernetes.io R/app; cp \"$(command -v busybox)\" R/bin/sh &&
        for tool in cat chmod mkdir head mv rm uname id dd; do ln -s sh R/bin/$tool; done &&
        echo token > R/run/secrets/kubernetes.io/token && echo x > R/app/file &&
        $K pull -q '--rsh=chroot R' :/ out --exclude=/bin --exclude=/tmp && ls -A out/run out/app &&
        $K pull -q '--rsh=chroot R' :/ all --include=/run/secrets --exclude=/bin --exclude=/tmp &&
        cat all/run/secrets/kubernetes.io/token && $K pull -q '--rsh=chroot R' :/run/secrets/ named && ls named";
    let Some(ended) = place.with_mounts(script) else {
        return;
    };
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(
        ended.stdout,
        "out/app:\nfile\n\nout/run:\ntoken\nkubernetes.io\n"
    );
}
