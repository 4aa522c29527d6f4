//! An undo destroys nothing that came after the run.

use std::fs;

use crate::place::{Place, text};

#[test]
fn what_was_changed_after_the_run_stays_and_is_named() {
    let place = Place::new();
    place.shell(
        "mkdir s d; for f in replaced edited gone taken mode; do echo old $f > d/$f; done
         cp -a d s0; for f in replaced edited; do echo new $f > s/$f; done
         echo old mode > s/mode; touch -r d/mode s/mode; chmod 600 s/mode
         echo c > s/created; echo c > s/created_and_edited; mkdir s/dir; echo x > s/dir/x",
    );
    place.run("pull -a --delete s/ d", 0);
    place.shell(
        "echo mine >> d/edited; echo mine > d/created_and_edited; echo mine > d/taken
         echo mine > d/dir/mine; chmod 640 d/mode",
    );
    let output = place.run("undo", 23);
    let said = text(&output.stderr);
    let read = |name: &str| fs::read_to_string(place.path(&format!("d/{name}"))).unwrap();

    assert_eq!(read("replaced"), "old replaced\n");
    assert_eq!(read("gone"), "old gone\n");
    assert!(!place.path("d/created").exists());
    assert!(!place.path("d/dir/x").exists());
    assert_eq!(read("edited"), "new edited\nmine\n");
    assert_eq!(read("created_and_edited"), "mine\n");
    assert_eq!(read("taken"), "mine\n");
    assert_eq!(read("dir/mine"), "mine\n");
    for name in ["edited", "created_and_edited", "taken", "dir", "mode"] {
        assert!(
            said.contains(&format!("ksyncd: {name}: ")),
            "{name}: {said}"
        );
    }
    for name in ["replaced", "gone", "created:", "dir/x"] {
        assert!(!said.contains(&format!("ksyncd: {name}")), "{name}: {said}");
    }
}

#[test]
fn another_directory_under_the_destinations_name_is_left_alone() {
    let place = Place::new();
    place.shell("mkdir s d; echo old > d/f; echo newer > s/f");
    place.run("pull s/ d", 0);
    place.shell("mv d moved; mkdir d; echo mine > d/f");
    let output = place.run("undo", 3);
    assert!(
        text(&output.stderr).contains("not the directory"),
        "{output:?}"
    );
    assert_eq!(fs::read_to_string(place.path("d/f")).unwrap(), "mine\n");
}

#[test]
fn r3_an_undo_follows_no_link_that_took_a_directorys_place() {
    let place = Place::new();
    place.shell("mkdir -p s/sub d/sub outside; echo old > d/sub/f; echo newer > s/sub/f");
    place.run("pull s/ d", 0);
    place.shell("mv d/sub d/away; ln -s ../outside d/sub; echo mine > outside/f");
    place.run("undo", 23);
    assert_eq!(
        fs::read_to_string(place.path("outside/f")).unwrap(),
        "mine\n"
    );
}
