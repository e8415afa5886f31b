//! What the Observer decides, driven by hand.

mod answers;
mod hour;
mod order;
mod properties;
mod signals;

use paige_protocol::coach::{
    Action,
    action::CommandKind,
    coaching::{Signal, SuppressionReason, Trigger},
};

use super::*;

const SECOND: u64 = 1000;
const MINUTE: u64 = 60 * SECOND;

/// A session that is driven by hand; times are milliseconds from its beginning.
struct Play {
    state: State,
    now: u64,
    steps: Vec<Step>,
    asks: Vec<Ask>,
}

/// The first moment: the Observer must not think that time begins with the session.
const EPOCH: u64 = 1_700_000_000_000;

impl Play {
    fn new() -> Self {
        Self::with(|_| {}, Start::default())
    }

    fn with(change: impl FnOnce(&mut Config), start: Start) -> Self {
        let mut config = crate::Config::default().observer;
        change(&mut config);
        Self {
            state: State::new(config, start, Moment(EPOCH)),
            now: 0,
            steps: Vec::new(),
            asks: Vec::new(),
        }
    }

    /// In a phase about `src/login.ts`, which `src/app.ts` imports.
    fn in_phase() -> Self {
        let mut play = Self::new();
        play.begin_phase();
        play
    }

    fn begin_phase(&mut self) {
        self.at(self.now, Event::PhaseStarted(phase(1)));
        self.answer(no_nudge());
        self.at(
            self.now,
            Event::Neighbours(Neighbours {
                importers: ["src/app.ts".into()].into(),
                imported: ["lib/token.ts".into()].into(),
            }),
        );
    }

    /// Something at that moment; what is due before happens before.
    fn at(&mut self, millis: u64, event: Event) -> Vec<Step> {
        let now = Moment(EPOCH + millis);
        while let Some(due) = self.state.due().filter(|due| *due <= now) {
            let steps = self.state.on(Event::Tick, due);
            self.keep(steps);
        }
        self.now = millis;
        let steps = self.state.on(event, now);
        self.keep(steps.clone());
        steps
    }

    /// Something so much later.
    fn after(&mut self, millis: u64, event: Event) -> Vec<Step> {
        self.at(self.now + millis, event)
    }

    fn keep(&mut self, steps: Vec<Step>) {
        for step in &steps {
            if let Step::Ask(ask) = step {
                self.asks.push((**ask).clone());
            }
        }
        self.steps.extend(steps);
    }

    /// Answers the last question.
    fn answer(&mut self, answer: Triage) -> Vec<Step> {
        let ask = self.asks.last().expect("a question").id;
        let answer = Ok(answer);
        self.at(self.now, Event::Answered { ask, answer })
    }

    /// A look that is asked about; then the answer.
    fn nudged(&mut self, after: u64) -> Vec<Step> {
        let path = format!("{}.ts", self.now);
        self.after(after, open(&path));
        self.answer(nudge("stuck_on_implementation", 0.9))
    }

    /// What the last look gave the model.
    fn snapshot(&self) -> &Snapshot {
        &self.asks.last().expect("a question").snapshot
    }

    fn holds(&self, signal: Noticed) -> Holds {
        self.state.facts(Moment(EPOCH + self.now)).of(signal)
    }
}

fn phase(number: u32) -> Phase {
    Phase {
        number,
        title: "Find it".to_owned(),
        description: "Find where the callback runs twice.".to_owned(),
        expected_files: vec!["src/login.ts".into()],
    }
}

fn open(path: &str) -> Event {
    Event::FileOpened {
        path: path.into(),
        by_human: true,
    }
}

fn edit(path: &str, text: &str) -> Event {
    Event::Edited {
        path: path.into(),
        before: None,
        text: Some(text.into()),
    }
}

fn run(kind: CommandKind, exit_code: i32, lines: &[&str]) -> Event {
    Event::CommandRan {
        kind,
        exit_code,
        error_lines: lines.iter().map(ToString::to_string).collect(),
        by_human: true,
    }
}

fn nudge(signal: &str, confidence: f64) -> Triage {
    Triage {
        should_nudge: true,
        confidence,
        signal: signal.to_owned(),
        reasoning: "It looks like it.".to_owned(),
        suggested_context: None,
    }
}

fn no_nudge() -> Triage {
    Triage {
        should_nudge: false,
        ..nudge("no_nudge", 0.9)
    }
}

/// What steps are, in a word each.
fn told(steps: &[Step]) -> Vec<String> {
    let word = |value: serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    steps
        .iter()
        .map(|step| match step {
            Step::Ask(ask) => format!("ask {}", word(serde_json::json!(ask.snapshot.trigger))),
            Step::Nudge(nudge) => format!("nudge {}", word(serde_json::json!(nudge.signal))),
            Step::Status(status) => format!("status {} {}", status.active, status.muted),
            Step::Log(Action::NudgeSuppressed { reason, times, .. }) => {
                format!("{} {times}", word(serde_json::json!(reason)))
            }
            Step::Log(action) => action.kind().to_owned(),
        })
        .collect()
}
