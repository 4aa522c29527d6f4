//! Random numbers that are the same everywhere and for ever, for the same seed.

/// A generator: SplitMix64 (Steele, Lea and Flood, *Fast splittable pseudorandom number
/// generators*, OOPSLA 2014).
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// A generator of its own for `purpose`, so that one more number drawn for one thing does not
    /// change all others.
    pub fn new(seed: u64, purpose: &str) -> Self {
        let digest = blake3::Hasher::new()
            .update(&seed.to_le_bytes())
            .update(purpose.as_bytes())
            .finalize();
        let mut state = [0; 8];
        state.copy_from_slice(&digest.as_bytes()[..8]);
        Self(u64::from_le_bytes(state))
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// A number below `end`, which is more than 0.
    pub fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.number()) * u128::from(end)) >> 64) as u64
    }

    /// An index into something of `len` elements, which is more than 0.
    pub fn index(&mut self, len: usize) -> usize {
        self.below(len as u64) as usize
    }

    /// A number of `start..end` whose logarithm is uniform: as many small ones as large ones.
    pub fn log_uniform(&mut self, start: u64, end: u64) -> u64 {
        let part = self.below(1 << 32) as f64 / (1u64 << 32) as f64;
        let ratio = end as f64 / start as f64;
        ((start as f64 * ratio.powf(part)) as u64).clamp(start, end - 1)
    }

    /// `count` different numbers below `end`, in ascending order.
    ///
    /// # Panics
    /// If there are not as many.
    pub fn choose(&mut self, count: usize, end: usize) -> Vec<usize> {
        assert!(count <= end, "{count} different numbers below {end}");
        let mut chosen = std::collections::BTreeSet::new();
        while chosen.len() < count {
            chosen.insert(self.index(end));
        }
        chosen.into_iter().collect()
    }

    /// Fills `bytes` with what has no structure.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        for piece in bytes.chunks_mut(8) {
            let word = self.number().to_le_bytes();
            piece.copy_from_slice(&word[..piece.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_and_purpose_give_the_same_numbers() {
        let draw = |seed, purpose| {
            let mut random = Random::new(seed, purpose);
            [random.number(), random.number(), random.number()]
        };
        assert_eq!(draw(1, "a"), draw(1, "a"));
        assert_ne!(draw(1, "a"), draw(2, "a"));
        assert_ne!(draw(1, "a"), draw(1, "b"));
    }

    #[test]
    fn log_uniform_stays_inside_and_halves_at_the_geometric_mean() {
        let mut random = Random::new(7, "test");
        let drawn: Vec<u64> = (0..10_000)
            .map(|_| random.log_uniform(1 << 10, 20 << 10))
            .collect();
        assert!(drawn.iter().all(|len| (1 << 10..20 << 10).contains(len)));
        let below = drawn.iter().filter(|&&len| len < 4580).count();
        assert!((4700..5300).contains(&below), "{below}");
    }

    #[test]
    fn chosen_numbers_are_different_and_ascend() {
        let chosen = Random::new(3, "test").choose(50, 60);
        assert_eq!(chosen.len(), 50);
        assert!(chosen.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(chosen.iter().all(|&number| number < 60));
    }
}
