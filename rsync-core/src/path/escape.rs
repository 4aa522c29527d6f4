//! Names for people: nothing in them steers a terminal.

/// Makes bytes from a peer or a file system fit for a terminal or a log line.
///
/// Text stays as it is; control characters, the Unicode marks that reorder or hide text, a
/// backslash and bytes that are not UTF-8 become `\#ooo` with three octal digits, which is how
/// rsync escapes names (rsync(1), `--8-bit-output`). No two byte strings look the same.
pub fn escape(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if is_unprintable(character) || character == '\\' {
                let mut buffer = [0; 4];
                escape_bytes(character.encode_utf8(&mut buffer).as_bytes(), &mut out);
            } else {
                out.push(character);
            }
        }
        escape_bytes(chunk.invalid(), &mut out);
    }
    out
}

/// As [`escape`], for a sentence that may hold escaped names already: a backslash stays one.
pub fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if is_unprintable(character) {
            let mut buffer = [0; 4];
            escape_bytes(character.encode_utf8(&mut buffer).as_bytes(), &mut out);
        } else {
            out.push(character);
        }
    }
    out
}

fn escape_bytes(bytes: &[u8], out: &mut String) {
    for byte in bytes {
        out.push_str(&format!("\\#{byte:03o}"));
    }
}

/// Control characters, line and paragraph separators, bidirectional controls, zero-width marks.
fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{061c}')
}
