//! A tree with everything that is easy to get wrong, and the runs that have to get it right.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;

use crate::judge::{JUDGES, assert_identical, assert_same_lines, name, snapshot};
use crate::place::{Agent, Place, all_places, lacks_root_or, run_shell_in};
use crate::stale::make_stale;

/// Asks for everything that can be preserved.
pub(crate) const EVERYTHING: &str = "-aHAXD --keep-special-bits --delete";

/// Levels of the deep directory.
const DEPTH: usize = 200;
/// Entries of the wide directory.
const WIDTH: usize = 5000;

/// Fills the source, as root.
fn make_awkward(place: &Place) {
    let tree = &place.source();
    names(tree);
    deep_and_wide(tree);
    fs::write(tree.join("large"), noise(3_000_000)).unwrap();
    symlink("x".repeat(4095), tree.join("link to a long name")).unwrap();
    for (link, target) in [
        ("dangling", "nowhere"),
        ("absolute", "/etc/passwd"),
        ("loop", "loop"),
        ("upwards", ".."),
        ("above", "../../../etc"),
        ("to a directory", "empty"),
    ] {
        symlink(target, tree.join(link)).unwrap();
    }
    run_shell_in(
        tree,
        "mkdir empty closed sticky shared; : > closed/file; chmod 555 closed
         chmod 1777 sticky; chmod 2775 shared
         for mode in 0 200 400 444 600 644 755 777 1644 2755 4755 6755; do
             echo $mode > mode-$mode; chmod $mode mode-$mode; done
         mkdir mode-0-dir; : > mode-0-dir/file; chmod 0 mode-0-dir
         mkdir linked linked/below
         echo one > linked/a; ln linked/a linked/below/b; ln linked/a c-linked
         echo two > linked/x; ln linked/x y-linked
         ln -s nowhere linked/link; ln linked/link linked/below/link
         truncate -s 1M sparse; printf end >> sparse
         truncate -s 300K hole-at-the-end; printf start | dd of=hole-at-the-end conv=notrunc status=none
         echo owned > owned; chown 1234:4321 owned; chown -h 99:98 dangling
         mkdir theirs; : > theirs/file; chown -R daemon:mail theirs
         echo x > nanoseconds; touch -d '2001-02-03 04:05:06.123456789' nanoseconds
         echo x > before-1970; touch -d '1931-05-05 01:02:03.987654321 UTC' before-1970
         echo x > far-future; touch -d '2280-01-01 00:00:01.000000001 UTC' far-future
         echo x > epoch; touch -d @0 epoch; touch -hd '1965-01-01 UTC' loop
         touch -d '1999-09-09 09:09:09.9' empty closed linked/below linked
         setfattr -n user.comment -v hello owned; setfattr -n user.empty owned
         setfattr -n user.comment -v 'of a directory' empty
         setfattr -n user.closed -v x mode-400
         setfattr -n user.large -v $(head -c 3000 /dev/zero | tr '\\0' x) epoch
         setfacl -m u:1234:rw,g:4321:r mode-644
         setfacl -m u:1234:rwx,m::r mode-600
         mkdir defaults; setfacl -m d:u:1234:rwx,d:g:4321:rx,u:99:x defaults
         : > defaults/before; setfacl -b defaults/before; : > defaults/inherited; mkdir defaults/dir
         mkdir 'with spaces'; : > 'with spaces/ file '
         touch -d '2011-11-11 11:11:11.111111111' .",
    );
    if place.way.agent != Agent::Cramped {
        special_files(tree);
    }
}

/// Without `/proc` their metadata can not be set.
pub(crate) fn special_files(tree: &Path) {
    run_shell_in(
        tree,
        "mkfifo fifo; mknod device c 1 3; mknod block b 7 200
         chmod 640 block; chown 7:8 fifo; touch -d @5 fifo device",
    );
    UnixListener::bind(tree.join("socket")).unwrap();
}

fn names(tree: &Path) {
    let dir = tree.join("names");
    fs::create_dir(&dir).unwrap();
    let longest = vec![b'n'; 255];
    for bytes in [
        b"\xff\xfe\x80".as_slice(),
        b"new\nline",
        b"-rf",
        b"--delete",
        b"trailing\\",
        b"back\\slash",
        b"~",
        b"*",
        b"?[a]",
        b" ",
        b"tab\t",
        b"'quoted\"",
        b"$HOME",
        b"\x1b[31mred",
        b"#1#",
        b"\\#012",
        b".hidden",
        b"...",
        b"a:b",
        "\u{fc}ml\u{e4}ut".as_bytes(),
        "u\u{308}".as_bytes(),
        &longest,
    ] {
        fs::write(dir.join(name(bytes)), bytes).unwrap();
    }
    fs::create_dir(dir.join(name(b"\xf0dir\n"))).unwrap();
    fs::write(dir.join(name(b"\xf0dir\n")).join(name(b"\xf1")), "x").unwrap();
}

fn deep_and_wide(tree: &Path) {
    let mut deep = tree.join("deep");
    for level in 0..DEPTH {
        deep.push(OsStr::from_bytes(&[b'a' + (level % 26) as u8]));
    }
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("bottom"), "bottom").unwrap();
    let wide = tree.join("wide");
    fs::create_dir(&wide).unwrap();
    for number in 0..WIDTH {
        fs::write(wide.join(format!("{number:05}")), format!("{number}")).unwrap();
    }
}

/// Bytes that do not shrink.
pub(crate) fn noise(len: usize) -> Vec<u8> {
    let mut random = crate::stale::Random::new(len as u64);
    std::iter::repeat_with(|| random.next().to_le_bytes())
        .flatten()
        .take(len)
        .collect()
}

#[test]
fn everything_that_can_be_preserved_arrives_in_an_empty_destination() {
    if lacks_root_or(&JUDGES) {
        return;
    }
    for place in all_places() {
        make_awkward(&place);
        place.sync(EVERYTHING).done();
        assert_identical(&place);
        assert_next_run_touches_nothing(&place);
    }
}

#[test]
fn everything_that_can_be_preserved_replaces_what_is_stale() {
    if lacks_root_or(&JUDGES) {
        return;
    }
    for (place, seed) in all_places().zip(1..) {
        make_awkward(&place);
        place.copy();
        make_stale(
            &place.dest(),
            std::env::var("SEED").map_or(seed, |s| s.parse().unwrap()),
            10,
        );
        place.sync(EVERYTHING).done();
        assert_identical(&place);
        assert_next_run_touches_nothing(&place);
    }
}

/// The second run says that there is nothing to do, and does nothing.
#[track_caller]
pub(crate) fn assert_next_run_touches_nothing(place: &Place) {
    let before = snapshot(&place.dest());
    let again = place.sync(&format!("{EVERYTHING} -i --stats")).done();
    assert!(
        again.out.contains("Number of regular files transferred: 0"),
        "{}",
        again.out
    );
    assert!(again.out.contains("Literal data: 0 bytes"), "{}", again.out);
    let before_stats = again
        .out
        .split("\nNumber of files")
        .next()
        .unwrap_or_default();
    assert_eq!(before_stats.trim(), "");
    assert_same_lines(&before, &snapshot(&place.dest()));
}
