//! Merge rules of the command line: `. FILE`, `merge FILE` and their modifiers become the rules
//! that the file holds (rsync(1), MERGE-FILE FILTER RULES). And `-C` becomes CVS's rules.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rsync_core::filter::MAX_MERGES;

use super::{Rules, bad};
use crate::errors::Failure;

impl Rules<'_> {
    /// Adds a rule of `--filter`, or the rules it stands for. `depth` counts files within files.
    pub(super) fn add_rule(&mut self, rule: &[u8], depth: usize) -> Result<(), Failure> {
        if rule == b"-C" || rule == b"-,C" || rule == b"exclude,C" {
            return self.add_cvs();
        }
        let Some(merge) = Merge::parse(rule) else {
            self.push(rule);
            return Ok(());
        };
        let file = OsStr::from_bytes(merge.file);
        if depth == MAX_MERGES {
            return Err(bad(
                "--filter",
                OsStr::from_bytes(rule),
                "too many files name each other".to_owned(),
            ));
        }
        let content = self.read(file, "--filter")?;
        if let (true, Some(name)) = (merge.excludes_itself, Path::new(file).file_name()) {
            self.rules.push([b"- ", name.as_bytes()].concat());
        }
        for rule in merge.rules_of(&content, self.zero_separated) {
            self.add_rule(&rule, depth + 1)?;
        }
        Ok(())
    }
}

/// The words of a `.cvsignore` file or variable, as rules.
pub(super) fn words(content: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let words = content
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty());
    words.map(|word| {
        if word == b"!" {
            b"!".to_vec()
        } else {
            [b"- ", word].concat()
        }
    })
}

/// A merge rule.
struct Merge<'a> {
    file: &'a [u8],
    /// The file holds patterns of this sort, not rules.
    bare: Option<u8>,
    /// The file is read word by word.
    words: bool,
    excludes_itself: bool,
    /// Modifiers that its rules get as well.
    handed_on: Vec<u8>,
}

impl<'a> Merge<'a> {
    /// Nothing if `rule` is another kind of rule, or not one that can be understood; the filter
    /// then says what is wrong with it.
    fn parse(rule: &'a [u8]) -> Option<Self> {
        let rest = match rule.strip_prefix(b"merge") {
            Some(rest) if matches!(rest.first(), Some(b',' | b' ' | b'_')) => rest,
            _ => rule.strip_prefix(b".")?,
        };
        let rest = rest.strip_prefix(b",").unwrap_or(rest);
        let end = rest.iter().position(|byte| matches!(byte, b' ' | b'_'))?;
        let (modifiers, file) = (&rest[..end], &rest[end + 1..]);
        let mut merge = Self {
            file,
            bare: None,
            words: false,
            excludes_itself: false,
            handed_on: Vec::new(),
        };
        for &modifier in modifiers {
            match modifier {
                b'-' | b'+' => merge.bare = Some(modifier),
                b'C' => (merge.bare, merge.words) = (Some(b'-'), true),
                b'w' => merge.words = true,
                b'e' => merge.excludes_itself = true,
                b'n' => {}
                b's' | b'r' | b'p' | b'/' | b'x' => merge.handed_on.push(modifier),
                _ => return None,
            }
        }
        (!file.is_empty()).then_some(merge)
    }

    fn rules_of(&self, content: &[u8], zero_separated: bool) -> Vec<Vec<u8>> {
        let separates = |byte: &u8| match (self.words, zero_separated) {
            (true, _) => byte.is_ascii_whitespace(),
            (false, true) => *byte == 0,
            (false, false) => matches!(byte, b'\n' | b'\r'),
        };
        let is_comment = |rule: &[u8]| !self.words && matches!(rule.first(), Some(b'#' | b';'));
        let rules = content
            .split(separates)
            .filter(|rule| !rule.is_empty() && !is_comment(rule));
        rules.map(|rule| self.rule(rule)).collect()
    }

    fn rule(&self, text: &[u8]) -> Vec<u8> {
        match self.bare {
            Some(_) if self.words && text == b"!" => b"!".to_vec(),
            Some(kind) => [&[kind], self.handed_on.as_slice(), b" ", text].concat(),
            None if self.handed_on.is_empty() => text.to_vec(),
            None => {
                let (head, rest) = text.split_at(kind_len(text));
                let (comma, rest) = match rest.strip_prefix(b",") {
                    Some(rest) => (true, rest),
                    None => (head.len() > 1, rest),
                };
                [head, if comma { b"," } else { b"" }, &self.handed_on, rest].concat()
            }
        }
    }
}

/// Length of the word or sign at the front of a rule.
fn kind_len(rule: &[u8]) -> usize {
    let word = rule
        .iter()
        .take_while(|byte| byte.is_ascii_lowercase() || **byte == b'-')
        .count();
    let is_word = word > 1 && rule[0].is_ascii_lowercase();
    if is_word { word } else { rule.len().min(1) }
}
