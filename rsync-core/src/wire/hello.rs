//! The hello: what both ends say of themselves, and what they agree on.
//!
//! ```text
//!   0         2         4          8       24       28       29
//!   | min u16 | max u16 | features | nonce | credit | length | version text | later additions
//! ```
//!
//! Numbers are little endian. This layout is the same in every version of the protocol, past and
//! future: additions come after the version text, and an end ignores what it does not know there.
//! So two ends of any age can read each other's hello and say which of them is too old.

use super::frame::{FrameError, FrameType, cut};
use super::limits::{INITIAL_CREDIT, MAX_CREDIT, MIN_CREDIT};

/// Oldest version of the protocol that this program speaks.
pub const MIN_VERSION: u16 = 1;
/// Newest version of the protocol that this program speaks.
pub const MAX_VERSION: u16 = 1;
/// Most bytes of the program's version text.
pub const MAX_VERSION_TEXT_LEN: usize = 64;

const FIXED_LEN: usize = 29;

/// A set of optional abilities; unknown bits are ignored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Features(u32);

impl Features {
    /// LZ4 blocks in frames of messages.
    pub const LZ4: Self = Self(1);
    /// One Zstandard stream through the frames of messages.
    pub const ZSTD: Self = Self(2);
    /// Digests of whole trees, before the accounts.
    pub const TREES: Self = Self(4);
    /// A client that pushes says what may not be deleted.
    pub const CAUTION: Self = Self(8);
    /// Several small files in one message.
    pub const BUNDLES: Self = Self(16);
    /// Holdings name the directories that were looked into, not those that were not.
    pub const MARKS_INSIDE: Self = Self(32);
    /// Strong block sums no longer than they have to be.
    pub const SHORT_SUMS: Self = Self(64);
    /// A sender says early how its account stands, and a client that pulls leaves first.
    pub const INTERIM: Self = Self(128);
    /// The digest of what is made of a delta is taken over [what that consists
    /// of](crate::delta::DeltaHasher).
    pub const DIGESTS_OF_DELTAS: Self = Self(256);
    /// Files that grew are asked for by sums of [ranges](crate::delta::RangeSums) first.
    pub const LENGTHENED: Self = Self(512);

    /// What this build can do.
    pub fn of_this_build() -> Self {
        let lz4 = if cfg!(feature = "lz4") {
            Self::LZ4.0
        } else {
            0
        };
        let zstd = if cfg!(feature = "zstd") {
            Self::ZSTD.0
        } else {
            0
        };
        Self(lz4 | zstd)
            .with(Self::TREES)
            .with(Self::CAUTION)
            .with(Self::BUNDLES)
            .with(Self::MARKS_INSIDE)
            .with(Self::SHORT_SUMS)
            .with(Self::INTERIM)
            .with(Self::DIGESTS_OF_DELTAS)
            .with(Self::LENGTHENED)
    }

    /// True if everything in `other` is in `self`.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// What is in both.
    pub fn common(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Both together.
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// What one end says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// Oldest version of the protocol it speaks.
    pub min_version: u16,
    /// Newest version of the protocol it speaks.
    pub max_version: u16,
    /// What it can do.
    pub features: Features,
    /// Random bytes, new for each connection.
    pub nonce: [u8; 16],
    /// Bytes of messages that the other end may send before it is granted more.
    pub credit: u32,
    /// Version of the program, for people; at most [`MAX_VERSION_TEXT_LEN`] bytes, the rest is cut.
    /// From a peer it is untrusted text.
    pub version_text: String,
}

/// Why two ends can not talk to each other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HelloError {
    /// Not a hello.
    #[error("malformed hello: {0}")]
    Malformed(&'static str),
    /// This end is too old.
    #[error(
        "this end is too old: it speaks protocol {ours} at most, the other end ({theirs_text}) speaks {theirs} at least"
    )]
    WeAreOlder {
        /// Newest version here.
        ours: u16,
        /// Oldest version there.
        theirs: u16,
        /// The other program's version, escaped.
        theirs_text: String,
    },
    /// The other end is too old.
    #[error(
        "the other end ({theirs_text}) is too old: it speaks protocol {theirs} at most, this end speaks {ours} at least"
    )]
    TheyAreOlder {
        /// Oldest version here.
        ours: u16,
        /// Newest version there.
        theirs: u16,
        /// The other program's version, escaped.
        theirs_text: String,
    },
}

impl Hello {
    /// What this build says, with the randomness of this connection.
    pub fn of_this_build(version_text: &str, nonce: [u8; 16]) -> Self {
        Self {
            min_version: MIN_VERSION,
            max_version: MAX_VERSION,
            features: Features::of_this_build(),
            nonce,
            credit: INITIAL_CREDIT,
            version_text: version_text.to_owned(),
        }
    }

    /// The payload of a hello frame.
    pub fn encode(&self) -> Vec<u8> {
        let text = cut(&self.version_text, MAX_VERSION_TEXT_LEN);
        let mut out = Vec::with_capacity(FIXED_LEN + text.len());
        out.extend_from_slice(&self.min_version.to_le_bytes());
        out.extend_from_slice(&self.max_version.to_le_bytes());
        out.extend_from_slice(&self.features.0.to_le_bytes());
        out.extend_from_slice(&self.nonce);
        out.extend_from_slice(&self.credit.to_le_bytes());
        out.push(text.len() as u8);
        out.extend_from_slice(text.as_bytes());
        out
    }

