//! A mean with how far off it may be, from as many plays as there were seeds.

use serde::Serialize;
use statrs::distribution::{ContinuousCDF, StudentsT};

/// How sure an interval is.
pub(super) const CONFIDENCE: f64 = 0.95;

/// A mean, and the interval that holds the true one in 95 of 100 such simulations.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// Half of the interval's width, on either side of the mean; none from a single play.
    pub margin: Option<f64>,
}

impl Estimate {
    /// By Student's t distribution.
    pub(super) fn of(values: &[f64]) -> Self {
        let count = u32::try_from(values.len()).map_or(f64::INFINITY, f64::from);
        let mean = values.iter().sum::<f64>() / count.max(1.0);
        let squares = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
        let margin = StudentsT::new(0.0, 1.0, count - 1.0).ok().map(|students_t| {
            let quantile = students_t.inverse_cdf(f64::midpoint(1.0, CONFIDENCE));
            quantile * (squares / (count - 1.0) / count).sqrt()
        });
        Self { mean, margin }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_those_of_the_tables() {
        // t(0.975) is 2.776 for 4 degrees of freedom; the deviation of 1 to 5 is sqrt(2.5).
        let estimate = Estimate::of(&[1.0, 2.0, 3.0, 4.0, 5.0]);
        assert!((estimate.mean - 3.0).abs() < 1e-12);
        let margin = estimate.margin.unwrap();
        assert!((margin - 2.776_445 * (2.5_f64 / 5.0).sqrt()).abs() < 1e-3, "{margin}");
    }

    #[test]
    fn one_play_tells_nothing_of_its_distance_and_equal_ones_have_none() {
        assert_eq!(Estimate::of(&[7.0]), Estimate { mean: 7.0, margin: None });
        assert_eq!(Estimate::of(&[7.0, 7.0]), Estimate { mean: 7.0, margin: Some(0.0) });
    }
}
