//! The report as Markdown, for reading and for issues and notes.

use std::fmt::Write as _;

use paige_store::coach::PhaseStatus;

use super::{
    Report, Sum,
    text::{dollars, duration, moment, offset, plain},
};

/// The report as Markdown (GitHub's, for its tables).
pub fn markdown(report: &Report) -> String {
    let mut out = String::new();
    head(&mut out, report);
    plans(&mut out, report);
    help(&mut out, report);
    costs(&mut out, report);
    learnt(&mut out, report);
    events(&mut out, report);
    let _ = writeln!(
        out,
        "\n---\n\nMade by Paige at {}. All times are UTC.",
        moment(&report.exported_at)
    );
    out
}

fn head(out: &mut String, report: &Report) {
    let session = &report.session;
    let issue = session.issue.as_ref();
    let title = match issue.and_then(|issue| issue.title.as_deref()) {
        Some(title) => format!("Session {}: {}", session.id, text(title)),
        None => format!("Session {}", session.id),
    };
    let _ = writeln!(out, "# {title}\n");
    let mut facts = vec![("Project", code(&session.project))];
    if let Some(issue) = issue {
        let number = issue.number.map(|number| format!("#{number}"));
        let known = [number, issue.url.as_deref().map(text)];
        facts.push((
            "Issue",
            known.into_iter().flatten().collect::<Vec<_>>().join(", "),
        ));
        let labels: Vec<String> = issue.labels.iter().map(|label| text(label)).collect();
        facts.push(("Labels", labels.join(", ")));
    }
    let lasts = if session.ended_at.is_none() {
        " so far"
    } else {
        ""
    };
    facts.extend([
        ("Status", session.status.as_str().replace('_', " ")),
        ("Started", moment(&session.started_at)),
        (
            "Ended",
            session.ended_at.as_deref().map(moment).unwrap_or_default(),
        ),
        (
            "Duration",
            format!("{}{lasts}", duration(session.duration_ms)),
        ),
        ("Entries", report.events.len().to_string()),
    ]);
    for (name, fact) in facts.iter().filter(|(_, fact)| !fact.is_empty()) {
        let _ = writeln!(out, "- **{name}:** {fact}");
    }
    if let Some(summary) = issue.and_then(|issue| issue.summary.as_deref()) {
        let _ = writeln!(out, "\n{}", text(summary));
    }
}

fn plans(out: &mut String, report: &Report) {
    let _ = writeln!(out, "\n## Phases\n");
    if report.plans.is_empty() {
        let _ = writeln!(out, "The session has no plan.");
    }
    for plan in &report.plans {
        let former = if plan.is_active { "" } else { " (replaced)" };
        let _ = writeln!(out, "### {}{former}\n", text(&plan.title));
        if !plan.description.trim().is_empty() {
            let _ = writeln!(out, "{}\n", text(&plan.description));
        }
        let rows = plan.phases.iter().map(|phase| {
            let state = match (phase.status, &report.session.ended_at) {
                (PhaseStatus::Pending, _) => "not begun",
                (PhaseStatus::Active, None) => "under way",
                (PhaseStatus::Active, Some(_)) => "not finished",
                (PhaseStatus::Complete, _) => "complete",
            };
            vec![
                phase.number.to_string(),
                text(&phase.title),
                state.to_owned(),
                phase.started_at.as_deref().map(moment).unwrap_or_default(),
                phase.duration_ms.map(duration).unwrap_or_default(),
                format!("{} of {}", phase.hints_used, phase.hints),
                match (phase.reviews_passed, phase.reviews_failed) {
                    (0, 0) => String::new(),
                    (passed, failed) => format!("{passed} passed, {failed} not"),
                },
            ]
        });
        table(
            out,
            &[
                "#",
                "Phase",
                "State",
                "Begun",
                "Time",
                "Hints used",
                "Reviews",
            ],
            rows,
            "The plan has no phases.",
        );
        let _ = writeln!(out);
    }
}

fn help(out: &mut String, report: &Report) {
    let _ = writeln!(out, "\n## Help\n\n### Hint level\n");
    let rows = report.hint_levels.iter().map(|span| {
        vec![
            span.level.to_string(),
            moment(&span.started_at),
            duration(span.duration_ms),
        ]
    });
    table(
        out,
        &["Level", "From", "Time"],
        rows,
        "No hint level is known.",
    );
    let _ = writeln!(out, "\n### Hints used\n");
    let rows = report.hints_used.iter().map(|hint| {
        vec![
            moment(&hint.at),
            hint.phase_number.to_string(),
            code(&hint.path),
            hint.rung.to_string(),
            hint.hint_level.to_string(),
        ]
    });
    table(
        out,
        &["When", "Phase", "File", "Rung", "Hint level"],
        rows,
        "No hint was used in this session.",
    );
    let _ = writeln!(out, "\n### Nudges\n");
    let rows = report.nudges.iter().map(|nudge| {
        vec![
            moment(&nudge.at),
            if nudge.sent { "sent" } else { "kept back" }.to_owned(),
            text(
                &nudge
                    .signal
                    .as_deref()
                    .unwrap_or_default()
                    .replace('_', " "),
            ),
            nudge
                .confidence
                .map(|sure| format!("{sure:.2}"))
                .unwrap_or_default(),
            text(nudge.reason.as_deref().unwrap_or_default()),
        ]
    });
    table(
        out,
        &["When", "", "Noticed", "Confidence", "Why kept back"],
        rows,
        "No nudge was sent or kept back in this session.",
    );
    let looks = report.looks;
    if looks.asked + looks.kept_back > 0 {
        let _ = writeln!(
            out,
            "\nThe Observer looked {} times and asked a model about {} of them. The pre-check saved {} calls, and would have saved {} more.",
            looks.asked + looks.kept_back,
            looks.asked,
            looks.saved,
            looks.would_be_saved
        );
    }
}

