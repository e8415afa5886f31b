//! [`Scenario`]: the JSON export of a session, with what an export does not have.

use std::{collections::BTreeMap, sync::Arc};

use paige_protocol::coach::{Action, coaching::Signal};
use paige_store::coach::Stage;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::{
    At, Mistake,
    typed::{Lines, Typed},
};
use crate::{
    observer::{Config, Event, Moment, Neighbours, Path, Phase, Profile},
    report,
};

/// A recorded session, with labels.
#[derive(Debug)]
pub struct Scenario {
    /// What it is, in a few words.
    pub title: String,
    /// Whether it is told apart from those that the Observer was tuned with.
    pub held_out: bool,
    /// When a nudge is right.
    pub labels: Vec<Label>,
    pub(super) stage: Stage,
    pub(super) profile: Option<Profile>,
    pub(super) precheck: Option<bool>,
    pub(super) started: Moment,
    pub(super) ended: Moment,
    pub(super) happened: Vec<(Moment, Happening)>,
}

/// A time in which a nudge is right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Label {
    /// From when on.
    pub from: At,
    /// Until when.
    pub to: At,
    /// What it may be about.
    pub signals: Vec<Signal>,
    /// Why.
    pub why: String,
    /// Why the Observer is known to say nothing all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_miss: Option<String>,
}

/// Something in a recording.
#[derive(Debug, Clone)]
pub(super) enum Happening {
    Event(Event),
    /// The sidecar was started again.
    Restart,
}

