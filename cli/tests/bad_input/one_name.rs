//! Destinations that take upper and lower case for the same name.

use std::path::Path;

use super::place::{Ended, Place, VERBS, skip};

/// Runs a shell script where `d` is an NTFS that compares names without their case, and lists them
/// in lower case. `run` there is a run with deletions.
fn on_one_case(place: &Place, verb: &str, script: &str) -> Option<Ended> {
    if !Path::new("/dev/fuse").exists() {
        return skip("needs FUSE");
    }
    let script = format!(
        "truncate -s 16M image && mkfs.ntfs -F -Q -q image >/dev/null 2>&1 || exit 99\n\
         lowntfs-3g -o ignore_case image d || exit 99\n\
         run() {{ $K {verb} --delete s/ d; code=$?; }}\n\
         {script}\n\
         umount d; exit $code"
    );
    place.with_mounts(&script)
}

#[test]
fn p9_of_two_entries_with_one_name_the_same_one_is_refused_again_and_again() {
    for verb in VERBS {
        let place = Place::new();
        for path in ["README", "readme", "Dir/one", "dir/two"] {
            place.file(&format!("s/{path}"), path);
        }
        let script = "run; run; run; cat d/readme d/dir/*; find d -name 'one*'";
        let Some(ended) = on_one_case(&place, verb, script) else {
            return;
        };
        ended.assert(23, &["has the same name as another entry"]);
        assert_eq!(ended.stdout, "readmedir/two");
        for path in ["README", "Dir"] {
            let said = format!("{path} has the same name");
            assert_eq!(ended.stderr.matches(&said).count(), 2, "{}", ended.stderr);
        }
    }
}

#[test]
fn p9_what_only_the_case_of_its_name_tells_from_a_new_entry_is_not_deleted() {
    for verb in VERBS {
        let place = Place::new();
        for path in ["readme", "dir/one", "dir/two"] {
            place.file(&format!("s/{path}"), path);
        }
        let script = "run\n\
                      mv s/readme s/README && mv s/dir s/DIR && echo new >s/DIR/Two && rm s/DIR/one s/DIR/two\n\
                      run; cat d/readme d/dir/*";
        let Some(ended) = on_one_case(&place, verb, script) else {
            return;
        };
        ended.assert(0, &["1 deleted"]);
        assert_eq!(ended.stdout, "readmenew\n");
    }
}
