//! Numbers as people read them.

/// Seconds with three digits that count.
pub(super) fn seconds(seconds: f64) -> String {
    match seconds {
        s if s >= 100.0 => format!("{s:.0} s"),
        s if s >= 10.0 => format!("{s:.1} s"),
        s if s >= 1.0 => format!("{s:.2} s"),
        s => format!("{s:.3} s"),
    }
}

/// Bytes in units of 1000.
pub(super) fn bytes(bytes: f64) -> String {
    match bytes {
        b if b >= 9_999_500.0 => format!("{:.0} MB", b / 1e6),
        b if b >= 999_500.0 => format!("{:.2} MB", b / 1e6),
        b if b >= 1e3 => format!("{:.1} kB", b / 1e3),
        b => format!("{b:.0} B"),
    }
}

/// Memory in MiB.
pub(super) fn memory(bytes: f64) -> String {
    format!("{:.0} MiB", bytes / f64::from(1 << 20))
}

/// A part of something else.
pub(super) fn ratio(ratio: f64) -> String {
    match ratio {
        r if r >= 9.95 => format!("{r:.0}"),
        r if r >= 0.0995 => format!("{r:.2}"),
        r if r >= 0.000_05 => format!("{r:.4}"),
        _ => "0".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_digits_that_count() {
        assert_eq!(
            [seconds(0.0123), seconds(1.234), seconds(456.7)],
            ["0.012 s", "1.23 s", "457 s"]
        );
        assert_eq!(
            [bytes(12.0), bytes(1234.0), bytes(2.5e6), bytes(1.07e9)],
            ["12 B", "1.2 kB", "2.50 MB", "1070 MB"]
        );
        assert_eq!(memory(f64::from(8 << 20)), "8 MiB");
        assert_eq!(
            [ratio(12.3), ratio(0.456), ratio(0.0123), ratio(0.0)],
            ["12", "0.46", "0.0123", "0"]
        );
    }
}
