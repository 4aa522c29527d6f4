//! The text of `--chmod`, and rules as a client may send them.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rsync_core::options::ChmodRule;
use rsync_core::options::chmod::{apply, parse};

const MODE_BITS: u32 = 0o7777;

fuzz_target!(|input: (&str, u32, u32, bool, Vec<u8>)| {
    let (text, umask, mode, is_dir, sent) = input;
    if let Ok(rules) = parse(text, umask) {
        assert_eq!(rules.len(), text.split(',').count());
        let changed = checked(&rules, mode, is_dir);
        // Clauses mean the same alone as in company.
        let mut alone = Vec::new();
        for clause in text.split(',') {
            alone.extend(parse(clause, umask).expect("a clause that was understood before"));
        }
        assert_eq!(alone, rules);
        let bare = text.strip_prefix(['D', 'F']).unwrap_or(text);
        if let Ok(octal) = u32::from_str_radix(bare, 8) {
            let applies = bare == text || text.starts_with('D') == is_dir;
            let expected = if applies { octal } else { mode & MODE_BITS };
            assert_eq!(changed & MODE_BITS, expected);
        }
    }
    if let Ok((rules, _)) = postcard::take_from_bytes::<Vec<ChmodRule>>(&sent) {
        checked(&rules, mode, is_dir);
    }
});

/// No rule reaches beyond the permission bits.
fn checked(rules: &[ChmodRule], mode: u32, is_dir: bool) -> u32 {
    let changed = apply(rules, mode, is_dir);
    assert_eq!(changed & !MODE_BITS, mode & !MODE_BITS);
    changed
}
