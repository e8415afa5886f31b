//! When a stage changes (coaching.md §4): a model proposes with evidence, the rule decides.

use chrono::{DateTime, Utc};
use paige_store::coach::Stage;

use super::Rules;

/// What is held of a skill area.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Held {
    /// The stage.
    pub stage: Stage,
    /// How sure it was, 0 to 1.
    pub confidence: f64,
    /// When there was evidence last.
    pub assessed_at: DateTime<Utc>,
}

/// What a model proposes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Proposal {
    /// The stage.
    pub stage: Stage,
    /// How sure it is, 0 to 1; what lies outside counts as the nearer end, no number as 0.
    pub confidence: f64,
}

/// What speaks for it, in that skill area. The numbers are counted by code where they can be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Evidence {
    /// Sessions that showed it.
    pub sessions: u32,
    /// Phases completed without help.
    pub independent_completions: u32,
    /// Sessions that needed more help than the stage held.
    pub sessions_of_need: u32,
}

/// What is decided; it is stored beside the proposal.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The stage from now on.
    pub stage: Stage,
    /// How sure it is, 0 to 1.
    pub confidence: f64,
    /// Whether it is the stage that was proposed.
    pub accepted: bool,
    /// Why, as a sentence.
    pub reason: String,
}

impl Rules {
    /// How sure an assessment still is: half as sure for each half-life without evidence.
    pub fn confidence(&self, held: &Held, now: DateTime<Utc>) -> f64 {
        let days = (now - held.assessed_at).num_seconds().max(0) as f64 / 86_400.0;
        let half_lives = days / f64::from(self.stage_change.half_life_days);
        sane(held.confidence) * 0.5_f64.powf(half_lives)
    }

    /// Decides about a proposal. An area of which nothing is held begins as a novice's.
    pub fn decide(
        &self,
        held: Option<&Held>,
        proposal: Proposal,
        evidence: Evidence,
        moved_this_session: bool,
        now: DateTime<Utc>,
    ) -> Decision {
        let present = held.map_or(Stage::Novice, |held| held.stage);
        let stays = |reason: String| Decision {
            stage: present,
            confidence: held.map_or(0.0, |held| self.confidence(held, now)),
            accepted: false,
            reason,
        };
        let change = &self.stage_change;
        let confidence = sane(proposal.confidence);
        if proposal.stage == present {
            return Decision {
                stage: present,
                confidence,
                accepted: true,
                reason: format!("{present} is confirmed."),
            };
        }
        if moved_this_session {
            return stays(format!(
                "{present} stays: the stage has changed in this session already, and it changes once a session at most."
            ));
        }
        let up = proposal.stage > present;
        if up
            && evidence.sessions < change.sessions
            && evidence.independent_completions < change.independent_completions
        {
            return stays(format!(
                "{present} stays: a step up needs evidence from {} sessions or {} phases completed alone; there are {} and {}.",
                change.sessions,
                change.independent_completions,
                evidence.sessions,
                evidence.independent_completions
            ));
        }
        if !up && evidence.sessions_of_need < change.sessions_of_need {
            return stays(format!(
                "{present} stays: a step down needs {} sessions of need, and there are {}.",
                change.sessions_of_need, evidence.sessions_of_need
            ));
        }
        let stage = beside(present, up);
        let accepted = stage == proposal.stage;
        let direction = if up { "up" } else { "down" };
        let reason = if accepted {
            format!("One step {direction}, from {present} to {stage}, on enough evidence.")
        } else {
            format!(
                "One step {direction}, from {present} to {stage}: {} was proposed, and a stage moves one step at a time.",
                proposal.stage
            )
        };
        Decision {
            stage,
            confidence,
            accepted,
            reason,
        }
    }
}

