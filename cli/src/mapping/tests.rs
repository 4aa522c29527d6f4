//! What the flags of a command line come to.

use super::*;
use crate::args::{self, Command};
use crate::exit::Exit;
use std::ffi::OsString;

fn try_map(line: &str, root: bool) -> Result<Options, Failure> {
    let user = User { root, umask: 0o022 };
    let line = format!("ksyncd {line} a b");
    match args::parse(line.split(' ').map(OsString::from))
        .unwrap()
        .command
    {
        Command::Pull(args) => options(&args, FilterSpec::default(), Verb::Pull, user),
        Command::Push(args) => options(&args, FilterSpec::default(), Verb::Push, user),
        other => panic!("{other:?}"),
    }
}

fn map(line: &str) -> Options {
    try_map(line, false).unwrap()
}

#[test]
fn without_options_a_sync_is_like_an_archive() {
    assert_eq!(map("pull"), Options::default());
    assert_eq!(map("pull -a"), map("pull"));
    assert_eq!(
        map("pull -avzrlpt --no-compress").attributes,
        map("pull").attributes
    );
}

#[test]
fn owners_are_preserved_by_root_or_when_asked_for() {
    let owners = |line, root| {
        let attributes = try_map(line, root).unwrap().attributes;
        (attributes.owner, attributes.group)
    };
    assert_eq!(owners("pull -a", false), (false, false));
    assert_eq!(owners("pull -og", false), (true, true));
    assert_eq!(owners("pull", true), (true, true));
    assert_eq!(owners("pull -a --no-o", true), (false, true));
}

#[test]
fn special_bits_go_in_but_do_not_come_out() {
    assert!(!map("pull -a").attributes.special_bits);
    assert!(map("pull --keep-special-bits").attributes.special_bits);
    assert!(map("push").attributes.special_bits);
    assert!(!map("push --no-keep-special-bits").attributes.special_bits);
}

#[test]
fn devices_and_pipes_are_opted_into() {
    let special = |line| {
        let attributes = map(line).attributes;
        (attributes.devices, attributes.specials)
    };
    assert_eq!(special("pull -a"), (false, false));
    assert_eq!(special("pull -D"), (true, true));
    assert_eq!(special("pull -D --no-devices"), (false, true));
    assert_eq!(special("pull --specials"), (false, true));
    assert_eq!(special("pull -D --no-D"), (false, false));
}

#[test]
fn links_are_treated_as_rsync_treats_them() {
    for (line, links) in [
        ("pull -l", Links::Preserve),
        ("pull --no-l", Links::Skip),
        ("pull --safe-links", Links::Safe),
        ("pull -aL", Links::Follow),
        ("pull --copy-unsafe-links", Links::FollowUnsafe),
        ("pull -lk", Links::FollowDirectories),
    ] {
        assert_eq!(map(line).links, links, "{line}");
    }
}

#[test]
fn the_stricter_comparison_wins() {
    assert_eq!(map("pull -cI --size-only").compare, Compare::Checksum);
    assert_eq!(map("pull -I --size-only").compare, Compare::SizeOnly);
    assert_eq!(map("pull -I").compare, Compare::Never);
}

#[test]
fn every_way_to_delete_deletes_late_except_before() {
    for flag in [
        "--delete",
        "--del",
        "--delete-during",
        "--delete-delay",
        "--delete-after",
        "--delete-excluded",
    ] {
        assert_eq!(
            map(&format!("pull {flag}")).delete.when,
            DeleteWhen::After,
            "{flag}"
        );
    }
    let delete =
        map("pull --delete --delete-before --max-delete=3 --ignore-errors --delete-from-empty")
            .delete;
    assert_eq!((delete.when, delete.limit), (DeleteWhen::Before, Some(3)));
    assert!(delete.despite_errors && delete.when_source_is_empty && !delete.excluded);
    assert_eq!(map("pull --max-delete=3").delete.when, DeleteWhen::Never);
}

