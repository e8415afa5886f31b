//! What an action of the timeline is called when a person reads of it.

use paige_protocol::coach::{
    Action,
    action::{PromptClass, ToolDecision},
    files::TextRange,
};
use serde::Serialize;

use super::{
    Lane,
    text::{cut, duration, plain},
};

/// Longer quotations are cut; the data has the whole.
const QUOTED: usize = 160;

/// Whose doing an action is, and what happened.
pub(super) fn tell(action: &Action) -> (Lane, String) {
    match action {
        Action::FileOpen { path } => (Lane::You, format!("{} was opened", plain(path))),
        Action::FileSave { path, char_count } => (
            Lane::You,
            format!("Saved {} ({})", plain(path), characters(*char_count)),
        ),
        Action::FileClose { path } => (Lane::You, format!("{} was closed", plain(path))),
        Action::FileCreate { path, kind } => (
            Lane::You,
            format!("Made the {} {}", word(kind), plain(path)),
        ),
        Action::FileRename { path, new_path } => (
            Lane::You,
            format!("Renamed {} to {}", plain(path), plain(new_path)),
        ),
        Action::FileDelete { path } => (Lane::You, format!("Deleted {}", plain(path))),
        Action::EditorTabSwitch { to_path, .. } => {
            (Lane::You, format!("Looked at {}", plain(to_path)))
        }
        Action::EditorSelection { path, range, .. } => (
            Lane::You,
            format!("Selected {} of {}", lines(range), plain(path)),
        ),
        Action::BufferSummary {
            path,
            edit_count,
            char_delta,
            ..
        } => (
            Lane::You,
            format!(
                "Edited {} ({edit_count} edits, {char_delta:+} characters)",
                plain(path)
            ),
        ),
        Action::BufferSignificantChange {
            path, char_delta, ..
        } => (
            Lane::You,
            format!("Changed {} a lot ({char_delta:+} characters)", plain(path)),
        ),
        Action::UserIdleStart { duration_ms } => (
            Lane::You,
            format!("Nothing was done for {}", duration((*duration_ms).into())),
        ),
        Action::UserIdleEnd { idle_duration_ms } => (
            Lane::You,
            match idle_duration_ms {
                Some(millis) => format!("Back after {}", duration((*millis).into())),
                None => "Back".to_owned(),
            },
        ),
        Action::UserExplainRequest { path, range } => (
            Lane::You,
            format!("Asked what {} of {} mean", lines(range), plain(path)),
        ),
        Action::PromptSubmitted { class } => (
            Lane::You,
            match class {
                PromptClass::Question => "Asked Claude a question of understanding".to_owned(),
                PromptClass::Request => "Asked Claude to have something done".to_owned(),
                PromptClass::Other => "Wrote to Claude".to_owned(),
            },
        ),
        Action::DashboardLoaded { .. } => (Lane::You, "Looked at the dashboard".to_owned()),
        Action::CommandRun {
            command,
            exit_code,
            duration_ms,
            ..
        } => (
            Lane::Commands,
            format!(
                "Ran `{}`: exit code {exit_code} after {}",
                quoted(command),
                duration((*duration_ms).into())
            ),
        ),
        Action::SessionStarted { .. }
        | Action::SessionResumed { .. }
        | Action::SessionEnded { .. }
        | Action::WrapUpError { .. } => (Lane::Session, session(action)),
        Action::CoachingMessage { .. }
        | Action::DecorationsApplied { .. }
        | Action::DecorationsCleared { .. }
        | Action::FileHintsApplied { .. }
        | Action::FileHintsCleared {}
        | Action::IssueContextShown { .. }
        | Action::ExplainCompleted { .. }
        | Action::ClaudeRead { .. }
        | Action::ToolDenied { .. }
        | Action::AnswerTooLarge { .. }
        | Action::McpToolCall { .. } => (Lane::Claude, claude(action)),
        Action::CoachingPipelineRun { .. }
        | Action::PhaseStarted { .. }
        | Action::PhaseCompleted { .. }
        | Action::HintUsed { .. }
        | Action::HintsLevelChange { .. }
        | Action::ReviewRequested { .. }
        | Action::ReviewPassed { .. }
        | Action::ReviewFailed { .. } => (Lane::Plan, plan(action)),
        Action::ObserverTriage { .. }
        | Action::NudgeSent { .. }
        | Action::NudgeSuppressed { .. }
        | Action::ObserverMuted { .. } => (Lane::Observer, observer(action)),
        Action::PracticeSolutionSubmitted { .. }
        | Action::PracticeSolutionReviewed { .. }
        | Action::LearningMaterialGenerated { .. }
        | Action::LearningMaterialViewed { .. }
        | Action::LearningMaterialCompleted { .. }
        | Action::LearningMaterialDismissed { .. }
        | Action::LearningMaterialAnswerChecked { .. } => (Lane::Learning, learning(action)),
    }
}

