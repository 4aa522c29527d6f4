//! The name of one directory entry.

use std::fmt;

use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use smallvec::SmallVec;

use super::{BadPath, MAX_NAME_LEN, escape};

/// Names up to this length, which is most of them, are kept where they are, without an allocation.
const INLINE_LEN: usize = 24;

/// The name of one directory entry: not empty, not `.` or `..`, no slash, no zero byte,
/// at most [`MAX_NAME_LEN`] bytes.
///
/// Names are ordered by their bytes; that order is the canonical order of a directory listing.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileName(SmallVec<[u8; INLINE_LEN]>);

impl FileName {
    /// Checks `bytes` and keeps a copy.
    pub fn new(bytes: &[u8]) -> Result<Self, BadPath> {
        check_name(bytes)?;
        Ok(Self(SmallVec::from_slice(bytes)))
    }

    /// The name's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

pub(super) fn check_name(bytes: &[u8]) -> Result<(), BadPath> {
    if bytes.is_empty() {
        return Err(BadPath::Empty);
    }
    if bytes.len() > MAX_NAME_LEN {
        return Err(BadPath::TooLong);
    }
    if bytes == b"." || bytes == b".." {
        return Err(BadPath::DotName);
    }
    if bytes.contains(&b'/') {
        return Err(BadPath::Slash);
    }
    if bytes.contains(&0) {
        return Err(BadPath::Nul);
    }
    Ok(())
}

impl Serialize for FileName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for FileName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(NameVisitor)
    }
}

/// Takes a name from where it lies, without a copy in between.
struct NameVisitor;

impl<'de> Visitor<'de> for NameVisitor {
    type Value = FileName;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<FileName, E> {
        FileName::new(bytes).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<FileName, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = elements.next_element()? {
            bytes.push(byte);
            if bytes.len() > MAX_NAME_LEN {
                break;
            }
        }
        self.visit_bytes(&bytes)
    }
}

impl fmt::Debug for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&escape(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BAD: [&[u8]; 7] = [b"", b".", b"..", b"a/b", b"/", b"a\0b", &[b'x'; 256]];
    const GOOD: [&[u8]; 4] = [b"...", &[0xff, 0xfe], &[b'x'; INLINE_LEN + 1], &[b'x'; 255]];

    #[test]
    fn a_name_that_could_leave_its_directory_can_not_be_built() {
        for bad in BAD {
            assert!(FileName::new(bad).is_err(), "{}", bad.escape_ascii());
        }
        for good in GOOD {
            assert_eq!(FileName::new(good).unwrap().as_bytes(), good);
        }
    }

    #[test]
    fn a_bad_name_can_not_be_deserialised_either() {
        for bad in BAD {
            let bytes = postcard::to_allocvec(bad).unwrap();
            assert!(postcard::from_bytes::<FileName>(&bytes).is_err());
            let text = serde_json::to_string(bad).unwrap();
            assert!(serde_json::from_str::<FileName>(&text).is_err());
        }
    }

    #[test]
    fn a_name_travels_as_its_bytes_and_can_be_written_as_a_list_of_numbers() {
        for good in GOOD {
            let name = FileName::new(good).unwrap();
            let bytes = postcard::to_allocvec(&name).unwrap();
            assert_eq!(bytes, postcard::to_allocvec(good).unwrap());
            assert_eq!(postcard::from_bytes::<FileName>(&bytes).unwrap(), name);
            let text = serde_json::to_string(&name).unwrap();
            assert_eq!(text, serde_json::to_string(good).unwrap());
            assert_eq!(serde_json::from_str::<FileName>(&text).unwrap(), name);
        }
    }
}
