//! Character sets of wildcard patterns: `[a-z]`, `[!x]`, `[[:alpha:]]`.
//!
//! The syntax is POSIX 1003.1, "RE Bracket Expression", as rsync and git read it: `!` or `^`
//! negates, a backslash takes the next byte as it is, `]` may come first. No set holds a slash.

/// A set of bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ByteSet([u64; 4]);

impl ByteSet {
    /// True if `byte` is in the set.
    pub(super) fn contains(&self, byte: u8) -> bool {
        self.0[usize::from(byte / 64)] >> (byte % 64) & 1 == 1
    }

    fn insert(&mut self, byte: u8) {
        self.0[usize::from(byte / 64)] |= 1 << (byte % 64);
    }

    fn insert_if(&mut self, holds: impl Fn(&u8) -> bool) {
        (0..=u8::MAX)
            .filter(holds)
            .for_each(|byte| self.insert(byte));
    }

    fn without_slash(mut self, negated: bool) -> Self {
        if negated {
            self.0 = self.0.map(|word| !word);
        }
        self.0[0] &= !(1 << b'/');
        self
    }
}

/// Reads a set from what follows its opening bracket: the set and how many bytes it took with
/// the closing bracket. Nothing if it is never closed or names an unknown class.
pub(super) fn bracket(bytes: &[u8]) -> Option<(ByteSet, usize)> {
    let mut set = ByteSet::default();
    let negated = matches!(bytes.first(), Some(b'!' | b'^'));
    let start = usize::from(negated);
    let mut at = start;
    let mut previous = None;
    loop {
        match (*bytes.get(at)?, bytes.get(at + 1), previous) {
            (b']', _, _) if at > start => return Some((set.without_slash(negated), at + 1)),
            (b'\\', _, _) => {
                at += 1;
                let escaped = *bytes.get(at)?;
                set.insert(escaped);
                previous = Some(escaped);
            }
            (b'-', Some(&next), Some(low)) if next != b']' => {
                at += if next == b'\\' { 2 } else { 1 };
                (low..=*bytes.get(at)?).for_each(|byte| set.insert(byte));
                previous = None;
            }
            (b'[', Some(b':'), _) => {
                let length = bytes[at + 2..].iter().position(|&byte| byte == b']')?;
                if let Some(name) = bytes[at + 2..at + 2 + length].strip_suffix(b":") {
                    insert_named(&mut set, name)?;
                    at += 2 + length;
                    previous = None;
                } else {
                    set.insert(b'[');
                    previous = Some(b'[');
                }
            }
            (byte, _, _) => {
                set.insert(byte);
                previous = Some(byte);
            }
        }
        at += 1;
    }
}

/// The classes of the C locale; nothing for any other name.
fn insert_named(set: &mut ByteSet, name: &[u8]) -> Option<()> {
    match name {
        b"alnum" => set.insert_if(u8::is_ascii_alphanumeric),
        b"alpha" => set.insert_if(u8::is_ascii_alphabetic),
        b"blank" => set.insert_if(|byte| matches!(byte, b' ' | b'\t')),
        b"cntrl" => set.insert_if(u8::is_ascii_control),
        b"digit" => set.insert_if(u8::is_ascii_digit),
        b"graph" => set.insert_if(u8::is_ascii_graphic),
        b"lower" => set.insert_if(u8::is_ascii_lowercase),
        b"print" => set.insert_if(|byte| matches!(byte, b' '..=b'~')),
        b"punct" => set.insert_if(u8::is_ascii_punctuation),
        b"space" => set.insert_if(|byte| matches!(byte, b' ' | b'\t'..=b'\r')),
        b"upper" => set.insert_if(u8::is_ascii_uppercase),
        b"xdigit" => set.insert_if(u8::is_ascii_hexdigit),
        _ => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The printable bytes of the set in `[text`, if all of `text` is one set.
    fn members(text: &str) -> Option<String> {
        let (set, used) = bracket(text.as_bytes())?;
        assert_eq!(used, text.len(), "{text}");
        Some(
            (b' '..=b'~')
                .filter(|&byte| set.contains(byte))
                .map(char::from)
                .collect(),
        )
    }

    #[test]
    fn sets_hold_single_bytes_ranges_and_escapes() {
        assert_eq!(members("abc]").as_deref(), Some("abc"));
        assert_eq!(members("a-e]").as_deref(), Some("abcde"));
        assert_eq!(members("]a]").as_deref(), Some("]a"));
        assert_eq!(members("a-]").as_deref(), Some("-a"));
        assert_eq!(members("-a]").as_deref(), Some("-a"));
        assert_eq!(members("\\]a]").as_deref(), Some("]a"));
        assert_eq!(members("X-\\]]").as_deref(), Some("XYZ[\\]"));
        assert_eq!(members("e-a]").as_deref(), Some("e"));
    }

    #[test]
    fn classes_are_known_by_name_and_an_unknown_name_is_refused() {
        assert_eq!(members("[:digit:]x]").as_deref(), Some("0123456789x"));
        assert_eq!(
            members("[:upper:][:digit:]]").map(|set| set.len()),
            Some(36)
        );
        assert_eq!(members("[:nope:]]"), None);
        assert_eq!(members("[:x]").as_deref(), Some(":[x"));
    }

    #[test]
    fn no_set_holds_a_slash() {
        for text in ["!a]", "^a]", "/]", "a/b]", "+-9]", "[:punct:]]"] {
            assert!(
                !bracket(text.as_bytes()).unwrap().0.contains(b'/'),
                "{text}"
            );
        }
    }
}