    /// Reads the payload of a hello frame of any version.
    pub fn parse(payload: &[u8]) -> Result<Self, HelloError> {
        fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], HelloError> {
            let (head, tail) = rest
                .split_first_chunk()
                .ok_or(HelloError::Malformed("too short"))?;
            *rest = tail;
            Ok(*head)
        }
        let rest = &mut &payload[..];
        let min_version = u16::from_le_bytes(take(rest)?);
        let max_version = u16::from_le_bytes(take(rest)?);
        let features = Features(u32::from_le_bytes(take(rest)?));
        let nonce = take(rest)?;
        let credit = u32::from_le_bytes(take(rest)?);
        let [text_len] = take(rest)?;
        let text_len = usize::from(text_len);
        if text_len > MAX_VERSION_TEXT_LEN {
            return Err(HelloError::Malformed("version text too long"));
        }
        let text = rest
            .get(..text_len)
            .ok_or(HelloError::Malformed("version text cut off"))?;
        if min_version == 0 || min_version > max_version {
            return Err(HelloError::Malformed("impossible versions"));
        }
        // Less could never carry the largest frame: a deadlock by design.
        if !(MIN_CREDIT..=MAX_CREDIT).contains(&credit) {
            return Err(HelloError::Malformed("impossible credit"));
        }
        Ok(Self {
            min_version,
            max_version,
            features,
            nonce,
            credit,
            version_text: String::from_utf8_lossy(text).into_owned(),
        })
    }

    /// The highest version that both ends speak, or which of them is too old.
    pub fn agree(&self, peer: &Self) -> Result<u16, HelloError> {
        let theirs_text = || crate::path::escape(peer.version_text.as_bytes());
        if self.max_version < peer.min_version {
            return Err(HelloError::WeAreOlder {
                ours: self.max_version,
                theirs: peer.min_version,
                theirs_text: theirs_text(),
            });
        }
        if peer.max_version < self.min_version {
            return Err(HelloError::TheyAreOlder {
                ours: self.min_version,
                theirs: peer.max_version,
                theirs_text: theirs_text(),
            });
        }
        Ok(self.max_version.min(peer.max_version))
    }
}

/// The payload of a request frame: the version it is written in, then the request.
pub fn encode_request(
    version: u16,
    request: &super::message::Request,
) -> Result<Vec<u8>, super::batch::BatchError> {
    let mut out = version.to_le_bytes().to_vec();
    super::batch::append(&mut out, request, super::limits::MAX_FRAME_LEN - 2)?;
    Ok(out)
}

/// Reads the payload of a request frame written in the agreed version.
pub fn parse_request(version: u16, payload: &[u8]) -> Result<super::message::Request, FrameError> {
    let malformed = FrameError::Malformed(FrameType::Request);
    let (tag, body) = payload.split_first_chunk().ok_or(malformed)?;
    if u16::from_le_bytes(*tag) != version {
        return Err(malformed);
    }
    match super::batch::take(body) {
        Ok((request, [])) => Ok(request),
        _ => Err(malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(min_version: u16, max_version: u16) -> Hello {
        Hello {
            min_version,
            max_version,
            ..Hello::of_this_build("0.1.0", [7; 16])
        }
    }

    #[test]
    fn the_highest_common_version_is_taken() {
        assert_eq!(hello(1, 3).agree(&hello(2, 5)), Ok(3));
        assert_eq!(hello(2, 5).agree(&hello(1, 3)), Ok(3));
        assert_eq!(hello(1, 1).agree(&hello(1, 1)), Ok(1));
    }

    #[test]
    fn both_ends_name_the_older_one() {
        let (old, new) = (hello(1, 2), hello(3, 4));
        assert!(matches!(
            old.agree(&new),
            Err(HelloError::WeAreOlder {
                ours: 2,
                theirs: 3,
                ..
            })
        ));
        assert!(matches!(
            new.agree(&old),
            Err(HelloError::TheyAreOlder {
                ours: 3,
                theirs: 2,
                ..
            })
        ));
    }

    #[test]
    fn a_hello_of_a_later_version_can_be_read() {
        let mut bytes = hello(7, 9).encode();
        bytes.extend_from_slice(b"fields that nobody here knows");
        assert_eq!(Hello::parse(&bytes), Ok(hello(7, 9)));
    }

    #[test]
    fn a_hello_that_is_cut_short_anywhere_is_refused() {
        let bytes = hello(1, 1).encode();
        for len in 0..bytes.len() {
            assert!(Hello::parse(&bytes[..len]).is_err(), "{len} bytes");
        }
    }

    #[test]
    fn a_hello_that_can_not_be_meant_is_refused() {
        let starved = Hello {
            credit: MIN_CREDIT - 1,
            ..hello(1, 1)
        };
        let flooding = Hello {
            credit: MAX_CREDIT + 1,
            ..hello(1, 1)
        };
        for bad in [hello(0, 1), hello(2, 1), starved, flooding] {
            assert!(Hello::parse(&bad.encode()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_long_version_text_is_cut() {
        let long = Hello {
            version_text: "ü".repeat(99),
            ..hello(1, 1)
        };
        let parsed = Hello::parse(&long.encode()).unwrap();
        assert_eq!(parsed.version_text, "ü".repeat(MAX_VERSION_TEXT_LEN / 2));
    }
}
