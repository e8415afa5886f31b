//! From rows to a [`Report`].

use paige_protocol::coach::{Action, coaching::SuppressionReason};
use paige_store::coach::{
    SessionStatus, actions, api_calls, gaps, hint_level_spans, hints, phases, plans,
    progress::{self, Progress, ProgressEvent},
    sessions, wrap_up,
};
use paige_store::{Reader, StoreError, millis_between};
use serde::Serialize;
use serde_json::Value;

use super::{
    About, Calls, Costs, Event, FORMAT, Gap, HintUse, Issue, Lane, LevelSpan, Looks, Nudge, Phase,
    Plan, Problem, Report, Sum, VERSION, tell,
};
use crate::redact::redact;

/// What the tables hold of one session.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows {
    /// The session.
    pub session: sessions::Session,
    /// Its plans, oldest first, each with its phases.
    pub plans: Vec<(plans::Plan, Vec<PhaseRows>)>,
    /// The spans of its hint level.
    pub levels: Vec<hint_level_spans::HintLevelSpan>,
    /// Its gaps.
    pub gaps: Vec<gaps::Gap>,
    /// The failures of its wrap-up.
    pub errors: Vec<wrap_up::WrapUpError>,
    /// Its calls to models, by type and model.
    pub calls: Vec<(String, String, api_calls::Totals)>,
    /// The sums over them.
    pub total: api_calls::Totals,
    /// Its part of the timeline.
    pub entries: Vec<actions::TimelineEntry>,
}

/// A phase, the number of its hints, and what happened in it.
pub type PhaseRows = (phases::Phase, u32, Vec<ProgressEvent>);

impl Rows {
    /// Reads what there is of a session; `None` when there is no such session.
    ///
    /// # Errors
    /// When the database fails.
    pub fn read(reader: &Reader<'_>, session_id: u32) -> Result<Option<Self>, StoreError> {
        let Some(session) = sessions::by_id(reader, session_id)? else {
            return Ok(None);
        };
        let mut all = Vec::new();
        for plan in plans::by_session(reader, session_id)? {
            let mut of_plan = Vec::new();
            for phase in phases::by_plan(reader, plan.id)? {
                let hints = hints::by_phase(reader, phase.id, None)?.len();
                let events = progress::by_phase(reader, phase.id)?;
                of_plan.push((phase, u32::try_from(hints).unwrap_or(u32::MAX), events));
            }
            all.push((plan, of_plan));
        }
        let period = api_calls::Period {
            scope: Some(session_id),
            since: None,
        };
        Ok(Some(Self {
            session,
            plans: all,
            levels: hint_level_spans::by_session(reader, session_id)?,
            gaps: gaps::by_session(reader, session_id)?,
            errors: wrap_up::errors(reader, session_id)?,
            calls: api_calls::totals_by_type_and_model(reader, &period)?,
            total: api_calls::totals(reader, &period)?,
            entries: actions::by_session(reader, session_id)?,
        }))
    }
}

/// A session in the list of all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionLine {
    /// Its id.
    pub id: u32,
    /// The project's folder.
    pub project: String,
    /// The number of its issue.
    pub issue_number: Option<u32>,
    /// The title of its issue.
    pub issue_title: Option<String>,
    /// What has become of it.
    pub status: SessionStatus,
    /// When it began.
    pub started_at: String,
    /// When it ended; null while it is active.
    pub ended_at: Option<String>,
    /// From its beginning to its end, or to now.
    pub duration_ms: u64,
    /// Entries of its timeline.
    pub entries: u32,
}

/// All sessions, newest first.
///
/// # Errors
/// When the database fails.
pub fn sessions(reader: &Reader<'_>, now: &str) -> Result<Vec<SessionLine>, StoreError> {
    let rows = sessions::recent(reader, None, u32::MAX)?;
    rows.into_iter()
        .map(|row| {
            let entries = actions::count(
                reader,
                &actions::Filter {
                    scope: Some(Some(row.id)),
                    ..actions::Filter::default()
                },
            )?;
            Ok(SessionLine {
                id: row.id,
                duration_ms: millis(&row.started_at, row.ended_at.as_deref().unwrap_or(now)),
                project: row.project_dir,
                issue_number: row.issue_number,
                issue_title: row.issue_title.as_deref().map(clean),
                status: row.status,
                started_at: row.started_at,
                ended_at: row.ended_at,
                entries,
            })
        })
        .collect()
}

