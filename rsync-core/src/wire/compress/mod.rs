//! Compression of frames of messages.
//!
//! A compressed payload is `u32` (little endian) length once unpacked, then the packed bytes.
//! With Zstandard each direction is one endless stream that is flushed at the end of every frame,
//! so that what was sent before helps with what comes next; it starts anew, in the middle of a
//! frame, where the effort changes. With LZ4 every frame stands alone.
//! A frame that travels raw is not part of that stream.
//!
//! Unpacking writes at most the announced length, which is capped by [`MAX_UNPACKED_LEN`], and
//! the result must be exactly as long as announced: no input makes it larger.
//!
//! Whether a frame is worth packing is [`policy`]'s decision, how much work [`effort`]'s.

pub mod effort;
#[cfg(feature = "lz4")]
mod lz4;
pub mod policy;
#[cfg(feature = "zstd")]
mod zstd;

use std::borrow::Cow;

pub use effort::Effort;

use super::hello::Features;
use super::limits::{MAX_FRAME_LEN, MAX_UNPACKED_LEN};

/// Longest batch that is packed; the rest is room for what packing may add in the worst case.
pub const MAX_PACKED_INPUT_LEN: usize = MAX_FRAME_LEN - MAX_FRAME_LEN / 64;

/// Length of the unpacked length.
const PREFIX_LEN: usize = 4;

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

/// Packs the frames of one direction.
#[derive(Debug)]
pub struct Packer(PackerKind);

#[derive(Debug)]
enum PackerKind {
    None,
    #[cfg(feature = "lz4")]
    Lz4(lz4::Packer),
    #[cfg(feature = "zstd")]
    Zstd(zstd::Packer),
}

impl Packer {
    /// A packer that begins with `effort`. LZ4 knows one effort only.
    pub fn new(codec: Codec, effort: Effort) -> Result<Self, CompressError> {
        Ok(Self(match codec {
            #[cfg(feature = "lz4")]
            Codec::Lz4 => PackerKind::Lz4(lz4::Packer::new()),
            #[cfg(feature = "zstd")]
            Codec::Zstd => PackerKind::Zstd(zstd::Packer::new(effort)?),
            _ => {
                let _ = effort;
                PackerKind::None
            }
        }))
    }

    /// Packs with `effort` from the next batch on.
    pub fn set_effort(&mut self, effort: Effort) {
        match &mut self.0 {
            #[cfg(feature = "zstd")]
            PackerKind::Zstd(packer) => packer.set_effort(effort),
            _ => {
                let _ = effort;
            }
        }
    }

    /// Appends the compressed payload that carries `batch` to `out`. False (and `out` as it was)
    /// if the batch has to travel raw; true if the payload has to be sent, in this order.
    pub fn pack(&mut self, batch: &[u8], out: &mut Vec<u8>) -> Result<bool, CompressError> {
        if batch.len() > MAX_PACKED_INPUT_LEN {
            return Ok(false);
        }
        let start = out.len();
        out.extend_from_slice(&(batch.len() as u32).to_le_bytes());
        let packed = match &mut self.0 {
            PackerKind::None => Ok(false),
            #[cfg(feature = "lz4")]
            PackerKind::Lz4(packer) => packer.pack(batch, out),
            #[cfg(feature = "zstd")]
            PackerKind::Zstd(packer) => packer.pack(batch, out),
        };
        if !matches!(packed, Ok(true)) {
            out.truncate(start);
        }
        packed
    }

    /// True if a sample of a batch shrinks to less than nine tenths. Leaves the stream alone.
    pub fn probe(&mut self, batch: &[u8]) -> bool {
        let sample = &sample(batch)[..];
        let len = match &mut self.0 {
            PackerKind::None => None,
            #[cfg(feature = "lz4")]
            PackerKind::Lz4(packer) => packer.probe(sample),
            #[cfg(feature = "zstd")]
            PackerKind::Zstd(packer) => packer.probe(sample),
        };
        len.is_some_and(|len| policy::shrinks(sample.len(), len))
    }
}

/// So much of a batch that tells whether it shrinks: pieces from all of it, because messages about
/// several files may be in it.
fn sample(batch: &[u8]) -> Cow<'_, [u8]> {
    const PIECE_LEN: usize = 4 << 10;
    const PIECES: usize = 4;
    if batch.len() <= PIECES * PIECE_LEN {
        return Cow::Borrowed(batch);
    }
    let parts = batch.chunks(batch.len().div_ceil(PIECES));
    // Their middles: the first bytes are often a header unlike the rest.
    let pieces = parts.flat_map(|part| {
        let start = part.len().saturating_sub(PIECE_LEN) / 2;
        &part[start..part.len().min(start + PIECE_LEN)]
    });
    Cow::Owned(pieces.copied().collect())
}

