//! Access control lists as the kernel stores them, and how they go together with a mode.
//!
//! The value of `system.posix_acl_access` is a version (2, 32 bits) and entries of tag (16 bits),
//! permissions (16 bits) and user or group (32 bits), all little-endian
//! (`include/uapi/linux/posix_acl_xattr.h`). Three entries say the same as the permission bits
//! of the file: chmod changes them, and writing the list changes the mode (acl(5)).

/// Name of the list that governs access.
pub(super) const ACCESS: &[u8] = b"system.posix_acl_access";

const HEADER: [u8; 4] = 2u32.to_le_bytes();
const ENTRY_LEN: usize = 8;
const USER_OBJ: u16 = 0x01;
const GROUP_OBJ: u16 = 0x04;
const MASK: u16 = 0x10;
const OTHER: u16 = 0x20;

/// The access control list that `list` becomes when its file's mode is changed to `mode`.
///
/// A list and a mode that disagree never settle: each undoes the other. Whoever changes the mode
/// of an entry that carries a list must change the list with this. Bytes that are not a list are
/// returned as they are.
pub fn acl_under_mode(list: &[u8], mode: u32) -> Vec<u8> {
    let mut changed = list.to_vec();
    let Some(entries) = changed.strip_prefix_mut(&HEADER) else {
        return changed;
    };
    let has_mask = entries
        .chunks_exact(ENTRY_LEN)
        .any(|entry| tag(entry) == MASK);
    for entry in entries.chunks_exact_mut(ENTRY_LEN) {
        let shift = match tag(entry) {
            USER_OBJ => 6,
            MASK => 3,
            GROUP_OBJ if !has_mask => 3,
            OTHER => 0,
            _ => continue,
        };
        let permissions = ((mode >> shift) & 0o7) as u16;
        entry[2..4].copy_from_slice(&permissions.to_le_bytes());
    }
    changed
}

fn tag(entry: &[u8]) -> u16 {
    u16::from_le_bytes([entry[0], entry[1]])
}

trait StripPrefixMut {
    fn strip_prefix_mut(&mut self, prefix: &[u8]) -> Option<&mut [u8]>;
}

impl StripPrefixMut for Vec<u8> {
    fn strip_prefix_mut(&mut self, prefix: &[u8]) -> Option<&mut [u8]> {
        if self.starts_with(prefix) {
            self.get_mut(prefix.len()..)
        } else {
            None
        }
    }
}
