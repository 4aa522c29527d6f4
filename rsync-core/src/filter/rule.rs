//! One include or exclude: which entries it matches, on which side, and what it says about them.
//!
//! Which part of a path a pattern is compared with follows rsync(1), "PATTERN MATCHING RULES":
//! the name alone if it has no slash and no `**`, as many last names as it has if it has
//! slashes, and the whole path if it is anchored.

use std::cell::OnceCell;

use super::parse::Modifiers;
use super::wildmatch::{Dialect, Pattern};
use crate::path::{FileName, RelPath};

/// An include or exclude, ready to match.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    modifiers: Modifiers,
    directories_only: bool,
    pattern: Pattern,
    part: Part,
    base: Base,
    /// The pattern begins with `**`, which may stand for nothing but a leading slash.
    leading_slash: bool,
    /// The pattern ends with `***`, which may stand for nothing but a directory's slash.
    trailing_slash: bool,
}

/// What a pattern is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The last name.
    Name,
    /// This many last names.
    LastNames(usize),
    /// Everything below the base.
    Whole,
}

/// Where the path begins that a pattern is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Base {
    Root,
    /// The directory of the merge file, whose path has this many bytes.
    MergeDir(usize),
    /// The root of the file system.
    Absolute,
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// The sender, about what it lists.
    Sender,
    /// The receiver, about what it may delete.
    Receiver {
        /// The directory that holds the entry is being deleted.
        in_deleted: bool,
    },
}

impl Rule {
    /// Compiles `pattern`, which is not empty. `merge_dir` is the directory of the file that it
    /// was read from, if any.
    pub(super) fn new(pattern: &[u8], modifiers: Modifiers, merge_dir: Option<&RelPath>) -> Self {
        let (text, directories_only) = match pattern {
            [text @ .., b'/'] if !text.is_empty() => (text, true),
            text => (text, false),
        };
        let slashes = text.iter().filter(|&&byte| byte == b'/').count();
        let wild = text.iter().any(|byte| matches!(byte, b'*' | b'?' | b'['));
        let crosses_slashes = text.windows(2).any(|pair| pair == b"**");
        let leading_slash = text.starts_with(b"**");
        let anchored = text.strip_prefix(b"/");
        let base = match merge_dir {
            _ if modifiers.absolute => Base::Absolute,
            Some(dir) if anchored.is_some() => Base::MergeDir(dir.as_bytes().len()),
            _ => Base::Root,
        };
        let part = match anchored {
            _ if slashes == 0 && !crosses_slashes => Part::Name,
            None if !crosses_slashes => Part::LastNames(slashes + 1),
            _ => Part::Whole,
        };
        let text = anchored.unwrap_or(text);
        let pattern = if !wild {
            Pattern::literal(text)
        } else if anchored.is_none() && crosses_slashes && !leading_slash {
            Pattern::wild_from_any_slash(text, Dialect::Rsync)
        } else {
            Pattern::wild(text, Dialect::Rsync)
        };
        let trailing_slash = text.ends_with(b"***");
        Self {
            modifiers,
            directories_only,
            pattern,
            part,
            base,
            leading_slash,
            trailing_slash,
        }
    }

    /// What the rule says about an entry: included, excluded, or nothing.
    pub(super) fn verdict(&self, side: Side, subject: &Subject<'_>) -> Option<bool> {
        let both_sides = self.modifiers.sender == self.modifiers.receiver;
        let applies = match side {
            Side::Sender => both_sides || self.modifiers.sender,
            Side::Receiver { in_deleted } => {
                (both_sides || self.modifiers.receiver)
                    && !(in_deleted && self.modifiers.perishable)
            }
        };
        if !applies || self.modifiers.xattr != subject.is_xattr {
            return None;
        }
        (self.matches(subject) != self.modifiers.negated).then_some(self.modifiers.include)
    }

    fn matches(&self, subject: &Subject<'_>) -> bool {
        if self.directories_only && !subject.is_dir {
            return false;
        }
        if self.part == Part::Name {
            return self.pattern.matches(subject.name);
        }
        let path = match self.base {
            Base::Absolute => subject.absolute_path(),
            Base::Root | Base::MergeDir(_) => subject.path(),
        };
        let start = match self.base {
            Base::MergeDir(length) if length > 0 => length + 2,
            Base::Root if self.leading_slash => 0,
            Base::Absolute if self.leading_slash && subject.absolute_root.is_empty() => 0,
            _ => 1,
        };
        let end = path.len() - usize::from(!(self.trailing_slash && subject.is_dir));
        let text = path.get(start..end).unwrap_or_default();
        match self.part {
            Part::LastNames(count) => {
                last_names(text, count).is_some_and(|text| self.pattern.matches(text))
            }
            Part::Name | Part::Whole => self.pattern.matches(text),
        }
    }
}

/// The last `count` names of a path, or nothing if it has fewer.
fn last_names(path: &[u8], count: usize) -> Option<&[u8]> {
    let slashes = path
        .iter()
        .enumerate()
        .rev()
        .filter(|(_, byte)| **byte == b'/')
        .map(|(at, _)| at + 1);
    let start = slashes.chain([0]).nth(count - 1)?;
    Some(&path[start..])
}

/// The entry that rules are asked about.
#[derive(Debug)]
pub(super) struct Subject<'a> {
    dir: &'a [u8],
    name: &'a [u8],
    is_dir: bool,
    is_xattr: bool,
    absolute_root: &'a [u8],
    path: OnceCell<Vec<u8>>,
    absolute: OnceCell<Vec<u8>>,
}

impl<'a> Subject<'a> {
    /// An entry `name` of `dir`. `absolute_root` is the path of the root without the slash in
    /// front.
    pub(super) fn entry(
        absolute_root: &'a [u8],
        dir: &'a RelPath,
        name: &'a FileName,
        is_dir: bool,
    ) -> Self {
        Self {
            dir: dir.as_bytes(),
            name: name.as_bytes(),
            is_dir,
            is_xattr: false,
            ..Self::nothing(absolute_root)
        }
    }

    /// An extended attribute.
    pub(super) fn xattr(absolute_root: &'a [u8], name: &'a [u8]) -> Self {
        Self {
            name,
            is_xattr: true,
            ..Self::nothing(absolute_root)
        }
    }

    fn nothing(absolute_root: &'a [u8]) -> Self {
        let (path, absolute) = (OnceCell::new(), OnceCell::new());
        Self {
            dir: b"",
            name: b"",
            is_dir: false,
            is_xattr: false,
            absolute_root,
            path,
            absolute,
        }
    }

    /// The path below the root between slashes: `/dir/name/`.
    fn path(&self) -> &[u8] {
        self.path
            .get_or_init(|| between_slashes(&[self.dir, self.name]))
    }

    /// The path in the file system between slashes: `/root/dir/name/`.
    fn absolute_path(&self) -> &[u8] {
        self.absolute
            .get_or_init(|| between_slashes(&[self.absolute_root, self.dir, self.name]))
    }
}

fn between_slashes(parts: &[&[u8]]) -> Vec<u8> {
    let mut path = vec![b'/'];
    for part in parts.iter().filter(|part| !part.is_empty()) {
        path.extend_from_slice(part);
        path.push(b'/');
    }
    path
}
