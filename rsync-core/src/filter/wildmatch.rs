//! Wildcard patterns over bytes, in rsync's dialect and in git's.
//!
//! Written here because `gix-glob` brings a dozen further crates, reaches the file system through `gix-fs`
//! and knows only git's `**`, which stands for whole directories, where rsync's crosses a slash
//! anywhere.
//!
//! A pattern is compiled to tokens once. Literal text before the first and after the last
//! wildcard is compared as it is; what lies between runs as a nondeterministic automaton
//! (Thompson 1968), one pass over the text. No pattern and no text can make a match cost more
//! than `tokens × bytes` steps: there is no backtracking.
//!
//! The syntax is that of rsync(1), "PATTERN MATCHING RULES", and gitignore(5), "PATTERN FORMAT".
//! Not here: which part of a path is compared, which is the business of the rule.

use super::class::{ByteSet, bracket};

/// A compiled pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    prefix: Vec<u8>,
    middle: Vec<Token>,
    suffix: Vec<u8>,
}

/// Whose rules a pattern is read by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// `**` is any bytes, wherever it stands.
    Rsync,
    /// `**` is any directories, and only between slashes; anywhere else it is `*`.
    Git,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// This byte.
    Byte(u8),
    /// One byte that is not a slash: `?`.
    Any,
    /// One byte of a set: `[a-z]`.
    Class(Box<ByteSet>),
    /// Any number of bytes that are not slashes: `*`.
    Star,
    /// Any number of bytes: `**`.
    StarStar,
    /// Consumes nothing; always followed by `Within`, and lets the match step over it. The two
    /// are `**/`: nothing, or anything that ends in a slash.
    Directories,
    /// Any number of bytes, left only behind a slash.
    Within,
    /// Matches nothing: an unfinished escape or set.
    Never,
}

impl Pattern {
    /// Text without wildcards.
    pub(super) fn literal(text: &[u8]) -> Self {
        Self {
            prefix: text.to_vec(),
            middle: Vec::new(),
            suffix: Vec::new(),
        }
    }

    /// A pattern that has to match from the first byte on.
    pub(super) fn wild(pattern: &[u8], dialect: Dialect) -> Self {
        Self::from_tokens(tokens(pattern, dialect))
    }

    /// A pattern that may match from the first byte on or from behind any slash.
    pub(super) fn wild_from_any_slash(pattern: &[u8], dialect: Dialect) -> Self {
        let mut all = vec![Token::Directories, Token::Within];
        all.append(&mut tokens(pattern, dialect));
        Self::from_tokens(all)
    }

    fn from_tokens(tokens: Vec<Token>) -> Self {
        let as_byte = |token: &Token| {
            if let Token::Byte(byte) = token {
                Some(*byte)
            } else {
                None
            }
        };
        let prefix: Vec<u8> = tokens.iter().map_while(as_byte).collect();
        let rest = &tokens[prefix.len()..];
        let mut suffix: Vec<u8> = rest.iter().rev().map_while(as_byte).collect();
        suffix.reverse();
        let middle = rest[..rest.len() - suffix.len()].to_vec();
        Self {
            prefix,
            middle,
            suffix,
        }
    }

    /// True if the pattern matches all of `text`.
    pub(super) fn matches(&self, text: &[u8]) -> bool {
        self.matches_in_steps(text).0
    }

    /// As [`Pattern::matches`], with the number of automaton steps it took.
    fn matches_in_steps(&self, text: &[u8]) -> (bool, usize) {
        let Some(text) = text.strip_prefix(self.prefix.as_slice()) else {
            return (false, 0);
        };
        let Some(text) = text.strip_suffix(self.suffix.as_slice()) else {
            return (false, 0);
        };
        match self.middle.as_slice() {
            [] => (text.is_empty(), 0),
            [Token::Star] => (!text.contains(&b'/'), 0),
            [Token::StarStar] => (true, 0),
            [Token::Directories, Token::Within] => {
                (text.last().is_none_or(|&last| last == b'/'), 0)
            }
            tokens => Run::over(tokens, text),
        }
    }
}

/// One pass of the automaton: state `i` is active if the text so far can be matched by the
/// tokens before `i`.
struct Run<'p> {
    tokens: &'p [Token],
    active: Vec<u64>,
    next: Vec<u64>,
    steps: usize,
}

