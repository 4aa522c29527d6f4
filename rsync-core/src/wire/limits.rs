//! Every limit on what a peer may send, in one place.

/// Most bytes of one frame's payload on the wire.
pub const MAX_FRAME_LEN: usize = 1 << 20;
/// Most bytes of one frame's payload once decompressed.
pub const MAX_UNPACKED_LEN: usize = 1 << 20;
/// Messages are gathered into frames of about this many bytes.
pub const FRAME_TARGET_LEN: usize = 256 << 10;
/// Most entries in one part of a listing.
pub const MAX_LISTING_ENTRIES: usize = 4096;
/// Most bytes of file content in one message.
pub const MAX_CONTENT_LEN: usize = 256 << 10;
/// Files up to this many bytes travel whole in one message.
pub const SMALL_FILE_LEN: u64 = 64 << 10;
/// Most digests in one message.
pub const MAX_DIGESTS: usize = 64 << 10;
/// Most bytes of encoded block sums in one message.
pub const MAX_SIGNATURE_LEN: usize = 256 << 10;
/// Deepest directory, counted in names below the root.
pub const MAX_DEPTH: usize = 1024;
/// Bytes that may be in flight in one direction at the start.
pub const INITIAL_CREDIT: u32 = 1 << 20;
/// Most bytes that may ever be in flight in one direction.
pub const MAX_CREDIT: u32 = 8 << 20;