/// An export, as far as it matters here. Fields that it does not name are left alone, since an export
/// may have more.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File<'a> {
    session: Session,
    #[serde(default)]
    plans: Vec<Plan>,
    #[serde(borrow)]
    events: Vec<&'a RawValue>,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    held_out: bool,
    #[serde(default, deserialize_with = "stage")]
    stage: Option<Stage>,
    #[serde(default)]
    observer: Numbers,
    #[serde(default)]
    files: BTreeMap<String, Lines>,
    #[serde(default, borrow)]
    raw: Vec<&'a RawValue>,
    #[serde(default, borrow)]
    labels: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Head {
    format: Option<String>,
    version: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Session {
    started_at: At,
    ended_at: Option<At>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Plan {
    created_at: At,
    phases: Vec<PlannedPhase>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PlannedPhase {
    number: u32,
    title: String,
    description: String,
    expected_files: Vec<Path>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Numbers {
    profile: Option<Profile>,
    precheck: Option<bool>,
}

#[derive(Deserialize)]
struct Entry {
    at: At,
    kind: String,
    data: serde_json::Value,
    #[serde(rename = "callId")]
    call_id: Option<String>,
}

/// What is on no timeline.
#[derive(Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "snake_case",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
enum Raw {
    /// Unsaved text: the whole, or what of it is replaced, in one update or typed bit by bit.
    Edit {
        at: At,
        path: String,
        text: Option<Lines>,
        replace: Option<Lines>,
        with: Option<Lines>,
        #[serde(default = "one")]
        updates: u32,
        #[serde(default)]
        seconds: f64,
    },
    /// What belongs to the expected files by imports.
    Neighbours {
        at: At,
        #[serde(default)]
        importers: Vec<Path>,
        #[serde(default)]
        imported: Vec<Path>,
    },
    Stage {
        at: At,
        #[serde(deserialize_with = "stage")]
        stage: Option<Stage>,
    },
    Online {
        at: At,
        online: bool,
    },
    Restart {
        at: At,
    },
}

fn one() -> u32 {
    1
}

fn stage<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Stage>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let stage = serde_json::from_value(text.into()).map_err(serde::de::Error::custom)?;
    Ok(Some(stage))
}

impl Scenario {
    /// Reads an export, with labels or without.
    ///
    /// # Errors
    /// When it is none, naming the line.
    pub fn parse(text: &str) -> Result<Self, Mistake> {
        let reader = Reader { text };
        let head: Head = reader.all()?;
        if head.format.as_deref() != Some(report::FORMAT) {
            return Err(Mistake::new(
                1,
                format!(
                    "This is no session: it lacks \"format\": \"{}\". Make one with `paige-sidecar export SESSION --format json`.",
                    report::FORMAT
                ),
            ));
        }
        if head.version != Some(report::VERSION) {
            return Err(Mistake::new(
                1,
                format!(
                    "This program reads version {} of an export. Export the session anew with it.",
                    report::VERSION
                ),
            ));
        }
        let file: File = reader.all()?;
        let mut happened = Vec::new();
        for raw in &file.events {
            if let Some((at, event)) = reader.event(raw, &file.plans)? {
                happened.push((at, Happening::Event(event)));
            }
        }
        reader.raw(&file, &mut happened)?;
        happened.sort_by_key(|(at, _)| *at);
        let started = file.session.started_at.0;
        if let Some((at, _)) = happened.first().filter(|(at, _)| *at < started) {
            return Err(Mistake::new(
                1,
                format!(
                    "Something happened at {}, before the session began at {}. Correct one of the times.",
                    at.iso(),
                    started.iso()
                ),
            ));
        }
        let last = happened.last().map_or(started, |(at, _)| *at);
        Ok(Self {
            title: file.title.unwrap_or_default(),
            held_out: file.held_out,
            labels: reader.labels(&file.labels)?,
            stage: file.stage.unwrap_or(Stage::Novice),
            profile: file.observer.profile,
            precheck: file.observer.precheck,
            started,
            ended: file.session.ended_at.map_or(last, |at| at.0.max(last)),
            happened,
        })
    }

    /// The numbers with what the scenario says itself.
    pub(super) fn config(&self, config: &Config) -> Config {
        Config {
            profile: self.profile.unwrap_or(config.profile),
            precheck: self.precheck.unwrap_or(config.precheck),
            ..*config
        }
    }

    /// How long it is, in milliseconds.
    pub fn millis(&self) -> u64 {
        self.ended.0.saturating_sub(self.started.0)
    }
}

/// A text of which pieces are read, so that what is wrong with one has a line.
struct Reader<'a> {
    text: &'a str,
}

impl<'a> Reader<'a> {
    fn all<T: Deserialize<'a>>(&self) -> Result<T, Mistake> {
        serde_json::from_str(self.text).map_err(|error| {
            Mistake::new(
                error.line().max(1),
                format!("{}. Is it whole?", without_place(&error)),
            )
        })
    }

    fn line_of(&self, piece: &RawValue) -> usize {
        let from = self.text.as_ptr().addr();
        let offset = piece.get().as_ptr().addr().saturating_sub(from);
        let before = self.text.as_bytes().get(..offset).unwrap_or_default();
        before.iter().filter(|byte| **byte == b'\n').count() + 1
    }

    fn piece<T: Deserialize<'a>>(&self, piece: &'a RawValue, what: &str) -> Result<T, Mistake> {
        serde_json::from_str(piece.get()).map_err(|error| {
            let line = self.line_of(piece) + error.line().saturating_sub(1);
            Mistake::new(
                line,
                format!("This {what} is wrong: {}.", without_place(&error)),
            )
        })
    }

    fn event(
        &self,
        piece: &'a RawValue,
        plans: &[Plan],
    ) -> Result<Option<(Moment, Event)>, Mistake> {
        let entry: Entry = self.piece(piece, "event")?;
        let at = entry.at.0;
        let action: Action = match serde_json::from_value(serde_json::json!({
            "actionType": entry.kind, "data": entry.data,
        })) {
            Ok(action) => action,
            // A type of a later version, which the Observer of this one does not read.
            Err(error)
                if error
                    .to_string()
                    .starts_with(&format!("unknown variant `{}`", entry.kind)) =>
            {
                return Ok(None);
            }
            Err(error) => {
                return Err(Mistake::new(
                    self.line_of(piece),
                    format!(
                        "The data of this `{}` is not what the timeline has: {error}.",
                        entry.kind
                    ),
                ));
            }
        };
        let phase = |number| {
            let in_force = plans.iter().rfind(|plan| plan.created_at.0 <= at);
            let phases = &in_force.or(plans.last())?.phases;
            let phase = phases.iter().find(|phase| phase.number == number)?;
            Some(Phase {
                number,
                title: phase.title.clone(),
                description: phase.description.clone(),
                expected_files: phase.expected_files.clone(),
            })
        };
        let event = Event::of_action(&action, entry.call_id.is_some(), phase);
        Ok(event.map(|event| (at, event)))
    }

    fn raw(&self, file: &File<'a>, happened: &mut Vec<(Moment, Happening)>) -> Result<(), Mistake> {
        let mut texts: BTreeMap<String, Arc<str>> = file
            .files
            .iter()
            .map(|(path, lines)| (path.clone(), lines.text().into()))
            .collect();
        let mut last = Moment(0);
        for piece in &file.raw {
            let wrong = |message: String| Mistake::new(self.line_of(piece), message);
            let raw: Raw = self.piece(piece, "entry of `raw`")?;
            let at = match &raw {
                Raw::Edit { at, .. }
                | Raw::Neighbours { at, .. }
                | Raw::Stage { at, .. }
                | Raw::Online { at, .. }
                | Raw::Restart { at } => at.0,
            };
            if at < last {
                return Err(wrong(
                    "This entry of `raw` is earlier than the one before it ends. Put them in the order of time."
                        .to_owned(),
                ));
            }
            last = at;
            let event = match raw {
                Raw::Neighbours {
                    importers,
                    imported,
                    ..
                } => Event::Neighbours(Neighbours {
                    importers: importers.into_iter().collect(),
                    imported: imported.into_iter().collect(),
                }),
                Raw::Stage { stage, .. } => Event::StageIs(stage.unwrap_or(Stage::Novice)),
                Raw::Online { online, .. } => Event::Online(online),
                Raw::Restart { .. } => {
                    happened.push((at, Happening::Restart));
                    continue;
                }
                Raw::Edit {
                    path,
                    text,
                    replace,
                    with,
                    updates,
                    seconds,
                    ..
                } => {
                    let before = texts.get(&path).cloned();
                    let known = before.clone().unwrap_or_default();
                    let typed = Typed::of(&known, text, replace, with).map_err(wrong)?;
                    if updates == 0 || !(0.0..=86_400.0).contains(&seconds) {
                        return Err(wrong(
                            "An edit is typed in at least one update and within a day. Correct `updates` or `seconds`."
                                .to_owned(),
                        ));
                    }
                    let path: Path = path.into();
                    let mut before = before;
                    for n in 1..=updates {
                        let text: Arc<str> = typed.after(n, updates).into();
                        last = Moment(
                            at.0 + (seconds * 1000.0) as u64 * u64::from(n - 1)
                                / u64::from(updates),
                        );
                        happened.push((
                            last,
                            Happening::Event(Event::Edited {
                                path: path.clone(),
                                before: before.replace(text.clone()),
                                text: Some(text),
                            }),
                        ));
                    }
                    if let Some(text) = before {
                        texts.insert(path.to_string(), text);
                    }
                    continue;
                }
            };
            happened.push((at, Happening::Event(event)));
        }
        Ok(())
    }

    fn labels(&self, pieces: &[&'a RawValue]) -> Result<Vec<Label>, Mistake> {
        let mut labels: Vec<Label> = Vec::new();
        for piece in pieces {
            let label: Label = self.piece(piece, "label")?;
            let wrong = |message: &str| Err(Mistake::new(self.line_of(piece), message));
            if label.to <= label.from || label.signals.is_empty() {
                return wrong(
                    "A label names at least one signal, and ends after it begins. Correct it.",
                );
            }
            if labels.last().is_some_and(|last| last.to >= label.from) {
                return wrong(
                    "This label begins before the one before it ends. Put labels in the order of time, without overlap.",
                );
            }
            labels.push(label);
        }
        Ok(labels)
    }
}

/// What is wrong, without the place: that is told by the line.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" at line ") {
        Some((what, _)) => what.to_owned(),
        None => text,
    }
}
