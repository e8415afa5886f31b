//! The figures for people.

use std::fmt::Write as _;

use paige_coach::observer::eval::{Column, Evaluation, Set, Strategy, Verdict};
use paige_coach::report::plain;

/// Faults and looks without an answer that are named of one scenario.
const MOST: usize = 5;

/// The whole text.
pub(super) fn text(found: &Evaluation, model: &str) -> String {
    let mut text = String::new();
    for set in &found.sets {
        text.push_str(&figures(set));
        text.push('\n');
    }
    if found.tokens_are_estimated {
        let _ = writeln!(
            text,
            "Costs are those of {model}; tokens that were not recorded are estimated, one for four bytes."
        );
    } else {
        let _ = writeln!(text, "Costs are those of {model}.");
    }
    let mut trouble = String::new();
    for verdict in &found.scenarios {
        tell(verdict, &mut trouble);
    }
    if trouble.is_empty() {
        text.push_str("Every session went as its labels say.\n");
    } else {
        text.push('\n');
        text.push_str(&trouble);
    }
    text
}

fn figures(set: &Set) -> String {
    let mut text = format!(
        "{}: {}, {:.1} hours, {}, {}\n\n",
        if set.held_out { "Held out" } else { "Tuned" },
        counted(set.scenarios, "session"),
        set.hours,
        counted(set.labels, "label"),
        counted(set.looks, "look"),
    );
    let mut rows = vec![(String::new(), Vec::new())];
    for column in &set.columns {
        rows[0].1.push(name(column.strategy).to_owned());
    }
    let mut row = |name: &str, cell: &dyn Fn(&Column) -> String| {
        rows.push((name.to_owned(), set.columns.iter().map(cell).collect()));
    };
    row("precision", &|column| share(column.precision));
    row("recall", &|column| share(column.recall));
    row("nudges an hour", &|column| {
        format!("{:.1}", column.nudges_per_hour)
    });
    row("calls an hour", &|column| {
        format!("{:.1}", column.calls_per_hour)
    });
    row("US dollars an hour", &|column| {
        let usd = column.usd_per_hour;
        usd.map_or("unknown".to_owned(), |usd| format!("{usd:.4}"))
    });
    for (name, cells) in rows {
        let mut line = format!("{name:<18}");
        for cell in cells {
            let _ = write!(line, "{cell:>16}");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn counted(count: u32, what: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {what}{s}")
}

fn name(strategy: Strategy) -> &'static str {
    match strategy {
        Strategy::Always => "always nudge",
        Strategy::Never => "never nudge",
        Strategy::Rules => "rules alone",
        Strategy::Triage => "triage alone",
        Strategy::Full => "full pipeline",
        Strategy::FullPrecheck => "with pre-check",
    }
}

fn share(share: Option<f64>) -> String {
    share.map_or("–".to_owned(), |share| format!("{share:.2}"))
}

fn tell(verdict: &Verdict, text: &mut String) {
    if verdict.faults.is_empty() && verdict.unanswered.is_empty() {
        return;
    }
    let _ = writeln!(text, "{}: {}", verdict.file, plain(&verdict.title));
    for fault in verdict.faults.iter().take(MOST) {
        let _ = writeln!(text, "  {}", plain(fault));
    }
    if verdict.faults.len() > MOST {
        let _ = writeln!(text, "  … and {} more", verdict.faults.len() - MOST);
    }
    let unanswered = verdict.unanswered.len();
    if unanswered > 0 {
        let _ = writeln!(
            text,
            "  {unanswered} of {} looks have no answer that fits; `--record` asks the model:",
            verdict.looks
        );
    }
    for look in verdict.unanswered.iter().take(MOST) {
        let _ = writeln!(text, "    {look}");
    }
    if unanswered > MOST {
        let _ = writeln!(text, "    … and {} more", unanswered - MOST);
    }
}
