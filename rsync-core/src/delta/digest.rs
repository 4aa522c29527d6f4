//! The digest of what a delta makes, taken over what it consists of.
//!
//! Both ends have the [hash](BlockHash) of every block that is copied anyway, the receiver to be asked
//! for it and the sender to find it. So what a delta makes is proven by those hashes and by the literal
//! bytes: nothing is hashed twice, wherever in the new version a block stands, and the receiver does not
//! read what it copies.
//!
//! Each op adds its content and then, in 9 or 17 bytes, what it is (numbers are little-endian):
//!
//! | op | content | what it is |
//! |---|---|---|
//! | literal | its bytes | 0, their number in 8 bytes |
//! | copy | the hashes of its blocks, 32 bytes each | 1, its offset and its length in 8 bytes each |
//! | zeros | nothing | 2, their number in 8 bytes |
//!
//! The digest is a BLAKE3 over the basis's length (8 bytes), the length of its blocks (4 bytes) and all
//! that, under a key that follows from that of the blocks. Read from its end there is one way to
//! understand it, so two deltas that agree in it make the same, to whoever knows the key: as
//! surely as two contents are the same that agree in their BLAKE3.

use std::fmt;

use super::shape::Shape;
use crate::checksum::{BlockHash, BlockKey, Digest};

const LITERAL: u8 = 0;
const COPY: u8 = 1;
const ZEROS: u8 = 2;

/// Computes the [`Digest`] of what a delta makes.
#[derive(Clone)]
pub struct DeltaHasher {
    key: BlockKey,
    shape: Shape,
    hasher: blake3::Hasher,
}

impl DeltaHasher {
    /// Starts with no op, on a basis of this shape whose blocks are hashed with `key`.
    pub fn new(key: &BlockKey, shape: Shape) -> Self {
        let of_deltas = blake3::derive_key(
            "ksyncd 2026 key of delta digests, version 1",
            key.as_bytes(),
        );
        let mut hasher = blake3::Hasher::new_keyed(&of_deltas);
        hasher.update(&shape.basis_len().to_le_bytes());
        hasher.update(&shape.block_len().to_le_bytes());
        Self {
            key: key.clone(),
            shape,
            hasher,
        }
    }

    /// How the basis is cut into blocks.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Adds the next op, which is literal data.
    pub fn literal(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.ends(LITERAL, &[bytes.len() as u64]);
    }

    /// Adds the next op, which is so many zero bytes.
    pub fn zeros(&mut self, len: u64) {
        self.ends(ZEROS, &[len]);
    }

    /// Adds the next block of a copy by its hash.
    pub fn block(&mut self, hash: &BlockHash) {
        self.hasher.update(hash.as_bytes());
    }

    /// Adds the next block of a copy by what it holds.
    pub fn block_of(&mut self, content: &[u8]) {
        self.block(&self.key.hash(content));
    }

    /// Ends an op that copies the blocks added last: `len` bytes of the basis from `offset` on.
    pub fn copied(&mut self, offset: u64, len: u64) {
        self.ends(COPY, &[offset, len]);
    }

    fn ends(&mut self, op: u8, numbers: &[u64]) {
        self.hasher.update(&[op]);
        for number in numbers {
            self.hasher.update(&number.to_le_bytes());
        }
    }

    /// Digest of everything added so far.
    pub fn digest(&self) -> Digest {
        Digest::from(*self.hasher.finalize().as_bytes())
    }
}

impl fmt::Debug for DeltaHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeltaHasher")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: &[u8] = &[7; 512];

    fn shape() -> Shape {
        Shape::new(1100, 512).unwrap()
    }

    fn key() -> BlockKey {
        BlockKey::from([1; 32])
    }

    fn digest(add: impl FnOnce(&mut DeltaHasher)) -> Digest {
        let mut hasher = DeltaHasher::new(&key(), shape());
        add(&mut hasher);
        hasher.digest()
    }

    #[test]
    fn the_digest_is_that_of_the_format() {
        let mut hashed = Vec::new();
        hashed.extend_from_slice(&1100u64.to_le_bytes());
        hashed.extend_from_slice(&512u32.to_le_bytes());
        hashed.extend_from_slice(b"literal\0\x07\0\0\0\0\0\0\0");
        let hash = blake3::keyed_hash(&[1; 32], BLOCK);
        hashed.extend_from_slice(hash.as_bytes());
        hashed.extend_from_slice(hash.as_bytes());
        hashed.extend_from_slice(b"\x01\0\x02\0\0\0\0\0\0\x4c\x02\0\0\0\0\0\0");
        hashed.extend_from_slice(b"\x02\x05\0\0\0\0\0\0\0");
        let of_deltas = blake3::derive_key("ksyncd 2026 key of delta digests, version 1", &[1; 32]);
        let expected = *blake3::keyed_hash(&of_deltas, &hashed).as_bytes();
        let digest = digest(|hasher| {
            hasher.literal(b"literal");
            hasher.block(&key().hash(BLOCK));
            hasher.block_of(BLOCK);
            hasher.copied(512, 588);
            hasher.zeros(5);
        });
        assert_eq!(digest, Digest::from(expected));
    }

    #[test]
    fn deltas_that_differ_in_anything_have_other_digests() {
        let other = &[8; 512];
        let copy = |hasher: &mut DeltaHasher, content: &[u8], offset, len| {
            hasher.block_of(content);
            hasher.copied(offset, len);
        };
        let of_shape = |basis_len, block_len| {
            let shape = Shape::new(basis_len, block_len).unwrap();
            DeltaHasher::new(&key(), shape).digest()
        };
        let digests = [
            digest(|_| ()),
            of_shape(1101, 512),
            of_shape(1100, 513),
            DeltaHasher::new(&BlockKey::from([2; 32]), shape()).digest(),
            digest(|hasher| hasher.literal(b"ab")),
            digest(|hasher| hasher.literal(b"ba")),
            digest(|hasher| {
                hasher.literal(b"a");
                hasher.literal(b"b");
            }),
            digest(|hasher| hasher.literal(&[0; 2])),
            digest(|hasher| hasher.zeros(2)),
            digest(|hasher| hasher.zeros(3)),
            digest(|hasher| copy(hasher, BLOCK, 0, 512)),
            digest(|hasher| copy(hasher, other, 0, 512)),
            digest(|hasher| copy(hasher, BLOCK, 512, 512)),
            digest(|hasher| {
                copy(hasher, BLOCK, 0, 512);
                copy(hasher, other, 512, 512);
            }),
            digest(|hasher| {
                copy(hasher, other, 0, 512);
                copy(hasher, BLOCK, 512, 512);
            }),
            digest(|hasher| {
                hasher.literal(key().hash(BLOCK).as_bytes());
                hasher.copied(0, 512);
            }),
        ];
        for (number, one) in digests.iter().enumerate() {
            assert!(!digests[number + 1..].contains(one), "{number}");
        }
    }
}
