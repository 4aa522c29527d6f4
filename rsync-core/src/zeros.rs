//! Zeros by the page, to compare with and to write: one copy of them, as the agent is to be small.

/// Bytes of a page, which is what file systems allocate at least.
pub(crate) const PAGE_LEN: usize = 4096;
/// A page of zeros.
pub(crate) static PAGE: [u8; PAGE_LEN] = [0; PAGE_LEN];
