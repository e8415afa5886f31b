//! [`Evaluation`]: what each way to decide is good for, by the labels.

use std::collections::BTreeSet;

use paige_protocol::coach::coaching::{Signal, SuppressionReason, Trigger};
use serde::Serialize;

use super::{
    At, Label, Look, Missing, Recorded, RecordedLook, Scenario, Spent,
    replay::{Fate, Voice, looks, run},
};
use crate::observer::{Config, Moment};

/// A scenario with what was recorded of it.
#[derive(Debug)]
pub struct Case {
    /// Where it was read from, for people.
    pub file: String,
    /// What happened.
    pub scenario: Scenario,
    /// What was answered.
    pub recorded: Recorded,
}

/// A way to decide about nudges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Strategy {
    /// Each trigger is a nudge.
    Always,
    /// Nothing is.
    Never,
    /// The computed signals and the rules, without a model.
    Rules,
    /// The model is asked at each trigger, and believed.
    Triage,
    /// The Observer as it is.
    Full,
    /// The Observer with the pre-check on.
    FullPrecheck,
}

impl Strategy {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Always,
        Self::Never,
        Self::Rules,
        Self::Triage,
        Self::Full,
        Self::FullPrecheck,
    ];
}

/// What a way to decide came to, over a set of scenarios.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Column {
    /// Which way.
    pub strategy: Strategy,
    /// Nudges sent.
    pub nudges: u32,
    /// Labels within which one was sent that the label accepts. A second within the same is neither right nor
    /// wrong.
    pub found: u32,
    /// Nudges outside of all labels, or about something that the label does not accept.
    pub false_alarms: u32,
    /// `found / (found + falseAlarms)`; null without nudges.
    pub precision: Option<f64>,
    /// `found` of all labels; null without labels.
    pub recall: Option<f64>,
    /// Nudges in an hour.
    pub nudges_per_hour: f64,
    /// Calls of the model.
    pub calls: u32,
    /// Calls in an hour.
    pub calls_per_hour: f64,
    /// US dollars in an hour; null when the price is unknown.
    pub usd_per_hour: Option<f64>,
}

/// Scenarios that are told together.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Set {
    /// Whether these are the held-out ones.
    pub held_out: bool,
    /// How many.
    pub scenarios: u32,
    /// How long they are together.
    pub hours: f64,
    /// Their labels.
    pub labels: u32,
    /// Their looks.
    pub looks: u32,
    /// The ways to decide; those that need answers are left out where there is none.
    pub columns: Vec<Column>,
}

/// What the Observer did in a scenario.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// The file.
    pub file: String,
    /// What it is.
    pub title: String,
    /// Whether it is held out.
    pub held_out: bool,
    /// Its looks.
    pub looks: u32,
    /// Looks that there is no answer to, with the reason.
    pub unanswered: Vec<String>,
    /// The nudges of the Observer.
    pub nudges: Vec<Sent>,
    /// What is not as the labels say.
    pub faults: Vec<String>,
}

/// A nudge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sent {
    /// When.
    pub at: At,
    /// About what.
    pub signal: Signal,
}

/// All that was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Evaluation {
    /// The tuned ones and the held-out ones, as far as there are any.
    pub sets: Vec<Set>,
    /// The scenarios.
    pub scenarios: Vec<Verdict>,
    /// Whether tokens were estimated, a token for each four bytes.
    pub tokens_are_estimated: bool,
}

/// What a nudge says.
#[derive(Debug, Clone, Copy)]
enum Said {
    /// Whatever one likes to hear.
    Anything,
    Signal(Signal),
    /// A word that there is not.
    Nonsense,
}

/// What one strategy did in one scenario.
struct Run {
    nudges: Vec<(Moment, Said)>,
    calls: Vec<usize>,
    fates: Vec<Fate>,
}

impl Evaluation {
    /// Evaluates. `prompt_bytes` is the length of what the model is given beside a snapshot, `price` what a call
    /// costs in US dollars, and `without` a rule that is left out to see what it is good for.
    pub fn of(
        cases: &[Case],
        config: &Config,
        without: Option<SuppressionReason>,
        prompt_bytes: usize,
        price: &dyn Fn(&Spent) -> Option<f64>,
    ) -> Self {
        let mut estimated = false;
        let played: Vec<_> = cases
            .iter()
            .map(|case| Played::of(case, config, without))
            .collect();
        let mut cost = |recorded: &RecordedLook| {
            let (spent, is_estimate) = recorded.spent(prompt_bytes);
            estimated |= is_estimate;
            price(&spent)
        };
        let sets = [false, true]
            .into_iter()
            .filter_map(|held_out| {
                let of_set: Vec<_> = played
                    .iter()
                    .filter(|played| played.case.scenario.held_out == held_out)
                    .collect();
                (!of_set.is_empty()).then(|| set(held_out, &of_set, &mut cost))
            })
            .collect();
        Self {
            sets,
            scenarios: played.iter().map(Played::verdict).collect(),
            tokens_are_estimated: estimated,
        }
    }
}

