//! Which entries take part: the same as with rsync, given the same options.

use std::fs;
use std::process::Command;

use crate::judge::{assert_does_as_rsync, assert_nothing_to_do, assert_same_lines, snapshot};
use crate::place::{Place, lacks, places};

/// Names that filters tell apart, some at both ends, some changed, some at one end only.
fn make_varied(place: &Place) {
    place.in_source(
        "mkdir -p src/deep/er build/out logs .git/objects 'sp ace' cache/keep
         for file in a.c a.o a~ b.tmp src/b.c src/b.o src/deep/c.c src/deep/c.o src/deep/er/core build/out/x.o \\
             build/keep.txt logs/1.log logs/2.log .git/config .git/objects/1 'sp ace/f g' cache/keep/1 cache/2 \\
             RCS tags '#x#' .hidden src/.hidden; do echo content of $file > \"$file\"; done
         ln -s a.c link; ln -s ../a.c src/link
         printf '%s\\n' '- *.log' '+ *.c' > .rules; printf '%s\\n' '- deep/er' > src/.rules
         printf '%s\\n' 'b.c' > src/.cvsignore; printf '%s\\n' '- 2.log' '- /src/deep' > .rsync-filter
         printf '%s\\n' '- *.c' > src/deep/.rsync-filter
         head -c 3000 /dev/zero > large; head -c 100 /dev/zero > small
         find . -exec touch -hd '2022-02-22 22:22:22' {} +",
    );
    place.copy();
    place.in_dest(
        "rm -r src/deep logs/1.log; echo changed > a.c; echo changed > build/out/x.o; touch build/keep.txt b.tmp
         echo only here > extra.o; echo only here > extra.c; mkdir -p cache/extra gone/sub; echo x > cache/extra/1
         echo x > gone/sub/x.tmp; echo x > gone/sub/y; echo x > 'sp ace/z.log'; echo newer > small; echo X > src/b.c
         touch -d '2022-02-22 22:22:22' src/b.c; touch -d '2000-01-01' large a.o",
    );
}

/// Options that mean the same to both programs.
const CHOICES: [&str; 47] = [
    "--exclude=*.o",
    "--exclude=*.o --delete",
    "--exclude=*.o --delete --delete-excluded",
    "--exclude=*.tmp --delete",
    "--exclude=/src/deep --delete",
    "--exclude=deep/ --delete",
    "--exclude=er --exclude=/cache/* --delete",
    "--exclude=src/**/c.* --delete",
    "--exclude=**/out/ --delete --delete-excluded",
    "--exclude=[ab].* --delete",
    "--exclude=?.c --delete",
    "--exclude=.* --delete",
    "--exclude=/* --delete",
    "--exclude=cache/*** --delete",
    "--include=*/ --include=*.c --exclude=* --delete",
    "--include=/src/*** --exclude=* --delete",
    "--include=keep.txt --exclude=build/* --delete",
    "--include=*.c --include=src/ --exclude=* --delete --delete-excluded",
    "--filter=-_*.o --filter=+_*.c --delete",
    "--filter=P_*.o --delete",
    "--filter=P_gone/sub/y --delete",
    "--filter=P_cache/extra/ --delete",
    "--filter=H_*.c --delete",
    "--filter=S_*.c --filter=H_* --delete",
    "--filter=R_extra.* --filter=P_* --delete",
    "--filter=-s_*.o --delete",
    "--filter=-r_*.o --delete",
    "--filter=-!_*.c --filter=+_*/ --delete",
    "--filter=-/_SOURCE/logs --delete",
    "--filter=:_.rules --delete",
    "--filter=:-_.cvsignore --delete",
    "--filter=:e_.rules --delete --delete-excluded",
    "--filter=:n_.rules --exclude=1 --delete",
    "-F --delete",
    "-FF --delete",
    "-C --delete",
    "-C --filter=+_*.o --delete",
    "--max-size=2k --delete",
    "--min-size=2k --delete",
    "--min-size=101 --max-size=2999",
    "--existing",
    "--existing --delete",
    "--ignore-existing --delete",
    "--ignore-existing --existing --delete",
    "-u --delete",
    "--no-links --delete",
    "--safe-links --delete",
];

#[test]
fn filters_and_limits_choose_what_they_choose_for_rsync() {
    if lacks(&["rsync"]) {
        return;
    }
    for choice in CHOICES {
        for place in places() {
            eprintln!("{choice}");
            make_varied(&place);
            let source = place.source().display().to_string();
            // What stands for the source has to be what its owner calls it.
            let near = choice.replace("SOURCE", place.seen_source().trim_end_matches('/'));
            let there = choice.replace("SOURCE", &source);
            does_as_rsync(&place, &near, &there);
        }
    }
}

#[test]
fn what_exists_is_ignored_also_where_it_is_of_another_kind() {
    for place in places() {
        place.in_source("mkdir -p file link; echo x > file/x; echo x > link/x; echo x > dir");
        place.in_dest_made("echo own > file; ln -s nowhere link; mkdir dir; echo own > dir/x");
        let before = snapshot(&place.dest());
        place.sync("-a -O --ignore-existing").done();
        place.sync("-a -O --ignore-existing --delete").done();
        assert!(before == snapshot(&place.dest()));
    }
}

/// Options are written without spaces; an underline stands for one in a rule.
fn does_as_rsync(place: &Place, ours: &str, theirs: &str) {
    let theirs = format!("-rlptgo {theirs}");
    assert_does_as_rsync(place, &format!("-a {ours}"), &theirs);
    let before = snapshot(&place.dest());
    place.sync(&format!("-a {ours}")).done();
    assert_same_lines(&before, &snapshot(&place.dest()));
}

