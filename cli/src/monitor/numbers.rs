//! Numbers as rsync writes them: `1,234,567`, `1.23M`.

/// How large numbers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Numbers {
    /// All digits, in groups of three.
    Grouped,
    /// With K, M, G, T or P, in powers of 1000 (`-h`).
    Decimal,
    /// With K, M, G, T or P, in powers of 1024 (`-hh`).
    Binary,
}

impl Numbers {
    /// What so many `-h` ask for.
    pub(super) fn of_level(level: u8) -> Self {
        match level {
            0 => Self::Grouped,
            1 => Self::Decimal,
            _ => Self::Binary,
        }
    }

    /// Writes a whole number.
    pub(super) fn show(self, number: u64) -> String {
        match self {
            Self::Grouped => grouped(number),
            Self::Decimal => with_unit(number, 1000),
            Self::Binary => with_unit(number, 1024),
        }
    }

    /// Writes a number with two decimals.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "`as` saturates, and NaN becomes 0"
    )]
    pub(super) fn show_fraction(self, number: f64) -> String {
        match self {
            Self::Grouped => {
                let hundredths = (number * 100.0).round() as u64;
                format!("{}.{:02}", grouped(hundredths / 100), hundredths % 100)
            }
            _ => self.show(number as u64),
        }
    }
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[allow(clippy::cast_precision_loss, reason = "three digits are shown")]
fn with_unit(number: u64, step: u64) -> String {
    let mut scaled = number as f64;
    let mut unit = "";
    for next in ["K", "M", "G", "T", "P", "E"] {
        if scaled < step as f64 {
            break;
        }
        scaled /= step as f64;
        unit = next;
    }
    if unit.is_empty() {
        number.to_string()
    } else {
        format!("{scaled:.2}{unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped_by_three() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(Numbers::Grouped.show(number), text);
        }
        assert_eq!(Numbers::Grouped.show_fraction(1234.567), "1,234.57");
        assert_eq!(
            Numbers::Grouped.show_fraction(f64::INFINITY),
            format!("{}.15", grouped(u64::MAX / 100))
        );
        assert_eq!(Numbers::Grouped.show_fraction(f64::NAN), "0.00");
    }

    #[test]
    fn units_count_thousands_or_1024s() {
        assert_eq!(Numbers::Decimal.show(999), "999");
        assert_eq!(Numbers::Decimal.show(1_234_567), "1.23M");
        assert_eq!(Numbers::Binary.show(1_234_567), "1.18M");
        assert_eq!(Numbers::Binary.show(u64::MAX), "16.00E");
    }
}
