//! Rates and delays as they are written on a command line.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Bits per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate(u64);

impl Rate {
    /// How long `len` bytes take.
    pub fn time(self, len: usize) -> Duration {
        let nanos = len as u128 * 8 * 1_000_000_000 / u128::from(self.0);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// How many bytes pass in `time`.
    pub fn bytes(self, time: Duration) -> usize {
        let bytes = u128::from(self.0) * time.as_nanos() / 8 / 1_000_000_000;
        usize::try_from(bytes).unwrap_or(usize::MAX)
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (digits, unit) = split(text);
        let factor = match unit {
            "kbit" => 1_000,
            "mbit" => 1_000_000,
            "gbit" => 1_000_000_000,
            _ => return Err(format!("{text} is not a rate such as 100mbit or 1gbit")),
        };
        match digits.parse::<u32>() {
            Ok(number @ 1..) => Ok(Self(u64::from(number) * factor)),
            _ => Err(format!("{text} is not a rate such as 100mbit or 1gbit")),
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            bits if bits.is_multiple_of(1_000_000_000) => write!(f, "{}gbit", bits / 1_000_000_000),
            bits if bits.is_multiple_of(1_000_000) => write!(f, "{}mbit", bits / 1_000_000),
            bits => write!(f, "{}kbit", bits / 1_000),
        }
    }
}

/// Understands a delay such as `20ms`.
///
/// # Errors
/// If it is none.
pub fn delay(text: &str) -> Result<Duration, String> {
    match split(text) {
        (digits, "ms") if let Ok(millis) = digits.parse::<u32>() => {
            Ok(Duration::from_millis(u64::from(millis)))
        }
        _ => Err(format!("{text} is not a delay such as 20ms")),
    }
}

fn split(text: &str) -> (&str, &str) {
    let unit = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    text.split_at(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_number_of_bits_in_a_second() {
        let rate: Rate = "100mbit".parse().unwrap();
        assert_eq!(rate.time(12_500_000), Duration::from_secs(1));
        assert_eq!(rate.bytes(Duration::from_millis(40)), 500_000);
        assert_eq!(rate.to_string(), "100mbit");
        assert_eq!("1gbit".parse::<Rate>().unwrap().to_string(), "1gbit");
    }

    #[test]
    fn what_is_no_rate_or_delay_is_refused() {
        for text in ["", "0mbit", "fast", "5", "-1gbit", "99999999999gbit"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
        assert_eq!(delay("20ms"), Ok(Duration::from_millis(20)));
        assert!(delay("20").is_err() && delay("ms").is_err() && delay("2s").is_err());
    }
}