/// The same for a kind that is not known, for instance one of a later version.
pub(super) fn unknown(kind: &str) -> (Lane, String) {
    (Lane::Other, plain(kind).replace('_', " "))
}

fn session(action: &Action) -> String {
    match action {
        Action::SessionStarted {
            issue_number,
            issue_title,
            ..
        } => {
            let mut text = "The session started".to_owned();
            if let Some(number) = issue_number {
                text.push_str(&format!(" on issue #{number}"));
            }
            if let Some(title) = issue_title {
                text.push_str(&format!(": {}", quoted(title)));
            }
            text
        }
        Action::SessionResumed { .. } => "The session was taken up again".to_owned(),
        Action::SessionEnded {
            status,
            duration_ms,
            ..
        } => format!(
            "The session ended as {} after {}",
            word(status),
            duration(whole(*duration_ms))
        ),
        Action::WrapUpError { agent, error } => format!(
            "The wrap-up's step {} failed: {}",
            plain(agent),
            quoted(error)
        ),
        other => unknown(other.kind()).1,
    }
}

fn claude(action: &Action) -> String {
    match action {
        Action::CoachingMessage { message, .. } => format!("Claude said: {}", quoted(message)),
        Action::DecorationsApplied {
            path, line_count, ..
        } => {
            format!("Claude highlighted {line_count} lines of {}", plain(path))
        }
        Action::DecorationsCleared { path: Some(path) } => {
            format!("The highlights of {} were taken away", plain(path))
        }
        Action::DecorationsCleared { path: None } => "All highlights were taken away".to_owned(),
        Action::FileHintsApplied { paths, style } => {
            let paths: Vec<String> = paths.iter().map(|path| plain(path)).collect();
            format!(
                "Claude marked {} as {}",
                cut(&paths.join(", "), QUOTED),
                word(style)
            )
        }
        Action::FileHintsCleared {} => "Claude's marks of files were taken away".to_owned(),
        Action::IssueContextShown {
            title,
            issue_number: Some(number),
        } => format!("Claude showed issue #{number}: {}", quoted(title)),
        Action::IssueContextShown { title, .. } => {
            format!("Claude showed the issue: {}", quoted(title))
        }
        Action::ExplainCompleted { path, success, .. } => {
            let end = if *success { "was given" } else { "failed" };
            format!("An explanation of {} {end}", plain(path))
        }
        Action::ClaudeRead { tool_name, path } => {
            format!("Claude looked at {} ({})", quoted(path), plain(tool_name))
        }
        Action::ToolDenied {
            tool_name,
            decision,
            subject,
            ..
        } => format!(
            "Claude was {} {}: {}",
            match decision {
                ToolDecision::Ask => "held back from",
                ToolDecision::Deny => "denied",
            },
            plain(tool_name),
            quoted(subject)
        ),
        Action::AnswerTooLarge {
            lines,
            allowed,
            blocked,
        } => format!(
            "An answer of Claude showed {lines} lines of code where {allowed} are allowed{}",
            if *blocked { ", and was sent back" } else { "" }
        ),
        Action::McpToolCall {
            tool_name,
            outcome,
            duration_ms,
            ..
        } => format!(
            "Claude called {} ({}, {duration_ms:.1} ms)",
            plain(tool_name),
            plain(outcome)
        ),
        other => unknown(other.kind()).1,
    }
}

