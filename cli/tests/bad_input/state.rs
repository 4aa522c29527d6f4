//! Whatever room there is to remember a run in: what it changed can be undone, or it says that it can
//! not.

use crate::place::Place;

/// Runs a pull with so much room for what is remembered. Whether it said that it can not be undone;
/// nothing if nothing can be mounted here.
fn pull_with(room: &str) -> Option<bool> {
    let place = Place::new();
    for number in 0..100 {
        place.file(&format!("s/many/{number}-{}", "x".repeat(100)), "x");
    }
    let script = format!(
        "mkdir state && mount -t tmpfs -o {room} none state && cp -a d old || exit 99
         $K pull -a --delete s/ d || exit
         mount -o remount,size=10m,nr_inodes=100 state || exit 99
         $K undo >&2; echo undo $?
         diff -r old d || true"
    );
    let ended = place.with_mounts(&script)?;
    // What it could not do for want of room is not its failure.
    assert_eq!(ended.code, Some(0), "{room}: {}", ended.stderr);
    let gave_up = ["could not be kept", "can not be undone"];
    let gave_up = gave_up.iter().any(|words| ended.stderr.contains(words));
    assert!(
        gave_up || ended.stdout == "undo 0\n",
        "{room}: {}{}",
        ended.stdout,
        ended.stderr
    );
    Some(gave_up)
}

/// Tries so many amounts of room: too little at first, and enough at the end.
fn assert_nothing_is_kept_back(rooms: impl Iterator<Item = String>) {
    let outcomes: Option<Vec<bool>> = rooms.map(|room| pull_with(&room)).collect();
    let Some(outcomes) = outcomes else { return };
    assert_eq!(outcomes.first(), Some(&true));
    assert_eq!(outcomes.last(), Some(&false));
}

#[test]
fn without_inodes_for_its_journal_a_run_can_be_undone_or_says_that_it_can_not() {
    assert_nothing_is_kept_back((1..12).map(|inodes| format!("nr_inodes={inodes}")));
}

#[test]
fn without_blocks_for_its_journal_a_run_can_be_undone_or_says_that_it_can_not() {
    let sizes = (4..=48).step_by(4).map(|kib| format!("size={kib}k"));
    assert_nothing_is_kept_back(sizes);
}

/// The journal breaks off between two parts of a file that is changed where it is.
#[test]
fn without_blocks_for_its_journal_a_file_that_was_changed_in_place_is_no_mixture_after_an_undo() {
    let mut left = Vec::new();
    for kib in (4..=64).step_by(4) {
        let place = Place::new();
        let script = format!(
            "mkdir state && mount -t tmpfs -o size={kib}k none state || exit 99
             seq 1000000 > d/image; sed '0~1000s/0/x/' d/image > s/image; echo more >> d/image
             touch -d 2001-01-01 d/image; cp -a d old; cp -a s new
             $K pull -a --inplace --block-size=2048 s/ d || exit
             mount -o remount,size=10m,nr_inodes=100 state || exit 99
             $K undo >&2; echo undo $?
             cmp -s d/image old/image && echo old && exit
             cmp -s d/image new/image && echo new || echo mixture"
        );
        let Some(ended) = place.with_mounts(&script) else {
            return;
        };
        assert_eq!(ended.code, Some(0), "{kib}: {}", ended.stderr);
        left.push(ended.stdout.lines().map(str::to_owned).collect::<Vec<_>>());
    }
    let right = |outcome: &Vec<String>| match outcome[..] {
        [ref undo, ref now] => now == "old" && undo == "undo 0" || now == "new" && undo != "undo 0",
        _ => false,
    };
    assert!(left.iter().all(right), "{left:?}");
    assert!(left.first() != left.last(), "{left:?}");
}