#[test]
fn comparing_by_size_time_or_checksum_finds_what_rsync_finds() {
    if lacks(&["rsync"]) {
        return;
    }
    for choice in [
        "",
        "-c",
        "--size-only",
        "-I",
        "-c --delete",
        "--no-times",
        "-c --no-times",
        "-I --size-only",
    ] {
        for place in places() {
            make_varied(&place);
            let times = choice.contains("--no-times");
            if times {
                // The times of what is transferred differ by nature.
                place.sync(&format!("-a {choice}")).done();
                assert_nothing_to_do(
                    &place,
                    &format!("-rlpgo {}", choice.replace("--no-times", "--size-only")),
                );
            } else {
                assert_does_as_rsync(
                    &place,
                    &format!("-a {choice}"),
                    &format!("-rlptgo {choice}"),
                );
            }
        }
    }
}

#[test]
fn content_that_only_a_checksum_tells_apart_is_brought_with_it() {
    for place in places() {
        place.in_source("mkdir d; for f in a d/b; do echo 1234 > $f; touch -d @5 $f; done; head -c 200000 /dev/zero > c");
        place.copy();
        place.in_source("echo 5678 > a; echo 5678 > d/b; touch -d @5 a d/b; printf x | dd of=c conv=notrunc status=none; touch -d @5 c");
        place.in_dest("touch -d @5 c");
        place.sync("-a").done();
        assert_eq!(place.read_dest("a"), b"1234\n");
        place.sync("-ac").done();
        assert_eq!(place.read_dest("a"), b"5678\n");
        assert_eq!(place.read_dest("d/b"), b"5678\n");
        assert_eq!(place.read_dest("c")[0], b'x');
        let before = snapshot(&place.dest());
        place.sync("-ac").done();
        assert!(before == snapshot(&place.dest()));
    }
}

#[test]
fn lists_of_paths_name_what_they_name_for_rsync() {
    if lacks(&["rsync"]) {
        return;
    }
    let list = "a.c\nsrc/deep\n./sp ace/f g\n/logs/1.log\n.git/objects/\nmissing\n# comment\n";
    for (choice, ours) in [
        ("", ""),
        ("-r", "-r"),
        ("-r --exclude=*.o", "-r --exclude=*.o"),
        ("--delete -r", "--delete -r"),
    ] {
        for place in places() {
            make_varied(&place);
            let list_file = place.path("list");
            fs::write(&list_file, list.replace("missing\n", "")).unwrap();
            let list_file = list_file.display();
            assert_does_as_rsync(
                &place,
                &format!("-a --files-from={list_file} {ours}"),
                &format!("-lptgo --files-from={list_file} {choice}"),
            );
        }
    }
}

#[test]
fn a_listed_path_that_is_not_there_is_reported() {
    for place in places() {
        place.write("a", "x");
        let list = place.path("list");
        fs::write(&list, "a\0gone\0").unwrap();
        let run = place
            .sync(&format!("-a -0 --files-from={}", list.display()))
            .ended(23);
        assert!(run.err.contains("gone"), "{}", run.err);
        assert_eq!(place.read_dest("a"), b"x");
    }
}

#[test]
fn ignore_files_of_git_leave_out_what_git_leaves_out() {
    if lacks(&["git"]) {
        return;
    }
    for place in places() {
        place.in_source(
            "git init -q .; mkdir -p a/b target/x docs keep
             printf '%s\\n' '*.o' '/target' '!important.o' 'docs/*.txt' 'keep/*' '!keep/this' '\\#odd' 'trail\\ ' > .gitignore
             printf '%s\\n' 'b/' '!c.o' > a/.gitignore
             for f in x.o important.o target/x/y a/b/z a/c.o a/d.o docs/a.txt docs/b.md keep/this keep/that '#odd' 'trail ' plain a/plain; do
                 echo x > \"$f\"; done",
        );
        place.sync("-a --gitignore --exclude=/.git").done();
        let listed = Command::new("git")
            .args(["ls-files", "-coz", "--exclude-standard"])
            .current_dir(place.source())
            .output()
            .unwrap();
        let mut expected: Vec<String> = listed
            .stdout
            .split(|&byte| byte == 0)
            .filter(|name| !name.is_empty())
            .map(|name| String::from_utf8(name.to_vec()).unwrap())
            .collect();
        expected.sort();
        assert_eq!(files(&place), expected);
    }
}

/// The files of the destination, sorted.
fn files(place: &Place) -> Vec<String> {
    let found = Command::new("find")
        .args([".", "-type", "f", "-printf", r"%P\0"])
        .current_dir(place.dest())
        .output()
        .unwrap();
    let mut names: Vec<String> = found
        .stdout
        .split(|&byte| byte == 0)
        .filter(|name| !name.is_empty())
        .map(|name| String::from_utf8(name.to_vec()).unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn what_is_neither_file_nor_directory_nor_link_is_skipped_and_named_unless_asked_for() {
    if crate::place::lacks_root_or(&["rsync"]) {
        return;
    }
    for place in places() {
        crate::awkward::special_files(&place.source());
        place.write("f", "x");
        let run = place.sync("-avv").done();
        for name in ["fifo", "device", "block", "socket"] {
            assert!(!place.dest().join(name).exists(), "{name}");
            assert!(
                run.out.contains(name) || run.err.contains(name),
                "{name}: {}{}",
                run.out,
                run.err
            );
        }
        assert!(run.err.contains("4 excluded"), "{}", run.err);
        place.sync("-a --specials").done();
        assert!(place.dest().join("fifo").exists() && place.dest().join("socket").exists());
        assert!(!place.dest().join("device").exists());
        place.sync("-aD").done();
        assert_nothing_to_do(&place, "-a");
    }
}
