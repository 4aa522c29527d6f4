//! Runs of zeros, which are not sent and not written.

/// Bytes of a page, which is what file systems allocate at least.
pub(crate) const PAGE_LEN: usize = 4096;
/// Bytes that are looked at together, which compilers turn into a few wide instructions.
const AT_A_TIME: usize = 64;

/// True if `bytes` are all zero.
// Not a comparison with a page of zeros: the agent would carry that, and its library compares byte
// by byte.
pub(crate) fn is_zero(bytes: &[u8]) -> bool {
    let is_zero = |piece: &[u8]| piece.iter().fold(0, |all, byte| all | byte) == 0;
    let pieces = bytes.chunks_exact(AT_A_TIME);
    is_zero(pieces.remainder()) && pieces.clone().all(is_zero)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bit_anywhere_is_not_zero() {
        for len in [0, 1, 63, 64, 65, 200, PAGE_LEN] {
            let mut bytes = vec![0; len];
            assert!(is_zero(&bytes));
            for at in 0..len {
                bytes[at] = 0x80 >> (at % 8);
                assert!(!is_zero(&bytes), "{at} of {len}");
                bytes[at] = 0;
            }
        }
    }
}