/// Most bytes that the payload for a batch of `len` bytes takes, packed or raw.
pub fn worst_case_len(len: usize) -> usize {
    if len > MAX_PACKED_INPUT_LEN {
        len
    } else {
        // zstd: three bytes for each block of 128 KiB, a frame header once, and the prefix.
        (len + len / 256 + 128).min(MAX_FRAME_LEN)
    }
}

/// Unpacks the frames of one direction.
#[derive(Debug)]
pub struct Unpacker(UnpackerKind);

#[derive(Debug)]
enum UnpackerKind {
    None,
    #[cfg(feature = "lz4")]
    Lz4,
    #[cfg(feature = "zstd")]
    Zstd(zstd::Unpacker),
}

impl Unpacker {
    /// An unpacker for what a [`Packer`] of the same codec makes.
    pub fn new(codec: Codec) -> Result<Self, CompressError> {
        Ok(Self(match codec {
            #[cfg(feature = "lz4")]
            Codec::Lz4 => UnpackerKind::Lz4,
            #[cfg(feature = "zstd")]
            Codec::Zstd => UnpackerKind::Zstd(zstd::Unpacker::new()?),
            _ => UnpackerKind::None,
        }))
    }

    /// Replaces `out` by the batch that the compressed `payload` carries.
    pub fn unpack(&mut self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), CompressError> {
        let (prefix, packed) = payload
            .split_first_chunk::<PREFIX_LEN>()
            .ok_or(CompressError::BadLength)?;
        let len = u32::from_le_bytes(*prefix) as usize;
        if len == 0 || len > MAX_UNPACKED_LEN {
            return Err(CompressError::BadLength);
        }
        match &mut self.0 {
            UnpackerKind::None => {
                let _ = (packed, out);
                Err(CompressError::NotAgreed)
            }
            #[cfg(feature = "lz4")]
            UnpackerKind::Lz4 => lz4::unpack(packed, len, out),
            #[cfg(feature = "zstd")]
            UnpackerKind::Zstd(unpacker) => unpacker.unpack(packed, len, out),
        }
    }
}

#[cfg(test)]
#[cfg(all(feature = "lz4", feature = "zstd"))]
mod tests {
    use super::*;

    const CODECS: [Codec; 2] = [Codec::Lz4, Codec::Zstd];

    fn text(len: usize) -> Vec<u8> {
        (0..)
            .flat_map(|n: u32| format!("line {n} of a text that shrinks\n").into_bytes())
            .take(len)
            .collect()
    }

    fn noise(len: usize) -> Vec<u8> {
        let mut out = vec![0; len];
        blake3::Hasher::new().finalize_xof().fill(&mut out);
        out
    }

    fn packed(codec: Codec, batch: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        assert!(
            Packer::new(codec, Effort::Light)
                .unwrap()
                .pack(batch, &mut out)
                .unwrap()
        );
        out
    }

    #[test]
    fn a_batch_of_which_a_part_shrinks_is_found_to_shrink_wherever_that_part_is() {
        const PART: usize = 32 << 10;
        for codec in CODECS {
            let mut packer = Packer::new(codec, Effort::Light).unwrap();
            for place in 0..4 {
                let mut batch = noise(4 * PART);
                assert!(!packer.probe(&batch));
                batch[place * PART..][..PART].copy_from_slice(&text(PART));
                assert!(packer.probe(&batch), "{codec:?} {place}");
            }
        }
    }

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
    fn more_effort_makes_records_smaller() {
        let mut records = Vec::new();
        for (id, words) in noise(60_000).chunks(4).enumerate() {
            let words: Vec<_> = words.iter().map(|n| u32::from(n % 64) * 987_654).collect();
            let record = format!("{{\"id\":{id},\"of\":{words:?},\"zone\":\"eu-west\"}}\n");
            records.extend_from_slice(record.as_bytes());
        }
        let efforts = [Effort::Light, Effort::Thorough, Effort::Deep];
        let [light, thorough, deep] = efforts.map(|effort| {
            let mut packer = Packer::new(Codec::Zstd, effort).unwrap();
            let mut wire = Vec::new();
            for batch in records.chunks(256 << 10) {
                assert!(packer.pack(batch, &mut wire).unwrap());
            }
            wire.len()
        });
        assert!(thorough < light, "{thorough} after {light}");
        assert!(deep < thorough, "{deep} after {thorough}");
    }

