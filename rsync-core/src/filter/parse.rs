//! rsync's rule language: one rule's text to what it asks for.
//!
//! The grammar is rsync(1), "FILTER RULES": `RULE[,MODIFIERS] PATTERN`, with a space or an
//! underscore between. Where the page leaves a question open, rsync 3.5 was asked. Not here:
//! reading a merge file, and what a pattern matches.

use super::error::RuleFault;
use crate::path::{FileName, MAX_PATH_LEN};

/// What stands between a rule's prefix and its pattern, and what a merge rule hands on to the
/// rules of its file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Modifiers {
    /// An include instead of an exclude.
    pub(super) include: bool,
    /// Applies when the sender lists (`s`). Neither side named means both.
    pub(super) sender: bool,
    /// Applies when the receiver deletes (`r`).
    pub(super) receiver: bool,
    /// Applies where the pattern fails (`!`).
    pub(super) negated: bool,
    /// Ignored in directories that are being deleted (`p`).
    pub(super) perishable: bool,
    /// Compared with the absolute path (`/`).
    pub(super) absolute: bool,
    /// For names of extended attributes only (`x`).
    pub(super) xattr: bool,
    /// The file holds bare patterns (merges: `-`, `+`, `C`).
    pub(super) bare: bool,
    /// The file holds words instead of lines (merges: `w`, `C`).
    pub(super) words: bool,
    /// Not inherited by subdirectories (merges: `n`, `C`).
    pub(super) local: bool,
    /// CVS rules (`C`): in a file, `!` clears the list.
    pub(super) cvs: bool,
    /// The merge file itself is excluded (merges: `e`).
    pub(super) excludes_itself: bool,
}

/// A rule as it was written.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Parsed<'a> {
    /// `!`: forget what came before.
    Clear,
    /// An include or exclude of any kind.
    Pattern(Modifiers, &'a [u8]),
    /// `-C`: the patterns that CVS ignores.
    CvsDefaults(Modifiers),
    /// `. file`: read now.
    Merge(Modifiers, &'a [u8]),
    /// `: file`: read in every directory.
    DirMerge(Modifiers, &'a [u8]),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Exclude,
    Include,
    Hide,
    Show,
    Protect,
    Risk,
    Merge,
    DirMerge,
    Clear,
}

const LONG_NAMES: [(&[u8], Kind); 9] = [
    (b"exclude", Kind::Exclude),
    (b"include", Kind::Include),
    (b"hide", Kind::Hide),
    (b"show", Kind::Show),
    (b"protect", Kind::Protect),
    (b"risk", Kind::Risk),
    (b"merge", Kind::Merge),
    (b"dir-merge", Kind::DirMerge),
    (b"clear", Kind::Clear),
];

/// Reads one rule. `container` is the merge rule whose file it stands in, or the default for a
/// rule of the client.
pub(super) fn parse<'a>(
    text: &'a [u8],
    container: &Modifiers,
    delete_excluded: bool,
) -> Result<Parsed<'a>, RuleFault> {
    let inherited = Modifiers {
        include: container.bare && container.include,
        absolute: container.absolute,
        perishable: container.perishable,
        ..Modifiers::default()
    };
    let (kind, mut modifiers, rest) = if container.bare {
        if container.cvs && text == b"!" {
            return Ok(Parsed::Clear);
        }
        (
            if container.include {
                Kind::Include
            } else {
                Kind::Exclude
            },
            inherited,
            text,
        )
    } else {
        prefixed(text, inherited)?
    };
    if kind == Kind::Clear {
        return if rest.is_empty() {
            Ok(Parsed::Clear)
        } else {
            Err(RuleFault::TrailingText)
        };
    }
    if container.sender || container.receiver {
        if modifiers.sender || modifiers.receiver {
            return Err(RuleFault::SideTwice);
        }
        (modifiers.sender, modifiers.receiver) = (container.sender, container.receiver);
    }
    if rest.len() > MAX_PATH_LEN {
        return Err(RuleFault::TooLong);
    }
    match kind {
        Kind::Merge => return Ok(Parsed::Merge(modifiers, rest)),
        Kind::DirMerge => return Ok(Parsed::DirMerge(modifiers, rest)),
        _ => {}
    }
    if delete_excluded && !modifiers.sender && !modifiers.receiver {
        modifiers.sender = true;
    }
    match (modifiers.cvs, rest.is_empty()) {
        (true, true) => Ok(Parsed::CvsDefaults(modifiers)),
        (true, false) => Err(RuleFault::TrailingText),
        (false, true) => Err(RuleFault::NoPattern),
        (false, false) => Ok(Parsed::Pattern(modifiers, rest)),
    }
}

