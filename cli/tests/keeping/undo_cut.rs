//! A run that is killed leaves a journal from which what it did till then is undone.

use std::time::Duration;

use crate::place::{Place, lacks};

/// Moments at which a run is killed.
const MOMENTS: u64 = 12;

#[test]
fn a_run_that_is_killed_at_any_moment_can_be_undone() {
    if lacks(&["rsync"]) {
        return;
    }
    let place = Place::new();
    place.shell(
        "mkdir d s; cd d; for d in 1 2 3 4 5 6 7 8; do mkdir $d; for f in 1 2 3 4 5 6 7 8 9; do
           echo old $d $f > $d/$f; echo gone > $d/gone$f; done; done; cp -a . ../before; cd ../s
         for d in 1 2 3 4 5 6 7 8; do mkdir $d; for f in 1 2 3 4 5 6 7 8 9; do
           echo newer $d $f > $d/$f; echo more > $d/more$f; done; done",
    );
    let mut cut = 0;
    for moment in 0..MOMENTS {
        let mut child = place.command("pull -aq --delete s/ d").spawn().unwrap();
        // Whether it is early or late does not matter: there is something to kill, or nothing to do.
        std::thread::sleep(Duration::from_millis(moment * 6));
        let _ = child.kill();
        cut += u64::from(!child.wait().unwrap().success());
        let is_remembered = place
            .log()
            .first()
            .is_some_and(|run| run["command"] == "pull" && run["undone_by"].is_null());
        if is_remembered {
            place.run("undo", 0);
        }
        place.shell("find d -name '.ksyncd.*.tmp' -delete");
        place.shell("cd before; find . -type d -exec touch -r {} ../d/{} ';'");
        assert_eq!(place.differences("before", "d"), "", "moment {moment}");
    }
    assert!(cut > 0, "no run was cut");
}
