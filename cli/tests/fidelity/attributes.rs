//! Modes, times, owners, extended attributes, access control lists.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use crate::judge::{
    JUDGES, access_lists, assert_does_as_rsync, assert_identical, assert_nothing_to_do,
    assert_same_lines, attributes,
};
use crate::place::{Agent, Place, Verb, Way, lacks, lacks_root_or, places, shell};

/// Runs a command as somebody without rights.
pub(crate) const AS_NOBODY: [&str; 4] = [
    "setpriv",
    "--reuid=nobody",
    "--regid=nogroup",
    "--clear-groups",
];

/// This program on both ends, so that it can be run as somebody else.
pub(crate) fn own_places() -> impl Iterator<Item = Place> {
    let agent = Agent::Own;
    [Verb::Pull, Verb::Push]
        .into_iter()
        .map(move |verb| Place::new(Way { verb, agent }))
}

fn mode_of(place: &Place, name: &str) -> u32 {
    let found = fs::symlink_metadata(place.dest().join(name)).unwrap();
    found.permissions().mode() & 0o7777
}

fn owner_of(place: &Place, name: &str) -> (u32, u32) {
    let found = fs::symlink_metadata(place.dest().join(name)).unwrap();
    (found.uid(), found.gid())
}

/// Files and directories with all kinds of modes and owners, and a stale destination.
fn make_modes(place: &Place) {
    place.in_source(
        "for mode in 0 200 400 444 600 640 644 700 755 777 1644 2755 4755 6755; do
             echo $mode > f$mode; chmod $mode f$mode
             mkdir d$mode; echo x > d$mode/in; chmod 751 d$mode/in; chmod $mode d$mode; done
         mkdir stale; for mode in 600 755; do echo $mode > stale/$mode; chmod $mode stale/$mode; done
         ln -s f644 link; chown -h 12:34 link f644 d755 stale/600
         setfacl -m u:12:rwx,m::r f755 d2755; setfacl -d -m u:12:rwx d777
         touch -d '2020-02-02 02:02:02.222222222' d* f*",
    );
    place.copy();
    place.in_dest(
        "chmod 640 stale/* f444; chmod 1700 d755 d2755; chown 5:6 f755 d644 stale; chown 0:0 f0
         rm -r f644 d600 d6755 link; mkdir f644; : > d600; echo else > f755; touch -d @7 f600",
    );
}

#[test]
fn metadata_is_preserved_as_rsync_preserves_it() {
    if lacks_root_or(&JUDGES) || lacks(&["setfacl"]) {
        return;
    }
    for options in [
        "",
        "--no-perms",
        "--no-owner",
        "--no-group",
        "--no-owner --no-group --no-perms",
        "--numeric-ids",
        "--chown=1234:4321",
        "--chown=:4321",
        "--chown=daemon:mail",
        "--chown=1234",
        "--chmod=D755,F644",
        "--chmod=u+rwX,go-w",
        "--chmod=a=rX,u+w",
        "--chmod=Dg+s,Fo-rwx",
        "--chmod=ug=o",
        "--chmod=Fu=rw --chmod=Fg=u,o=",
        "--chmod=+X",
        "--chmod=F-s,+t",
        "--chmod=go= --no-perms",
        "-A --chmod=g+w,o=",
    ] {
        for place in places() {
            make_modes(&place);
            let ours = format!("-a --delete --keep-special-bits {options}");
            assert_does_as_rsync(&place, &ours, &format!("-rlptgo --delete {options}"));
            let again = place.sync(&format!("{ours} -i")).done();
            assert_eq!(again.changes(), [""; 0], "{options}");
        }
    }
}

#[test]
fn times_of_directories_can_be_left_alone() {
    if lacks(&["rsync"]) {
        return;
    }
    for place in places() {
        place.in_source("mkdir d; : > d/f; touch -d @5 d/f d");
        place.write_dest("d/other", "x");
        place.sync("-aO").done();
        assert_nothing_to_do(&place, "-aO");
        let found = fs::metadata(place.dest().join("d")).unwrap();
        assert_ne!(found.mtime(), 5);
    }
}

#[test]
fn files_get_the_time_of_their_transfer_where_times_are_not_preserved() {
    for place in places() {
        place.in_source("echo x > f; touch -d @5 f; mkdir d; touch -d @5 d");
        place.sync("-a --no-times").done();
        for name in ["f", "d"] {
            let found = fs::metadata(place.dest().join(name)).unwrap();
            assert_ne!(found.mtime(), 5, "{name}");
        }
    }
}

