//! Sizes as rsync writes them: `1.5M`, `10k`, `2GB`, `1GiB`, `1mb-1` (rsync(1), `--max-size`).
//!
//! `K`, `M`, `G`, `T` and `P`, alone or followed by `iB`, are powers of 1024; followed by `B` they
//! are powers of 1000. Upper and lower case mean the same. A trailing `+1` or `-1` shifts the size
//! by one byte.

/// A size in bytes; a bare number counts bytes.
pub(crate) fn bytes(text: &str) -> Result<u64, BadSize> {
    parse(text, 1)
}

/// A rate in bytes a second; a bare number counts 1024 bytes, as for rsync's `--bwlimit`.
pub(crate) fn kibibytes(text: &str) -> Result<u64, BadSize> {
    parse(text, 1024)
}

/// A block length in bytes.
pub(crate) fn block_len(text: &str) -> Result<u32, BadSize> {
    match u32::try_from(parse(text, 1)?) {
        Ok(len) if len > 0 => Ok(len),
        _ => Err(BadSize::OutOfRange),
    }
}

/// Why a text is not a size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadSize {
    /// It is not of the form above.
    #[error("not a size; write a number with an optional unit, as in 1.5M, 10k or 2GB")]
    Malformed,
    /// It is too large, or zero where that makes no sense.
    #[error("the size is out of range")]
    OutOfRange,
}

fn parse(text: &str, bare: u64) -> Result<u64, BadSize> {
    let (text, shift) = match text.strip_suffix("+1") {
        Some(text) => (text, 1),
        None => text.strip_suffix("-1").map_or((text, 0), |text| (text, -1)),
    };
    let number_len = text
        .bytes()
        .take_while(|byte| byte.is_ascii_digit() || *byte == b'.')
        .count();
    let (number, unit) = text.split_at(number_len);
    let unit = unit_bytes(unit, bare).ok_or(BadSize::Malformed)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return Err(BadSize::Malformed);
    }
    let whole: u64 = if whole.is_empty() {
        0
    } else {
        whole.parse().map_err(|_| BadSize::OutOfRange)?
    };
    whole
        .checked_mul(unit)
        .and_then(|size| size.checked_add(fraction_of(fraction, unit)))
        .and_then(|size| size.checked_add_signed(shift))
        .ok_or(BadSize::OutOfRange)
}

/// How many bytes a unit is; nothing if it is none.
fn unit_bytes(unit: &str, bare: u64) -> Option<u64> {
    let unit = unit.to_ascii_lowercase();
    let mut letters = unit.chars();
    let power = match letters.next() {
        None => return Some(bare),
        Some('b') => 0,
        Some('k') => 1,
        Some('m') => 2,
        Some('g') => 3,
        Some('t') => 4,
        Some('p') => 5,
        Some(_) => return None,
    };
    match letters.as_str() {
        "" | "ib" => Some(1024u64.pow(power)),
        "b" if power > 0 => Some(1000u64.pow(power)),
        _ => None,
    }
}

/// The decimals `digits` of `unit`, rounded down.
fn fraction_of(digits: &str, unit: u64) -> u64 {
    let mut numerator = 0u128;
    let mut denominator = 1u128;
    for digit in digits.bytes().take(15) {
        numerator = numerator * 10 + u128::from(digit - b'0');
        denominator *= 10;
    }
    u64::try_from(numerator * u128::from(unit) / denominator).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn units_are_those_of_rsync() {
        for (text, size) in [
            ("0", 0),
            ("500", 500),
            ("12b", 12),
            ("10k", 10 << 10),
            ("10KiB", 10 << 10),
            ("10KB", 10_000),
            ("1.5M", 3 << 19),
            ("1.5mb-1", 1_499_999),
            ("2g+1", (2 << 30) + 1),
            (".5k", 512),
            ("1.", 1),
            ("1P", 1 << 50),
        ] {
            assert_eq!(bytes(text), Ok(size), "{text}");
        }
    }

    #[test]
    fn a_bare_rate_counts_kibibytes() {
        assert_eq!(kibibytes("100"), Ok(102_400));
        assert_eq!(kibibytes("1.5"), Ok(1536));
        assert_eq!(kibibytes("100b"), Ok(100));
    }

    #[test]
    fn what_is_not_a_size_is_refused() {
        for text in [
            "",
            ".",
            "k",
            "1.2.3",
            "-1",
            "1x",
            "10 k",
            "1KBB",
            "99999999999999999999",
            "9999999P",
            "0-1",
            "12bb",
        ] {
            assert!(bytes(text).is_err(), "{text}");
        }
        assert!(block_len("0").is_err());
        assert!(block_len("5G").is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC*") {
            let _ = bytes(&text);
        }

        #[test]
        fn a_bare_number_is_itself(size: u64) {
            prop_assert_eq!(bytes(&size.to_string()), Ok(size));
        }
    }
}
