//! Compressed frames of a hostile peer: LZ4 blocks and one Zstandard stream.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rsync_core::wire::compress::{Codec, Unpacker};
use rsync_core::wire::limits::MAX_UNPACKED_LEN;

fuzz_target!(|bytes: &[u8]| {
    for codec in [Codec::Lz4, Codec::Zstd, Codec::None] {
        let mut unpacker = Unpacker::new(codec).expect("memory");
        let mut out = Vec::new();
        // The stream of a direction: each payload with its length before it.
        let mut rest = bytes;
        while let Some((len, after)) = rest.split_first_chunk() {
            let len = usize::from(u16::from_le_bytes(*len)).min(after.len());
            let (frame, after) = after.split_at(len);
            rest = after;
            if unpacker.unpack(frame, &mut out).is_err() {
                break;
            }
            assert_ne!(codec, Codec::None);
            let announced = frame
                .first_chunk()
                .map(|len| u32::from_le_bytes(*len) as usize);
            assert_eq!(Some(out.len()), announced);
            assert!(out.len() <= MAX_UNPACKED_LEN);
        }
        assert!(out.capacity() <= 2 * MAX_UNPACKED_LEN);
    }
});
