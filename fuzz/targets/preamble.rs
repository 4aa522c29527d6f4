//! The scan for an agent's first bytes, in whatever pieces they come.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rsync_core::wire::limits::MAX_NOISE_LEN;
use rsync_core::wire::preamble::{MAGIC, PreambleError, Scanner};

fuzz_target!(|input: (Vec<u8>, u8)| {
    let (bytes, piece_len) = input;
    let whole = scan(&bytes, bytes.len().max(1));
    let pieces = scan(&bytes, usize::from(piece_len).max(1));
    assert_eq!(whole, pieces, "how the bytes are cut makes no difference");

    let first_magic = bytes
        .windows(MAGIC.len())
        .position(|window| window == MAGIC)
        .map(|start| start + MAGIC.len());
    match whole {
        Ok(Some(end)) => assert_eq!(first_magic, Some(end)),
        Ok(None) => {
            assert_eq!(first_magic, None);
            assert!(bytes.len() < MAX_NOISE_LEN + MAGIC.len());
        }
        Err(PreambleError::Noise(quoted) | PreambleError::Ended(quoted)) => {
            assert!(!quoted.contains(char::is_control));
        }
        Err(PreambleError::Terminal) => {}
    }
});

/// The position after the magic.
fn scan(bytes: &[u8], piece_len: usize) -> Result<Option<usize>, PreambleError> {
    let mut scanner = Scanner::default();
    for (number, piece) in bytes.chunks(piece_len).enumerate() {
        if let Some(taken) = scanner.push(piece)? {
            return Ok(Some(number * piece_len + taken));
        }
    }
    assert!(matches!(scanner.end(), PreambleError::Ended(_)));
    Ok(None)
}
