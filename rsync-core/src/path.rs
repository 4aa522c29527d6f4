//! Names and relative paths that can not hold a bad one.
//!
//! Everything a peer calls a file goes through [`FileName`] or [`RelPath`] once, at the edge.
//! After that no code has to ask again whether a name climbs out of the tree: a value that does
//! can not be built, not even by deserialising one.
//!
//! Names are bytes, not text: Unix file names need not be UTF-8.

mod escape;
mod name;

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

pub use escape::{escape, printable};
pub use name::FileName;

use name::check_name;

/// Longest name of one directory entry, in bytes (Linux `NAME_MAX`).
pub const MAX_NAME_LEN: usize = 255;
/// Longest relative path, in bytes (Linux `PATH_MAX` without its terminating zero).
pub const MAX_PATH_LEN: usize = 4095;

/// Why bytes are not a name or a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadPath {
    /// A component was empty: `a//b`, a leading or a trailing slash.
    #[error("the name is empty")]
    Empty,
    /// A component was `.` or `..`.
    #[error("the name is `.` or `..`")]
    DotName,
    /// A name held a slash.
    #[error("the name holds a slash")]
    Slash,
    /// A name held a zero byte.
    #[error("the name holds a zero byte")]
    Nul,
    /// Longer than [`MAX_NAME_LEN`] or [`MAX_PATH_LEN`].
    #[error("the name is longer than the system allows")]
    TooLong,
}

/// A path below a root: zero or more [`FileName`]s joined by single slashes.
///
/// The empty path is the root itself. Paths are ordered component by component, so that a
/// directory comes directly before everything below it (`a`, `a/b`, `a.c`), which is the order
/// of a depth-first walk over sorted listings.
#[derive(Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "ByteBuf")]
pub struct RelPath(#[serde(with = "serde_bytes")] Vec<u8>);

impl RelPath {
    /// The root itself.
    pub const fn root() -> Self {
        Self(Vec::new())
    }

    /// Checks every component of `bytes` and keeps a copy. The empty slice is the root.
    pub fn new(bytes: &[u8]) -> Result<Self, BadPath> {
        Self::try_from(bytes.to_vec())
    }

    /// The path's bytes, without a leading or trailing slash.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// True for the root.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// This path with `name` below it. It is for messages only if it does not [fit](Self::fits).
    pub fn join(&self, name: &FileName) -> Self {
        let mut bytes = Vec::with_capacity(self.0.len() + 1 + name.as_bytes().len());
        bytes.extend_from_slice(&self.0);
        if !bytes.is_empty() {
            bytes.push(b'/');
        }
        bytes.extend_from_slice(name.as_bytes());
        Self(bytes)
    }

    /// True if this path with `name` below it is one that can travel.
    pub fn fits(&self, name: &FileName) -> bool {
        self.0.len() + usize::from(!self.is_root()) + name.as_bytes().len() <= MAX_PATH_LEN
    }

    /// The names on the way down, outermost first.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.0
            .split(|&byte| byte == b'/')
            .filter(|part| !part.is_empty())
    }

    /// What is below the first name; nothing if that is all there is.
    pub fn below_first(&self) -> Option<Self> {
        let slash = self.0.iter().position(|&byte| byte == b'/')?;
        Some(Self(self.0[slash + 1..].to_vec()))
    }

    /// The last name, or nothing for the root.
    pub fn file_name(&self) -> Option<FileName> {
        let last = self.components().next_back()?;
        FileName::new(last).ok()
    }

    /// The path one level up, or nothing for the root.
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        let end = self.0.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
        Some(Self(self.0[..end].to_vec()))
    }

    /// How many names the path has: 0 for the root.
    pub fn depth(&self) -> usize {
        self.components().count()
    }

    /// True if this path is `ancestor` or lies below it, compared name by name.
    pub fn starts_with(&self, ancestor: &Self) -> bool {
        ancestor.is_root()
            || self
                .0
                .strip_prefix(ancestor.0.as_slice())
                .is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
    }
}

impl TryFrom<Vec<u8>> for RelPath {
    type Error = BadPath;
    fn try_from(bytes: Vec<u8>) -> Result<Self, BadPath> {
        if bytes.len() > MAX_PATH_LEN {
            return Err(BadPath::TooLong);
        }
        if !bytes.is_empty() {
            bytes.split(|&byte| byte == b'/').try_for_each(check_name)?;
        }
        Ok(Self(bytes))
    }
}

