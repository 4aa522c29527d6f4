//! Frames: an 8-byte header and a payload.
//!
//! ```text
//!   0        4      5       6          8
//!   | length | type | flags | reserved | payload: `length` bytes
//! ```
//!
//! Numbers are little endian, `reserved` is zero. A header is judged before anything of its
//! payload is read or allocated: every type has its own cap, none above
//! [`limits::MAX_FRAME_LEN`]. A type that this version does not know is an error, unless the
//! frame says that it may be skipped.
//!
//! Not here: the order of frames ([`crate::session`]) and what a batch of messages holds
//! ([`super::batch`]).

use super::limits;

/// Length of a frame's header in bytes.
pub const HEADER_LEN: usize = 8;
/// Most bytes of an [`Abort`]'s text.
pub const MAX_ABORT_TEXT_LEN: usize = 1024;
/// Flag of [`FrameType::Messages`]: the payload is compressed.
pub const FLAG_COMPRESSED: u8 = 0x01;
/// Flag: an end that does not know the type skips the frame.
pub const FLAG_SKIPPABLE: u8 = 0x80;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum FrameType {
    /// [`super::hello::Hello`], the first frame of each direction.
    Hello = 1,
    /// The client's request, after its hello.
    Request = 2,
    /// A batch of messages.
    Messages = 3,
    /// So many more bytes may be sent: `u32`.
    Credit = 4,
    /// Asks for a [`Self::Pong`] with the same `u64`.
    Ping = 5,
    /// Answers a [`Self::Ping`].
    Pong = 6,
    /// [`Abort`]: the end of a connection that failed.
    Abort = 7,
    /// The end of a connection on which everything was said. Empty.
    Goodbye = 8,
}

impl FrameType {
    /// Lengths that a payload of this type can have.
    fn payload_len(self) -> std::ops::RangeInclusive<usize> {
        match self {
            Self::Hello => 1..=limits::MAX_HELLO_LEN,
            Self::Request => 1..=limits::MAX_FRAME_LEN,
            Self::Messages => 1..=limits::MAX_FRAME_LEN,
            Self::Credit => 4..=4,
            Self::Ping | Self::Pong => 8..=8,
            Self::Abort => 2..=2 + MAX_ABORT_TEXT_LEN,
            Self::Goodbye => 0..=0,
        }
    }

    fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Hello,
            2 => Self::Request,
            3 => Self::Messages,
            4 => Self::Credit,
            5 => Self::Ping,
            6 => Self::Pong,
            7 => Self::Abort,
            8 => Self::Goodbye,
            _ => return None,
        })
    }
}

/// A frame's header that has passed every check that needs no payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// What follows; nothing if it is of a later version and may be skipped.
    pub frame_type: Option<FrameType>,
    /// Length of the payload in bytes, within the type's cap.
    pub len: usize,
    /// True if the payload is compressed.
    pub compressed: bool,
}

/// Why bytes are not a frame of protocol version 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A type that this version does not know, not marked as skippable.
    #[error("frame of unknown type {0:#04x}")]
    UnknownType(u8),
    /// A length above the cap of every type.
    #[error("frame of type {frame_type:#04x} announces {len} bytes, more than any frame may have")]
    TooLong {
        /// The type's number.
        frame_type: u8,
        /// Announced length in bytes.
        len: u32,
    },
    /// A length that this type can not have.
    #[error("{frame_type:?} frame announces {len} bytes")]
    BadLength {
        /// The type.
        frame_type: FrameType,
        /// Announced length in bytes.
        len: usize,
    },
    /// Flags that this type does not have, or a reserved field that is not zero.
    #[error("frame header has unknown bits: flags {flags:#04x}, reserved {reserved:#06x}")]
    UnknownBits {
        /// The flags.
        flags: u8,
        /// The reserved field.
        reserved: u16,
    },
    /// A payload that is not what its type promises.
    #[error("malformed {0:?} frame")]
    Malformed(FrameType),
}

impl Header {
    /// Header of a frame of ours. `len` is within the type's cap; the encoders see to it.
    pub fn new(frame_type: FrameType, len: usize) -> Self {
        Self {
            frame_type: Some(frame_type),
            len,
            compressed: false,
        }
    }

    /// Checks a header before anything of its payload is read.
    pub fn parse(bytes: [u8; HEADER_LEN]) -> Result<Self, FrameError> {
        let [l0, l1, l2, l3, type_byte, flags, r0, r1] = bytes;
        let len = u32::from_le_bytes([l0, l1, l2, l3]);
        if len as usize > limits::MAX_FRAME_LEN {
            return Err(FrameError::TooLong {
                frame_type: type_byte,
                len,
            });
        }
        let len = len as usize;
        let Some(frame_type) = FrameType::from_byte(type_byte) else {
            return if flags & FLAG_SKIPPABLE == 0 {
                Err(FrameError::UnknownType(type_byte))
            } else {
                Ok(Self {
                    frame_type: None,
                    len,
                    compressed: false,
                })
            };
        };
        let known_flags = if frame_type == FrameType::Messages {
            FLAG_COMPRESSED | FLAG_SKIPPABLE
        } else {
            FLAG_SKIPPABLE
        };
        let reserved = u16::from_le_bytes([r0, r1]);
        if flags & !known_flags != 0 || reserved != 0 {
            return Err(FrameError::UnknownBits { flags, reserved });
        }
        if !frame_type.payload_len().contains(&len) {
            return Err(FrameError::BadLength { frame_type, len });
        }
        Ok(Self {
            frame_type: Some(frame_type),
            len,
            compressed: flags & FLAG_COMPRESSED != 0,
        })
    }