impl<'p> Run<'p> {
    fn over(tokens: &'p [Token], text: &[u8]) -> (bool, usize) {
        let words = tokens.len() / 64 + 1;
        let mut run = Self {
            tokens,
            active: vec![0; words],
            next: vec![0; words],
            steps: 0,
        };
        run.enter(0);
        std::mem::swap(&mut run.active, &mut run.next);
        for &byte in text {
            if !run.consume(byte) {
                return (false, run.steps);
            }
        }
        let end = tokens.len();
        (run.active[end / 64] >> (end % 64) & 1 == 1, run.steps)
    }

    /// Moves every active state over `byte`; false if none is left.
    fn consume(&mut self, byte: u8) -> bool {
        self.next.fill(0);
        for word in 0..self.active.len() {
            let mut bits = self.active[word];
            while bits != 0 {
                let state = word * 64 + bits.trailing_zeros() as usize;
                bits &= bits - 1;
                self.steps += 1;
                self.advance(state, byte);
            }
        }
        std::mem::swap(&mut self.active, &mut self.next);
        self.active.iter().any(|&word| word != 0)
    }

    fn advance(&mut self, state: usize, byte: u8) {
        match self.tokens.get(state) {
            Some(Token::Byte(wanted)) if *wanted == byte => self.enter(state + 1),
            Some(Token::Any) if byte != b'/' => self.enter(state + 1),
            Some(Token::Class(set)) if set.contains(byte) => self.enter(state + 1),
            Some(Token::Star) if byte != b'/' => self.enter(state),
            Some(Token::StarStar) => self.enter(state),
            Some(Token::Within) => {
                self.enter(state);
                if byte == b'/' {
                    self.enter(state + 1);
                }
            }
            _ => {}
        }
    }

    /// Activates `state` and every state that can be reached from it without a byte.
    fn enter(&mut self, state: usize) {
        let mut state = state;
        loop {
            let bit = 1 << (state % 64);
            if self.next[state / 64] & bit != 0 {
                return;
            }
            self.next[state / 64] |= bit;
            match self.tokens.get(state) {
                Some(Token::Star | Token::StarStar) => state += 1,
                Some(Token::Directories) => {
                    let within = state + 1;
                    self.next[within / 64] |= 1 << (within % 64);
                    state += 2;
                }
                _ => return,
            }
        }
    }
}

