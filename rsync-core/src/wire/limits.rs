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
/// Most bytes of small files in one message.
pub const MAX_BUNDLE_LEN: usize = 128 << 10;
/// Most small files in one message.
pub const MAX_BUNDLED_FILES: usize = 1024;
/// Most digests in one message.
pub const MAX_DIGESTS: usize = 64 << 10;
/// Most bytes of encoded block sums in one message.
pub const MAX_SIGNATURE_LEN: usize = 256 << 10;
/// Deepest directory, counted in names below the root.
pub const MAX_DEPTH: usize = 1024;
/// Fewest bytes that may be in flight in one direction at the start.
pub const MIN_CREDIT: u32 = 1 << 20;
/// Bytes that this build lets be in flight at the start: so many more than the largest frame takes
/// that not each small one has to be paid back.
pub const INITIAL_CREDIT: u32 = 2 << 20;
/// Most bytes that may ever be in flight in one direction.
pub const MAX_CREDIT: u32 = 8 << 20;
/// Most bytes of a hello, however many versions from now.
pub const MAX_HELLO_LEN: usize = 4 << 10;
/// Most bytes of noise (a shell's greeting) before an agent's first byte.
pub const MAX_NOISE_LEN: usize = 64 << 10;
/// Least bytes that a frame of messages counts as against a credit, so that tiny frames are
/// bounded in number too.
pub const MIN_FRAME_COST: u32 = 256;
/// Most directories listed in one pass.
pub const MAX_DIRECTORIES: u32 = 1 << 26;
/// Most files of one pass whose content has begun and not ended.
pub const MAX_OPEN_FILES: usize = 4096;
/// Most files of one pass whose block sums are announced and not complete.
pub const MAX_OPEN_SIGNATURES: usize = 64 << 10;
/// Most bytes of the encoded sums of one block.
pub const BLOCK_SUM_LEN: u64 = 12;
/// Most users, and most groups, that are named in one pass.
pub const MAX_OWNERS: usize = 64 << 10;
/// Most directories of which only a part is listed, at any time.
pub const MAX_OPEN_LISTINGS: usize = 64;
