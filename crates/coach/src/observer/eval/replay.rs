//! A recorded session goes through the Observer once more.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use paige_protocol::coach::{
    Action,
    coaching::{Signal, SuppressionReason, Trigger},
};
use paige_store::coach::Stage;
use serde_json::Value;

use super::{
    Recorded,
    scenario::{Happening, Scenario},
};
use crate::observer::{
    Ask, Config, Event, Moment, Path, Phase, Snapshot, Start, State, Step, Triage, breaker::word,
    told_as,
};

/// The rules that keep a look back before a model is asked.
const BEFORE_ASKING: [SuppressionReason; 8] = [
    SuppressionReason::Muted,
    SuppressionReason::InProgress,
    SuppressionReason::Cooldown,
    SuppressionReason::ProductiveStruggle,
    SuppressionReason::FlowState,
    SuppressionReason::Unchanged,
    SuppressionReason::Precheck,
    SuppressionReason::Offline,
];

/// A moment at which a trigger fires, whatever the rules make of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// When.
    pub at: Moment,
    /// What the model would be given.
    pub snapshot: Snapshot,
    /// Whether the pre-check would let the call be made.
    pub precheck: bool,
}

impl Look {
    /// What made the Observer look.
    pub fn trigger(&self) -> Trigger {
        self.snapshot.trigger
    }

    pub(super) fn given(&self) -> Value {
        serde_json::to_value(&self.snapshot).unwrap_or_default()
    }
}

/// Every look of a scenario: what the triggers of the Observer would ask without any rule, and without a
/// nudge ever sent.
pub fn looks(scenario: &Scenario, config: &Config) -> Vec<Look> {
    let mut looks = Vec::new();
    let mut play = Play::new(scenario, config, &BEFORE_ASKING);
    play.play(|_, at, steps| {
        let mut ask = None;
        for step in steps {
            if let Step::Ask(asked) = step {
                ask = Some(asked.id);
                looks.push(Look {
                    at,
                    snapshot: asked.snapshot.clone(),
                    precheck: asked.precheck,
                });
            }
        }
        ask.map(|ask| Answer {
            ask,
            answer: Ok(silence()),
            millis: 0,
        })
    });
    looks
}

fn silence() -> Triage {
    Triage {
        should_nudge: false,
        confidence: 1.0,
        signal: "no_nudge".to_owned(),
        reasoning: String::new(),
        suggested_context: None,
    }
}

/// What became of a look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Fate {
    /// It was not told of: looks at unsaved text that are kept back are told together.
    Untold,
    /// A model was asked, and nothing has come of it yet.
    Asked,
    /// The model saw no reason for a nudge.
    Silent,
    /// A nudge was sent then.
    Nudged(Moment, Signal),
    /// It, or the nudge that the model wanted, was kept back.
    KeptBack(SuppressionReason),
}

/// Who decides where the Observer would ask a model.
#[derive(Clone, Copy)]
pub(super) enum Voice<'a> {
    /// What was recorded.
    Recorded(&'a Recorded),
    /// The computed signals alone.
    Rules,
}

