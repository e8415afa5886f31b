//! [`Samples`]: many measurements of one thing, told by their median and 99th percentile.

use std::time::Duration;

use anyhow::Result;

/// Measured times, in no order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Samples(Vec<Duration>);

impl Samples {
    /// Adds one.
    pub(crate) fn push(&mut self, time: Duration) {
        self.0.push(time);
    }

    /// Adds all of `others`.
    pub(crate) fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// The least time that `percent` of the samples do not exceed, in microseconds.
    pub(crate) fn percentile(&self, percent: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let rank = (percent / 100.0 * sorted.len() as f64).ceil() as usize;
        sorted
            .get(rank.saturating_sub(1))
            .map_or(f64::NAN, |time| time.as_secs_f64() * 1e6)
    }

    /// The median, in microseconds.
    pub(crate) fn p50(&self) -> f64 {
        self.percentile(50.0)
    }

    /// The 99th percentile, in microseconds.
    pub(crate) fn p99(&self) -> f64 {
        self.percentile(99.0)
    }

    /// Both for people, in one unit: `14 / 21 µs`.
    pub(crate) fn text(&self) -> String {
        let (p50, p99) = (self.p50(), self.p99());
        if p50 < 1000.0 {
            format!("{} / {} µs", digits(p50), digits(p99))
        } else {
            format!("{} / {} ms", digits(p50 / 1e3), digits(p99 / 1e3))
        }
    }
}

/// A number with as many digits as mean something.
pub(crate) fn digits(number: f64) -> String {
    if number >= 100.0 {
        format!("{number:.0}")
    } else if number >= 10.0 {
        format!("{number:.1}")
    } else {
        format!("{number:.2}")
    }
}

/// What is measured: one call, and how long it took.
pub(crate) type Contestant<'a> = &'a mut dyn FnMut() -> Result<Duration>;

/// Measures all contestants in turns of `each` calls, so that a busy moment of the machine meets all
/// of them alike. The first turn of each is a warm-up and is not counted.
pub(crate) fn in_turns<const N: usize>(
    turns: usize,
    each: usize,
    mut contestants: [Contestant<'_>; N],
) -> Result<[Samples; N]> {
    let mut samples = std::array::from_fn(|_| Samples::default());
    for turn in 0..=turns {
        for (contestant, samples) in contestants.iter_mut().zip(&mut samples) {
            for _ in 0..each {
                let time = contestant()?;
                if turn > 0 {
                    samples.push(time);
                }
            }
        }
    }
    Ok(samples)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let mut samples = Samples::default();
        for millis in (1..=200).rev() {
            samples.push(Duration::from_millis(millis));
        }
        assert_eq!(
            (samples.p50(), samples.p99(), samples.percentile(100.0)),
            (100_000.0, 198_000.0, 200_000.0)
        );
        assert_eq!(samples.text(), "100 / 198 ms");
        let mut one = Samples::default();
        one.push(Duration::from_micros(7));
        assert_eq!(one.text(), "7.00 / 7.00 µs");
    }

    #[test]
    fn the_warm_up_does_not_count() {
        let mut calls = 0_u64;
        let mut count = || {
            calls += 1;
            Ok(Duration::from_micros(calls))
        };
        let [samples] = in_turns(2, 3, [&mut count]).expect("it cannot fail");
        assert_eq!((samples.0.len(), samples.percentile(1.0)), (6, 4.0));
    }
}
