//! Writing to the disk while there is more to come.
//!
//! Some file systems write a file's content to the disk before it takes the place of another one,
//! so that a loss of power can not leave an empty file there (ext4(5), `auto_da_alloc`). Whoever
//! renames a large file waits for all of it. Begun earlier, most of it is there by then. Where a rename
//! waits for nothing (XFS) the run would only share its processors with the writing.
//!
//! In a container there is another reason: pages that wait to be written count as its memory, of
//! which it may have next to none. What was written is let go of, too.

use super::confine::is_memory_scarce;
use super::stage::StagedFile;
use super::system;

/// Bytes of which writing is begun at once.
const STEP: u64 = 4 << 20;

impl StagedFile {
    /// This file is going to replace another: begins early to write it to the disk if that would be
    /// waited for, or if memory is scarce.
    pub fn will_replace(&mut self) {
        if is_memory_scarce() || system::may_write_before_rename(self.fd()) {
            self.write_behind();
        }
    }

    /// Begins early to write to the disk.
    pub(super) fn write_behind(&mut self) {
        self.behind.get_or_insert(0);
    }

    /// Most bytes to write before [`Self::note_written`] is called.
    pub(super) fn write_behind_step(&self) -> u64 {
        self.behind.map_or(u64::MAX, |_| STEP)
    }

    /// Everything up to `end` has been written, as far as it is written at all.
    pub(super) fn note_written(&mut self, end: u64) {
        if let Some(begun) = self.behind
            && end.checked_sub(begun).is_some_and(|len| len >= STEP)
        {
            let from = if is_memory_scarce() {
                // What was begun before is on the disk by now, and is only let go of when asked.
                begun.saturating_sub(2 * STEP)
            } else {
                begun
            };
            system::let_go(self.fd(), from, end - from);
            self.behind = Some(end);
        }
    }
}