/// What becomes of each look when the rules are at work; and by index, in their order, those that were
/// asked about.
pub(super) fn run(
    scenario: &Scenario,
    config: &Config,
    looks: &[Look],
    voice: Voice<'_>,
    without: Option<SuppressionReason>,
) -> (Vec<Fate>, Vec<usize>) {
    let index: HashMap<_, _> = looks
        .iter()
        .enumerate()
        .map(|(index, look)| ((look.at, look.trigger()), index))
        .collect();
    let mut fates = vec![Fate::Untold; looks.len()];
    let mut calls = Vec::new();
    // Which look an open question is about.
    let mut open = HashMap::new();
    let without: Vec<_> = without.into_iter().collect();
    let mut play = Play::new(scenario, config, &without);
    play.play(|answered, at, steps| {
        let mut answer = None;
        let of_answer = answered.and_then(|ask| open.remove(&ask));
        if let Some(look) = of_answer {
            fates[look] = Fate::Silent;
        }
        for step in steps {
            match step {
                Step::Ask(ask) => {
                    let Some(look) = index.get(&(at, ask.snapshot.trigger)).copied() else {
                        continue;
                    };
                    fates[look] = Fate::Asked;
                    calls.push(look);
                    open.insert(ask.id, look);
                    answer = Some(voice.answer(ask, &looks[look]));
                }
                Step::Nudge(nudge) => {
                    if let Some(look) = of_answer {
                        fates[look] = Fate::Nudged(at, nudge.signal);
                    }
                }
                Step::Log(Action::NudgeSuppressed {
                    trigger, reason, ..
                }) => {
                    let look = of_answer.or_else(|| index.get(&(at, *trigger)).copied());
                    if let Some(look) = look {
                        fates[look] = Fate::KeptBack(*reason);
                    }
                }
                Step::Log(_) | Step::Status(_) => {}
            }
        }
        answer
    });
    // Muted it says nothing at all.
    let muted = muted(scenario);
    for (look, fate) in looks.iter().zip(&mut fates) {
        let state = muted.iter().rfind(|(from, _)| *from <= look.at);
        if *fate == Fate::Untold && state.is_some_and(|(_, muted)| *muted) {
            *fate = Fate::KeptBack(SuppressionReason::Muted);
        }
    }
    (fates, calls)
}

fn muted(scenario: &Scenario) -> Vec<(Moment, bool)> {
    let happened = scenario.happened.iter();
    happened
        .filter_map(|(at, what)| match what {
            Happening::Event(Event::Muted(muted)) => Some((*at, *muted)),
            _ => None,
        })
        .collect()
}

impl Voice<'_> {
    fn answer(self, ask: &Ask, look: &Look) -> Answer {
        let (answer, millis) = match self {
            Self::Rules => (Ok(by_rules(&ask.snapshot)), 0),
            Self::Recorded(recorded) => match recorded.of(look) {
                Ok(recorded) => (recorded.outcome(), recorded.millis()),
                Err(_) => (Err("Nothing is recorded for this look.".to_owned()), 0),
            },
        };
        Answer {
            ask: ask.id,
            answer,
            millis,
        }
    }
}

/// What the computed signals say: the first that holds, unless one asks for peace.
fn by_rules(snapshot: &Snapshot) -> Triage {
    let signals = &snapshot.signals;
    let first = signals.reasons().find_map(told_as);
    match first.filter(|_| signals.worth_a_call()) {
        None => silence(),
        Some(signal) => Triage {
            should_nudge: true,
            signal: word(signal).to_owned(),
            ..silence()
        },
    }
}

struct Answer {
    ask: u64,
    answer: Result<Triage, String>,
    millis: u64,
}

/// A session that is played.
struct Play<'a> {
    scenario: &'a Scenario,
    config: Config,
    without: &'a [SuppressionReason],
    state: State,
    /// Answers that are still to come, in the order in which they come.
    coming: Vec<(Moment, Answer)>,
    /// The phase that is active, for a restart.
    phase: Option<(Phase, Moment)>,
    stage: Stage,
    online: bool,
    /// By file: its text when the phase began, its text now, and whether that is unsaved.
    texts: BTreeMap<Path, (Arc<str>, Arc<str>, bool)>,
}

impl<'a> Play<'a> {
    fn new(scenario: &'a Scenario, config: &Config, without: &'a [SuppressionReason]) -> Self {
        let config = scenario.config(config);
        let start = Start {
            stage: scenario.stage,
            ..Start::default()
        };
        Self {
            state: leave_out(State::new(config, start, scenario.started), without),
            scenario,
            config,
            without,
            coming: Vec::new(),
            phase: None,
            stage: scenario.stage,
            online: true,
            texts: BTreeMap::new(),
        }
    }

