//! Which entries take part by what they are: kinds and links that a run asks for.

use crate::change::SkipReason;
use crate::entry::{Entry, Kind};
use crate::options::{Links, Options};
use crate::path::RelPath;

/// Why the run leaves out `entry`, found in the directory `dir`; nothing if it takes it.
pub fn left_out(entry: &Entry, dir: &RelPath, options: &Options) -> Option<SkipReason> {
    match &entry.kind {
        Kind::Dir => None,
        Kind::File { size } => {
            let too_large = options.skip.above_size.is_some_and(|limit| *size > limit);
            let too_small = options.skip.below_size.is_some_and(|limit| *size < limit);
            (too_large || too_small).then_some(SkipReason::Size)
        }
        Kind::Symlink { target } => match options.links {
            Links::Skip => Some(SkipReason::Link),
            // A source that follows links has none of these; a peer that sends one does not follow.
            Links::Follow => Some(SkipReason::Link),
            Links::Safe | Links::FollowUnsafe if leaves_tree(target.as_bytes(), dir) => {
                Some(SkipReason::Link)
            }
            Links::Preserve | Links::Safe | Links::FollowUnsafe | Links::FollowDirectories => None,
        },
        Kind::Fifo | Kind::Socket => {
            (!options.attributes.specials).then_some(SkipReason::SpecialFile)
        }
        Kind::CharDevice { .. } | Kind::BlockDevice { .. } => {
            (!options.attributes.devices).then_some(SkipReason::SpecialFile)
        }
    }
}

/// True if a link in `dir` with this target points out of the tree, or may (rsync(1), SYMBOLIC
/// LINKS): it is absolute, climbs above the root, or climbs anywhere but at its start, since a
/// directory on the way can be a link itself. A climb at the very end counts as rsync counts it.
pub fn leaves_tree(target: &[u8], dir: &RelPath) -> bool {
    if target.starts_with(b"/") || (target.len() > 3 && target.ends_with(b"/..")) {
        return true;
    }
    let mut depth = dir.depth();
    let mut is_start = true;
    for part in target.split(|&byte| byte == b'/') {
        match part {
            b"" => {}
            b".." if is_start => match depth.checked_sub(1) {
                Some(up) => depth = up,
                None => return true,
            },
            b".." => return true,
            _ => is_start = false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_that_climbs_above_the_root_or_after_a_name_leaves_the_tree() {
        let dir = RelPath::new(b"a/b").unwrap();
        for inside in [
            "c", "../c", "../../c", "..", "../", "..//../c", "./c/d", ".../x",
        ] {
            assert!(!leaves_tree(inside.as_bytes(), &dir), "{inside}");
        }
        for outside in [
            "/c",
            "../../../c",
            "../../../a/b",
            "x/../y",
            "./../x",
            "x/..",
            "../..",
        ] {
            assert!(leaves_tree(outside.as_bytes(), &dir), "{outside}");
        }
    }
}