fn tokens(pattern: &[u8], dialect: Dialect) -> Vec<Token> {
    let mut tokens = Vec::with_capacity(pattern.len());
    let mut at = 0;
    while let Some(&byte) = pattern.get(at) {
        at += 1;
        match byte {
            b'\\' => {
                tokens.push(
                    pattern
                        .get(at)
                        .map_or(Token::Never, |&escaped| Token::Byte(escaped)),
                );
                at += 1;
            }
            b'?' => tokens.push(Token::Any),
            b'[' => match bracket(&pattern[at..]) {
                Some((set, used)) => {
                    tokens.push(Token::Class(Box::new(set)));
                    at += used;
                }
                None => return vec![Token::Never],
            },
            b'*' => {
                // git compares the text before the first wildcard by itself and takes what
                // follows for a pattern of its own, so that `a**/b` holds whole directories too.
                let before = &pattern[..at - 1];
                let first = !before.iter().any(|byte| b"*?[\\".contains(byte));
                let begins = first || before.last() == Some(&b'/');
                let extra = pattern[at..]
                    .iter()
                    .take_while(|&&byte| byte == b'*')
                    .count();
                at += extra;
                match (dialect, &pattern[at..]) {
                    _ if extra == 0 => tokens.push(Token::Star),
                    (Dialect::Rsync, _) => tokens.push(Token::StarStar),
                    (Dialect::Git, [b'/', ..]) if begins => {
                        tokens.extend([Token::Directories, Token::Within]);
                        at += 1;
                    }
                    (Dialect::Git, [] | [b'\\', b'/', ..]) if begins => {
                        tokens.push(Token::StarStar)
                    }
                    (Dialect::Git, _) => tokens.push(Token::Star),
                }
            }
            other => tokens.push(Token::Byte(other)),
        }
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rsync(pattern: &str, text: &str) -> bool {
        Pattern::wild(pattern.as_bytes(), Dialect::Rsync).matches(text.as_bytes())
    }

    fn git(pattern: &str, text: &str) -> bool {
        Pattern::wild(pattern.as_bytes(), Dialect::Git).matches(text.as_bytes())
    }

    #[test]
    fn one_star_stops_at_a_slash_and_two_do_not() {
        assert!(rsync("a*c", "abc") && rsync("a*c", "ac") && !rsync("a*c", "a/c"));
        assert!(rsync("a**c", "a/b/c") && rsync("a**c", "ac"));
        assert!(rsync("*.o", "x.o") && !rsync("*.o", "d/x.o") && rsync("**.o", "d/x.o"));
        assert!(!rsync("?", "/") && rsync("?", "x"));
        assert!(!rsync("a/**/b", "a/b") && rsync("a/**/b", "a/x/y/b"));
    }

    #[test]
    fn in_git_two_stars_are_directories_only_between_slashes() {
        assert!(git("a/**/b", "a/b") && git("a/**/b", "a/x/y/b") && !git("a/**/b", "a/xb"));
        assert!(git("**/b", "b") && git("**/b", "x/y/b") && !git("**/b", "xb"));
        assert!(git("a/**", "a/x/y") && !git("a/**", "a"));
        assert!(!git("a**c", "a/c") && git("a**c", "abbc"));
        assert!(
            git("a**/b", "ax/y/b") && !git("?**/b", "ax/y/b"),
            "git's own exception"
        );
        assert!(git("**/**/b", "b") && git("**/**/b", "x/y/b"));
    }

    #[test]
    fn a_set_that_is_never_closed_and_an_escape_of_nothing_match_nothing() {
        for pattern in ["[a", "a[", "[", "[]", "[!", "a\\", "[[:nope:]]", "[a\\"] {
            for text in ["a", "[a", "a[", "[", "[]", "a\\", ""] {
                assert!(!rsync(pattern, text), "{pattern} {text}");
            }
        }
    }

    #[test]
    fn an_escaped_wildcard_stands_for_itself() {
        assert!(rsync("\\*", "*") && !rsync("\\*", "x"));
        assert!(rsync("a\\[b]", "a[b]") && rsync("*\\?", "x?") && !rsync("*\\?", "xy"));
    }

    #[test]
    fn a_hostile_pattern_ends_within_tokens_times_bytes() {
        for star in ["*", "**", "*?", "**/", "[a]*"] {
            let pattern = format!("{}b", format!("a{star}").repeat(100));
            for dialect in [Dialect::Rsync, Dialect::Git] {
                let pattern = Pattern::wild_from_any_slash(pattern.as_bytes(), dialect);
                for text in ["a".repeat(4000), "a/".repeat(2000)] {
                    let text = format!("{text}ab").into_bytes();
                    let text = [&text[..], b"c", &text[..text.len() - 1], b"cb"].concat();
                    let (_, steps) = pattern.matches_in_steps(&text);
                    assert!(steps <= (pattern.middle.len() + 1) * text.len(), "{steps}");
                }
            }
        }
    }

    /// The definition of the wildcards, read off directly; exponential, for short texts only.
    fn by_definition(pattern: &[u8], text: &[u8]) -> bool {
        match pattern {
            [] => text.is_empty(),
            [b'*', b'*', rest @ ..] => {
                by_definition(rest, text)
                    || (!text.is_empty() && by_definition(pattern, &text[1..]))
            }
            [b'*', rest @ ..] => {
                by_definition(rest, text)
                    || (text.first().is_some_and(|&b| b != b'/')
                        && by_definition(pattern, &text[1..]))
            }
            [b'?', rest @ ..] => {
                text.first().is_some_and(|&b| b != b'/') && by_definition(rest, &text[1..])
            }
            [byte, rest @ ..] => text.first() == Some(byte) && by_definition(rest, &text[1..]),
        }
    }

    proptest! {
        #[test]
        fn the_automaton_agrees_with_the_definition(pattern in "[ab/?*]{0,10}", text in "[ab/]{0,10}") {
            prop_assert_eq!(rsync(&pattern, &text), by_definition(pattern.as_bytes(), text.as_bytes()));
            let anywhere = Pattern::wild_from_any_slash(pattern.as_bytes(), Dialect::Rsync).matches(text.as_bytes());
            let mut starts = std::iter::once(0).chain(text.match_indices('/').map(|(at, _)| at + 1));
            prop_assert_eq!(anywhere, starts.any(|at| rsync(&pattern, &text[at..])));
        }

        #[test]
        fn no_pattern_panics(pattern: Vec<u8>, text: Vec<u8>) {
            for dialect in [Dialect::Rsync, Dialect::Git] {
                Pattern::wild(&pattern, dialect).matches(&text);
                Pattern::wild_from_any_slash(&pattern, dialect).matches(&text);
            }
        }
    }
}