/// A scenario with what every strategy did in it.
struct Played<'a> {
    case: &'a Case,
    looks: Vec<Look>,
    runs: Vec<(Strategy, Run)>,
}

impl<'a> Played<'a> {
    fn of(case: &'a Case, config: &Config, without: Option<SuppressionReason>) -> Self {
        let looks = looks(&case.scenario, config);
        let runs = Strategy::ALL
            .into_iter()
            .map(|strategy| (strategy, run_of(strategy, case, config, &looks, without)))
            .collect();
        Self { case, looks, runs }
    }

    fn has_answers(&self) -> bool {
        self.looks.is_empty()
            || self
                .looks
                .iter()
                .any(|look| self.case.recorded.of(look).is_ok())
    }

    fn verdict(&self) -> Verdict {
        let scenario = &self.case.scenario;
        let mut verdict = Verdict {
            file: self.case.file.clone(),
            title: scenario.title.clone(),
            held_out: scenario.held_out,
            looks: count(self.looks.len()),
            unanswered: Vec::new(),
            nudges: Vec::new(),
            faults: Vec::new(),
        };
        for look in &self.looks {
            let why = match self.case.recorded.of(look) {
                Ok(_) => continue,
                Err(Missing::Look) => "is not recorded".to_owned(),
                Err(Missing::Answer) => "has no answer".to_owned(),
                Err(Missing::Stale(field)) => {
                    format!("is stale: `{field}` of the snapshot is another today")
                }
            };
            verdict.unanswered.push(format!("{} {why}", named(look)));
        }
        let full = self
            .runs
            .iter()
            .find(|(strategy, _)| *strategy == Strategy::Full);
        let Some((_, run)) = full.filter(|_| self.has_answers()) else {
            return verdict;
        };
        for fate in &run.fates {
            if let Fate::Nudged(at, signal) = fate {
                verdict.nudges.push(Sent {
                    at: At(*at),
                    signal: *signal,
                });
            }
        }
        let score = Score::of(&scenario.labels, &run.nudges);
        for (at, said) in &score.wrong {
            let about = match said {
                Said::Signal(signal) => crate::observer::breaker::word(*signal),
                Said::Anything | Said::Nonsense => "nothing",
            };
            verdict.faults.push(format!(
                "the nudge at {} about {about} is none that a label wants",
                at.iso()
            ));
        }
        for (index, label) in scenario.labels.iter().enumerate() {
            if !score.found.contains(&index) && label.known_miss.is_none() {
                verdict.faults.push(format!(
                    "no nudge came from {} to {}: {}",
                    label.from.0.iso(),
                    label.to.0.iso(),
                    label.why
                ));
            }
        }
        for (look, fate) in self.looks.iter().zip(&run.fates) {
            let Ok(recorded) = self.case.recorded.of(look) else {
                continue;
            };
            let Some(wrong) = &recorded.wrong_on_purpose else {
                continue;
            };
            if *fate != Fate::KeptBack(wrong.stopped_by) {
                verdict.faults.push(format!(
                    "the answer to {} ({}) was not stopped by `{}` but {}",
                    named(look),
                    wrong.kind,
                    reason_word(wrong.stopped_by),
                    told(*fate)
                ));
            }
        }
        verdict
    }
}

fn run_of(
    strategy: Strategy,
    case: &Case,
    config: &Config,
    looks: &[Look],
    without: Option<SuppressionReason>,
) -> Run {
    let played = |config: &Config, voice: Voice<'_>| {
        let (fates, calls) = run(&case.scenario, config, looks, voice, without);
        let nudges = fates
            .iter()
            .filter_map(|fate| match fate {
                Fate::Nudged(at, signal) => Some((*at, Said::Signal(*signal))),
                _ => None,
            })
            .collect();
        Run {
            nudges,
            calls,
            fates,
        }
    };
    let bare = |nudges, calls| Run {
        nudges,
        calls,
        fates: Vec::new(),
    };
    match strategy {
        Strategy::Never => bare(Vec::new(), Vec::new()),
        Strategy::Always => bare(
            looks.iter().map(|look| (look.at, Said::Anything)).collect(),
            Vec::new(),
        ),
        Strategy::Rules => Run {
            calls: Vec::new(),
            ..played(config, Voice::Rules)
        },
        Strategy::Triage => {
            let answers = looks.iter().filter_map(|look| case.recorded.of(look).ok());
            let nudges = answers.filter_map(|recorded| {
                let answer = recorded.answer.as_ref().filter(|a| a.should_nudge)?;
                let said = match answer.noticed() {
                    Ok(Some(signal)) => Said::Signal(signal),
                    Ok(None) | Err(_) => Said::Nonsense,
                };
                let millis = std::time::Duration::from_millis(recorded.millis());
                Some((recorded.at.0.after(millis), said))
            });
            bare(nudges.collect(), (0..looks.len()).collect())
        }
        Strategy::Full => played(config, Voice::Recorded(&case.recorded)),
        Strategy::FullPrecheck => {
            let on = Config {
                precheck: true,
                ..*config
            };
            played(&on, Voice::Recorded(&case.recorded))
        }
    }
}

