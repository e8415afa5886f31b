//! What holds whatever happens.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

/// Something that may happen, after so many milliseconds.
#[derive(Debug, Clone)]
struct Happening {
    after: u64,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    Open(u8),
    Shown(u8),
    Edit(u8, u8),
    Save(u8),
    Tab(u8),
    Close(u8),
    Explain,
    Level,
    Run(bool),
    Start(u32),
    Complete,
    Plan,
    Mute(bool),
    /// The model answers, if it was asked.
    Answer(u8),
}

fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    let what = prop_oneof![
        6 => (0..4_u8).prop_map(What::Open),
        1 => (0..4_u8).prop_map(What::Shown),
        20 => (0..3_u8, any::<u8>()).prop_map(|(file, text)| What::Edit(file, text)),
        4 => (0..3_u8).prop_map(What::Save),
        6 => (0..4_u8).prop_map(What::Tab),
        1 => (0..4_u8).prop_map(What::Close),
        3 => Just(What::Explain),
        1 => Just(What::Level),
        2 => any::<bool>().prop_map(What::Run),
        2 => (1..4_u32).prop_map(What::Start),
        2 => Just(What::Complete),
        1 => Just(What::Plan),
        2 => any::<bool>().prop_map(What::Mute),
        8 => any::<u8>().prop_map(What::Answer),
    ];
    let after = prop_oneof![6 => 0..2_000_u64, 3 => 2_000..20_000_u64, 1 => 20_000..400_000_u64];
    proptest::collection::vec(
        (after, what).prop_map(|(after, what)| Happening { after, what }),
        1..250,
    )
}

/// The rules once more, as simply as they can be said.
#[derive(Default)]
struct Oracle {
    triggers: u32,
    muted: bool,
    edits: u32,
    explains: u32,
    acts: Vec<u64>,
    counted: HashMap<u8, u64>,
}

impl Oracle {
    fn trigger(&mut self) {
        if !self.muted {
            self.triggers += 1;
        }
    }

    fn act(&mut self, now: u64) {
        self.acts.push(now);
    }

    fn in_flow(&self, now: u64) -> bool {
        let recent = self.acts.iter().filter(|at| now - **at < MINUTE);
        recent.count() > 10
    }

    fn happens(&mut self, what: &What, now: u64) {
        match what {
            What::Open(_) => {
                self.act(now);
                self.trigger();
            }
            What::Save(_) => {
                self.act(now);
                self.trigger();
            }
            What::Tab(_) => self.act(now),
            What::Edit(file, _) => {
                if self.counted.get(file).is_none_or(|last| now - last >= 5000) {
                    self.counted.insert(*file, now);
                    self.act(now);
                }
                self.edits += 1;
                if self.edits == 5 {
                    self.edits = 0;
                    self.trigger();
                }
            }
            What::Explain => {
                self.explains += 1;
                if self.explains.is_multiple_of(3) {
                    self.trigger();
                }
            }
            What::Start(_) => self.trigger(),
            What::Complete => {
                self.edits = 0;
                self.trigger();
            }
            What::Mute(muted) => self.muted = *muted,
            What::Shown(_)
            | What::Close(_)
            | What::Level
            | What::Run(_)
            | What::Plan
            | What::Answer(_) => {}
        }
    }
}

fn event(what: &What) -> Event {
    let path = |n: &u8| {
        Path::from(["src/login.ts", "src/app.ts", "lib/a.ts", "docs/b.md"][usize::from(*n)])
    };
    match what {
        What::Open(n) => Event::FileOpened {
            path: path(n),
            by_human: true,
        },
        What::Shown(n) => Event::FileOpened {
            path: path(n),
            by_human: false,
        },
        What::Edit(n, text) => Event::Edited {
            path: path(n),
            before: None,
            text: Some(format!("a\n{}\nz\n", text % 4).into()),
        },
        What::Save(n) => Event::FileSaved(path(n)),
        What::Tab(n) => Event::TabSwitched(path(n)),
        What::Close(n) => Event::FileClosed(path(n)),
        What::Explain => Event::ExplainAsked(path(&0)),
        What::Level => Event::LevelChanged { raised: true },
        What::Run(green) => run(CommandKind::Test, i32::from(!green), &["error: a"]),
        What::Start(number) => Event::PhaseStarted(phase(*number)),
        What::Complete => Event::PhaseCompleted,
        What::Plan => Event::PlanMade,
        What::Mute(muted) => Event::Muted(*muted),
        What::Answer(_) => Event::Tick,
    }
}

