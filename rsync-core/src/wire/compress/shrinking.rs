//! Whether data shrinks: found out by samples, ever more rarely where it does not.

/// So much that does not shrink is no reason to expect more of it: a tree of mixed files differs in a
/// little of each.
const NO_BACK_OFF: u64 = 1 << 20;
/// What has come beyond that, divided by this, travels raw before the next probe.
const BACK_OFF_PART: u64 = 4;
/// Most bytes that travel raw between two probes.
const MAX_BACK_OFF: u64 = 16 << 20;

/// True if `packed` bytes instead of `raw` are worth the work.
pub fn shrinks(raw: usize, packed: usize) -> bool {
    packed < raw - raw / 10
}

/// What to do with the next frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Send it raw.
    Raw,
    /// Pack a sample of it; report with [`Policy::probed`](super::policy::Policy::probed) and pack
    /// it all if that shrank.
    Probe,
    /// Pack it.
    Pack,
}

/// What is known of the data.
#[derive(Debug, Default)]
pub(super) struct Shrinking {
    shrinks: bool,
    /// Length of the batch that was decided on.
    len: u64,
    /// Bytes of the last batches, since one shrank.
    unshrunk: u64,
    /// Bytes that travel raw before the next probe.
    raw_left: u64,
}

impl Shrinking {
    /// What to do with a batch of `len` bytes for which packing is worth it if it shrinks.
    pub(super) fn decide(&mut self, len: usize) -> Decision {
        self.len = len as u64;
        if self.raw_left > 0 {
            self.raw_left = self.raw_left.saturating_sub(self.len);
            self.unshrunk = self.unshrunk.saturating_add(self.len);
            return Decision::Raw;
        }
        if self.shrinks {
            Decision::Pack
        } else {
            Decision::Probe
        }
    }

    /// What was decided on has shrunk, or has not.
    pub(super) fn probed(&mut self, shrank: bool) {
        self.shrinks = shrank;
        if shrank {
            self.unshrunk = 0;
        } else {
            self.unshrunk = self.unshrunk.saturating_add(self.len);
            let beyond = self.unshrunk.saturating_sub(NO_BACK_OFF);
            self.raw_left = (beyond / BACK_OFF_PART).min(MAX_BACK_OFF);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: usize = 256 << 10;

    #[test]
    fn data_that_does_not_shrink_is_probed_ever_more_rarely() {
        let mut data = Shrinking::default();
        let mut probes = 0;
        for _ in 0..1000 {
            if data.decide(FRAME) == Decision::Probe {
                probes += 1;
                data.probed(false);
            }
        }
        assert!((5..=40).contains(&probes), "{probes} probes");
        while data.decide(FRAME) != Decision::Probe {}
        data.probed(true);
        assert_eq!(data.decide(FRAME), Decision::Pack);
    }
}