/// The id of the session that was started last.
///
/// # Errors
/// When the database fails.
pub fn last(reader: &Reader<'_>) -> Result<Option<u32>, StoreError> {
    let newest = sessions::recent(reader, None, 1)?.pop();
    Ok(newest.map(|session| session.id))
}

impl Report {
    /// The report of these rows, made at `now`.
    pub fn of(rows: &Rows, now: &str) -> Self {
        let session = &rows.session;
        let end = session.ended_at.as_deref().unwrap_or(now);
        Self {
            format: FORMAT,
            version: VERSION,
            exported_at: now.to_owned(),
            session: about(session, end),
            plans: rows
                .plans
                .iter()
                .map(|(row, phases)| plan(row, phases, end))
                .collect(),
            hint_levels: rows
                .levels
                .iter()
                .map(|span| {
                    let until = span.ended_at.as_deref().unwrap_or(end);
                    LevelSpan {
                        level: span.level,
                        started_at: span.started_at.clone(),
                        until: until.to_owned(),
                        duration_ms: millis(&span.started_at, until),
                    }
                })
                .collect(),
            hints_used: hints_used(rows),
            nudges: rows.entries.iter().filter_map(nudge).collect(),
            looks: looks(&rows.entries),
            costs: Costs {
                total: Sum::from(rows.total.clone()),
                calls: rows
                    .calls
                    .iter()
                    .map(|(call_type, model, totals)| Calls {
                        call_type: clean(call_type),
                        model: clean(model),
                        sum: Sum::from(totals.clone()),
                    })
                    .collect(),
            },
            gaps: rows
                .gaps
                .iter()
                .map(|gap| Gap {
                    topic: clean(&gap.topic),
                    severity: gap.severity,
                    evidence: clean(&gap.evidence),
                    addressed: gap.addressed,
                })
                .collect(),
            problems: rows
                .errors
                .iter()
                .map(|error| Problem {
                    at: error.created_at.clone(),
                    step: error.agent_name,
                    message: clean(&error.error_message),
                })
                .collect(),
            events: rows
                .entries
                .iter()
                .map(|entry| event(entry, &session.started_at))
                .collect(),
        }
    }
}

fn about(session: &sessions::Session, end: &str) -> About {
    let text = |text: &Option<String>| text.as_deref().map(clean);
    let issue = Issue {
        number: session.issue_number,
        title: text(&session.issue_title),
        summary: text(&session.issue_summary),
        labels: session
            .issue_labels
            .iter()
            .flat_map(|labels| labels.iter())
            .map(|label| clean(label))
            .collect(),
        url: text(&session.issue_url),
    };
    let known = issue.number.is_some()
        || issue.title.is_some()
        || issue.summary.is_some()
        || issue.url.is_some();
    About {
        id: session.id,
        project: session.project_dir.clone(),
        issue: known.then_some(issue),
        status: session.status,
        started_by: session.started_by,
        started_at: session.started_at.clone(),
        ended_at: session.ended_at.clone(),
        duration_ms: millis(&session.started_at, end),
        hint_level: session.hint_level,
    }
}

fn plan(row: &plans::Plan, phases: &[PhaseRows], end: &str) -> Plan {
    Plan {
        title: clean(&row.title),
        description: clean(&row.description),
        created_at: row.created_at.clone(),
        is_active: row.is_active,
        phases: phases
            .iter()
            .map(|(row, hints, events)| phase(row, *hints, events, end))
            .collect(),
    }
}

fn phase(row: &phases::Phase, hints: u32, events: &[ProgressEvent], end: &str) -> Phase {
    let count = |wanted: fn(&Progress) -> bool| {
        let found = events.iter().filter(|event| wanted(&event.progress));
        u32::try_from(found.count()).unwrap_or(u32::MAX)
    };
    let until = row.completed_at.as_deref().unwrap_or(end);
    Phase {
        number: row.number,
        title: clean(&row.title),
        description: clean(&row.description),
        expected_files: row.expected_files.0.clone(),
        status: row.status,
        started_at: row.started_at.clone(),
        completed_at: row.completed_at.clone(),
        duration_ms: row.started_at.as_ref().map(|from| millis(from, until)),
        hints,
        hints_used: count(|progress| matches!(progress, Progress::HintUsed { .. })),
        highest_rung: events
            .iter()
            .filter_map(|event| match event.progress {
                Progress::HintUsed { rung, .. } => Some(rung),
                _ => None,
            })
            .max(),
        reviews_passed: count(|progress| matches!(progress, Progress::ReviewPassed { .. })),
        reviews_failed: count(|progress| matches!(progress, Progress::ReviewFailed { .. })),
    }
}

