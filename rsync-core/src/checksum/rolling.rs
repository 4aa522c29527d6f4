//! The weak checksum: 32 bits that move along a file one byte at a time.
//!
//! The construction is the pair of sums of Andrew Tridgell's thesis, *Efficient Algorithms for
//! Sorting and Synchronization* (1999), section 3.2.1: over the bytes `x[0..n]` of a window,
//! `a = Σ x[i]` and `b = Σ (n - i)·x[i]`. Two things differ:
//!
//! - Each byte is first replaced by a quadratic of it, as the thesis' plain bytes (and Adler-32,
//!   RFC 1950 section 8.2) leave most of the range empty for text and for short windows.
//! - The sums are exact in 64 bits instead of modulo 2^16, and are mixed into 32 bits only when
//!   asked for. Modulo a power of two, blocks of one repeated byte would all have the same sum.
//!
//! It finds candidates and proves nothing: whoever knows it can make collisions at will. What
//! uses it must bound the work that a collision costs.

use multiversion::multiversion;
use multiversion::target::match_target;

/// Longest window, in bytes: keeps the exact sums within 64 bits.
pub const MAX_WINDOW_LEN: usize = 1 << 20;

/// Injective, as `x + y + 0x9d8b` is odd where `x - y` is even and never 0 modulo 2^16.
#[inline(always)]
const fn substitute(byte: u8) -> u16 {
    let byte = byte as u16;
    byte.wrapping_mul(byte.wrapping_add(0x9d8b))
}

static SUBSTITUTE: [u16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = substitute(byte as u8);
        byte += 1;
    }
    table
};

/// Columns that are summed side by side: as many as keep both sums in the 16 vector registers of
/// any x86-64 or arm64 processor.
const LANES: usize = 8;
/// The same with the longer registers of AVX2, where they take less than half of the time.
#[cfg(any(test, target_arch = "x86_64"))]
const WIDE_LANES: usize = 32;
/// Most rows before a column's `b` could leave 32 bits: 256·257/2·65535 < 2^32.
const ROWS: usize = 256;

/// The rolling checksum of a window of at most [`MAX_WINDOW_LEN`] bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rolling {
    a: u64,
    b: u64,
    len: u64,
}

impl Rolling {
    /// Checksum of a whole block.
    pub fn of(block: &[u8]) -> Self {
        debug_assert!(block.len() <= MAX_WINDOW_LEN);
        let (a, b) = sums(block);
        let len = block.len() as u64;
        Self { a, b, len }
    }

    /// Moves the window by one byte: `leaving` is its first byte, `entering` the one after it.
    #[inline(always)]
    pub fn roll(&mut self, leaving: u8, entering: u8) {
        let leaving = u64::from(SUBSTITUTE[usize::from(leaving)]);
        let entering = u64::from(SUBSTITUTE[usize::from(entering)]);
        self.a = self.a.wrapping_add(entering).wrapping_sub(leaving);
        self.b = self
            .b
            .wrapping_sub(leaving.wrapping_mul(self.len))
            .wrapping_add(self.a);
    }

