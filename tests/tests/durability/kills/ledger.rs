//! [`Ledger`]: what the record has said so far, and whether everything in it agrees.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::clients::Received;

/// Direct answers to changes; each is pushed as well.
const CHANGES: [&str; 6] = [
    "session:started",
    "session:completed",
    "fs:save_ack",
    "hints:level",
    "coaching:message",
    "editor:highlight_lines",
];
/// The entries of the timeline that are written with a push, in one unit.
const PUSHED: [&str; 6] = [
    "session_started",
    "session_ended",
    "file_save",
    "hints_level_change",
    "coaching_message",
    "decorations_applied",
];

/// All pushes of the record, and what they say together.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// `{type, payload, seq, timestamp}`, as the wire has them.
    pushes: Vec<Value>,
    /// How many of them were there before the last round.
    before: usize,
    entry: i64,
    sessions: BTreeMap<u64, Value>,
    active: Option<u64>,
    /// The highlights of the active session.
    marks: Vec<Value>,
}

impl Ledger {
    /// The last push.
    pub(super) fn seq(&self) -> i64 {
        i64::try_from(self.pushes.len()).unwrap_or(i64::MAX)
    }

    /// The last entry of the timeline.
    pub(super) fn entry(&self) -> i64 {
        self.entry
    }

    /// How many pushes of each kind there are.
    pub(super) fn pushes_of_each_kind(&self) -> impl Iterator<Item = (&'static str, usize)> {
        CHANGES.into_iter().map(|kind| {
            let of_kind = self.pushes.iter().filter(|push| push["type"] == kind);
            (kind, of_kind.count())
        })
    }

    /// Takes the rows that a round has added to outbox and timeline: without a gap, and each push
    /// with the entry that was written in its unit, in the same order.
    pub(super) fn add(&mut self, outbox: &[Value], timeline: &[Value]) -> Result<()> {
        self.before = self.pushes.len();
        let mut entries = timeline.iter().filter(|entry| {
            let kind = entry["kind"].as_str().unwrap_or_default();
            PUSHED.contains(&kind)
        });
        for row in outbox {
            let seq = self.seq() + 1;
            ensure!(row["seq"] == seq, "push {seq} is missing, there is {row}");
            let payload: Value =
                serde_json::from_str(row["payload"].as_str().context("a payload")?)?;
            let push = json!({
                "type": row["kind"],
                "payload": payload,
                "seq": seq,
                "timestamp": row["at"],
            });
            if row["kind"] == "observer:status" {
                // It belongs to the start of a session, right after that push, or to its end, before it.
                let starts = self
                    .pushes
                    .last()
                    .is_some_and(|last| last["type"] == "session:started");
                ensure!(payload["active"] == starts, "push {seq} is {payload}");
                self.pushes.push(push);
                continue;
            }
            let entry = entries
                .next()
                .with_context(|| format!("{row} has no entry on the timeline"))?;
            let data: Value = serde_json::from_str(entry["data"].as_str().context("data")?)?;
            let told = match entry["kind"].as_str().unwrap_or_default() {
                "session_started" => {
                    json!(["session:started", entry["session_id"], data["issueNumber"]])
                }
                "session_ended" => {
                    json!(["session:completed", entry["session_id"], data["status"]])
                }
                "file_save" => json!(["fs:save_ack", data["path"]]),
                "coaching_message" => json!([
                    "coaching:message",
                    entry["session_id"],
                    data["messageId"],
                    data["message"]
                ]),
                "decorations_applied" => json!([
                    "editor:highlight_lines",
                    entry["session_id"],
                    data["path"],
                    data["lineCount"]
                ]),
                _ => json!([
                    "hints:level",
                    entry["session_id"],
                    data["to"],
                    data["source"]
                ]),
            };
            let expected = match row["kind"].as_str().unwrap_or_default() {
                kind @ "session:started" => {
                    let session = &payload["session"];
                    json!([kind, payload["sessionId"], session["issueNumber"]])
                }
                kind @ "session:completed" => {
                    json!([kind, payload["sessionId"], payload["status"]])
                }
                kind @ "fs:save_ack" => json!([kind, payload["path"]]),
                kind @ "coaching:message" => {
                    json!([kind, self.active, payload["messageId"], payload["message"]])
                }
                kind @ "editor:highlight_lines" => {
                    json!([kind, self.active, payload["path"], lines(&payload)])
                }
                kind => json!([kind, self.active, payload["level"], payload["source"]]),
            };
            ensure!(
                told == expected,
                "push {seq} is {expected}, and its entry {told}"
            );
            self.fold(row["kind"].as_str().unwrap_or_default(), &payload)?;
            self.pushes.push(push);
        }
        if let Some(entry) = entries.next() {
            anyhow::bail!("an entry was not pushed: {entry}");
        }
        if let Some(last) = timeline.last() {
            self.entry = last["id"].as_i64().context("an id")?;
        }
        Ok(())
    }

