//! Unpacking the frames of one direction, whatever a peer made of them.

#[cfg(feature = "lz4")]
use super::lz4;
#[cfg(feature = "zstd")]
use super::zstd;
use super::{Codec, CompressError};
use crate::wire::limits::MAX_UNPACKED_LEN;

/// Length of the unpacked length.
const PREFIX_LEN: usize = 4;

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
    /// An unpacker for what a [`Packer`](super::Packer) of the same codec makes.
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
    use super::super::samples::{CODECS, text};
    use super::super::{Effort, MAX_PACKED_INPUT_LEN, Packer};
    use super::*;

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