/// The stage beside one.
fn beside(stage: Stage, up: bool) -> Stage {
    let stages = Stage::ALL;
    let at = stages.iter().position(|other| *other == stage).unwrap_or(0);
    let next = if up { at + 1 } else { at.saturating_sub(1) };
    stages.get(next).copied().unwrap_or(stage)
}

fn sane(confidence: f64) -> f64 {
    if confidence.is_nan() {
        0.0
    } else {
        confidence.clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::Config;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).expect("a time")
    }

    fn held(stage: Stage) -> Held {
        Held {
            stage,
            confidence: 0.8,
            assessed_at: now() - TimeDelta::days(90),
        }
    }

    /// Evidence as `sessions, independent completions, sessions of need`.
    #[track_caller]
    fn check(from: Stage, to: Stage, evidence: [u32; 3], moved: bool, expected: Stage) {
        let rules = Config::default().teach;
        let [sessions, independent_completions, sessions_of_need] = evidence;
        let evidence = Evidence {
            sessions,
            independent_completions,
            sessions_of_need,
        };
        let proposal = Proposal {
            stage: to,
            confidence: 0.9,
        };
        let decision = rules.decide(Some(&held(from)), proposal, evidence, moved, now());
        assert_eq!(decision.stage, expected, "{decision:?}");
        assert_eq!(decision.accepted, expected == to, "{decision:?}");
        assert!(decision.reason.ends_with('.'), "{decision:?}");
        let new = expected != from || to == from;
        assert_eq!(
            decision.confidence,
            if new { 0.9 } else { 0.4 },
            "{decision:?}"
        );
    }

    #[test]
    fn a_stage_moves_by_rule() {
        use Stage::{
            AdvancedBeginner as B, Competent as C, Expert as E, Novice as N, Proficient as P,
        };
        // Upward: two sessions, or three independent completions.
        check(N, B, [1, 2, 0], false, N);
        check(N, B, [2, 0, 0], false, B);
        check(N, B, [0, 3, 0], false, B);
        check(P, E, [2, 0, 0], false, E);
        // One step at a time, and once a session.
        check(N, E, [9, 9, 0], false, B);
        check(N, C, [9, 9, 0], false, B);
        check(N, B, [9, 9, 0], true, N);
        // Downward: two sessions of need; other evidence does not count.
        check(C, B, [9, 9, 1], false, C);
        check(C, B, [0, 0, 2], false, B);
        check(E, N, [0, 0, 9], false, P);
        check(C, B, [0, 0, 9], true, C);
        // What is confirmed needs nothing.
        check(C, C, [0, 0, 0], true, C);
    }

    #[test]
    fn what_is_not_known_begins_as_a_novices() {
        let rules = Config::default().teach;
        let decide = |stage, confidence, sessions| {
            let evidence = Evidence {
                sessions,
                ..Evidence::default()
            };
            let decision =
                rules.decide(None, Proposal { stage, confidence }, evidence, false, now());
            (decision.stage, decision.confidence, decision.accepted)
        };
        assert_eq!(decide(Stage::Novice, 7.0, 1), (Stage::Novice, 1.0, true));
        assert_eq!(decide(Stage::Expert, 0.9, 1), (Stage::Novice, 0.0, false));
        assert_eq!(
            decide(Stage::Expert, f64::NAN, 2),
            (Stage::AdvancedBeginner, 0.0, false)
        );
    }

    #[test]
    fn confidence_falls_by_half_in_ninety_days() {
        let rules = Config::default().teach;
        let after = |days| {
            let held = Held {
                assessed_at: now() - TimeDelta::days(days),
                ..held(Stage::Competent)
            };
            rules.confidence(&held, now())
        };
        assert_eq!(after(0), 0.8);
        assert_eq!(after(90), 0.4);
        assert_eq!(after(180), 0.2);
        assert!((after(45) - 0.8 * 0.5_f64.sqrt()).abs() < 1e-9);
        // A clock that was set back adds nothing.
        assert_eq!(after(-10), 0.8);
    }
}
