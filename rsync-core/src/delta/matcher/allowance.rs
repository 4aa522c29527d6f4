//! What a search may spend in vain: the bound on the work that colliding sums cause.
//!
//! The unit is the time that the strong sum takes for a byte of a long block; rolling over a byte
//! takes about six of them.

use super::index::MAX_STEPS;
use crate::delta::shape::Shape;

/// Granted for every byte that is passed.
const GRANT: u64 = 4;
/// A long basis has more chance collisions of its 32-bit sums, in proportion to its length: so
/// much more is granted for each 2^32 bytes of it, up to a bound.
const GRANT_PER_4_GIB: u64 = 4;
const MAX_GRANT: u64 = 32;
/// Granted at the start, in blocks.
const BLOCKS_AT_START: u64 = 4;
/// The strong sum costs so much a byte, as BLAKE3 is slower for short blocks.
const STRONG_COST: u64 = 4;
/// A look-up and each comparison, with the mispredicted branch and the cache misses.
const LOOKUP_COST: u64 = 64;
const CANDIDATE_COST: u64 = 8;

/// Grows with the bytes passed, shrinks with what is spent in vain.
pub(super) struct Allowance {
    left: u64,
    grant: u64,
    strong_cost: u64,
}

impl Allowance {
    pub(super) fn new(shape: Shape) -> Self {
        let strong_cost = STRONG_COST * u64::from(shape.block_len());
        Self {
            left: BLOCKS_AT_START * strong_cost,
            grant: (GRANT + (shape.basis_len() >> 32) * GRANT_PER_4_GIB).min(MAX_GRANT),
            strong_cost,
        }
    }

    /// `passed` bytes of the source are done with.
    pub(super) fn grant(&mut self, passed: usize) {
        self.left = self.left.saturating_add(passed as u64 * self.grant);
    }

    /// The bytes to pass before a look-up can be afforded, with all that may follow from it.
    pub(super) fn bytes_until_affordable(&self) -> usize {
        let most = LOOKUP_COST + CANDIDATE_COST * MAX_STEPS as u64 + self.strong_cost;
        // Less than 2^24.
        most.saturating_sub(self.left).div_ceil(self.grant) as usize
    }

    /// A look-up, whatever comes of it.
    pub(super) fn spend_lookup(&mut self) {
        self.spend(LOOKUP_COST);
    }

    /// A strong sum that agreed with none of `compared` sums.
    pub(super) fn spend_mismatch(&mut self, compared: u64) {
        self.spend(compared * CANDIDATE_COST + self.strong_cost);
    }

    fn spend(&mut self, cost: u64) {
        self.left = self.left.saturating_sub(cost);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x5_mismatches_are_bounded_by_the_bytes_passed() {
        const PASSED: usize = 10 << 20;
        let mut allowance = Allowance::new(Shape::new(1 << 30, 4096).unwrap());
        let (mut passed, mut mismatches) = (0, 0);
        while passed < PASSED {
            let wait = allowance.bytes_until_affordable().max(1);
            allowance.grant(wait);
            passed += wait;
            allowance.spend_lookup();
            allowance.spend_mismatch(1);
            mismatches += 1;
        }
        assert!(mismatches * 4096 <= PASSED + 4 * 4096, "{mismatches}");
    }
}