fn costs(out: &mut String, report: &Report) {
    let _ = writeln!(out, "\n## Costs\n");
    let total = &report.costs.total;
    let row = |kind: String, model: String, sum: &Sum| {
        vec![
            kind,
            model,
            sum.calls.to_string(),
            sum.failed.to_string(),
            sum.input_tokens.to_string(),
            sum.output_tokens.to_string(),
            (sum.cache_read_tokens + sum.cache_write_tokens).to_string(),
            sum.mean_latency_ms
                .map(|millis| format!("{millis:.0} ms"))
                .unwrap_or_default(),
            match sum.unpriced {
                0 => dollars(sum.cost_usd),
                unpriced => format!("{} and {unpriced} without a price", dollars(sum.cost_usd)),
            },
        ]
    };
    let mut rows: Vec<_> = report
        .costs
        .calls
        .iter()
        .map(|calls| row(code(&calls.call_type), code(&calls.model), &calls.sum))
        .collect();
    if rows.len() > 1 {
        rows.push(row("**all**".to_owned(), String::new(), total));
    }
    table(
        out,
        &[
            "Call",
            "Model",
            "Calls",
            "Failed",
            "Tokens in",
            "Tokens out",
            "Cached",
            "Mean latency",
            "Cost",
        ],
        rows.into_iter(),
        "No call was made in this session.",
    );
}

fn learnt(out: &mut String, report: &Report) {
    if !report.gaps.is_empty() {
        let _ = writeln!(out, "\n## Knowledge gaps\n");
        let rows = report.gaps.iter().map(|gap| {
            vec![
                text(&gap.topic),
                gap.severity.to_string(),
                text(&gap.evidence),
                if gap.addressed { "closed" } else { "open" }.to_owned(),
            ]
        });
        table(out, &["Topic", "Severity", "Evidence", ""], rows, "");
    }
    if !report.problems.is_empty() {
        let _ = writeln!(out, "\n## Trouble in the wrap-up\n");
        let rows = report.problems.iter().map(|problem| {
            vec![
                moment(&problem.at),
                problem.step.to_string(),
                text(&problem.message),
            ]
        });
        table(out, &["When", "Step", "What went wrong"], rows, "");
    }
}

fn events(out: &mut String, report: &Report) {
    let _ = writeln!(out, "\n## What happened\n");
    let rows = report.events.iter().map(|event| {
        vec![
            offset(event.offset_ms),
            code(&event.kind),
            text(&event.text),
        ]
    });
    table(
        out,
        &["After", "Type", "What"],
        rows,
        "Nothing happened in this session.",
    );
}

/// A table whose cells are Markdown already, or the sentence when there is no row.
fn table(
    out: &mut String,
    heads: &[&str],
    rows: impl Iterator<Item = Vec<String>>,
    otherwise: &str,
) {
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        let _ = writeln!(out, "{otherwise}");
        return;
    }
    let _ = writeln!(out, "| {} |", heads.join(" | "));
    let _ = writeln!(out, "|{}", "---|".repeat(heads.len()));
    for row in rows {
        let _ = writeln!(out, "| {} |", row.join(" | "));
    }
}

/// Text of others as Markdown in one line: nothing in it is markup.
fn text(text: &str) -> String {
    let mut escaped = String::new();
    for c in plain(text).chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' | '!' | '$' => {
                escaped.push('\\');
                escaped.push(c);
            }
            _ => escaped.push(c),
        }
    }
    escaped
}

/// A name or path of others as code in one line, where code can hold it, else as text.
fn code(name: &str) -> String {
    let name = plain(name);
    if name.is_empty() || name.contains(['`', '|', '<', '>', '&']) {
        return text(&name);
    }
    format!("`{name}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_others_is_markup() {
        for (given, expected) in [
            ("a | b", "a \\| b"),
            ("a\n| b |\r\n# c", "a \\| b \\| \\# c"),
            ("<script>&", "&lt;script&gt;&amp;"),
            ("[x](y) ![z](w)", "\\[x\\](y) \\!\\[z\\](w)"),
            ("\\| *a* `b`", "\\\\\\| \\*a\\* \\`b\\`"),
            ("a\u{1b}[2Jb\u{202e}c", "a\u{fffd}\\[2Jb\u{fffd}c"),
        ] {
            assert_eq!(text(given), expected);
        }
    }

    #[test]
    fn a_name_is_code_where_code_can_hold_it() {
        for (given, expected) in [
            ("a_b.rs", "`a_b.rs`"),
            ("a`b", "a\\`b"),
            ("a|b", "a\\|b"),
            ("<b>", "&lt;b&gt;"),
            ("", ""),
        ] {
            assert_eq!(code(given), expected);
        }
    }
}
