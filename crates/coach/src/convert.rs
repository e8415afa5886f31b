//! Rows to wire types and back, by hand: the two may change apart.

use paige_protocol::coach::{
    coaching::{IssueContext, IssueLabel, Phase, PhaseStatus, Plan},
    editor::{FileHintStyle, HighlightRange, Tone},
    hints::HintLevel,
    session::{FileHint, Session, SessionStatus},
    tools::{GapState, HintState, KataState, PhaseBrief},
};
use paige_store::coach::{
    self as rows, gaps::Gap, hints::Hint, issue_labels::IssueLabel as IssueLabelRow, katas::Kata,
    marks::Mark, sessions::Issue,
};

pub(crate) fn session(row: &rows::sessions::Session) -> Session {
    Session {
        id: row.id,
        project_dir: row.project_dir.clone(),
        issue_number: row.issue_number,
        issue_title: row.issue_title.clone(),
        status: status(row.status),
        started_at: row.started_at.clone(),
        ended_at: row.ended_at.clone(),
    }
}

pub(crate) fn status(status: rows::SessionStatus) -> SessionStatus {
    match status {
        rows::SessionStatus::Active => SessionStatus::Active,
        rows::SessionStatus::Ending => SessionStatus::Ending,
        rows::SessionStatus::Completed => SessionStatus::Completed,
        rows::SessionStatus::CompletedWithErrors => SessionStatus::CompletedWithErrors,
        rows::SessionStatus::Abandoned => SessionStatus::Abandoned,
    }
}

pub(crate) fn level_to(level: HintLevel) -> rows::HintLevel {
    match level {
        HintLevel::Off => rows::HintLevel::Off,
        HintLevel::Low => rows::HintLevel::Low,
        HintLevel::Medium => rows::HintLevel::Medium,
        HintLevel::High => rows::HintLevel::High,
    }
}

pub(crate) fn level_from(level: rows::HintLevel) -> HintLevel {
    match level {
        rows::HintLevel::Off => HintLevel::Off,
        rows::HintLevel::Low => HintLevel::Low,
        rows::HintLevel::Medium => HintLevel::Medium,
        rows::HintLevel::High => HintLevel::High,
    }
}

pub(crate) fn tone_style(tone: Tone) -> rows::Style {
    match tone {
        Tone::Info => rows::Style::Info,
        Tone::Hint => rows::Style::Hint,
        Tone::Success => rows::Style::Success,
        Tone::Warning => rows::Style::Warning,
        Tone::Error => rows::Style::Error,
    }
}

pub(crate) fn file_style(style: FileHintStyle) -> rows::Style {
    match style {
        FileHintStyle::Suggested => rows::Style::Suggested,
        FileHintStyle::Required => rows::Style::Required,
        FileHintStyle::Warning => rows::Style::Warning,
        FileHintStyle::Error => rows::Style::Error,
    }
}

pub(crate) fn highlight(mark: &Mark) -> Option<HighlightRange> {
    Some(HighlightRange {
        start: mark.line_start?,
        end: mark.line_end?,
        style: match mark.style {
            rows::Style::Info => Tone::Info,
            rows::Style::Hint | rows::Style::Suggested | rows::Style::Required => Tone::Hint,
            rows::Style::Success => Tone::Success,
            rows::Style::Warning => Tone::Warning,
            rows::Style::Error => Tone::Error,
        },
        hover_text: mark.hover_text.clone(),
        rung: u8::try_from(mark.rung).ok(),
        hint_id: mark.hint_id,
    })
}

pub(crate) fn file_hint(mark: &Mark) -> Option<FileHint> {
    mark.line_start.is_none().then(|| FileHint {
        path: mark.path.clone(),
        style: match mark.style {
            rows::Style::Required => FileHintStyle::Required,
            rows::Style::Warning => FileHintStyle::Warning,
            rows::Style::Error => FileHintStyle::Error,
            rows::Style::Suggested
            | rows::Style::Info
            | rows::Style::Hint
            | rows::Style::Success => FileHintStyle::Suggested,
        },
    })
}

pub(crate) fn plan(row: &rows::plans::Plan) -> Plan {
    Plan {
        id: row.id,
        title: row.title.clone(),
        description: row.description.clone(),
        total_phases: row.total_phases,
    }
}

pub(crate) fn phase(row: &rows::phases::Phase) -> Phase {
    Phase {
        id: row.id,
        number: row.number,
        title: row.title.clone(),
        description: row.description.clone(),
        hint_level: level_from(row.hint_level),
        status: phase_status(row.status),
        expected_files: row.expected_files.0.clone(),
        started_at: row.started_at.clone(),
        completed_at: row.completed_at.clone(),
        goal: row.teaching.goal.clone(),
        done_when: row.teaching.done_when.clone(),
        teaches: row.teaching.teaches.clone(),
        memory_connection: row.teaching.memory_connection.clone(),
    }
}

pub(crate) fn phase_brief(row: &rows::phases::Phase) -> PhaseBrief {
    PhaseBrief {
        id: row.id,
        number: row.number,
        title: row.title.clone(),
        status: phase_status(row.status),
    }
}

fn phase_status(status: rows::PhaseStatus) -> PhaseStatus {
    match status {
        rows::PhaseStatus::Pending => PhaseStatus::Pending,
        rows::PhaseStatus::Active => PhaseStatus::Active,
        rows::PhaseStatus::Complete => PhaseStatus::Complete,
    }
}

pub(crate) fn hint(row: &Hint) -> HintState {
    HintState {
        id: row.id,
        path: row.path.clone(),
        line_start: row.line_start,
        line_end: row.line_end,
        style: row.style.as_str().to_owned(),
        hover_text: row.hover_text.clone(),
        required_level: level_from(row.required_level),
    }
}

pub(crate) fn gap(row: &Gap) -> GapState {
    GapState {
        id: row.id,
        session_id: row.session_id,
        topic: row.topic.clone(),
        severity: row.severity.as_str().to_owned(),
        evidence: Some(row.evidence.clone()),
        related_concepts: row.related_concepts.0.clone(),
        addressed: row.addressed,
        frequency: row.frequency,
    }
}

pub(crate) fn kata(row: &Kata, gap: &str) -> KataState {
    KataState {
        id: row.id,
        title: row.title.clone(),
        gap: gap.to_owned(),
        attempts: u32::try_from(row.user_attempts.len()).unwrap_or(u32::MAX),
        max_level: row
            .user_attempts
            .iter()
            .map(|attempt| attempt.level)
            .max()
            .unwrap_or(0),
    }
}

pub(crate) fn issue_row(issue: &IssueContext) -> Issue {
    Issue {
        number: issue.number,
        title: Some(issue.title.clone()),
        summary: Some(issue.summary.clone()),
        labels: issue
            .labels
            .as_ref()
            .map(|labels| labels.iter().map(|label| label.name.clone()).collect()),
        url: issue.url.clone(),
    }
}

/// The issue, once Claude has shown it. Colours are kept with the issue, names with the session.
pub(crate) fn issue(
    row: &rows::sessions::Session,
    colours: &[IssueLabelRow],
) -> Option<IssueContext> {
    Some(IssueContext {
        title: row.issue_title.clone()?,
        summary: row.issue_summary.clone()?,
        number: row.issue_number,
        labels: row.issue_labels.as_ref().map(|names| {
            names
                .iter()
                .map(|name| IssueLabel {
                    name: name.clone(),
                    color: colours
                        .iter()
                        .find(|label| label.label_name == *name)
                        .and_then(|label| label.label_color.clone()),
                })
                .collect()
        }),
        url: row.issue_url.clone(),
    })
}