fn hints_used(rows: &Rows) -> Vec<HintUse> {
    let phases = rows.plans.iter().flat_map(|(_, phases)| phases);
    let mut uses: Vec<_> = phases
        .flat_map(|(phase, _, events)| {
            events.iter().filter_map(|event| match &event.progress {
                Progress::HintUsed {
                    hint_level,
                    path,
                    rung,
                    ..
                } => Some((
                    event.id,
                    HintUse {
                        at: event.created_at.clone(),
                        phase_number: phase.number,
                        path: path.clone(),
                        rung: *rung,
                        hint_level: *hint_level,
                    },
                )),
                _ => None,
            })
        })
        .collect();
    uses.sort_by_key(|(id, _)| *id);
    uses.into_iter().map(|(_, hint)| hint).collect()
}

fn looks(entries: &[actions::TimelineEntry]) -> Looks {
    let mut looks = Looks::default();
    for entry in entries {
        match crate::action(entry) {
            Some(Action::ObserverTriage { precheck, .. }) => {
                looks.asked += 1;
                looks.would_be_saved += u32::from(!precheck);
            }
            Some(Action::NudgeSuppressed {
                confidence: None,
                reason,
                times,
                ..
            }) => match reason {
                SuppressionReason::Failed => looks.asked += 1,
                SuppressionReason::Precheck => {
                    looks.kept_back += times;
                    looks.saved += times;
                }
                _ => looks.kept_back += times,
            },
            _ => {}
        }
    }
    looks
}

fn nudge(entry: &actions::TimelineEntry) -> Option<Nudge> {
    let sent = match &*entry.kind {
        "nudge_sent" => true,
        "nudge_suppressed" => false,
        _ => return None,
    };
    let data = data(entry);
    // Looks that came to nothing are counted; here stands what a model wanted.
    if data["confidence"].is_null() {
        return None;
    }
    let text = |name: &str| data[name].as_str().map(str::to_owned);
    Some(Nudge {
        at: entry.at.clone(),
        sent,
        signal: text("signal"),
        confidence: data["confidence"].as_f64(),
        reason: text("reason"),
    })
}

fn event(entry: &actions::TimelineEntry, start: &str) -> Event {
    let data = data(entry);
    let action: Option<Action> = serde_json::from_value(serde_json::json!({
        "actionType": &*entry.kind, "data": &data,
    }))
    .ok();
    let (lane, text) = match &action {
        Some(action) => tell::tell(action),
        None => tell::unknown(&entry.kind),
    };
    // A file that a tool opens is opened by Claude.
    let lane = match lane {
        Lane::You if entry.call_id.is_some() => Lane::Claude,
        lane => lane,
    };
    Event {
        id: entry.id,
        at: entry.at.clone(),
        offset_ms: millis(start, &entry.at),
        kind: entry.kind.clone().into_owned(),
        lane,
        text,
        data,
        call_id: entry.call_id.as_deref().map(str::to_owned),
    }
}

/// What an entry knows, without what looks like a secret.
fn data(entry: &actions::TimelineEntry) -> Value {
    let mut data = entry
        .data
        .as_deref()
        .and_then(|data| serde_json::from_str(data).ok())
        .unwrap_or_default();
    clean_value(&mut data);
    data
}

fn clean_value(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let std::borrow::Cow::Owned(clean) = redact(text) {
                *text = clean;
            }
        }
        Value::Array(values) => values.iter_mut().for_each(clean_value),
        Value::Object(fields) => fields.values_mut().for_each(clean_value),
        _ => {}
    }
}

/// It was cleaned when it was written, by the shapes that were known then.
fn clean(text: &str) -> String {
    redact(text).into_owned()
}

fn millis(from: &str, to: &str) -> u64 {
    millis_between(from, to).unwrap_or(0)
}