    #[test]
    fn what_does_not_shrink_fits_in_a_frame_all_the_same() {
        for codec in CODECS {
            for len in [1, 200, 256 << 10, MAX_PACKED_INPUT_LEN, MAX_FRAME_LEN] {
                let mut wire = Vec::new();
                let packed = Packer::new(codec, Effort::Light)
                    .unwrap()
                    .pack(&noise(len), &mut wire)
                    .unwrap();
                assert_eq!(packed, !wire.is_empty());
                assert!(
                    wire.len() <= worst_case_len(len),
                    "{codec:?} {len}: {}",
                    wire.len()
                );
                assert!(worst_case_len(len) <= MAX_FRAME_LEN);
            }
        }
    }

    #[test]
    fn a_probe_tells_text_from_noise() {
        for codec in CODECS {
            let mut packer = Packer::new(codec, Effort::Light).unwrap();
            assert!(packer.probe(&text(100_000)));
            assert!(!packer.probe(&noise(100_000)));
        }
    }

    #[test]
    fn x6_a_bomb_is_refused_and_never_written_out() {
        let zeros = vec![0; MAX_PACKED_INPUT_LEN];
        for codec in CODECS {
            let mut wire = packed(codec, &zeros);
            assert!(wire.len() < 10_000);
            for announced in [1u32, 100, MAX_PACKED_INPUT_LEN as u32 - 1] {
                wire[..4].copy_from_slice(&announced.to_le_bytes());
                let mut plain = Vec::new();
                assert!(
                    Unpacker::new(codec)
                        .unwrap()
                        .unpack(&wire, &mut plain)
                        .is_err()
                );
                assert!(plain.capacity() <= announced as usize + 64, "{codec:?}");
            }
        }
    }

    #[test]
    fn x6_a_length_above_the_cap_is_refused_before_anything_is_allocated() {
        for codec in CODECS {
            let mut wire = packed(codec, &text(5000));
            for announced in [0, MAX_UNPACKED_LEN as u32 + 1, u32::MAX] {
                wire[..4].copy_from_slice(&announced.to_le_bytes());
                let mut plain = Vec::new();
                let result = Unpacker::new(codec).unwrap().unpack(&wire, &mut plain);
                assert_eq!(result, Err(CompressError::BadLength));
                assert_eq!(plain.capacity(), 0);
            }
        }
    }

    #[test]
    fn a_packed_batch_cut_short_or_lengthened_is_refused() {
        for codec in CODECS {
            let wire = packed(codec, &text(500));
            for len in 0..wire.len() {
                let result = Unpacker::new(codec)
                    .unwrap()
                    .unpack(&wire[..len], &mut Vec::new());
                assert!(result.is_err(), "{codec:?}, {len} of {} bytes", wire.len());
            }
            let longer = [&wire[..], &[0x55; 40]].concat();
            assert!(
                Unpacker::new(codec)
                    .unwrap()
                    .unpack(&longer, &mut Vec::new())
                    .is_err(),
                "{codec:?}"
            );
        }
    }

    #[test]
    fn compression_that_was_not_agreed_is_refused() {
        let wire = packed(Codec::Lz4, &text(500));
        let result = Unpacker::new(Codec::None)
            .unwrap()
            .unpack(&wire, &mut Vec::new());
        assert_eq!(result, Err(CompressError::NotAgreed));
    }

    #[test]
    fn the_better_codec_of_both_ends_is_taken() {
        let both = Features::LZ4.with(Features::ZSTD);
        assert_eq!(Codec::of(both), Codec::Zstd);
        assert_eq!(Codec::of(both.common(Features::LZ4)), Codec::Lz4);
        assert_eq!(Codec::of(Features::default()), Codec::None);
    }

    #[test]
    fn x6_a_window_above_the_cap_is_refused() {
        // A frame header (RFC 8878, 3.1.1.1) that asks for a window of 16 MiB, then an empty block.
        let mut wire = 5u32.to_le_bytes().to_vec();
        wire.extend_from_slice(&[
            0x28,
            0xB5,
            0x2F,
            0xFD,
            0x00,
            (24 - 10) << 3,
            0x01,
            0x00,
            0x00,
        ]);
        let result = Unpacker::new(Codec::Zstd)
            .unwrap()
            .unpack(&wire, &mut Vec::new());
        assert!(
            matches!(result, Err(CompressError::Malformed(_))),
            "{result:?}"
        );
    }
}
