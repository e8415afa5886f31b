use std::{sync::Arc, time::Duration};

use anyhow::Result;
use paige_coach::observer::{Event, Moment, Phase, Start, State, Step, Triage};
use rustix::time::{ClockId, clock_gettime};

use super::Row;
use crate::{
    figure::{Figure, Target, worst},
    samples::digits,
    scene::{Scene, text},
};

pub(super) const ROW: Row = Row {
    name: "observer",
    about: "the Observer's own processor time for an hour of heavy editing, and what it holds",
    measure,
};

/// Seconds of one core in an hour: 1 % of it, and a hundredth of that.
const SECONDS: Target = Target::most(36.0, 0.36);
/// What it holds at the end in relation to its first tenth.
const GROWTH: Target = Target::most(1.5, 1.1);

/// An hour of ten updates a second.
const UPDATES: usize = 36_000;
const PATH: &str = "src/file0.rs";

fn measure(_scene: &Scene) -> Result<Vec<Figure>> {
    let config = paige_coach::Config::default().observer;
    let mut state = State::new(config, Start::default(), Moment(0));
    let phase = Phase {
        number: 1,
        expected_files: vec![PATH.into()],
        ..Phase::default()
    };
    let mut spent = Duration::ZERO;
    let mut compared = Duration::ZERO;
    let (mut early, mut late) = (0, 0);
    let mut on = |state: &mut State, event, at| {
        let began = now();
        let steps = state.on(event, at);
        spent += now() - began;
        steps
    };
    on(&mut state, Event::PhaseStarted(phase), Moment(0));
    let mut lines: Vec<String> = text(50 << 10).lines().map(str::to_owned).collect();
    let count = lines.len();
    let mut before: Arc<str> = Arc::from("");
    for n in 0..UPDATES {
        let at = Moment(n as u64 * 100);
        // Some seconds at a place, then at another; each update a little longer than the one before.
        let line = n / 40 * 17 % count;
        lines[line] = format!("    let changed = {};", "x".repeat(n % 40));
        let content: Arc<str> = lines.join("\n").into();
        let began = now();
        std::hint::black_box(*before == *content);
        compared += now() - began;
        let edited = Event::Edited {
            path: PATH.into(),
            before: Some(before),
            text: Some(content.clone()),
        };
        before = content;
        let mut steps = on(&mut state, edited, at);
        if n % 50 == 0 {
            steps.extend(on(&mut state, Event::FileSaved(PATH.into()), at));
        }
        for step in steps {
            if let Step::Ask(ask) = step {
                let answer = Event::Answered {
                    ask: ask.id,
                    answer: Ok(nothing()),
                };
                on(&mut state, answer, at);
            }
        }
        let held = state.bytes();
        if n < UPDATES / 10 {
            early = early.max(held);
        } else {
            late = late.max(held);
        }
    }
    let growth = late as f64 / early as f64;
    Ok(vec![Figure {
        name: "Observer, 10 updates/s",
        must: "≤ 1 % of a core, flat",
        aim: "≤ 0.01 %",
        ours: format!(
            "{} s an hour, {} KiB",
            digits(spent.as_secs_f64()),
            late >> 10
        ),
        comparator: format!("comparing the texts {} s", digits(compared.as_secs_f64())),
        ratio: format!("{growth:.2}× its first tenth ({})", GROWTH.text()),
        verdict: worst([SECONDS.judge(spent.as_secs_f64()), GROWTH.judge(growth)]),
    }])
}

fn nothing() -> Triage {
    Triage {
        should_nudge: false,
        confidence: 0.9,
        signal: "no_nudge".to_owned(),
        reasoning: String::new(),
        suggested_context: None,
    }
}

/// The processor time of this thread.
fn now() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or_default(),
        u32::try_from(time.tv_nsec).unwrap_or_default(),
    )
}
