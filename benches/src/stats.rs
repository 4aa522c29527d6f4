//! Medians and spread of a few measurements.

use serde::{Deserialize, Serialize};

/// What several measurements of one thing come to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The middle one, or the mean of the two in the middle.
    pub median: f64,
    /// The smallest.
    pub least: f64,
    /// The largest.
    pub most: f64,
}

impl Summary {
    /// Sums up; none without measurements.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values
            .into_iter()
            .filter(|value| value.is_finite())
            .collect();
        values.sort_by(f64::total_cmp);
        let (least, most) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let median = match values.len() % 2 {
            0 => f64::midpoint(values[middle - 1], values[middle]),
            _ => values[middle],
        };
        Some(Self {
            median,
            least,
            most,
        })
    }

    /// How far the smallest and the largest are apart, as a part of the median.
    pub fn spread(&self) -> f64 {
        if self.median == 0.0 {
            return 0.0;
        }
        (self.most - self.least) / self.median
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle_whatever_the_order() {
        let summary = Summary::of([5.0, 1.0, 100.0]).unwrap();
        assert_eq!(
            (summary.median, summary.least, summary.most),
            (5.0, 1.0, 100.0)
        );
        assert_eq!(Summary::of([4.0, 1.0, 2.0, 100.0]).unwrap().median, 3.0);
    }

    #[test]
    fn nothing_has_no_median() {
        assert_eq!(Summary::of([]), None);
        assert_eq!(Summary::of([f64::NAN]), None);
    }

    #[test]
    fn spread_is_a_part_of_the_median() {
        assert_eq!(Summary::of([8.0, 10.0, 12.0]).unwrap().spread(), 0.4);
        assert_eq!(Summary::of([0.0, 0.0]).unwrap().spread(), 0.0);
    }
}
