//! Compression of frames of messages.
//!
//! A compressed payload is `u32` (little endian) length once unpacked, then the packed bytes.
//! With Zstandard each direction is one endless stream that is flushed at the end of every frame,
//! so that what was sent before helps with what comes next; it starts anew, in the middle of a
//! frame, where the effort changes. With LZ4 every frame stands alone.
//! A frame that travels raw is not part of that stream.
//!
//! Unpacking writes at most the announced length, which is capped by
//! [`MAX_UNPACKED_LEN`](super::limits::MAX_UNPACKED_LEN), and
//! the result must be exactly as long as announced: no input makes it larger.
//!
//! Whether a frame is worth packing is [`policy`]'s decision, how much work [`effort`]'s.

pub mod effort;
#[cfg(feature = "lz4")]
mod lz4;
mod packer;
pub mod policy;
#[cfg(test)]
#[cfg(all(feature = "lz4", feature = "zstd"))]
mod samples;
mod shrinking;
mod unpacker;
#[cfg(feature = "zstd")]
mod zstd;

pub use effort::Effort;
pub use packer::{MAX_PACKED_INPUT_LEN, Packer, worst_case_len};
pub use shrinking::shrinks;
pub use unpacker::Unpacker;

use super::hello::Features;

/// How frames are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Codec {
    /// Not at all.
    #[default]
    None,
    /// [LZ4 block format](https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md).
    Lz4,
    /// [Zstandard, RFC 8878](https://www.rfc-editor.org/rfc/rfc8878).
    Zstd,
}

impl Codec {
    /// The best codec that both ends have.
    pub fn of(common: Features) -> Self {
        if common.contains(Features::ZSTD) && cfg!(feature = "zstd") {
            Self::Zstd
        } else if common.contains(Features::LZ4) && cfg!(feature = "lz4") {
            Self::Lz4
        } else {
            Self::None
        }
    }
}

/// Why a payload can not be packed or unpacked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompressError {
    /// A compressed frame although no codec was agreed.
    #[error("compressed frame although no compression was agreed")]
    NotAgreed,
    /// The announced length is zero, missing or above the cap.
    #[error("compressed frame announces an impossible length")]
    BadLength,
    /// The content is longer or shorter than announced.
    #[error("compressed frame is not as long as announced")]
    WrongLength,
    /// Not the codec's format.
    #[error("malformed compressed frame: {0}")]
    Malformed(String),
    /// The codec could not start or pack.
    #[error("compressor failed: {0}")]
    Codec(String),
}

#[cfg(test)]
#[cfg(all(feature = "lz4", feature = "zstd"))]
mod tests {
    use super::samples::{CODECS, noise, text};
    use super::*;

    #[test]
    fn batches_come_back_in_order_and_shrink() {
        for codec in CODECS {
            let (mut packer, mut unpacker) = (
                Packer::new(codec, Effort::Light).unwrap(),
                Unpacker::new(codec).unwrap(),
            );
            let (mut wire, mut plain) = (Vec::new(), Vec::new());
            for len in [1000, 5, 300_000, 256 << 10, MAX_PACKED_INPUT_LEN] {
                wire.clear();
                let batch = text(len);
                if packer.pack(&batch, &mut wire).unwrap() {
                    assert!(wire.len() < batch.len() / 2 + 32, "{codec:?} {len}");
                    unpacker.unpack(&wire, &mut plain).unwrap();
                    assert_eq!(plain, batch, "{codec:?} {len}");
                }
            }
        }
    }

    #[test]
    fn a_zstd_frame_profits_from_the_frames_before_it() {
        let mut packer = Packer::new(Codec::Zstd, Effort::Light).unwrap();
        let batch = noise(100_000);
        let (mut first, mut second) = (Vec::new(), Vec::new());
        assert!(packer.pack(&batch, &mut first).unwrap());
        assert!(packer.pack(&batch, &mut second).unwrap());
        assert!(
            second.len() * 50 < first.len(),
            "{} after {}",
            second.len(),
            first.len()
        );
        let mut unpacker = Unpacker::new(Codec::Zstd).unwrap();
        let mut plain = Vec::new();
        for wire in [first, second] {
            unpacker.unpack(&wire, &mut plain).unwrap();
            assert_eq!(plain, batch);
        }
    }

    #[test]
    fn an_effort_may_change_at_any_batch() {
        const EFFORTS: [Effort; 5] = [
            Effort::Thorough,
            Effort::Deep,
            Effort::Level(12),
            Effort::Light,
            Effort::Thorough,
        ];
        for codec in CODECS {
            let mut packer = Packer::new(codec, Effort::Light).unwrap();
            let mut unpacker = Unpacker::new(codec).unwrap();
            for (number, effort) in EFFORTS.into_iter().enumerate() {
                // Twice before anything is packed, then at every second batch.
                packer.set_effort(Effort::Level(1));
                packer.set_effort(effort);
                for len in [100 + number, 300_000] {
                    let (mut wire, mut plain) = (Vec::new(), Vec::new());
                    let batch = text(len);
                    if packer.pack(&batch, &mut wire).unwrap() {
                        unpacker.unpack(&wire, &mut plain).unwrap();
                        assert!(plain == batch, "{codec:?} {effort:?} {len}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_better_codec_of_both_ends_is_taken() {
        let both = Features::LZ4.with(Features::ZSTD);
        assert_eq!(Codec::of(both), Codec::Zstd);
        assert_eq!(Codec::of(both.common(Features::LZ4)), Codec::Lz4);
        assert_eq!(Codec::of(Features::default()), Codec::None);
    }
}
