//! Names of temporaries: hidden, recognisable, and not to be guessed.

use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::io::Errno;

use crate::path::FileName;

/// Name of a directory that keeps what runs replaced. No run lists, sends or deletes it.
pub const KEPT_NAME: &str = ".ksyncd.kept";
const PREFIX: &str = ".ksyncd.";
const SUFFIX: &str = ".tmp";
const RANDOM_LEN: usize = 16;
const NAME_LEN: usize = PREFIX.len() + RANDOM_LEN + SUFFIX.len();
const HEX_DIGITS: &[u8; 16] = b"0123456789abcdef";
/// So many names in turn are taken only if somebody takes them on purpose.
const ATTEMPTS: usize = 16;

/// A new name for a temporary: `.ksyncd.`, 16 hexadecimal digits and `.tmp`.
///
/// Nobody can foresee it. What creates something under it must still insist that nothing is
/// there.
#[expect(
    clippy::expect_used,
    reason = "the name is made of constants and digits"
)]
pub fn temporary_name() -> FileName {
    // A keyed hash of a counter: as hard to foresee as the key, without a system call a name.
    static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let random = KEY.hash_one(COUNTER.fetch_add(1, Ordering::Relaxed));
    FileName::new(&own_name(random)).expect("a name without slash or zero")
}

/// The temporary name for `kind` of thing about the entry `name`, always the same: what lies there is
/// found again. It can be foreseen, so nothing may rest on what it names.
#[expect(
    clippy::expect_used,
    reason = "the name is made of constants and digits"
)]
pub fn temporary_name_for(name: &FileName, kind: &[u8]) -> FileName {
    let mut hasher = blake3::Hasher::new();
    hasher.update(kind).update(&[0]).update(name.as_bytes());
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    FileName::new(&own_name(u64::from_be_bytes(bytes))).expect("a name without slash or zero")
}

/// A name with this number. One is made for every file that is written: not by way of a string.
fn own_name(number: u64) -> [u8; NAME_LEN] {
    let mut name = [b'0'; NAME_LEN];
    name[..PREFIX.len()].copy_from_slice(PREFIX.as_bytes());
    name[NAME_LEN - SUFFIX.len()..].copy_from_slice(SUFFIX.as_bytes());
    for (place, digit) in (0..RANDOM_LEN).rev().enumerate() {
        let value = (number >> (4 * place)) as usize & 0xf;
        name[PREFIX.len() + digit] = HEX_DIGITS[value];
    }
    name
}

/// True for a name that [`temporary_name`] gives: if no run is under way, it was left over by
/// one that was killed.
pub fn is_temporary_name(name: &[u8]) -> bool {
    let random = name
        .strip_prefix(PREFIX.as_bytes())
        .and_then(|rest| rest.strip_suffix(SUFFIX.as_bytes()));
    random.is_some_and(|digits| {
        digits.len() == RANDOM_LEN
            && digits
                .iter()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// True for a name that ksyncd uses itself: such an entry is never part of a tree.
pub fn is_own_name(name: &[u8]) -> bool {
    name == KEPT_NAME.as_bytes() || is_temporary_name(name)
}

/// Creates something under a temporary name that nothing has yet.
pub(super) fn with_temporary_name<T>(
    mut create: impl FnMut(&FileName) -> rustix::io::Result<T>,
) -> rustix::io::Result<(FileName, T)> {
    for _ in 0..ATTEMPTS {
        let name = temporary_name();
        match create(&name) {
            Err(Errno::EXIST) => {}
            result => return result.map(|created| (name, created)),
        }
    }
    Err(Errno::EXIST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_temporary_is_recognised_by_its_name_and_nothing_else_is() {
        assert!(is_temporary_name(temporary_name().as_bytes()));
        for other in [
            &b".ksyncd.tmp"[..],
            b".ksyncd.0123456789abcde.tmp",
            b"ksyncd.0123456789abcdef.tmp",
            b"",
        ] {
            assert!(!is_temporary_name(other), "{}", other.escape_ascii());
        }
    }

    #[test]
    fn a_name_holds_its_number_in_hexadecimal_digits() {
        let number = 0x0123_4567_89ab_cdef;
        assert_eq!(own_name(number), *b".ksyncd.0123456789abcdef.tmp");
        assert_eq!(own_name(7), *b".ksyncd.0000000000000007.tmp");
    }

    #[test]
    fn a_name_that_is_taken_is_not_used() {
        let mut taken = Vec::new();
        let (name, ()) = with_temporary_name(|name| {
            if taken.len() < 3 {
                taken.push(name.clone());
                return Err(Errno::EXIST);
            }
            Ok(())
        })
        .unwrap();
        assert_eq!(taken.len(), 3);
        assert!(!taken.contains(&name));
    }

    #[test]
    fn names_that_are_always_taken_end_in_an_error() {
        assert_eq!(
            with_temporary_name(|_| Err::<(), _>(Errno::EXIST)).unwrap_err(),
            Errno::EXIST
        );
    }
}