#[test]
fn what_a_container_calls_set_uid_is_not_trusted_here_unless_asked_for() {
    for place in places() {
        place.in_source("for mode in 4755 2755 1755; do : > f$mode; chmod $mode f$mode; mkdir d$mode; chmod $mode d$mode; done");
        let kept = place.way.verb == Verb::Push;
        let expected = |bits: u32| if kept { bits } else { bits & 0o777 };
        for _ in 0..2 {
            place.sync("-a").done();
            for bits in [0o4755, 0o2755, 0o1755] {
                assert_eq!(mode_of(&place, &format!("f{bits:o}")), expected(bits));
                assert_eq!(mode_of(&place, &format!("d{bits:o}")), bits);
            }
        }
        place.sync("-a --keep-special-bits").done();
        assert_eq!(mode_of(&place, "f4755"), 0o4755);
        place.sync("-a --no-keep-special-bits").done();
        assert_eq!(mode_of(&place, "f4755"), 0o755);
    }
}

#[test]
fn owners_are_matched_by_name_unless_numbers_are_asked_for() {
    if lacks_root_or(&[]) {
        return;
    }
    for place in places().filter(|place| place.way.agent == Agent::Delivered) {
        fs::write(place.path("root/etc/passwd"), "daemon:x:7777:1:::\n").unwrap();
        fs::write(place.path("root/etc/group"), "mail:x:8888:\n").unwrap();
        let (here, there) = ((1, 8), (7777, 8888));
        let (from, to) = match place.way.verb {
            Verb::Pull => (there, here),
            Verb::Push => (here, there),
        };
        place.in_source(&format!(
            "echo x > f; chown {}:{} f; echo y > g; chown 1234:4321 g",
            from.0, from.1
        ));
        place.sync("-a").done();
        assert_eq!(owner_of(&place, "f"), to);
        assert_eq!(
            owner_of(&place, "g"),
            (1234, 4321),
            "an owner without a name"
        );
        place.sync("-a --numeric-ids").done();
        assert_eq!(owner_of(&place, "f"), from);
        place.sync("-a --chown=daemon:mail").done();
        assert_eq!(
            owner_of(&place, "g"),
            to,
            "names are those of the destination"
        );
    }
}

#[test]
fn an_owner_that_the_destination_does_not_know_is_an_error() {
    if lacks_root_or(&[]) {
        return;
    }
    for place in places() {
        place.write("f", "x");
        for chown in ["nobody-of-this-name", ":nobody-of-this-name"] {
            let run = place.sync(&format!("-a --chown={chown}"));
            assert_ne!(run.code, Some(0), "{chown}");
            assert!(run.err.contains("nobody-of-this-name"), "{}", run.err);
            assert!(!place.dest().join("f").exists());
        }
    }
}

#[test]
fn extended_attributes_are_added_changed_and_removed() {
    if lacks_root_or(&["setfattr", "getfattr", "getfacl", "rsync", "diff"]) {
        return;
    }
    for place in places() {
        place.in_source(
            "mkdir d; echo x > f; echo y > closed; chmod 0 closed; ln -s f l
             for file in d f closed; do setfattr -n user.kept -v 1 $file; setfattr -n user.changed -v old $file
                 setfattr -n user.removed -v x $file; done
             setfattr -n user.binary -v 0x00ff0a00 f",
        );
        place.sync("-aX").done();
        assert_identical(&place);
        place.in_source(
            "for file in d f closed; do setfattr -n user.changed -v new $file; setfattr -x user.removed $file
                 setfattr -n user.added -v x $file; done",
        );
        place.sync("-aX").done();
        assert_identical(&place);

        place.in_source("setfattr -n user.changed -v newer f; echo changed > f");
        let before = attributes(&place.dest());
        place.sync("-a").done();
        let expected: Vec<String> = before
            .into_iter()
            .filter(|block| !block.starts_with("# file: f\n"))
            .collect();
        assert_same_lines(&expected, &attributes(&place.dest()));
    }
}

#[test]
fn more_extended_attributes_than_are_carried_are_reported() {
    if lacks_root_or(&["setfattr"]) {
        return;
    }
    for place in places() {
        place.write("fine", "x");
        place.in_source("head -c 50000 /dev/zero > many");
        place.in_source("n=0; while [ $n -lt 300 ]; do setfattr -n user.$n many || exit 0; n=$((n+1)); done; touch all");
        if !place.source().join("all").exists() {
            crate::place::skipped("this file system does not hold so many attributes");
            return;
        }
        let run = place.sync("-aX").ended(23);
        assert!(run.err.contains("many"), "{}", run.err);
        assert_eq!(place.read_dest("fine"), b"x");
    }
}

#[test]
fn access_lists_are_added_changed_and_removed() {
    if lacks_root_or(&["setfacl", "getfacl", "getfattr", "rsync", "diff"]) {
        return;
    }
    for place in places() {
        place.in_source(
            "mkdir d plain; echo x > f; echo y > g; : > d/in
             setfacl -m u:12:rw,g:34:r f; setfacl -m u:12:rwx d; setfacl -d -m u:12:rwx,g:34:x d; echo z > d/heir",
        );
        place.sync("-aA").done();
        assert_identical(&place);
        place.in_source("setfacl -b f; setfacl -k d; setfacl -m u:99:x d; setfacl -m u:1:r,m::- g; chmod 640 d/heir; setfacl -d -m o::- plain");
        place.sync("-aA").done();
        assert_identical(&place);
        let before = access_lists(&place.dest());
        place.in_source("setfacl -b g d");
        place.sync("-a --no-perms").done();
        assert_same_lines(&before, &access_lists(&place.dest()));
    }
}

