//! When the Observer asks, what comes of the answer, and why it keeps back what it keeps back (decisions,
//! "Observer order").

use std::time::Duration;

use paige_protocol::coach::{
    Action,
    coaching::{Signal, SuppressionReason, Trigger},
};

use super::{
    config::Profile,
    moment::Moment,
    state::{Asking, State},
    step::{Ask, Step},
    triage::{Triage, is_refuted},
};

/// Looks at unsaved text that were kept back for the same reason are told once in so long.
const TELL_EVERY: Duration = Duration::from_secs(60);

impl State {
    /// Looks, and asks unless a rule keeps it back (decisions, "Observer order").
    pub(super) fn look(&mut self, trigger: Trigger, now: Moment, steps: &mut Vec<Step>) {
        use SuppressionReason as R;
        if self.kept.muted && self.applies(R::Muted) {
            return;
        }
        let early = [
            (R::InProgress, self.asking.is_some()),
            (R::Cooldown, self.is_cooling_down(now)),
            (R::ProductiveStruggle, self.may_struggle(now)),
            (R::FlowState, self.flow.is_on(now)),
        ];
        if let Some((reason, _)) = early
            .into_iter()
            .find(|(rule, hit)| *hit && self.applies(*rule))
        {
            return self.keep_back(trigger, reason, now, steps);
        }
        let facts = self.facts(now);
        let digest = self.digest(&facts);
        let precheck = facts.worth_a_call();
        let late = [
            (R::Unchanged, self.last_digest == Some(digest)),
            (R::Precheck, self.config.precheck && !precheck),
            (R::Offline, !self.online),
        ];
        if let Some((reason, _)) = late
            .into_iter()
            .find(|(rule, hit)| *hit && self.applies(*rule))
        {
            return self.keep_back(trigger, reason, now, steps);
        }
        self.last_digest = Some(digest);
        self.kept.last_evaluation = Some(now);
        self.asked += 1;
        self.asking = Some(Asking {
            id: self.asked,
            trigger,
            precheck,
            phase: self.phase_number(),
            dropped: false,
        });
        steps.push(Step::Ask(Box::new(Ask {
            id: self.asked,
            snapshot: self.snapshot(trigger, facts, now),
            precheck,
        })));
    }

    fn applies(&self, rule: SuppressionReason) -> bool {
        !self.without.contains(&rule)
    }

    fn phase_number(&self) -> Option<u32> {
        let current = self.phase.as_ref()?;
        current.active.then_some(current.phase.number)
    }

    fn is_cooling_down(&self, now: Moment) -> bool {
        let factor = self.config.cooldown_factor.of(self.stage);
        let cooldown =
            Duration::from_secs(self.config.cooldown_seconds.into()).mul_f64(factor.max(0.0));
        self.kept
            .last_nudge
            .is_some_and(|last| now.since(last) < cooldown)
    }

    fn may_struggle(&self, now: Moment) -> bool {
        let struggle = Duration::from_secs(self.config.struggle_seconds.of(self.stage).into());
        self.config.profile == Profile::Strict
            && self
                .phase
                .as_ref()
                .is_some_and(|current| current.active && now.since(current.since) < struggle)
    }

    /// Notes a look that came to nothing. Those of unsaved text are many, and are told together when they
    /// were kept back for the same reason as one that was told within a minute.
    fn keep_back(
        &mut self,
        trigger: Trigger,
        reason: SuppressionReason,
        now: Moment,
        steps: &mut Vec<Step>,
    ) {
        let mut times = 1;
        if trigger == Trigger::BufferUpdates {
            match self.kept_back.get_mut(&reason) {
                Some((told, more)) if now.since(*told) < TELL_EVERY => {
                    *more = more.saturating_add(1);
                    return;
                }
                Some((told, more)) => {
                    *told = now;
                    times = std::mem::take(more).saturating_add(1);
                }
                None => {
                    self.kept_back.insert(reason, (now, 0));
                }
            }
        }
        steps.push(Step::Log(suppressed(trigger, reason, times)));
    }