    /// Plays all. `take` is given what comes of each event, with the number of the question if the event was
    /// its answer, and gives the answer to what is asked.
    fn play(&mut self, mut take: impl FnMut(Option<u64>, Moment, &[Step]) -> Option<Answer>) {
        for (at, what) in &self.scenario.happened {
            self.until(*at, &mut take);
            match what {
                Happening::Event(event) => {
                    self.remember(event, *at);
                    self.event(event.clone(), None, *at, &mut take);
                }
                Happening::Restart => self.restart(*at),
            }
        }
        self.until(self.scenario.ended, &mut take);
        self.event(Event::SessionEnded, None, self.scenario.ended, &mut take);
    }

    /// What comes and what is due before something happens.
    fn until(
        &mut self,
        end: Moment,
        take: &mut impl FnMut(Option<u64>, Moment, &[Step]) -> Option<Answer>,
    ) {
        loop {
            let due = self.state.due().filter(|due| *due <= end);
            let answered = self.coming.first().map(|(at, _)| *at);
            match (answered.filter(|at| *at <= end), due) {
                (Some(at), due) if due.is_none_or(|due| at <= due) => {
                    let (at, answer) = self.coming.remove(0);
                    let ask = answer.ask;
                    let event = Event::Answered {
                        ask,
                        answer: answer.answer,
                    };
                    self.event(event, Some(ask), at, take);
                }
                (_, Some(due)) => self.event(Event::Tick, None, due, take),
                (Some(_) | None, None) => return,
            }
        }
    }

    fn event(
        &mut self,
        event: Event,
        answered: Option<u64>,
        at: Moment,
        take: &mut impl FnMut(Option<u64>, Moment, &[Step]) -> Option<Answer>,
    ) {
        let steps = self.state.on(event, at);
        if let Some(answer) = take(answered, at, &steps) {
            let comes = at.after(Duration::from_millis(answer.millis));
            let place = self.coming.partition_point(|(at, _)| *at <= comes);
            self.coming.insert(place, (comes, answer));
        }
    }

    fn remember(&mut self, event: &Event, at: Moment) {
        match event {
            Event::PhaseStarted(phase) => {
                self.phase = Some((phase.clone(), at));
                for (before, now, _) in self.texts.values_mut() {
                    *before = now.clone();
                }
            }
            Event::PhaseCompleted | Event::PlanMade => self.phase = None,
            Event::Edited { path, before, text } => {
                let text = text.clone().unwrap_or_default();
                let known = self.texts.entry(path.clone()).or_insert_with(|| {
                    let before = before.clone().unwrap_or_default();
                    (before, text.clone(), true)
                });
                (known.1, known.2) = (text, true);
            }
            Event::FileSaved(path) => {
                if let Some(known) = self.texts.get_mut(path) {
                    known.2 = false;
                }
            }
            Event::StageIs(stage) => self.stage = *stage,
            Event::Online(online) => self.online = *online,
            _ => {}
        }
    }

    /// What is kept over a restart goes on, the timeline and the texts are read again, and what was asked is
    /// never answered.
    fn restart(&mut self, at: Moment) {
        let start = Start {
            stage: self.stage,
            phase: self.phase.clone(),
            kept: self.state.kept().clone(),
            online: self.online,
        };
        self.coming.clear();
        let mut state = State::new(self.config, start, at);
        for (then, what) in &self.scenario.happened {
            match what {
                // These are on no timeline.
                Happening::Restart
                | Happening::Event(Event::Edited { .. } | Event::StageIs(_) | Event::Online(_)) => {
                }
                Happening::Event(event) if *then < at => state.recall(event.clone(), *then),
                Happening::Event(_) => {}
            }
        }
        for (path, (before, now, dirty)) in &self.texts {
            state.recall_text(path, before, now, *dirty, at);
        }
        state.resume(at);
        self.state = leave_out(state, self.without);
    }
}

fn leave_out(state: State, without: &[SuppressionReason]) -> State {
    without
        .iter()
        .fold(state, |state, rule| state.without(*rule))
}
