//! Finds blocks by their weak sum.
//!
//! A bit filter answers nearly all questions with "no" (Bloom, 1970, with one bit a key); a hash
//! table with open addressing answers the rest. The sums come from the peer: whatever they are, a
//! look-up takes a bounded number of steps. Sums that would exceed the bound are left out, which
//! costs reuse, never time.

use crate::checksum::{Rolling, Strong};
use crate::delta::signature::Table;

/// Most slots that a look-up visits.
pub(super) const MAX_STEPS: usize = 32;
/// With so many slots, honest sums practically never need [`MAX_STEPS`].
const SLOTS_PER_BLOCK: usize = 3;
/// Slots of an index whose memory is kept, at most: half a megabyte of them.
const MOST_KEPT: usize = 1 << 17;

/// An index over all blocks of full length of a complete table. Its memory serves one basis after the
/// other.
#[derive(Default)]
pub(super) struct Index {
    filter: Filter,
    /// Block number plus 1; 0 in empty slots. The length is a power of two.
    slots: Vec<u32>,
    shift: u32,
}

impl Index {
    /// Indexes the first `blocks` sums of `table`, and nothing else. Of equal sums the first is kept.
    pub(super) fn fill(&mut self, table: &Table, blocks: u64) {
        let sums = table.sums();
        let sums = &sums[..sums
            .len()
            .min(usize::try_from(blocks).unwrap_or(usize::MAX))];
        let slots = (sums.len() * SLOTS_PER_BLOCK).next_power_of_two().max(2);
        self.filter.clear(sums.len());
        clear(&mut self.slots, slots);
        self.shift = u32::BITS - slots.trailing_zeros();
        // Shapes have at most 2^22 blocks.
        for (sum, number) in sums.iter().zip(1u32..) {
            if let Some(slot) = self.place(table, sum.weak, &sum.strong) {
                self.slots[slot] = number;
                self.filter.insert(sum.weak);
            }
        }
    }

    /// True if it may be kept for the next basis.
    pub(super) fn is_small(&self) -> bool {
        self.slots.len() <= MOST_KEPT
    }

    /// The slot that a new sum belongs into; nothing if it is there already or if the way to a
    /// free slot is too long.
    fn place(&self, table: &Table, weak: u32, strong: &Strong) -> Option<usize> {
        for slot in self.way(weak) {
            let Some(block) = self.slots[slot].checked_sub(1) else {
                return Some(slot);
            };
            if table
                .get(u64::from(block))
                .is_some_and(|s| s.weak == weak && s.strong == *strong)
            {
                return None;
            }
        }
        None
    }

    /// The filter alone, for the innermost loop.
    pub(super) fn filter(&self) -> &Filter {
        &self.filter
    }

    /// The blocks whose weak sum is `weak`; at most [`MAX_STEPS`].
    pub(super) fn candidates<'a>(
        &'a self,
        table: &'a Table,
        weak: u32,
    ) -> impl Iterator<Item = (u64, Strong)> + 'a {
        self.way(weak)
            .map_while(|slot| self.slots[slot].checked_sub(1))
            .filter_map(move |block| {
                let block = u64::from(block);
                table
                    .get(block)
                    .filter(|sum| sum.weak == weak)
                    .map(|sum| (block, sum.strong))
            })
    }

    /// The slots that are visited in search of `weak`, in order.
    fn way(&self, weak: u32) -> impl Iterator<Item = usize> + use<> {
        let mask = self.slots.len() - 1;
        let first = (weak.wrapping_mul(0x9e37_79b1) >> self.shift) as usize;
        (first..first + MAX_STEPS).map(move |slot| slot & mask)
    }
}

/// Words of a filter for few blocks (32 KiB, a first-level cache) and of one for many (512 KiB, a
/// second-level cache). As constants they spare the innermost loop a third of its time.
const FEW_WORDS: usize = 1 << 12;
const MANY_WORDS: usize = 1 << 16;
/// A false alarm costs as much as rolling over a dozen bytes: they should be rarer than 1 %.
const BITS_PER_BLOCK: usize = 128;

/// Makes `all` as many zeros as there are to be.
fn clear<T: Default + Clone>(all: &mut Vec<T>, len: usize) {
    all.clear();
    all.resize(len, T::default());
}

/// Says quickly, and with few false alarms, whether a weak sum may be in the index.
#[derive(Default)]
pub(super) struct Filter {
    /// [`FEW_WORDS`] or [`MANY_WORDS`] of them.
    words: Vec<u64>,
}

impl Filter {
    /// Holds nothing, and has room for so many blocks.
    fn clear(&mut self, blocks: usize) {
        let few = blocks * BITS_PER_BLOCK <= FEW_WORDS * 64;
        clear(&mut self.words, if few { FEW_WORDS } else { MANY_WORDS });
    }