impl From<RelPath> for Vec<u8> {
    fn from(path: RelPath) -> Self {
        path.0
    }
}

impl TryFrom<ByteBuf> for RelPath {
    type Error = BadPath;
    fn try_from(bytes: ByteBuf) -> Result<Self, BadPath> {
        Self::try_from(bytes.into_vec())
    }
}

impl Ord for RelPath {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.components().cmp(other.components())
    }
}

impl PartialOrd for RelPath {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Debug for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

impl fmt::Display for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_root() {
            f.write_str(".")
        } else {
            f.write_str(&escape(&self.0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_path_that_could_leave_its_root_can_not_be_built() {
        for bad in [
            &b"/etc"[..],
            b"a//b",
            b"a/",
            b"../x",
            b"a/../../x",
            b"./a",
            b"a/./b",
            b"a\0",
        ] {
            assert!(RelPath::new(bad).is_err(), "{}", bad.escape_ascii());
        }
        assert!(RelPath::new(&vec![b'a'; MAX_PATH_LEN + 1]).is_err());
    }

    #[test]
    fn a_bad_path_can_not_be_deserialised_either() {
        let bytes = postcard::to_allocvec(&b"a/../b".to_vec()).unwrap();
        assert!(postcard::from_bytes::<RelPath>(&bytes).is_err());
    }

    #[test]
    fn a_directory_sorts_directly_before_what_is_below_it() {
        let mut paths: Vec<RelPath> = ["a.c", "a/b", "a", "a/b/c", "b"]
            .iter()
            .map(|path| RelPath::new(path.as_bytes()).unwrap())
            .collect();
        paths.sort();
        let sorted: Vec<String> = paths.iter().map(ToString::to_string).collect();
        assert_eq!(sorted, ["a", "a/b", "a/b/c", "a.c", "b"]);
    }

    #[test]
    fn p8_a_name_that_begins_like_a_directory_is_not_below_it() {
        let path = |text: &str| RelPath::new(text.as_bytes()).unwrap();
        assert!(path("dst/in").starts_with(&path("dst")));
        assert!(path("dst").starts_with(&path("dst")));
        for beside in ["dst-evil", "dst-evil/in", "ds", "d/dst"] {
            assert!(!path(beside).starts_with(&path("dst")), "{beside}");
        }
    }

    #[test]
    fn p10_what_parts_names_elsewhere_is_an_ordinary_character_here() {
        for name in ["..\\up", "C:\\x", "\\\\host\\share", "a:b", "NUL"] {
            let path = RelPath::new(name.as_bytes()).unwrap();
            assert_eq!(path.components().collect::<Vec<_>>(), [name.as_bytes()]);
        }
    }

    #[test]
    fn a_sentence_keeps_the_names_that_were_escaped_in_it() {
        assert_eq!(
            printable("a\\#012b\x1b\u{2028}"),
            "a\\#012b\\#033\\#342\\#200\\#250"
        );
    }

    #[test]
    fn p12_escaped_text_can_not_move_the_cursor_or_reorder_a_line() {
        assert_eq!(escape(b"a\x1b[2Jb\n"), "a\\#033[2Jb\\#012");
        assert_eq!(escape("grün".as_bytes()), "grün");
        assert_eq!(escape("a\u{202e}b".as_bytes()), "a\\#342\\#200\\#256b");
        assert_eq!(escape(b"\xff"), "\\#377");
        assert_eq!(escape(b"\\#377"), "\\#134#377");
    }

    proptest! {
        #[test]
        fn joining_and_splitting_a_path_agree(parts in prop::collection::vec("[a-z.]{3,8}", 0..6)) {
            let mut path = RelPath::root();
            for part in &parts {
                path = path.join(&FileName::new(part.as_bytes()).unwrap());
            }
            prop_assert_eq!(path.depth(), parts.len());
            prop_assert_eq!(&RelPath::new(path.as_bytes()).unwrap(), &path);
            if let Some(parent) = path.parent() {
                prop_assert!(path.starts_with(&parent));
                prop_assert_eq!(parent.join(&path.file_name().unwrap()), path);
            }
        }

        #[test]
        fn escape_never_maps_two_names_to_one(a: Vec<u8>, b: Vec<u8>) {
            prop_assert_eq!(a == b, escape(&a) == escape(&b));
        }
    }
}