fn set(
    held_out: bool,
    played: &[&Played<'_>],
    cost: &mut dyn FnMut(&RecordedLook) -> Option<f64>,
) -> Set {
    let millis: u64 = played.iter().map(|p| p.case.scenario.millis()).sum();
    let hours = millis as f64 / 3_600_000.0;
    let labels: usize = played.iter().map(|p| p.case.scenario.labels.len()).sum();
    let answered = played.iter().all(|played| played.has_answers());
    let in_hour = |count: f64| if hours > 0.0 { count / hours } else { 0.0 };
    let columns = Strategy::ALL
        .into_iter()
        .enumerate()
        .filter(|(_, strategy)| {
            use Strategy as S;
            answered || !matches!(strategy, S::Triage | S::Full | S::FullPrecheck)
        })
        .map(|(index, strategy)| {
            let (mut nudges, mut found, mut wrong, mut calls) = (0, 0, 0, 0);
            let mut usd = Some(0.0);
            for played in played {
                let (_, run) = &played.runs[index];
                let score = Score::of(&played.case.scenario.labels, &run.nudges);
                nudges += run.nudges.len();
                found += score.found.len();
                wrong += score.wrong.len();
                calls += run.calls.len();
                for look in &run.calls {
                    let recorded = played.case.recorded.of(&played.looks[*look]);
                    if let (Some(sum), Ok(recorded)) = (&mut usd, recorded) {
                        match cost(recorded) {
                            Some(cost) => *sum += cost,
                            None => usd = None,
                        }
                    }
                }
            }
            let share = |part: usize, all: usize| (all > 0).then(|| part as f64 / all as f64);
            Column {
                strategy,
                nudges: count(nudges),
                found: count(found),
                false_alarms: count(wrong),
                precision: share(found, found + wrong),
                recall: share(found, labels),
                nudges_per_hour: in_hour(nudges as f64),
                calls: count(calls),
                calls_per_hour: in_hour(calls as f64),
                usd_per_hour: usd.map(in_hour),
            }
        })
        .collect();
    Set {
        held_out,
        scenarios: count(played.len()),
        hours,
        labels: count(labels),
        looks: count(played.iter().map(|played| played.looks.len()).sum()),
        columns,
    }
}

/// Nudges against labels.
struct Score {
    found: BTreeSet<usize>,
    wrong: Vec<(Moment, Said)>,
}

impl Score {
    fn of(labels: &[Label], nudges: &[(Moment, Said)]) -> Self {
        let mut score = Self {
            found: BTreeSet::new(),
            wrong: Vec::new(),
        };
        for (at, said) in nudges {
            let label = labels
                .iter()
                .position(|label| (label.from.0..=label.to.0).contains(at));
            let accepted = label.filter(|label| match said {
                Said::Anything => true,
                Said::Signal(signal) => labels[*label].signals.contains(signal),
                Said::Nonsense => false,
            });
            match accepted {
                Some(label) => {
                    score.found.insert(label);
                }
                None => score.wrong.push((*at, *said)),
            }
        }
        score
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn named(look: &Look) -> String {
    format!(
        "the look at {} ({})",
        look.at.iso(),
        trigger_word(look.trigger())
    )
}

fn trigger_word(trigger: Trigger) -> String {
    spelled(&trigger)
}

fn reason_word(reason: SuppressionReason) -> String {
    spelled(&reason)
}

/// A word as the wire has it.
fn spelled(value: &impl Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

fn told(fate: Fate) -> String {
    match fate {
        Fate::Untold => "told together with others".to_owned(),
        Fate::Asked => "never came".to_owned(),
        Fate::Silent => "wanted no nudge".to_owned(),
        Fate::Nudged(..) => "was sent".to_owned(),
        Fate::KeptBack(reason) => format!("stopped by `{}`", reason_word(reason)),
    }
}