fn answer(n: u8) -> Result<Triage, String> {
    Ok(match n % 8 {
        0 => return Err("down".to_owned()),
        1 => no_nudge(),
        2 => nudge("edit_loop", 0.4),
        3 => nudge("banana", 0.9),
        4 => nudge("no_nudge", 0.9),
        5 => nudge("wrong_file", 0.9),
        _ => nudge("stuck_on_implementation", 0.9),
    })
}

/// What came of it so far.
#[derive(Default)]
struct Seen {
    /// The question that is not answered.
    open: Option<u64>,
    last_nudge: Option<u64>,
    accounted: u32,
}

impl Seen {
    fn check(
        &mut self,
        oracle: &Oracle,
        at: u64,
        cooldown: u64,
        steps: Vec<Step>,
    ) -> Result<(), TestCaseError> {
        for step in steps {
            match step {
                Step::Ask(ask) => {
                    prop_assert!(self.open.is_none(), "a call while one runs");
                    prop_assert!(!oracle.muted && !oracle.in_flow(at));
                    self.open = Some(ask.id);
                    self.accounted += 1;
                }
                Step::Nudge(_) => {
                    let rested = self.last_nudge.is_none_or(|last| at - last >= cooldown);
                    prop_assert!(rested, "two nudges within the cooldown");
                    prop_assert!(!oracle.muted, "nudged while muted");
                    prop_assert!(!oracle.in_flow(at), "nudged in flow");
                    self.last_nudge = Some(at);
                }
                Step::Log(Action::NudgeSuppressed {
                    confidence: None,
                    reason,
                    times,
                    ..
                }) if reason != SuppressionReason::Failed => self.accounted += times,
                Step::Log(_) | Step::Status(_) => {}
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Never two nudges within the cooldown, never one while it is muted or the learner in flow, never a
    /// call while one runs, every trigger accounted for.
    #[test]
    fn the_rules_hold_whatever_happens(
        happenings in happenings(),
        stage in 0..5_usize,
        precheck in any::<bool>(),
    ) {
        use paige_store::coach::Stage;
        let (stage, factor) = [
            (Stage::Novice, 1.0),
            (Stage::AdvancedBeginner, 1.0),
            (Stage::Competent, 1.5),
            (Stage::Proficient, 2.0),
            (Stage::Expert, 3.0),
        ][stage];
        let start = Start { stage, ..Start::default() };
        let mut config = crate::Config::default().observer;
        config.precheck = precheck;
        let mut state = State::new(config, start, Moment(EPOCH));
        let mut oracle = Oracle::default();
        let mut seen = Seen::default();
        let cooldown = (120_000.0 * factor) as u64;
        let mut now = 0;
        for happening in happenings {
            now += happening.after;
            while let Some(due) = state.due().filter(|due| *due <= Moment(EPOCH + now)) {
                oracle.trigger();
                let steps = state.on(Event::Tick, due);
                seen.check(&oracle, due.0 - EPOCH, cooldown, steps)?;
            }
            oracle.happens(&happening.what, now);
            let event = match (&happening.what, seen.open) {
                (What::Answer(n), Some(ask)) => {
                    // Whatever comes of it, the question is answered.
                    seen.open = None;
                    Event::Answered { ask, answer: answer(*n) }
                }
                (what, _) => event(what),
            };
            let steps = state.on(event, Moment(EPOCH + now));
            seen.check(&oracle, now, cooldown, steps)?;
            prop_assert!(state.bytes() < 100_000, "{} bytes", state.bytes());
        }
        for step in state.on(Event::SessionEnded, Moment(EPOCH + now)) {
            if let Step::Log(Action::NudgeSuppressed { times, .. }) = step {
                seen.accounted += times;
            }
        }
        prop_assert_eq!(seen.accounted, oracle.triggers, "every trigger is told");
    }
}
