//! Packing the frames of one direction.

use std::borrow::Cow;

#[cfg(feature = "lz4")]
use super::lz4;
use super::shrinking::shrinks;
#[cfg(feature = "zstd")]
use super::zstd;
use super::{Codec, CompressError, Effort};
use crate::wire::limits::MAX_FRAME_LEN;

/// Longest batch that is packed; the rest is room for what packing may add in the worst case.
pub const MAX_PACKED_INPUT_LEN: usize = MAX_FRAME_LEN - MAX_FRAME_LEN / 64;

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
        len.is_some_and(|len| shrinks(sample.len(), len))
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

#[cfg(test)]
#[cfg(all(feature = "lz4", feature = "zstd"))]
mod tests {
    use super::super::samples::{CODECS, noise, text};
    use super::*;

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
}