    /// Tells what was kept back and not told yet.
    pub(super) fn tell_rest(&mut self, steps: &mut Vec<Step>) {
        for (reason, (_, more)) in std::mem::take(&mut self.kept_back) {
            if more > 0 {
                steps.push(Step::Log(suppressed(Trigger::BufferUpdates, reason, more)));
            }
        }
    }

    pub(super) fn answered(
        &mut self,
        ask: u64,
        answer: Result<Triage, String>,
        now: Moment,
        steps: &mut Vec<Step>,
    ) {
        use SuppressionReason as R;
        let Some(asking) = self.asking.take_if(|asking| asking.id == ask) else {
            return;
        };
        let answer = answer.and_then(|triage| triage.check().map(|()| triage));
        let triage = match answer {
            Ok(triage) => triage,
            Err(error) => {
                // What was not judged is looked at again.
                self.last_digest = None;
                steps.push(Step::Log(Action::NudgeSuppressed {
                    trigger: asking.trigger,
                    signal: None,
                    confidence: None,
                    reason: R::Failed,
                    times: 1,
                    error: Some(error),
                }));
                return;
            }
        };
        let noticed = triage.noticed();
        let signal = noticed.ok().flatten();
        steps.push(Step::Log(Action::ObserverTriage {
            trigger: asking.trigger,
            should_nudge: triage.should_nudge,
            confidence: triage.confidence,
            signal,
            reasoning: Some(triage.reasoning.clone()),
            precheck: asking.precheck,
        }));
        if !triage.should_nudge {
            return;
        }
        let noticed = match noticed {
            // Left out, such a rule would take whatever is said for the vaguest of signals.
            Ok(None) if !self.applies(R::Contradictory) => Ok(Some(Signal::StuckOnImplementation)),
            Err(rule) if !self.applies(rule) => Ok(Some(Signal::StuckOnImplementation)),
            noticed => noticed,
        };
        let signal = noticed.ok().flatten();
        let reason = self.objection(&asking, &triage, noticed, now);
        match (reason, signal) {
            (None, Some(signal)) => {
                let suggested = triage.suggested_context.as_ref();
                let nudge = self.nudge(asking.trigger, signal, triage.confidence, suggested, now);
                self.kept.last_nudge = Some(now);
                self.kept.breaker.sent(signal);
                steps.push(Step::Nudge(Box::new(nudge)));
            }
            (reason, signal) => steps.push(Step::Log(Action::NudgeSuppressed {
                trigger: asking.trigger,
                signal,
                confidence: Some(triage.confidence),
                reason: reason.unwrap_or(R::Contradictory),
                times: 1,
                error: None,
            })),
        }
    }

    /// What speaks against a nudge that the model wants.
    fn objection(
        &self,
        asking: &Asking,
        triage: &Triage,
        noticed: Result<Option<Signal>, SuppressionReason>,
        now: Moment,
    ) -> Option<SuppressionReason> {
        use SuppressionReason as R;
        let signal = match noticed {
            Ok(Some(signal)) => signal,
            Ok(None) => return Some(R::Contradictory),
            Err(reason) => return Some(reason),
        };
        let rules = [
            (R::Muted, asking.dropped || self.kept.muted),
            (R::Unsupported, is_refuted(signal, &self.facts(now))),
            (R::LowConfidence, triage.confidence < self.config.confidence),
            (R::Outdated, asking.phase != self.phase_number()),
            // Both may have begun while the model was thinking.
            (R::Cooldown, self.is_cooling_down(now)),
            (R::FlowState, self.flow.is_on(now)),
        ];
        let hit = rules
            .into_iter()
            .find(|(rule, hit)| *hit && self.applies(*rule));
        hit.map(|(reason, _)| reason)
    }
}

fn suppressed(trigger: Trigger, reason: SuppressionReason, times: u32) -> Action {
    Action::NudgeSuppressed {
        trigger,
        signal: None,
        confidence: None,
        reason,
        times,
        error: None,
    }
}
