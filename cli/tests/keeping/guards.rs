//! Deletions rest on a source that is the one it was, and take no more than a share.

use std::fs;

use crate::place::{Place, text};

/// Pulls from a source that is reached through a remote shell, as a container is; nothing if no
/// agent can be delivered.
struct Remote {
    place: Place,
}

impl Remote {
    fn new() -> Option<Self> {
        let place = Place::new();
        place.shell(
            "mkdir s d; echo a > s/a; echo b > s/b
             printf '#!/bin/sh\\nshift\\nexec \"$@\"\\n' > rsh; chmod +x rsh",
        );
        let remote = Self { place };
        let output = remote.pull_command("").output().unwrap();
        let said = text(&output.stderr);
        if said.contains("no agent") {
            eprintln!("skipped: this build has no agent to deliver");
            return None;
        }
        assert_eq!(output.status.code(), Some(0), "{said}");
        Some(remote)
    }

    fn pull_command(&self, options: &str) -> std::process::Command {
        let source = self.place.path("s");
        self.place.command(&format!(
            "pull -a --rsh={} {options} h:{}/ d",
            self.place.path("rsh").display(),
            source.display()
        ))
    }

    fn pull(&self, options: &str, code: i32) -> String {
        let output = self.pull_command(options).output().unwrap();
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{options}: {said}");
        said
    }

    fn has(&self, name: &str) -> bool {
        self.place.path("d").join(name).exists()
    }
}

#[test]
fn d1_another_source_under_the_same_name_deletes_nothing_until_it_is_accepted() {
    let Some(remote) = Remote::new() else { return };
    remote.place.shell("rm s/b; echo c > s/c");
    remote.pull("--delete", 0);
    assert!(!remote.has("b"), "the same source deletes as asked");

    // A directory of its own, as another volume would be.
    remote.place.shell("mv s old; mkdir s; echo new > s/new");
    let said = remote.pull("--delete", 25);
    assert!(said.contains("--accept-source"), "{said}");
    assert!(remote.has("a") && remote.has("c") && remote.has("new"));
    // It does not become the one that counts by being pulled from, however often.
    remote.pull("", 0);
    remote.pull("--delete", 25);
    remote.pull("-n --delete", 25);
    assert!(remote.has("a"));

    remote.pull("--delete --accept-source", 0);
    assert!(!remote.has("a") && remote.has("new"));
    remote.place.shell("rm s/new; echo x > s/x");
    remote.pull("--delete", 0);
    assert!(!remote.has("new"), "what was accepted counts from then on");
}

#[test]
fn a_destination_that_holds_nothing_takes_any_source() {
    let Some(remote) = Remote::new() else { return };
    remote
        .place
        .shell("rm -r d; mv s old; mkdir s; echo new > s/new; echo gone > s/gone");
    remote.pull("--delete", 0);
    remote.place.shell("rm s/gone");
    remote.pull("--delete", 0);
    assert!(!remote.has("gone"));
}

#[test]
fn d1_another_source_moves_nothing_away_and_clears_no_directory_for_a_file() {
    let Some(remote) = Remote::new() else { return };
    remote.place.shell(
        "mkdir d/dir; seq 20000 > d/kept; echo in > d/dir/in
         mv s old; mkdir s; cp -p d/kept s/elsewhere; echo file > s/dir",
    );
    remote.pull("--delete", 23);
    assert!(remote.has("kept") && remote.has("elsewhere") && remote.has("dir/in"));
}

#[test]
fn d2_a_source_that_shrank_by_more_than_the_share_deletes_nothing() {
    let place = Place::new();
    place.shell(
        "mkdir -p s d/sub; for n in $(seq 60); do echo $n > d/$n; echo $n > d/sub/$n; done
         cp -a d/sub s/; echo 1 > s/1",
    );
    place.shell("rm d/60 d/59; cp -a s s1; rm s/sub/[1-5]; rm s/1");
    let output = place.run("pull -a --delete s/ d", 25);
    assert!(
        text(&output.stderr).contains("--max-delete-percent"),
        "{output:?}"
    );
    let count = |dir: &str| fs::read_dir(place.path(dir)).unwrap().count();
    assert_eq!((count("d"), count("d/sub")), (59, 60));

    // As much as that is allowed when it is said, and the usual share without being asked.
    place.run("pull -an --delete --max-delete-percent=60 s/ d", 0);
    place.run("pull -a --delete --max-delete-percent=0 s/ d", 25);
    place.run("pull -a --delete s1/ d", 0);
    assert_eq!((count("d"), count("d/sub")), (2, 60));
}

#[test]
fn d2_a_directory_that_was_renamed_is_no_loss() {
    let place = Place::new();
    place.shell("mkdir -p s/old; for n in $(seq 150); do seq $n > s/old/$n; done; cp -a s d; mv s/old s/new");
    place.run("pull -a --delete s/ d", 0);
    assert!(!place.path("d/old").exists());
}

#[test]
fn a_small_tree_may_lose_all_that_its_source_lost() {
    let place = Place::new();
    place.shell("mkdir s d; echo x > s/x; for n in $(seq 50); do echo $n > d/$n; done");
    place.run("pull -a --delete s/ d", 0);
    assert_eq!(fs::read_dir(place.path("d")).unwrap().count(), 1);
}

/// Whoever could change what is remembered would decide what an undo writes and deletes.
#[test]
fn r10_a_state_directory_that_others_may_write_to_or_that_is_a_link_is_not_used() {
    for spoil in [
        "chmod 777 $runs",
        "chmod 720 $runs",
        "mv $runs elsewhere; ln -s \"$PWD/elsewhere\" $runs",
    ] {
        let place = Place::new();
        place.shell("mkdir s d; echo new > s/a; echo old > d/a; echo x > s/x");
        place.run("pull s/x d", 0);
        place.shell(&format!("runs=state/ksyncd/.ksyncd.kept/runs; {spoil}"));
        let before = place.kept_files();
        let said = text(&place.run("pull s/ d", 0).stderr);
        assert!(said.contains("can not be undone"), "{spoil}: {said}");
        assert_eq!(place.kept_files(), before, "{spoil}");
        place.shell("test $(ls state/ksyncd/.ksyncd.kept/runs/ | wc -l) = 1");
        let said = text(&place.run("undo", 11).stderr);
        assert!(said.contains("others may write to it"), "{spoil}: {said}");
    }
}
