//! [`Figure`]: a line of the table, and how it is judged.
//!
//! Where a target is given in microseconds or in messages a second, the ratio to the comparator of
//! the same run decides: a target of 60 µs where the bare server took 14 µs allows 4.3 times what the
//! bare server takes now. Everything else is held against the target's own figure.

use std::fmt;

use crate::samples::{Samples, digits};

/// A line of the table.
#[derive(Debug, Clone)]
pub(crate) struct Figure {
    /// What was measured.
    pub(crate) name: &'static str,
    /// What Paige must reach, as the targets have it.
    pub(crate) must: &'static str,
    /// What Paige aims at.
    pub(crate) aim: &'static str,
    /// What it reached.
    pub(crate) ours: String,
    /// What the comparators reached in the same run.
    pub(crate) comparator: String,
    /// Ours in relation to theirs, and what is allowed.
    pub(crate) ratio: String,
    /// What that means.
    pub(crate) verdict: Verdict,
}

/// What a figure means.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Verdict {
    /// Nothing is left to wish for.
    AimMet,
    /// Good enough.
    MustMet,
    /// Not good enough.
    Missed,
    /// There is no figure, for this reason.
    Absent(String),
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AimMet => f.write_str("aim met"),
            Self::MustMet => f.write_str("must met"),
            Self::Missed => f.write_str("**missed**"),
            Self::Absent(reason) => f.write_str(reason),
        }
    }
}

/// The two targets of one number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Target {
    must: f64,
    aim: f64,
    less_is_better: bool,
}

impl Target {
    /// The number may be at most so much.
    pub(crate) const fn most(must: f64, aim: f64) -> Self {
        Self {
            must,
            aim,
            less_is_better: true,
        }
    }

    /// The number must be at least so much.
    pub(crate) const fn least(must: f64, aim: f64) -> Self {
        Self {
            must,
            aim,
            less_is_better: false,
        }
    }

    /// The same in relation to what the comparator reached when the targets were set.
    pub(crate) fn relative_to(self, then: f64) -> Self {
        Self {
            must: self.must / then,
            aim: self.aim / then,
            ..self
        }
    }

    /// How good `number` is.
    pub(crate) fn judge(self, number: f64) -> Verdict {
        let within = |limit: f64| {
            if self.less_is_better {
                number <= limit
            } else {
                number >= limit
            }
        };
        if within(self.aim) {
            Verdict::AimMet
        } else if within(self.must) {
            Verdict::MustMet
        } else {
            Verdict::Missed
        }
    }

    /// The limits as a factor, for people: `must ≤ 4.29, aim ≤ 2.00`.
    pub(crate) fn text(self) -> String {
        let sign = if self.less_is_better { '≤' } else { '≥' };
        format!(
            "must {sign} {}, aim {sign} {}",
            digits(self.must),
            digits(self.aim)
        )
    }
}

/// The worst of several verdicts.
pub(crate) fn worst(verdicts: impl IntoIterator<Item = Verdict>) -> Verdict {
    let rank = |verdict: &Verdict| match verdict {
        Verdict::AimMet => 0,
        Verdict::MustMet => 1,
        Verdict::Missed => 2,
        Verdict::Absent(_) => 3,
    };
    verdicts
        .into_iter()
        .max_by_key(rank)
        .unwrap_or(Verdict::Absent("not measured".to_owned()))
}

/// The targets of a call in microseconds: median and, where one is set, 99th percentile, each with
/// what the bare server took when they were set.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallTarget {
    /// Of the median.
    pub(crate) p50: (Target, f64),
    /// Of the 99th percentile.
    pub(crate) p99: Option<(Target, f64)>,
}

impl CallTarget {
    /// Judges by the ratio to the bare server: the text for the table and the verdict. `floor` is
    /// what the library that speaks the protocol takes without any work of ours.
    pub(crate) fn judge(
        &self,
        ours: &Samples,
        bare: &Samples,
        floor: Option<&Samples>,
    ) -> (String, Verdict) {
        let ratios = |samples: &Samples| {
            let mut ratios = vec![(self.p50, samples.p50() / bare.p50())];
            ratios.extend(self.p99.map(|target| (target, samples.p99() / bare.p99())));
            ratios
        };
        let verdict = |samples: &Samples| {
            worst(
                ratios(samples)
                    .into_iter()
                    .map(|((target, then), ratio)| target.relative_to(then).judge(ratio)),
            )
        };
        let mut text = ratios(ours)
            .into_iter()
            .map(|((target, then), ratio)| {
                format!("{}× ({})", digits(ratio), target.relative_to(then).text())
            })
            .collect::<Vec<_>>()
            .join("; ");
        if let Some(floor) = floor {
            text += &format!(
                "; {}× the empty rmcp, itself {}",
                digits(ours.p50() / floor.p50()),
                verdict(floor)
            );
        }
        (text, verdict(ours))
    }
}

/// The table as Markdown.
pub(crate) fn table(figures: &[Figure]) -> String {
    let mut text = String::from(
        "| Figure | Must | Aim | Ours (p50 / p99) | Comparator of this run | Ratio | Verdict |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for figure in figures {
        let Figure {
            name,
            must,
            aim,
            ours,
            comparator,
            ratio,
            verdict,
        } = figure;
        text +=
            &format!("| {name} | {must} | {aim} | {ours} | {comparator} | {ratio} | {verdict} |\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn samples(micros: u64) -> Samples {
        let mut samples = Samples::default();
        samples.push(Duration::from_micros(micros));
        samples
    }

    #[test]
    fn a_number_is_judged_from_its_better_side() {
        let check = |target: Target, number, wanted| assert_eq!(target.judge(number), wanted);
        check(Target::most(25.0, 8.0), 8.0, Verdict::AimMet);
        check(Target::most(25.0, 8.0), 25.0, Verdict::MustMet);
        check(Target::most(25.0, 8.0), 25.1, Verdict::Missed);
        check(Target::least(25.0, 45.0), 45.0, Verdict::AimMet);
        check(Target::least(25.0, 45.0), 25.0, Verdict::MustMet);
        check(Target::least(25.0, 45.0), 24.9, Verdict::Missed);
        check(Target::most(0.0, 0.0), f64::NAN, Verdict::Missed);
    }

    #[test]
    fn a_slower_machine_gets_more_time() {
        let target = CallTarget {
            p50: (Target::most(60.0, 28.0), 14.0),
            p99: None,
        };
        let verdict = |ours, bare| target.judge(&samples(ours), &samples(bare), None).1;
        assert_eq!(verdict(60, 14), Verdict::MustMet);
        assert_eq!(verdict(120, 14), Verdict::Missed);
        assert_eq!(verdict(120, 28), Verdict::MustMet);
        assert_eq!(verdict(56, 28), Verdict::AimMet);
    }

    #[test]
    fn one_miss_misses_the_row() {
        assert_eq!(
            worst([Verdict::AimMet, Verdict::Missed, Verdict::MustMet]),
            Verdict::Missed
        );
        assert!(matches!(worst([]), Verdict::Absent(_)));
    }
}