fn plan(action: &Action) -> String {
    match action {
        Action::CoachingPipelineRun { .. } => "A plan was made".to_owned(),
        Action::PhaseStarted {
            phase_number,
            title,
            ..
        } => format!("Phase {phase_number} began: {}", quoted(title)),
        Action::PhaseCompleted {
            phase_number,
            title,
            ..
        } => format!("Phase {phase_number} is complete: {}", quoted(title)),
        Action::HintUsed { path, rung, .. } => {
            let what = match rung {
                1 => "its file",
                2 => "its lines",
                _ => "its text",
            };
            format!("A hint at {} was used: {what}", plain(path))
        }
        Action::HintsLevelChange {
            from, to, source, ..
        } => format!(
            "The hint level went from {} to {} (by {})",
            word(from),
            word(to),
            word(source)
        ),
        Action::ReviewRequested { .. } => "A review was asked for".to_owned(),
        Action::ReviewPassed { feedback, .. } => format!("Review passed: {}", quoted(feedback)),
        Action::ReviewFailed { feedback, .. } => format!("Review not passed: {}", quoted(feedback)),
        other => unknown(other.kind()).1,
    }
}

fn observer(action: &Action) -> String {
    match action {
        Action::ObserverTriage {
            should_nudge,
            confidence,
            ..
        } => format!(
            "The Observer looked: {} ({confidence:.2})",
            if *should_nudge {
                "a nudge would help"
            } else {
                "all is well"
            }
        ),
        Action::NudgeSent { signal, .. } => format!("A nudge was sent: {}", word(signal)),
        Action::NudgeSuppressed {
            signal,
            reason,
            error,
            ..
        } => {
            let why = match error {
                Some(error) => format!("{}: {}", word(reason), quoted(error)),
                None => word(reason),
            };
            match signal {
                Some(signal) => format!("A nudge was kept back: {} ({why})", word(signal)),
                None => format!("The Observer did not nudge ({why})"),
            }
        }
        Action::ObserverMuted { muted: true } => "The Observer was muted".to_owned(),
        Action::ObserverMuted { muted: false } => "The Observer may speak again".to_owned(),
        other => unknown(other.kind()).1,
    }
}

fn learning(action: &Action) -> String {
    match action {
        Action::PracticeSolutionSubmitted { .. } => "A kata's solution was submitted".to_owned(),
        Action::PracticeSolutionReviewed { level, passed, .. } => {
            let end = if *passed { "solved" } else { "not solved yet" };
            format!("A kata's solution was reviewed: level {level}, {end}")
        }
        Action::LearningMaterialGenerated { url, .. } => {
            format!("A material was found: {}", quoted(url))
        }
        Action::LearningMaterialViewed { url, .. } => {
            format!("A material was viewed: {}", quoted(url))
        }
        Action::LearningMaterialCompleted { .. } => "A material was completed".to_owned(),
        Action::LearningMaterialDismissed { .. } => "A material was dismissed".to_owned(),
        Action::LearningMaterialAnswerChecked { correct, .. } => format!(
            "An answer was checked: {}",
            if *correct { "right" } else { "not right yet" }
        ),
        other => unknown(other.kind()).1,
    }
}

fn quoted(text: &str) -> String {
    cut(&plain(text), QUOTED)
}

fn lines(range: &TextRange) -> String {
    if range.start_line == range.end_line {
        format!("line {}", range.start_line)
    } else {
        format!("lines {} to {}", range.start_line, range.end_line)
    }
}

fn characters(count: u32) -> String {
    match count {
        1 => "1 character".to_owned(),
        _ => format!("{count} characters"),
    }
}

/// The word of an enum as the wire has it, for reading.
fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word.replace('_', " "),
        _ => String::new(),
    }
}

fn whole(millis: f64) -> u64 {
    millis.max(0.0) as u64
}
