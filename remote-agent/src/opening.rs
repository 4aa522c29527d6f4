//! What the client says first may be there before the client is: in the environment, where the
//! script that delivers the agent puts it, as hexadecimal digits. Then comes what the input brings.

use std::ffi::OsStr;

use crate::BadInvocation;

/// The environment variable that holds it.
pub(crate) const VARIABLE: &str = "KSYNCD_OPENING";

/// The bytes that `digits` stand for; none if there are no digits.
pub(crate) fn heard(digits: Option<&OsStr>) -> Result<Vec<u8>, BadInvocation> {
    let digits = digits.map_or(&[][..], OsStr::as_encoded_bytes);
    let (pairs, []) = digits.as_chunks() else {
        return Err(BadInvocation);
    };
    let byte = |&[high, low]: &[u8; 2]| Some(digit(high)? << 4 | digit(low)?);
    let bytes: Option<Vec<u8>> = pairs.iter().map(byte).collect();
    bytes.ok_or(BadInvocation)
}

fn digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(digits: &str) -> Result<Vec<u8>, BadInvocation> {
        heard(Some(digits.as_ref()))
    }

    #[test]
    fn two_digits_are_a_byte_and_no_digits_are_silence() {
        assert_eq!(of("00ff1aa9"), Ok(vec![0x00, 0xff, 0x1a, 0xa9]));
        assert_eq!(of(""), Ok(Vec::new()));
        assert_eq!(heard(None), Ok(Vec::new()));
    }

    #[test]
    fn anything_else_is_refused() {
        for nonsense in ["0", "0g", "FF", " 00", "-1", "0x00"] {
            assert_eq!(of(nonsense), Err(BadInvocation), "{nonsense}");
        }
    }
}
