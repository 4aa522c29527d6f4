//! What a run lets a walk know while that is under way.

use std::sync::atomic::{AtomicBool, Ordering};

/// What is said to a walk that is under way.
#[derive(Debug, Default)]
pub(crate) struct Word {
    stop: AtomicBool,
    hurry: AtomicBool,
    alone: AtomicBool,
}

impl Word {
    /// The other end is still on its way, so that its share of the processors is free.
    pub(crate) fn alone() -> Self {
        Self {
            alone: AtomicBool::new(true),
            ..Self::default()
        }
    }

    /// The other end is there.
    pub(crate) fn joined(&self) {
        self.alone.store(false, Ordering::Relaxed);
    }

    /// True until then.
    pub(super) fn is_alone(&self) -> bool {
        self.alone.load(Ordering::Relaxed)
    }

    /// What comes of the walk matters to nobody any more. It is for the visitor to end it.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// True once it was told to stop.
    pub(crate) fn is_to_stop(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// All others wait for the walk, so their processors are free for it.
    pub(crate) fn hurry(&self) {
        self.hurry.store(true, Ordering::Relaxed);
    }

    /// True once after it was told to hurry.
    pub(super) fn is_to_hurry(&self) -> bool {
        self.hurry.load(Ordering::Relaxed) && self.hurry.swap(false, Ordering::Relaxed)
    }
}