/// Splits `RULE[,MODIFIERS] REST`.
fn prefixed(text: &[u8], inherited: Modifiers) -> Result<(Kind, Modifiers, &[u8]), RuleFault> {
    let (kind, mut at) = kind_of(text)?;
    let mut modifiers = Modifiers {
        include: matches!(kind, Kind::Include | Kind::Show | Kind::Risk),
        sender: matches!(kind, Kind::Hide | Kind::Show),
        receiver: matches!(kind, Kind::Protect | Kind::Risk),
        ..inherited
    };
    if kind == Kind::Clear {
        return Ok((kind, modifiers, &text[at..]));
    }
    let names_side = modifiers.sender || modifiers.receiver;
    let merges = matches!(kind, Kind::Merge | Kind::DirMerge);
    while let Some(&byte) = text.get(at) {
        if matches!(byte, b' ' | b'_') {
            at += 1;
            break;
        }
        match byte {
            b'-' | b'+' if merges && !modifiers.bare => {
                modifiers.bare = true;
                modifiers.include = byte == b'+';
            }
            b'C' if !modifiers.bare && !names_side => {
                modifiers.bare = true;
                modifiers.words = true;
                modifiers.local = true;
                modifiers.cvs = true;
            }
            b'/' => modifiers.absolute = true,
            b'!' if !merges => modifiers.negated = true,
            b's' if !names_side => modifiers.sender = true,
            b'r' if !names_side => modifiers.receiver = true,
            b'p' => modifiers.perishable = true,
            b'x' => modifiers.xattr = true,
            b'e' if merges => modifiers.excludes_itself = true,
            b'n' if merges => modifiers.local = true,
            b'w' if merges => modifiers.words = true,
            _ => return Err(RuleFault::Modifier { at }),
        }
        at += 1;
    }
    Ok((kind, modifiers, &text[at..]))
}

/// The rule's name and where its modifiers begin.
fn kind_of(text: &[u8]) -> Result<(Kind, usize), RuleFault> {
    for (name, kind) in LONG_NAMES {
        if let Some(rest) = text.strip_prefix(name) {
            match rest.first() {
                Some(b',') => return Ok((kind, name.len() + 1)),
                None | Some(b' ' | b'_') => return Ok((kind, name.len())),
                _ => {}
            }
        }
    }
    let kind = match text.first().ok_or(RuleFault::Empty)? {
        b'-' => Kind::Exclude,
        b'+' => Kind::Include,
        b'H' => Kind::Hide,
        b'S' => Kind::Show,
        b'P' => Kind::Protect,
        b'R' => Kind::Risk,
        b'.' => Kind::Merge,
        b':' => Kind::DirMerge,
        b'!' => Kind::Clear,
        _ => return Err(RuleFault::UnknownRule),
    };
    Ok((kind, if text.get(1) == Some(&b',') { 2 } else { 1 }))
}

/// The file that a merge rule names; `C` has a name of its own.
///
/// A leading slash (`: /.rsync-filter`) asks rsync to look above the root as well. Nothing above
/// a root is ever read here, so it names the same file as without.
pub(super) fn merge_name(modifiers: &Modifiers, name: &[u8]) -> Result<FileName, RuleFault> {
    let name = match name {
        b"" if modifiers.cvs => b".cvsignore",
        b"" => return Err(RuleFault::NoPattern),
        [b'/', name @ ..] => name,
        name => name,
    };
    FileName::new(name).map_err(|_| RuleFault::MergeName)
}

/// The rules of a file, each with its line counted from 1. Empty lines and, if the file is read
/// by lines, those that begin with `#` or `;` are no rules.
pub(super) fn rules_of<'a>(
    content: &'a [u8],
    container: &Modifiers,
) -> impl Iterator<Item = (usize, &'a [u8])> {
    let words = container.words;
    lines(content).flat_map(move |(number, line)| {
        let comment = !words && matches!(line.first(), Some(b'#' | b';'));
        let separates = move |byte: &u8| words && matches!(byte, b' ' | b'\t'..=b'\r');
        let rules = line
            .split(separates)
            .filter(move |rule| !rule.is_empty() && !comment);
        rules.map(move |rule| (number, rule))
    })
}

/// The lines of a file with their numbers; a line ends at a line feed or a carriage return.
fn lines(content: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut number = 1;
    content
        .split_inclusive(|byte| matches!(byte, b'\n' | b'\r'))
        .map(move |line| {
            let at = number;
            number += usize::from(line.last() == Some(&b'\n'));
            (
                at,
                line.strip_suffix(b"\n")
                    .or_else(|| line.strip_suffix(b"\r"))
                    .unwrap_or(line),
            )
        })
}
