//! `.gitignore` files: the last pattern that matches decides, the deepest file first.
//!
//! The format is gitignore(5). Only `.gitignore` files in the tree count: not
//! `.git/info/exclude`, not the user's own list. `.git` itself is an entry like any other.
//! As in git, what lies below an ignored directory can not be taken back, because the directory
//! is never entered.

use std::sync::Arc;

use super::wildmatch::{Dialect, Pattern};

/// The `.gitignore` file of one directory and those above it.
#[derive(Debug)]
pub(super) struct GitIgnore {
    patterns: Vec<IgnorePattern>,
    /// Length of the directory's path below the root.
    dir_len: usize,
    parent: Option<Arc<GitIgnore>>,
}

#[derive(Debug)]
struct IgnorePattern {
    pattern: Pattern,
    ignores: bool,
    directories_only: bool,
    name_only: bool,
}

impl GitIgnore {
    /// Reads the file of the directory whose path has `dir_len` bytes.
    pub(super) fn parse(content: &[u8], dir_len: usize, parent: Option<Arc<GitIgnore>>) -> Self {
        let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
        let lines = content.split(|&byte| byte == b'\n');
        let patterns = lines.filter_map(IgnorePattern::parse).collect();
        Self {
            patterns,
            dir_len,
            parent,
        }
    }

    /// Whether the entry `name` at `path` is ignored.
    pub(super) fn ignores(&self, path: &[u8], name: &[u8], is_dir: bool) -> bool {
        let mut file = Some(self);
        while let Some(GitIgnore {
            patterns,
            dir_len,
            parent,
        }) = file
        {
            let below = if *dir_len == 0 {
                path
            } else {
                path.get(dir_len + 1..).unwrap_or_default()
            };
            let decides = |pattern: &&IgnorePattern| {
                (is_dir || !pattern.directories_only)
                    && pattern
                        .pattern
                        .matches(if pattern.name_only { name } else { below })
            };
            if let Some(pattern) = patterns.iter().rev().find(decides) {
                return pattern.ignores;
            }
            file = parent.as_deref();
        }
        false
    }
}

impl IgnorePattern {
    /// One line, or nothing for a blank line or a comment.
    fn parse(line: &[u8]) -> Option<Self> {
        if line.first() == Some(&b'#') {
            return None;
        }
        let line = without_trailing_spaces(line.strip_suffix(b"\r").unwrap_or(line));
        let (text, ignores) = line
            .strip_prefix(b"!")
            .map_or((line, true), |text| (text, false));
        let (text, directories_only) = text
            .strip_suffix(b"/")
            .map_or((text, false), |text| (text, true));
        if text.is_empty() {
            return None;
        }
        let name_only = !text.contains(&b'/');
        let text = text.strip_prefix(b"/").unwrap_or(text);
        Some(Self {
            pattern: Pattern::wild(text, Dialect::Git),
            ignores,
            directories_only,
            name_only,
        })
    }
}

/// Spaces at the end go, except one that a backslash protects.
fn without_trailing_spaces(line: &[u8]) -> &[u8] {
    let mut end = 0;
    let mut at = 0;
    while let Some(byte) = line.get(at) {
        at += if *byte == b'\\' { 2 } else { 1 };
        if *byte != b' ' {
            end = at.min(line.len());
        }
    }
    &line[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ignored(content: &str, path: &str, is_dir: bool) -> bool {
        let name = path.rsplit('/').next().unwrap();
        GitIgnore::parse(content.as_bytes(), 0, None).ignores(
            path.as_bytes(),
            name.as_bytes(),
            is_dir,
        )
    }

    #[test]
    fn the_last_pattern_that_matches_decides() {
        assert!(ignored("*.log", "a/b.log", false));
        assert!(!ignored("*.log\n!b.log", "a/b.log", false));
        assert!(ignored("!b.log\n*.log", "a/b.log", false));
    }

    #[test]
    fn a_deeper_file_decides_before_one_above_it() {
        let top = Arc::new(GitIgnore::parse(b"*.log", 0, None));
        let deep = GitIgnore::parse(b"!/keep.log", 1, Some(top));
        assert!(!deep.ignores(b"d/keep.log", b"keep.log", false));
        assert!(deep.ignores(b"d/e/keep.log", b"keep.log", false));
    }

    #[test]
    fn spaces_at_the_end_of_a_line_go_unless_protected() {
        assert!(
            ignored("a  \r\n", "a", false)
                && !ignored("a\\ ", "a", false)
                && ignored("a\\ ", "a ", false)
        );
        assert!(ignored("\\#a\n\\!b", "#a", false) && ignored("\\#a\n\\!b", "!b", false));
        assert!(!ignored("\n# x\n  \n/\n!\n", "x", true));
    }
}
