//! The hashes of many blocks, computed side by side.
//!
//! BLAKE3 is quick because it hashes the 1 KiB chunks of its input next to each other, as many as the
//! processor has lanes: sixteen with AVX-512, eight with AVX2. A block of 4 KiB has four, so hashing one
//! block after the other leaves most lanes empty. Here a lane belongs to a block: the first chunks of
//! all blocks are compressed together, then the second ones, and so on, and so are their parents.
//!
//! The hashes are those of the `blake3` crate, chunk by chunk and parent by parent as in section 2 of
//! the BLAKE3 paper; so is the code that compresses them, by its `platform` module. That module is
//! hidden from its documentation, which is why the crate's minor version is fixed.

use blake3::IncrementCounter;
use blake3::platform::{Platform, words_from_le_bytes_32};
use smallvec::SmallVec;

use super::BlockHash;

/// Most blocks that are hashed together: the lanes of the widest processors.
pub(crate) const LANES: usize = 16;
/// Most chunks of such a block, as a power of two. Longer blocks fill the lanes by themselves.
const MAX_HEIGHT: usize = 4;

const CHUNK_LEN: usize = 1 << 10;
/// Bytes of the hash of a chunk or parent.
const VALUE_LEN: usize = 32;

// Flags of a compression (table 3 of the paper).
const CHUNK_START: u8 = 1;
const CHUNK_END: u8 = 1 << 1;
const PARENT: u8 = 1 << 2;
const ROOT: u8 = 1 << 3;
const KEYED_HASH: u8 = 1 << 4;

/// Hashes blocks of one length.
pub(super) struct SideBySide {
    key: [u32; VALUE_LEN / 4],
    /// Chunks of a block, as a power of two.
    height: usize,
}

impl SideBySide {
    /// For blocks of a length that can be hashed so.
    pub(super) fn new(key: &[u8; 32], block_len: usize) -> Option<Self> {
        Some(Self {
            key: words_from_le_bytes_32(key),
            height: Self::height(block_len)?,
        })
    }

    /// Chunks of a block that can be hashed so, as a power of two.
    pub(super) fn height(block_len: usize) -> Option<usize> {
        (1..=MAX_HEIGHT).find(|height| CHUNK_LEN << height == block_len)
    }

    /// True if this is how to hash `blocks` blocks at a time: there are more of them than one has chunks.
    pub(super) fn pays(&self, blocks: usize) -> bool {
        blocks > 1 << self.height
    }

    /// Appends the hashes of the blocks that `content` consists of, at most [`LANES`].
    pub(super) fn hash(&self, platform: Platform, content: &[u8], out: &mut Vec<BlockHash>) {
        let (chunks, _) = content.as_chunks::<CHUNK_LEN>();
        let lanes = (chunks.len() >> self.height).min(LANES);
        if lanes == 0 {
            return;
        }
        let mut values = [0; LANES * VALUE_LEN];
        // By height: both halves of the parent of each block that is being put together.
        let mut parents = [[[0; 2 * VALUE_LEN]; LANES]; MAX_HEIGHT];
        for number in 0..1 << self.height {
            let mut inputs = SmallVec::<[_; LANES]>::new();
            let of_blocks = chunks[number..].iter().step_by(1 << self.height);
            inputs.extend(of_blocks.take(lanes));
            let flags = (0, CHUNK_START, CHUNK_END);
            self.compress(platform, &inputs, number as u64, flags, &mut values);
            for (height, parents) in parents[..self.height].iter_mut().enumerate() {
                let half = number >> height & 1;
                let (of_lanes, _) = values.as_chunks::<VALUE_LEN>();
                for (parent, value) in parents.iter_mut().zip(of_lanes) {
                    parent[half * VALUE_LEN..][..VALUE_LEN].copy_from_slice(value);
                }
                if half == 0 {
                    break;
                }
                let is_root = height + 1 == self.height;
                let flags = (PARENT | if is_root { ROOT } else { 0 }, 0, 0);
                let parents = parents.each_ref();
                self.compress(platform, &parents[..lanes], 0, flags, &mut values);
            }
        }
        let (hashes, _) = values[..lanes * VALUE_LEN].as_chunks::<VALUE_LEN>();
        out.extend(hashes.iter().copied().map(BlockHash::from));
    }

    /// Compresses inputs of a kind, one a lane. `flags` are those of all blocks of an input, and of its
    /// first and its last one besides.
    fn compress<const N: usize>(
        &self,
        platform: Platform,
        inputs: &[&[u8; N]],
        counter: u64,
        (flags, first, last): (u8, u8, u8),
        values: &mut [u8],
    ) {
        let same = IncrementCounter::No;
        let flags = KEYED_HASH | flags;
        platform.hash_many(inputs, &self.key, counter, same, flags, first, last, values);
    }
}

#[cfg(test)]
mod tests {
    use super::super::BlockKey;
    use super::*;

    fn content(len: usize) -> Vec<u8> {
        let mut content = vec![0; len];
        blake3::Hasher::new().finalize_xof().fill(&mut content);
        content
    }

    #[test]
    fn blocks_have_the_hashes_that_each_has_by_itself() {
        let key = BlockKey::from([9; 32]);
        for block_len in [512, 700, 1024, 2048, 3072, 4096, 8192, 16 << 10, 32 << 10] {
            for blocks in [0, 1, 2, 4, 5, 8, 15, 16, 17, 33] {
                for rest in [0, 1, block_len - 1] {
                    let content = content(blocks * block_len + rest);
                    let mut hashes = Vec::new();
                    key.hash_each(&content, block_len, &mut hashes);
                    let alone = content.chunks(block_len).map(|block| key.hash(block));
                    assert!(alone.eq(hashes), "{blocks} of {block_len} and {rest}");
                }
            }
        }
    }

    #[test]
    fn all_numbers_of_lanes_and_all_instructions_give_the_same() {
        let key = [8; 32];
        let platforms = [
            Some(Platform::portable()),
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            Platform::sse2(),
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            Platform::sse41(),
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            Platform::avx2(),
        ];
        for platform in platforms.into_iter().flatten() {
            for block_len in [2048, 4096, 8192, 16 << 10] {
                let hasher = SideBySide::new(&key, block_len).unwrap();
                for lanes in 0..=LANES {
                    let content = content(lanes * block_len);
                    let mut hashes = Vec::new();
                    hasher.hash(platform, &content, &mut hashes);
                    let alone = content
                        .chunks(block_len)
                        .map(|block| BlockKey::from(key).hash(block));
                    assert!(alone.eq(hashes), "{lanes} of {block_len}");
                }
            }
        }
    }

    #[test]
    fn only_blocks_that_are_whole_trees_go_side_by_side() {
        let goes = |block_len| SideBySide::height(block_len).is_some();
        assert!([2048, 4096, 8192, 16 << 10].into_iter().all(goes));
        assert!(
            ![0, 512, 700, 1024, 3072, 4097, 32 << 10, usize::MAX]
                .into_iter()
                .any(goes)
        );
    }
}
