//! The restriction to listed paths (`--files-from`).

use crate::path::RelPath;

/// Listed paths, sorted, so that a check is a binary search.
#[derive(Debug)]
pub(super) struct Only {
    listed: Vec<RelPath>,
    recurse: bool,
}

impl Only {
    /// Keeps `paths`; with `recurse`, those below another listed path are dropped as implied.
    pub(super) fn new(paths: &[RelPath], recurse: bool) -> Self {
        let mut listed = paths.to_vec();
        listed.sort();
        if recurse {
            listed.dedup_by(|below, above| below.starts_with(above));
        } else {
            listed.dedup();
        }
        Self { listed, recurse }
    }

    /// True if the path is listed, is a directory on the way to a listed path, or lies below a
    /// listed directory and those are taken whole.
    pub(super) fn takes(&self, path: &RelPath, is_dir: bool) -> bool {
        let at = self.listed.partition_point(|listed| listed < path);
        if self
            .listed
            .get(at)
            .is_some_and(|next| next == path || (is_dir && next.starts_with(path)))
        {
            return true;
        }
        self.recurse && at > 0 && path.starts_with(&self.listed[at - 1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn path(text: &str) -> RelPath {
        RelPath::new(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_listed_path_brings_the_directories_above_it() {
        let only = Only::new(&[path("a/b/c"), path("d")], false);
        assert!(
            only.takes(&path("a"), true)
                && only.takes(&path("a/b"), true)
                && only.takes(&path("a/b/c"), false)
        );
        assert!(
            !only.takes(&path("a"), false),
            "a file is not on the way to anything"
        );
        assert!(
            !only.takes(&path("a/x"), false)
                && !only.takes(&path("a/b/c/x"), false)
                && !only.takes(&path("d/x"), false)
        );
        assert!(!only.takes(&path("a/b.c"), true));
    }

    #[test]
    fn a_listed_directory_is_taken_whole_when_asked() {
        let only = Only::new(&[path("a/b"), path("a"), path("c/d")], true);
        assert!(
            only.takes(&path("a/z/y"), false)
                && only.takes(&path("c/d/e"), false)
                && !only.takes(&path("c/e"), false)
        );
        assert!(Only::new(&[RelPath::root()], true).takes(&path("x/y"), false));
    }

    proptest! {
        #[test]
        fn the_search_agrees_with_looking_at_every_listed_path(
            listed in prop::collection::vec("[ab]{1,2}(/[ab]{1,2}){0,3}", 0..8),
            asked in "[ab]{1,2}(/[ab]{1,2}){0,3}", is_dir: bool, recurse: bool,
        ) {
            let listed: Vec<RelPath> = listed.iter().map(|text| path(text)).collect();
            let asked = path(&asked);
            let expected = listed.iter().any(|listed| {
                *listed == asked || (is_dir && listed.starts_with(&asked)) || (recurse && asked.starts_with(listed))
            });
            prop_assert_eq!(Only::new(&listed, recurse).takes(&asked, is_dir), expected);
        }
    }
}