    fn insert(&mut self, weak: u32) {
        let word = word_of(weak, self.words.len());
        self.words[word] |= 1 << (weak & 63);
    }

    /// False only for sums that are not in the index.
    pub(super) fn may_hold(&self, weak: u32) -> bool {
        may_hold(&self.words, weak)
    }

    /// Rolls over `bytes`, starting with the first `block_len` of them in the window, until the
    /// window's sum may be in the index or the bytes end. The filter is not asked for the first
    /// `blind` moves. Returns by how many bytes the window moved.
    pub(super) fn roll_to_alarm(
        &self,
        bytes: &[u8],
        block_len: usize,
        blind: usize,
        rolling: &mut Rolling,
    ) -> usize {
        let (leaving, entering) = (bytes, &bytes[block_len..]);
        for (&leaving, &entering) in leaving.iter().zip(&entering[..blind]) {
            rolling.roll(leaving, entering);
        }
        let (leaving, entering) = (&leaving[blind..], &entering[blind..]);
        let moved = if let Some(words) = self.words.first_chunk::<MANY_WORDS>() {
            roll_to_alarm(words, leaving, entering, rolling)
        } else if let Some(words) = self.words.first_chunk::<FEW_WORDS>() {
            roll_to_alarm(words, leaving, entering, rolling)
        } else {
            entering.len()
        };
        blind + moved
    }
}

#[inline(always)]
fn may_hold(words: &[u64], weak: u32) -> bool {
    words[word_of(weak, words.len())] >> (weak & 63) & 1 == 1
}

/// The word for `weak` among `words`, a power of two.
#[inline(always)]
fn word_of(weak: u32, words: usize) -> usize {
    (weak >> (u32::BITS - words.trailing_zeros())) as usize
}

fn roll_to_alarm<const WORDS: usize>(
    words: &[u64; WORDS],
    leaving: &[u8],
    entering: &[u8],
    rolling: &mut Rolling,
) -> usize {
    // A local one stays in registers.
    let mut local = *rolling;
    for (moved, (&leaving, &entering)) in (1..).zip(leaving.iter().zip(entering)) {
        local.roll(leaving, entering);
        if may_hold(words, local.value()) {
            *rolling = local;
            return moved;
        }
    }
    *rolling = local;
    entering.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delta::{BlockSum, Shape};

    fn table(sums: impl IntoIterator<Item = (u32, u64)>) -> Table {
        let mut table = Table::new(Shape::new(512 << 20, 512).unwrap());
        for (weak, strong) in sums {
            let sum = BlockSum {
                weak,
                strong: strong.to_le_bytes(),
            };
            let mut encoded = Vec::new();
            sum.encode(&table.shape(), &mut encoded);
            table.extend(&encoded).unwrap();
        }
        table
    }

    fn index(table: &Table) -> Index {
        let mut index = Index::default();
        index.fill(table, table.len());
        index
    }

    #[test]
    fn every_block_is_found_by_its_sum() {
        let sums: Vec<_> = (0..20_000u32)
            .map(|i| (i.wrapping_mul(0x85eb_ca6b), u64::from(i)))
            .collect();
        let table = table(sums.iter().copied());
        let index = index(&table);
        for (block, &(weak, strong)) in sums.iter().enumerate() {
            assert!(index.filter().may_hold(weak));
            let found: Vec<_> = index.candidates(&table, weak).collect();
            assert_eq!(found, [(block as u64, strong.to_le_bytes())]);
        }
    }

    #[test]
    fn the_filter_rarely_raises_a_false_alarm() {
        let table = table((0..20_000u32).map(|i| (i.wrapping_mul(0x85eb_ca6b), 0)));
        let index = index(&table);
        let others = (20_000..120_000u32).map(|i| i.wrapping_mul(0x85eb_ca6b));
        let alarms = others.filter(|&weak| index.filter().may_hold(weak)).count();
        assert!(alarms < 1000, "{alarms} of 100000");
    }

    #[test]
    fn of_equal_blocks_the_first_is_found() {
        let table = table([(1, 1), (5, 5), (5, 5), (5, 6), (5, 5)]);
        let index = index(&table);
        let found: Vec<_> = index
            .candidates(&table, 5)
            .map(|(block, _)| block)
            .collect();
        assert_eq!(found, [1, 3]);
    }

    #[test]
    fn x5_a_look_up_among_colliding_sums_takes_bounded_steps() {
        let table = table((0..50_000).map(|i| (77, i)));
        let index = index(&table);
        assert!(index.candidates(&table, 77).count() <= MAX_STEPS);
    }
}