    /// The header's bytes. A header without a type is only ever received.
    pub fn encode(self) -> [u8; HEADER_LEN] {
        let [l0, l1, l2, l3] = (self.len as u32).to_le_bytes();
        let type_byte = self.frame_type.map_or(0, |frame_type| frame_type as u8);
        let flags = if self.compressed { FLAG_COMPRESSED } else { 0 };
        [l0, l1, l2, l3, type_byte, flags, 0, 0]
    }
}

/// Why one end gives up a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Abort {
    /// The exit code of rsync(1) that fits best.
    pub code: u16,
    /// One sentence for people. Comes from a peer: escape it before it is shown.
    pub text: String,
}

/// Appends a whole frame to `out`.
pub fn put(out: &mut Vec<u8>, frame_type: FrameType, payload: &[u8]) {
    out.extend_from_slice(&Header::new(frame_type, payload.len()).encode());
    out.extend_from_slice(payload);
}

/// Appends an abort frame; a text that is too long is cut at a character.
pub fn put_abort(out: &mut Vec<u8>, abort: &Abort) {
    let text = cut(&abort.text, MAX_ABORT_TEXT_LEN);
    out.extend_from_slice(&Header::new(FrameType::Abort, 2 + text.len()).encode());
    out.extend_from_slice(&abort.code.to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

/// The longest start of `text` with at most `most` bytes.
pub(super) fn cut(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len()))
        .rev()
        .find(|&end| text.is_char_boundary(end));
    &text[..end.unwrap_or(0)]
}

/// The number in the payload of a credit frame.
pub fn parse_credit(payload: &[u8]) -> Result<u32, FrameError> {
    let bytes = payload.try_into();
    bytes
        .map(u32::from_le_bytes)
        .map_err(|_| FrameError::Malformed(FrameType::Credit))
}

/// The number in the payload of a ping or pong.
pub fn parse_ping(frame_type: FrameType, payload: &[u8]) -> Result<u64, FrameError> {
    let bytes = payload.try_into();
    bytes
        .map(u64::from_le_bytes)
        .map_err(|_| FrameError::Malformed(frame_type))
}

/// The payload of an abort frame; text that is not UTF-8 is replaced, not refused.
pub fn parse_abort(payload: &[u8]) -> Result<Abort, FrameError> {
    let (code, text) = payload
        .split_first_chunk()
        .ok_or(FrameError::Malformed(FrameType::Abort))?;
    Ok(Abort {
        code: u16::from_le_bytes(*code),
        text: String::from_utf8_lossy(text).into_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(len: u32, type_byte: u8, flags: u8, reserved: u16) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        bytes[..4].copy_from_slice(&len.to_le_bytes());
        bytes[4] = type_byte;
        bytes[5] = flags;
        bytes[6..].copy_from_slice(&reserved.to_le_bytes());
        bytes
    }

    #[test]
    fn a_header_comes_back_as_it_was() {
        for len in [1, 77, limits::MAX_FRAME_LEN] {
            for compressed in [false, true] {
                let header = Header {
                    frame_type: Some(FrameType::Messages),
                    len,
                    compressed,
                };
                assert_eq!(Header::parse(header.encode()), Ok(header));
            }
        }
    }

    #[test]
    fn x6_a_frame_longer_than_the_cap_is_refused_whatever_its_type() {
        for type_byte in 0..=255 {
            for flags in [0, FLAG_SKIPPABLE] {
                let bytes = header(limits::MAX_FRAME_LEN as u32 + 1, type_byte, flags, 0);
                assert!(matches!(
                    Header::parse(bytes),
                    Err(FrameError::TooLong { .. })
                ));
            }
        }
    }

    #[test]
    fn an_unknown_type_is_an_error_unless_it_may_be_skipped() {
        assert_eq!(
            Header::parse(header(3, 0x40, 0, 0)),
            Err(FrameError::UnknownType(0x40))
        );
        let skipped = Header::parse(header(3, 0x40, FLAG_SKIPPABLE | 0x22, 9)).unwrap();
        assert_eq!(skipped.frame_type, None);
        assert_eq!(skipped.len, 3);
    }

    #[test]
    fn control_frames_have_exactly_their_length() {
        for (type_byte, len) in [
            (4, 3),
            (4, 5),
            (5, 7),
            (6, 9),
            (7, 1),
            (7, 1027),
            (8, 1),
            (3, 0),
            (1, 0),
        ] {
            assert!(
                matches!(
                    Header::parse(header(len, type_byte, 0, 0)),
                    Err(FrameError::BadLength { .. })
                ),
                "type {type_byte} of {len} bytes"
            );
        }
    }

    #[test]
    fn bits_without_a_meaning_are_refused() {
        for (flags, reserved) in [(0x02, 0), (0, 1)] {
            assert_eq!(
                Header::parse(header(9, 3, flags, reserved)),
                Err(FrameError::UnknownBits { flags, reserved })
            );
        }
        assert!(
            Header::parse(header(8, 5, FLAG_COMPRESSED, 0)).is_err(),
            "only messages compress"
        );
    }

    #[test]
    fn an_abort_that_says_too_much_is_cut_at_a_character() {
        let mut out = Vec::new();
        let text = "é".repeat(MAX_ABORT_TEXT_LEN);
        put_abort(&mut out, &Abort { code: 12, text });
        let (head, payload) = out.split_first_chunk().unwrap();
        assert_eq!(Header::parse(*head).unwrap().len, payload.len());
        let abort = parse_abort(payload).unwrap();
        assert_eq!(abort.code, 12);
        assert_eq!(abort.text, "é".repeat(MAX_ABORT_TEXT_LEN / 2));
    }
}
