//! Whether a tree is what it should be, and if not, what is wrong with it.

use std::cmp::Ordering;

use super::{Entry, Manifest};

/// How exactly attributes are compared: not every tool carries all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// To the nanosecond.
    Nanoseconds,
    /// To the second.
    Seconds,
    /// Not at all, and neither are permissions.
    Content,
}

/// Most differences that are told.
const MOST: usize = 5;

/// What is not in `found` as it is in `wanted`, in words: the first few.
pub fn differences(wanted: &Manifest, found: &Manifest, precision: Precision) -> Vec<String> {
    let mut said = Vec::new();
    let (mut wanted, mut found) = (wanted.0.iter().peekable(), found.0.iter().peekable());
    while said.len() < MOST {
        let order = match (wanted.peek(), found.peek()) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(a), Some(b)) => a.path.as_os_str().cmp(b.path.as_os_str()),
        };
        let missing = (order != Ordering::Greater)
            .then(|| wanted.next())
            .flatten();
        let extra = (order != Ordering::Less).then(|| found.next()).flatten();
        match (missing, extra) {
            (Some(a), Some(b)) => said.extend(difference(a, b, precision)),
            (Some(a), None) => said.push(format!("{} is missing", a.path.display())),
            (None, Some(b)) => said.push(format!("{} should not be there", b.path.display())),
            (None, None) => break,
        }
    }
    said
}

fn difference(wanted: &Entry, found: &Entry, precision: Precision) -> Option<String> {
    let time = |entry: &Entry| match precision {
        Precision::Nanoseconds => entry.modified,
        Precision::Seconds => (entry.modified.0, 0),
        Precision::Content => (0, 0),
    };
    let what = if wanted.kind != found.kind {
        format!("is {:?} instead of {:?}", found.kind, wanted.kind)
    } else if wanted.mode != found.mode && precision != Precision::Content {
        format!("has mode {:o} instead of {:o}", found.mode, wanted.mode)
    } else if wanted.owner != found.owner {
        format!("belongs to {:?} instead of {:?}", found.owner, wanted.owner)
    } else if time(wanted) != time(found) {
        format!(
            "is of {:?} instead of {:?}",
            found.modified, wanted.modified
        )
    } else {
        return None;
    };
    Some(format!("{} {what}", wanted.path.display()))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    fn tree(files: &[(&str, &str)]) -> (tempfile::TempDir, Manifest) {
        let dir = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, content).unwrap();
            age(&path);
        }
        for inner in ["d", ""] {
            let path = dir.path().join(inner);
            if path.exists() {
                age(&path);
            }
        }
        let manifest = Manifest::read(dir.path()).unwrap();
        (dir, manifest)
    }

    fn age(path: &Path) {
        let time = std::time::UNIX_EPOCH + std::time::Duration::new(1_000_000_000, 5);
        fs::File::open(path).unwrap().set_modified(time).unwrap();
    }

    fn said(wanted: &[(&str, &str)], found: &[(&str, &str)]) -> String {
        differences(&tree(wanted).1, &tree(found).1, Precision::Nanoseconds).join("\n")
    }

    #[test]
    fn trees_with_the_same_content_are_alike() {
        assert_eq!(
            said(&[("d/a", "1"), ("b", "2")], &[("b", "2"), ("d/a", "1")]),
            ""
        );
    }

    #[test]
    fn what_is_missing_or_too_much_or_different_is_named() {
        assert_eq!(
            said(&[("d/a", "1"), ("b", "2")], &[("b", "2"), ("d/c", "")]),
            "d/a is missing\nd/c should not be there"
        );
        assert!(said(&[("b", "2")], &[("b", "3")]).starts_with("b is File(1, "));
    }

    #[test]
    fn fractions_of_seconds_count_only_where_they_are_asked_for() {
        let (dir, wanted) = tree(&[("b", "2")]);
        let time = std::time::UNIX_EPOCH + std::time::Duration::new(1_000_000_000, 0);
        fs::File::open(dir.path().join("b"))
            .unwrap()
            .set_modified(time)
            .unwrap();
        let found = Manifest::read(dir.path()).unwrap();
        assert_eq!(
            differences(&wanted, &found, Precision::Seconds),
            Vec::<String>::new()
        );
        assert_eq!(
            differences(&wanted, &found, Precision::Nanoseconds).len(),
            1
        );
    }
}