#[test]
fn what_is_new_in_a_directory_with_a_default_access_list_is_as_at_the_source() {
    if lacks_root_or(&["setfacl", "getfacl", "getfattr", "rsync", "diff"]) {
        return;
    }
    for place in places() {
        place.in_source("mkdir d; : > d/f; mkdir d/e; : > d/e/g; ln -s f d/l; chmod 600 d/f");
        fs::create_dir_all(place.dest().join("d")).unwrap();
        place.in_dest("setfacl -d -m u:12:rwx,g::rwx,o::rwx d");
        place.sync("-aA").done();
        assert_identical(&place);
    }
    for place in places() {
        place.in_source("mkdir d; : > d/f; mkdir d/e; : > d/e/g; ln -s f d/l; chmod 600 d/f");
        fs::create_dir_all(place.dest().join("d")).unwrap();
        place.in_dest("setfacl -d -m u:12:rwx,g::rwx,o::rwx d");
        assert_does_as_rsync(&place, "-a", "-rlptgo");
    }
}

#[test]
fn new_directories_without_permissions_of_the_source_hand_on_the_group_of_where_they_are() {
    if lacks_root_or(&["rsync"]) {
        return;
    }
    for place in places() {
        place.in_source("mkdir -p d/e plain; echo x > d/e/f; chmod 700 d; chmod 2755 d/e");
        place.in_dest_made("mkdir plain; chmod 2775 .; chgrp 12 .");
        assert_does_as_rsync(&place, "-a --no-perms --no-owner --no-group", "-rlt");
        let mode = |name: &str| fs::metadata(place.dest().join(name)).unwrap().mode();
        assert_eq!(mode("d") & 0o7777, 0o2700);
        assert_eq!(mode("d/e") & 0o7777, 0o2755);
    }
}

#[test]
fn somebody_without_rights_brings_everything_but_owners() {
    if lacks_root_or(&["setpriv", "rsync", "diff", "setfattr", "setfacl"]) {
        return;
    }
    for place in own_places() {
        place.in_source(
            "mkdir -p closed/below empty; : > closed/below/f; echo x > closed/f; chmod 555 closed/below closed
             echo y > readonly; chmod 444 readonly; setfattr -n user.a -v b readonly; setfacl -m u:12:r readonly
             echo z > theirs; chown 12:34 theirs; mkfifo fifo; touch -d @5 . closed",
        );
        shell(&format!("chown nobody {}", place.dest_base().display()));
        let sync = |args: &str| place.sync_through(&AS_NOBODY, args);
        sync("-aHAX -o -g --specials --delete").done();
        assert_nothing_to_do(&place, "-rlptHAX --specials -c --delete");
        place.in_source(
            "echo more > closed/new; echo changed > closed/below/f; rm closed/f; mkdir closed/below/d; mv readonly closed",
        );
        sync("-aHAX -o -g --specials --delete").done();
        assert_nothing_to_do(&place, "-rlptHAX --specials -c --delete");
        assert_eq!(
            sync("-aHAX --specials --delete -i").done().changes(),
            [""; 0]
        );
        assert_eq!(owner_of(&place, "theirs").0, owner_of(&place, ".").0);
    }
}

#[test]
fn somebody_without_rights_gets_what_can_be_read_and_is_told_what_can_not() {
    if lacks_root_or(&["setpriv"]) {
        return;
    }
    for place in own_places() {
        place.in_source("mkdir secret public; echo x > secret/f; echo y > public/f; echo z > closed; chmod 0 secret closed");
        shell(&format!("chown nobody {}", place.dest_base().display()));
        let run = place.sync_through(&AS_NOBODY, "-a --delete").ended(23);
        assert!(
            run.err.contains("secret") && run.err.contains("closed"),
            "{}",
            run.err
        );
        assert_eq!(place.read_dest("public/f"), b"y\n");
        assert!(!place.dest().join("closed").exists());

        // What can not be read is not taken for deleted.
        fs::create_dir_all(place.dest().join("secret")).unwrap();
        place.write_dest("secret/kept", "x");
        place.write_dest("elsewhere", "x");
        shell(&format!(
            "chown -R nobody {0}; chmod 700 {0}/secret",
            place.dest().display()
        ));
        place.sync_through(&AS_NOBODY, "-a --delete").ended(23);
        assert_eq!(place.read_dest("secret/kept"), b"x");
        assert_eq!(place.read_dest("elsewhere"), b"x");
    }
}
