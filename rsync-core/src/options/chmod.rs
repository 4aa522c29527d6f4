//! `--chmod`: rsync's text to rules, and rules to a mode.
//!
//! The language is that of chmod(1) with rsync(1)'s `D` and `F` in front of a clause:
//! `D755,F644`, `u=rwX,go-w`, `Dg+s`, `g=u`. Where the page leaves a question open, rsync 3.5 was
//! asked: one operator a clause, `a+s` is `ug+s`, and `X` looks at the mode before the first
//! clause.

use super::{ChmodClass, ChmodCopy, ChmodRule, ChmodTarget};

/// Permission bits with set-uid, set-gid and sticky: what `--chmod` can change.
const MODE_BITS: u32 = 0o7777;
const SET_UID: u32 = 0o4000;
pub(crate) const SET_GID: u32 = 0o2000;
const STICKY: u32 = 0o1000;

/// Why a text is not one for `--chmod`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChmodError {
    /// A clause does not follow the grammar.
    #[error("`{clause}` is not a change of mode such as `D755`, `Fu+rw` or `go-w`")]
    Clause {
        /// The clause.
        clause: String,
    },
}

/// Parses the argument of one `--chmod`.
///
/// `umask` is that of the process: as in chmod(1), its bits are left alone by clauses that name
/// no class (`+w`).
///
/// # Errors
/// The first clause that does not follow the grammar; an empty one is wrong too.
pub fn parse(text: &str, umask: u32) -> Result<Vec<ChmodRule>, ChmodError> {
    let rule = |clause: &str| {
        clause_rule(clause, umask).ok_or(ChmodError::Clause {
            clause: clause.to_owned(),
        })
    };
    text.split(',').map(rule).collect()
}

/// The mode after all `rules`, in order. Bits beyond `0o7777` stay.
///
/// Not for symbolic links, whose modes rsync leaves alone.
pub fn apply(rules: &[ChmodRule], mode: u32, is_dir: bool) -> u32 {
    let executable = is_dir || mode & 0o111 != 0;
    let applies = |rule: &&ChmodRule| match rule.target {
        ChmodTarget::All => true,
        ChmodTarget::Directories => is_dir,
        ChmodTarget::Files => !is_dir,
    };
    rules.iter().filter(applies).fold(mode, |mode, rule| {
        let copied = rule.copy.map_or(0, |copy| copied_bits(copy, mode));
        let (added, removed) = if rule.copy.is_some_and(|copy| copy.remove) {
            (0, copied)
        } else {
            (copied, 0)
        };
        let executes = if executable {
            rule.set_if_executable
        } else {
            0
        };
        let changed = (mode & rule.keep & !removed) | rule.set | executes | added;
        (mode & !MODE_BITS) | (changed & MODE_BITS)
    })
}

/// The source class's bits, given to every class in `to`.
fn copied_bits(copy: ChmodCopy, mode: u32) -> u32 {
    let shift = match copy.from {
        ChmodClass::User => 6,
        ChmodClass::Group => 3,
        ChmodClass::Others => 0,
    };
    (((mode >> shift) & 0o7) * 0o111) & copy.to & 0o777
}

/// `[DF][ugoa]OP[PERMISSIONS]` or `[DF]OCTAL`.
fn clause_rule(clause: &str, umask: u32) -> Option<ChmodRule> {
    let who_end = clause.find(|letter| !"DFugoa".contains(letter))?;
    let (who, rest) = clause.split_at(who_end);
    let target = match (who.contains('D'), who.contains('F')) {
        (true, true) => return None,
        (true, false) => ChmodTarget::Directories,
        (false, true) => ChmodTarget::Files,
        (false, false) => ChmodTarget::All,
    };
    let change = match rest.as_bytes() {
        [b'0'..=b'7', ..] if !who.contains(['u', 'g', 'o', 'a']) => Change::octal(rest)?,
        [operator @ (b'+' | b'-' | b'='), ..] => {
            Change::symbolic(&Classes::named(who, umask), *operator, &rest[1..])?
        }
        _ => return None,
    };
    let Change {
        keep,
        set,
        set_if_executable,
        copy,
    } = change;
    Some(ChmodRule {
        target,
        keep,
        set,
        set_if_executable,
        copy,
    })
}

/// Whose bits a clause is about.
struct Classes {
    /// One bit a class: `0o110` for `ug`.
    each: u32,
    /// Which of their `rwx` bits may change; without a named class, what the umask lets through.
    bits: u32,
    /// The special bits that belong to the classes that were named.
    special: u32,
}

impl Classes {
    fn named(letters: &str, umask: u32) -> Self {
        let (mut each, mut special) = (0, 0);
        for letter in letters.chars() {
            let (bit, its_special) = match letter {
                'u' => (0o100, SET_UID),
                'g' => (0o010, SET_GID),
                'o' => (0o001, 0),
                'a' => (0o111, SET_UID | SET_GID),
                _ => continue,
            };
            each |= bit;
            special |= its_special;
        }
        if each == 0 {
            return Self {
                each: 0o111,
                bits: 0o777 & !umask,
                special,
            };
        }
        Self {
            each,
            bits: each * 0o7,
            special,
        }
    }