#[test]
fn backups_have_a_place_and_a_name() {
    assert_eq!(map("pull").backup, None);
    assert_eq!(
        map("pull -b").backup,
        Some(Backup {
            directory: None,
            suffix: b"~".to_vec()
        })
    );
    let backup = map("pull --backup-dir=./old/").backup.unwrap();
    assert_eq!(
        (backup.directory.unwrap().as_bytes(), backup.suffix),
        (&b"old"[..], Vec::new())
    );
    assert_eq!(map("pull -b --suffix=.bak").backup.unwrap().suffix, b".bak");
}

#[test]
fn r4_a_backup_directory_outside_of_the_destination_is_refused() {
    for dir in ["/tmp/old", "../old", "a/../../b", "."] {
        let failure = try_map(&format!("pull --backup-dir={dir}"), false).unwrap_err();
        assert_eq!(failure.exit(), Exit::Usage);
        assert!(failure.to_string().contains("below DEST"), "{failure}");
    }
    assert!(try_map("pull -b --suffix=/x", false).is_err());
}

#[test]
fn compression_has_a_level_is_off_or_is_left_to_the_program() {
    assert_eq!(map("pull").compression, Compression::Auto);
    assert_eq!(map("pull -z").compression, Compression::Level(3));
    assert_eq!(map("pull -z --zl=9").compression, Compression::Level(9));
    assert_eq!(
        map("pull --compress-level=-5").compression,
        Compression::Level(-5)
    );
    assert_eq!(map("pull --zl=0").compression, Compression::Off);
    assert_eq!(map("pull -z --no-z").compression, Compression::Off);
    assert_eq!(
        map("pull --no-compress -z").compression,
        Compression::Level(3)
    );
}

#[test]
fn an_owner_for_everything_is_a_user_a_group_or_both() {
    let chown = |text| {
        map(&format!("pull --chown={text}"))
            .attributes
            .chown
            .map(|chown| (chown.user, chown.group))
    };
    let name = |name: &str| Some(name.to_owned());
    assert_eq!(chown("me:us"), Some((name("me"), name("us"))));
    assert_eq!(chown("1000"), Some((name("1000"), None)));
    assert_eq!(chown(":us"), Some((None, name("us"))));
    assert!(try_map("pull --chown=:", false).is_err());
    assert!(try_map("pull --chown=a:b:c", false).is_err());
}

#[test]
fn the_rest_goes_where_its_name_says() {
    let options = map(
        "push -nSW --inplace -P --fsync --bwlimit=10 -B 4k -u --existing --ignore-existing -HAXO",
    );
    assert!(options.dry_run && options.whole_file);
    assert_eq!(options.bandwidth_limit, 10 << 10);
    assert_eq!(options.block_len, Some(4096));
    assert!(options.skip.newer && options.skip.missing && options.skip.existing);
    let Write {
        in_place,
        append,
        partial,
        sparse,
        durable,
    } = options.write;
    assert_eq!(
        (in_place, append, partial, sparse, durable),
        (true, false, true, true, true)
    );
    let attributes = options.attributes;
    assert!(
        attributes.hard_links && attributes.acls && attributes.xattrs && attributes.omit_dir_times
    );
    assert!(map("pull --append-verify").write.append);
    assert!(try_map("pull --append -W", false).is_err());
    let skip = map("pull --max-size=1M --min-size=1k").skip;
    assert_eq!(
        (skip.above_size, skip.below_size),
        (Some(1 << 20), Some(1 << 10))
    );
}

#[test]
fn changes_of_permissions_apply_in_order() {
    let rules = map("pull --chmod=D755,F644 --chmod=u+w").attributes.chmod;
    assert_eq!(rules, chmod::parse("D755,F644,u+w", 0o022).unwrap());
    let failure = try_map("pull --chmod=nonsense", false).unwrap_err();
    assert_eq!(failure.exit(), Exit::Usage);
    assert!(failure.to_string().contains("nonsense"), "{failure}");
}