    /// What a push changes in the tables of sessions and of marks.
    fn fold(&mut self, kind: &str, payload: &Value) -> Result<()> {
        match kind {
            "session:started" => {
                let id = payload["sessionId"].as_u64().context("a session")?;
                ensure!(
                    self.active.replace(id).is_none(),
                    "two active sessions: {payload}"
                );
                let row = json!({
                    "id": id,
                    "issue_number": payload["session"]["issueNumber"],
                    "issue_title": payload["session"]["issueTitle"],
                    "status": "active",
                    "hint_level": payload["hintLevel"],
                });
                ensure!(self.sessions.insert(id, row).is_none(), "twice: {payload}");
            }
            "session:completed" => {
                let id = self.active.take().context("no active session")?;
                ensure!(payload["sessionId"] == id, "{id} is active: {payload}");
                if let Some(row) = self.sessions.get_mut(&id) {
                    row["status"] = payload["status"].clone();
                }
                self.marks.clear();
            }
            "editor:highlight_lines" => {
                for range in ranges(payload) {
                    self.marks.push(json!({
                        "session_id": self.active,
                        "path": payload["path"],
                        "line_start": range["start"],
                        "line_end": range["end"],
                        "hover_text": range["hoverText"],
                    }));
                }
            }
            "hints:level" => {
                if let Some(row) = self.active.and_then(|id| self.sessions.get_mut(&id)) {
                    row["hint_level"] = payload["level"].clone();
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether the tables of sessions and of marks are what the pushes say.
    pub(super) fn agrees_with(&self, sessions: &[Value], marks: &[Value]) -> Result<()> {
        let expected: Vec<&Value> = self.sessions.values().collect();
        let found: Vec<&Value> = sessions.iter().collect();
        ensure!(
            found == expected,
            "sessions: {found:?} are not {expected:?}"
        );
        ensure!(
            marks == self.marks,
            "marks: {marks:?} are not {:?}",
            self.marks
        );
        Ok(())
    }

    /// Whether all that a client received in the last round is in the record as it received it.
    pub(super) fn holds(&self, received: &Received) -> Result<()> {
        for push in &received.pushes {
            let at = push["seq"]
                .as_u64()
                .and_then(|seq| usize::try_from(seq).ok());
            let kept = at.and_then(|at| self.pushes.get(at.checked_sub(1)?));
            ensure!(kept == Some(push), "received {push}, kept {kept:?}");
        }
        // Answers carry no number: three of a kind need three rows of it.
        let mut rows: HashMap<(String, String), usize> = HashMap::new();
        let key = |frame: &Value| {
            let kind = frame["type"].as_str().unwrap_or_default().to_owned();
            let mut payload = frame["payload"].clone();
            // Who called the tool is not told the message's id.
            if kind == "coaching:message"
                && let Some(payload) = payload.as_object_mut()
            {
                payload.remove("messageId");
            }
            (kind, payload.to_string())
        };
        for push in &self.pushes[self.before..] {
            *rows.entry(key(push)).or_default() += 1;
        }
        for answer in &received.answers {
            let key = key(answer);
            if CHANGES.contains(&key.0.as_str()) {
                let left = rows.entry(key).or_default();
                *left = left
                    .checked_sub(1)
                    .with_context(|| format!("lost: {answer}"))?;
            }
        }
        for refused in &received.refused {
            let made = rows.get(&key(refused)).is_some_and(|left| *left > 0);
            ensure!(!made, "refused, and made all the same: {refused}");
        }
        Ok(())
    }
}

/// The ranges of a push of highlights.
fn ranges(payload: &Value) -> impl Iterator<Item = &Value> {
    payload["ranges"].as_array().into_iter().flatten()
}

/// How many lines a push highlights.
fn lines(payload: &Value) -> u64 {
    let number = |value: &Value| value.as_u64().unwrap_or_default();
    ranges(payload)
        .map(|range| number(&range["end"]) + 1 - number(&range["start"]))
        .sum()
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} pushes", self.pushes.len())?;
        for (kind, count) in self.pushes_of_each_kind() {
            write!(f, ", {count} {kind}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(seq: u64, kind: &str, payload: Value) -> Value {
        json!({"seq": seq, "kind": kind, "payload": payload.to_string(), "at": format!("t{seq}")})
    }

    fn entry(id: u64, session: Value, kind: &str, data: Value) -> Value {
        json!({"id": id, "session_id": session, "kind": kind, "data": data.to_string()})
    }

    fn started() -> Value {
        json!({"sessionId": 1, "session": {"issueNumber": 7, "issueTitle": "T"}, "hintLevel": "low"})
    }

    fn message(id: Option<&str>) -> Value {
        let mut message = json!({"message": "Hello."});
        if let Some(id) = id {
            message["messageId"] = json!(id);
        }
        message
    }

    fn highlight() -> Value {
        json!({"path": "a", "ranges": [{"start": 2, "end": 4, "hoverText": "Look."}]})
    }

    fn rows() -> (Vec<Value>, Vec<Value>) {
        let level = json!({"level": "high", "source": "user"});
        (
            vec![
                push(1, "fs:save_ack", json!({"path": "a"})),
                push(2, "session:started", started()),
                push(3, "hints:level", level),
                push(4, "coaching:message", message(Some("m"))),
                push(5, "editor:highlight_lines", highlight()),
            ],
            vec![
                entry(
                    4,
                    Value::Null,
                    "file_save",
                    json!({"path": "a", "charCount": 3}),
                ),
                entry(5, json!(1), "file_open", json!({"path": "a"})),
                entry(6, json!(1), "session_started", json!({"issueNumber": 7})),
                entry(
                    9,
                    json!(1),
                    "hints_level_change",
                    json!({"from": "low", "to": "high", "source": "user"}),
                ),
                entry(10, json!(1), "coaching_message", message(Some("m"))),
                entry(
                    11,
                    json!(1),
                    "decorations_applied",
                    json!({"path": "a", "lineCount": 3}),
                ),
            ],
        )
    }

    #[test]
    fn what_agrees_is_taken() -> Result<()> {
        let (outbox, timeline) = rows();
        let mut ledger = Ledger::default();
        ledger.add(&outbox, &timeline)?;
        assert_eq!((ledger.seq(), ledger.entry()), (5, 11));
        let row = json!({"id": 1, "issue_number": 7, "issue_title": "T", "status": "active", "hint_level": "high"});
        let mark = json!({"session_id": 1, "path": "a", "line_start": 2, "line_end": 4, "hover_text": "Look."});
        let (row, mark) = (std::slice::from_ref(&row), std::slice::from_ref(&mark));
        ledger.agrees_with(row, mark)?;
        assert!(ledger.agrees_with(&[], mark).is_err());
        assert!(ledger.agrees_with(row, &[]).is_err());
        let received = Received {
            pushes: vec![
                json!({"type": "session:started", "payload": started(), "seq": 2, "timestamp": "t2"}),
            ],
            answers: vec![
                json!({"type": "session:started", "payload": started(), "id": "w1", "timestamp": "t9"}),
                json!({"type": "coaching:message", "payload": message(None)}),
                json!({"type": "editor:highlight_lines", "payload": highlight()}),
            ],
            refused: vec![json!({"type": "coaching:message", "payload": {"message": "No."}})],
        };
        ledger.holds(&received)?;
        // What was refused must not be there.
        let refused = Received {
            refused: vec![json!({"type": "coaching:message", "payload": message(None)})],
            ..Received::default()
        };
        assert!(ledger.holds(&refused).is_err());
        // A second answer of the same change, and a push beyond the last one, are lost changes.
        for at in 0..received.answers.len() {
            let answers = vec![received.answers[at].clone(); 2];
            let twice = Received {
                answers,
                ..Received::default()
            };
            assert!(ledger.holds(&twice).is_err(), "answer {at}");
        }
        let beyond = Received {
            pushes: vec![
                json!({"type": "fs:save_ack", "payload": {}, "seq": 6, "timestamp": "t6"}),
            ],
            ..Received::default()
        };
        assert!(ledger.holds(&beyond).is_err());
        Ok(())
    }

    #[test]
    fn a_row_that_is_missing_anywhere_is_noticed() {
        let (outbox, timeline) = rows();
        for lost in 0..outbox.len() {
            let mut outbox = outbox.clone();
            outbox.remove(lost);
            assert!(
                Ledger::default().add(&outbox, &timeline).is_err(),
                "push {lost}"
            );
        }
        for lost in [0, 2, 3, 4, 5] {
            let mut timeline = timeline.clone();
            timeline.remove(lost);
            assert!(
                Ledger::default().add(&outbox, &timeline).is_err(),
                "entry {lost}"
            );
        }
        let mut swapped = timeline;
        swapped.swap(0, 2);
        assert!(Ledger::default().add(&outbox, &swapped).is_err());
    }
}