    /// The 32 bits: the upper half of a product (Dietzfelbinger's multiply-shift hashing).
    #[inline(always)]
    pub fn value(&self) -> u32 {
        let both = self.b.wrapping_add(self.a << 40);
        (both.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32
    }
}

/// The exact sums of a block.
#[multiversion(targets("x86_64+avx2"))]
fn sums(block: &[u8]) -> (u64, u64) {
    match_target! {
        "x86_64+avx2" => sums_in::<WIDE_LANES>(block),
        _ => sums_in::<LANES>(block),
    }
}

/// The exact sums of a block, in so many columns.
#[inline(always)]
fn sums_in<const LANES: usize>(block: &[u8]) -> (u64, u64) {
    let (mut a, mut b) = (0u64, 0u64);
    for piece in block.chunks(ROWS * LANES) {
        let (of_piece, b_of_piece) = sums_of_piece::<LANES>(piece);
        // Bytes before the piece gain its length in weight.
        b = b
            .wrapping_add(a.wrapping_mul(piece.len() as u64))
            .wrapping_add(b_of_piece);
        a = a.wrapping_add(of_piece);
    }
    (a, b)
}

/// The exact sums of at most `ROWS * LANES` bytes.
#[inline(always)]
fn sums_of_piece<const LANES: usize>(piece: &[u8]) -> (u64, u64) {
    let mut a_lanes = [0u32; LANES];
    let mut b_lanes = [0u32; LANES];
    let (rows, rest) = piece.as_chunks::<LANES>();
    for row in rows {
        let mut terms = [0; LANES];
        for (term, &byte) in terms.iter_mut().zip(row) {
            *term = substitute(byte);
        }
        for lane in 0..LANES {
            a_lanes[lane] += u32::from(terms[lane]);
            b_lanes[lane] += a_lanes[lane];
        }
    }
    let (mut a, mut b) = (0u64, 0u64);
    for lane in 0..LANES {
        let a_lane = u64::from(a_lanes[lane]);
        a += a_lane;
        b += u64::from(b_lanes[lane]) * LANES as u64 - a_lane * lane as u64;
    }
    for &byte in rest {
        a += u64::from(substitute(byte));
        b += a;
    }
    (a, b)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn noise(len: usize, seed: u64) -> Vec<u8> {
        let mut bytes = vec![0; len];
        blake3::Hasher::new()
            .update(&seed.to_le_bytes())
            .finalize_xof()
            .fill(&mut bytes);
        bytes
    }

    fn by_definition(block: &[u8]) -> (u64, u64) {
        let n = block.len() as u64;
        let terms = || {
            block
                .iter()
                .map(|&byte| u64::from(SUBSTITUTE[usize::from(byte)]))
        };
        (
            terms().sum(),
            terms().zip(0..).map(|(x, i)| (n - i) * x).sum(),
        )
    }

    #[test]
    fn every_byte_is_replaced_by_another_number() {
        assert_eq!(SUBSTITUTE.iter().collect::<HashSet<_>>().len(), 256);
    }

    #[test]
    fn the_fast_sums_are_the_sums_of_the_definition() {
        let bytes = noise(20_000, 1);
        for len in [0, 1, 15, 16, 17, 4095, 4096, 4097, 8192, 10_001, 20_000] {
            let sum = Rolling::of(&bytes[..len]);
            let expected = by_definition(&bytes[..len]);
            assert_eq!((sum.a, sum.b), expected, "{len} bytes");
            assert_eq!(sums_in::<LANES>(&bytes[..len]), expected, "{len} bytes");
            assert_eq!(
                sums_in::<WIDE_LANES>(&bytes[..len]),
                expected,
                "{len} bytes"
            );
        }
    }

    #[test]
    fn the_longest_window_of_the_largest_terms_is_exact() {
        let largest = (0..=255u8).max_by_key(|&byte| substitute(byte)).unwrap();
        let block = vec![largest; MAX_WINDOW_LEN];
        let sum = Rolling::of(&block);
        let expected = by_definition(&block);
        assert_eq!((sum.a, sum.b), expected);
        assert_eq!(sums_in::<LANES>(&block), expected);
        assert_eq!(sums_in::<WIDE_LANES>(&block), expected);
    }

    #[test]
    fn rolling_along_gives_what_starting_there_gives() {
        let bytes = noise(3000, 2);
        for len in [1, 2, 512, 700, 1024] {
            let mut sum = Rolling::of(&bytes[..len]);
            for start in 1..bytes.len() - len {
                sum.roll(bytes[start - 1], bytes[start + len - 1]);
                assert_eq!(sum, Rolling::of(&bytes[start..start + len]));
            }
        }
    }

    #[test]
    fn blocks_of_one_repeated_byte_all_differ() {
        for len in [512, 1024, 1 << 16, 1 << 17, MAX_WINDOW_LEN] {
            let values = (0..=255u8).map(|byte| Rolling::of(&vec![byte; len]).value());
            assert_eq!(values.collect::<HashSet<_>>().len(), 256, "{len} bytes");
        }
    }

    /// The sums as the thesis has them: plain bytes, modulo 2^16.
    fn as_in_the_thesis(block: &[u8]) -> u32 {
        let (mut a, mut b) = (0u16, 0u16);
        for &byte in block {
            a = a.wrapping_add(byte.into());
            b = b.wrapping_add(a);
        }
        u32::from(b) << 16 | u32::from(a)
    }

    fn different<T: Eq + std::hash::Hash>(values: impl Iterator<Item = T>) -> usize {
        values.collect::<HashSet<_>>().len()
    }

    /// Families of 20,000 similar blocks, as in tables, logs and sparse files. Two exchanges that
    /// mirror each other ("12…21", "21…12") still collide, as with every pair of such sums.
    #[test]
    fn similar_blocks_hardly_collide() {
        let base: Vec<u8> = b"2026-11-05 12:00:00 INFO request served in 000000 ms\n"
            .iter()
            .copied()
            .cycle()
            .take(1024)
            .collect();
        let at_two_places = |i: usize| {
            let mut block = base.clone();
            block[i % 1000] ^= 1;
            block[(i / 1000) * 50 + 7] ^= 0x10;
            block
        };
        let counting = |i: usize| {
            let mut block = vec![0; 1024];
            block[500..508].copy_from_slice(format!("{i:08}").as_bytes());
            block
        };
        let one_bit_in_zeros = |i: usize| {
            let mut block = vec![0; 4096];
            block[i % 4096] = 1 << (i / 4096);
            block
        };
        let families: [&dyn Fn(usize) -> Vec<u8>; 3] =
            [&at_two_places, &counting, &one_bit_in_zeros];
        for (family, block) in families.iter().enumerate() {
            let blocks: HashSet<_> = (0..20_000).map(block).collect();
            let lost = blocks.len() - different(blocks.iter().map(|b| Rolling::of(b).value()));
            let lost_in_thesis =
                blocks.len() - different(blocks.iter().map(|b| as_in_the_thesis(b)));
            println!("family {family}: {lost} collisions, {lost_in_thesis} in the thesis");
            assert!(
                lost * 20 <= lost_in_thesis.max(20),
                "family {family}: {lost}"
            );
        }
    }
}