    /// The special bits that a copy to these classes clears: each class's own.
    fn special_of_each(&self) -> u32 {
        [(0o100, SET_UID), (0o010, SET_GID), (0o001, STICKY)]
            .iter()
            .filter(|(class, _)| self.each & class != 0)
            .fold(0, |bits, (_, special)| bits | special)
    }
}

/// A clause without its target.
struct Change {
    keep: u32,
    set: u32,
    set_if_executable: u32,
    copy: Option<ChmodCopy>,
}

impl Change {
    fn octal(digits: &str) -> Option<Self> {
        let set = u32::from_str_radix(digits, 8)
            .ok()
            .filter(|mode| *mode <= MODE_BITS)?;
        Some(Self {
            keep: 0,
            set,
            set_if_executable: 0,
            copy: None,
        })
    }

    fn symbolic(classes: &Classes, operator: u8, permissions: &str) -> Option<Self> {
        let from = match permissions {
            "u" => ChmodClass::User,
            "g" => ChmodClass::Group,
            "o" => ChmodClass::Others,
            _ => return Self::letters(classes, operator, permissions),
        };
        let cleared = if operator == b'=' {
            (classes.each * 0o7) | classes.special_of_each()
        } else {
            0
        };
        let copy = Some(ChmodCopy {
            from,
            to: classes.bits,
            remove: operator == b'-',
        });
        Some(Self {
            keep: MODE_BITS & !cleared,
            set: 0,
            set_if_executable: 0,
            copy,
        })
    }

    fn letters(classes: &Classes, operator: u8, permissions: &str) -> Option<Self> {
        let (mut what, mut special, mut only_if_executable) = (0, 0, false);
        for letter in permissions.chars() {
            match letter {
                'r' => what |= 0o4,
                'w' => what |= 0o2,
                'x' => what |= 0o1,
                'X' => {
                    what |= 0o1;
                    only_if_executable = true;
                }
                // rsync forgets a `t` in front of it here, and so do we.
                's' if classes.special == 0 => special = SET_UID,
                's' => special |= classes.special,
                't' => special |= STICKY,
                _ => return None,
            }
        }
        let bits = ((classes.each * what) & classes.bits) | special;
        let cleared = match operator {
            b'+' => 0,
            b'-' => bits,
            _ => (classes.each * 0o7) | if special == 0 { 0 } else { classes.special },
        };
        let added = if operator == b'-' { 0 } else { bits };
        let set_if_executable = if only_if_executable { added & 0o111 } else { 0 };
        let set = added & !set_if_executable;
        Some(Self {
            keep: MODE_BITS & !cleared,
            set,
            set_if_executable,
            copy: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn changed(text: &str, mode: u32, is_dir: bool) -> u32 {
        apply(&parse(text, 0o022).unwrap(), mode, is_dir)
    }

    #[test]
    fn a_clause_can_be_for_directories_or_for_files() {
        assert_eq!(changed("D755,F644", 0o700, true), 0o755);
        assert_eq!(changed("D755,F644", 0o700, false), 0o644);
        assert_eq!(changed("Dg+s", 0o755, true), 0o2755);
        assert_eq!(changed("Dg+s", 0o755, false), 0o755);
    }

    #[test]
    fn a_large_x_needs_a_directory_or_an_execute_bit() {
        assert_eq!(changed("u=rwX,go-w", 0o666, false), 0o644);
        assert_eq!(changed("u=rwX,go-w", 0o676, false), 0o754);
        assert_eq!(changed("a+X", 0o600, true), 0o711);
        assert_eq!(
            changed("u+x,a+X", 0o600, false),
            0o700,
            "the mode before the first clause counts"
        );
    }

    #[test]
    fn a_class_can_be_copied_to_others() {
        assert_eq!(changed("g=u,o=", 0o2745, false), 0o770);
        assert_eq!(changed("g-o", 0o755, false), 0o705);
        assert_eq!(changed("u=o,g=u", 0o724, false), 0o444);
    }

    #[test]
    fn the_umask_counts_only_where_no_class_is_named() {
        assert_eq!(changed("+w", 0o444, false), 0o644);
        assert_eq!(changed("a+w", 0o444, false), 0o666);
    }

    #[test]
    fn the_kind_of_the_file_is_left_alone() {
        assert_eq!(changed("644", 0o100_755, false), 0o100_644);
    }

    #[test]
    fn what_is_not_a_change_of_mode_is_refused_by_its_clause() {
        for text in [
            "",
            "u",
            "D",
            "DF755",
            "u7",
            "8",
            "10000",
            "u+r,",
            "u+rw-x",
            "g+uo",
            "g+a",
            "x",
            "u+ r",
            "u+é",
            "99999999999",
        ] {
            assert!(parse(text, 0).is_err(), "{text}");
        }
        let error = parse("u+r,go?", 0).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`go?` is not a change of mode such as `D755`, `Fu+rw` or `go-w`"
        );
    }

    proptest! {
        #[test]
        fn no_text_panics_and_no_change_leaves_the_mode_bits(text in "[DFugoarwxXst0-8,=+-]{0,12}|.{0,12}", mode in 0u32..0o200_000, is_dir: bool) {
            if let Ok(rules) = parse(&text, 0o022) {
                prop_assert_eq!(apply(&rules, mode, is_dir) & !MODE_BITS, mode & !MODE_BITS);
            }
        }
    }
}
