//! What the tests of this folder pack.

use super::Codec;

pub(super) const CODECS: [Codec; 2] = [Codec::Lz4, Codec::Zstd];

pub(super) fn text(len: usize) -> Vec<u8> {
    (0..)
        .flat_map(|n: u32| format!("line {n} of a text that shrinks\n").into_bytes())
        .take(len)
        .collect()
}

pub(super) fn noise(len: usize) -> Vec<u8> {
    let mut out = vec![0; len];
    blake3::Hasher::new().finalize_xof().fill(&mut out);
    out
}
