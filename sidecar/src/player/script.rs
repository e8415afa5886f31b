//! [`Script`]: what is answered to what, from TOML.

use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;
use serde_json::Value;

use super::Received;

/// A scenario that cannot be played.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScriptError {
    /// It is no TOML of the right shape.
    #[error("The scenario cannot be read: {0}")]
    Toml(String),
    /// An entry makes no sense.
    #[error("The scenario's entry {number} (`{call}`): {what}")]
    Entry {
        /// Which one, from 1.
        number: usize,
        /// The call that it answers.
        call: String,
        /// What is wrong, as a sentence.
        what: String,
    },
}

/// One answer, and what it answers: a `[[entry]]` of a scenario.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Entry {
    /// The kind of call, for instance `coach_agent`.
    pub call: String,
    /// Texts that must all be in the prompt.
    #[serde(default)]
    pub contains: Vec<String>,
    /// How often it is played; without end when it is not set.
    pub times: Option<u32>,
    /// A structured answer: a table, or the text of a JSON object (TOML has no null).
    pub answer: Option<toml::Value>,
    /// An answer in prose.
    pub text: Option<String>,
    /// The blocks of an answer as they are on the wire: the text of a JSON list.
    pub content: Option<String>,
    /// Why the model stopped; `end_turn` when it is not set.
    pub stop_reason: Option<String>,
    /// The tokens used; estimated when it is not set.
    pub usage: Option<UsageOf>,
    /// What the player does not know; see [`Script::parse_with`].
    #[serde(flatten)]
    pub more: toml::Table,
}

/// The tokens that an entry uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UsageOf {
    /// Tokens of the prompt outside the cache.
    pub input_tokens: u32,
    /// Tokens of the answer.
    pub output_tokens: u32,
    /// Tokens written into the cache for five minutes.
    pub cache_write_5m_tokens: u32,
    /// Tokens written into the cache for an hour.
    pub cache_write_1h_tokens: u32,
    /// Tokens read from the cache.
    pub cache_read_tokens: u32,
    /// Searches of the web.
    pub web_searches: u32,
}

impl Entry {
    /// The blocks of the answer.
    ///
    /// # Errors
    /// What is wrong with the entry, as a sentence.
    pub fn blocks(&self) -> Result<Vec<Value>, String> {
        let text = |text: &str| Ok(vec![serde_json::json!({"type": "text", "text": text})]);
        match (&self.answer, &self.text, &self.content) {
            (Some(toml::Value::String(answer)), None, None) => {
                match serde_json::from_str::<Value>(answer) {
                    Ok(Value::Object(_)) => text(answer),
                    Ok(_) => Err("`answer` is no JSON object; use `text` for prose.".to_owned()),
                    Err(error) => Err(format!(
                        "`answer` is no JSON: {error}. Use `text` for prose."
                    )),
                }
            }
            (Some(answer @ toml::Value::Table(_)), None, None) => {
                let json = serde_json::to_string(answer).map_err(|error| error.to_string())?;
                text(&json)
            }
            (Some(_), None, None) => {
                Err("`answer` is a table or the text of a JSON object.".to_owned())
            }
            (None, Some(prose), None) => text(prose),
            (None, None, Some(content)) => serde_json::from_str(content)
                .map_err(|error| format!("`content` is no JSON list: {error}.")),
            (None, None, None) => Ok(Vec::new()),
            _ => Err("It has several of `answer`, `text` and `content`; one is enough.".to_owned()),
        }
    }

    fn problem(&self, known: &[&str]) -> Option<String> {
        if let Some(key) = self.more.keys().find(|key| !known.contains(&key.as_str())) {
            return Some(format!("It has an unknown key `{key}`."));
        }
        if self.call.is_empty() {
            return Some("`call` is empty; name the kind of call.".to_owned());
        }
        if self.times == Some(0) {
            return Some("`times` is 0, so that it is never played; remove the entry.".to_owned());
        }
        match self.blocks() {
            Ok(blocks) if blocks.is_empty() && self.more.is_empty() && self.content.is_none() => {
                Some("It has no answer; give it `answer`, `text` or `content`.".to_owned())
            }
            Ok(_) => None,
            Err(what) => Some(what),
        }
    }
}

/// A scenario that is being played. Clones play on together.
#[derive(Debug, Clone, Default)]
pub struct Script {
    entries: Arc<Mutex<Vec<Turn>>>,
}

#[derive(Debug)]
struct Turn {
    entry: Entry,
    played: u32,
}

impl Script {
    /// Reads a scenario: `[[entry]]` tables.
    ///
    /// # Errors
    /// The first fault, with its line or its entry.
    pub fn parse(text: &str) -> Result<Self, ScriptError> {
        Self::parse_with(text, &[])
    }

    /// Reads a scenario whose entries may have these keys beside those of the player.
    ///
    /// # Errors
    /// Those of [`Script::parse`].
    pub fn parse_with(text: &str, known: &[&str]) -> Result<Self, ScriptError> {
        let script = Self::default();
        script.prepend(text, known)?;
        Ok(script)
    }

    /// Adds entries that are looked at before those that are there.
    ///
    /// # Errors
    /// Those of [`Script::parse`].
    pub fn prepend(&self, text: &str, known: &[&str]) -> Result<(), ScriptError> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct File {
            #[serde(default, rename = "entry")]
            entries: Vec<Entry>,
        }
        let file: File =
            toml::from_str(text).map_err(|error| ScriptError::Toml(error.to_string()))?;
        for (at, entry) in file.entries.iter().enumerate() {
            if let Some(what) = entry.problem(known) {
                return Err(ScriptError::Entry {
                    number: at + 1,
                    call: entry.call.clone(),
                    what,
                });
            }
        }
        let turns = file
            .entries
            .into_iter()
            .map(|entry| Turn { entry, played: 0 });
        self.lock().splice(0..0, turns);
        Ok(())
    }

    /// The first entry of this call whose texts are all in the prompt and that may still be played.
    /// It counts as played.
    ///
    /// # Errors
    /// A sentence that names the call and what was looked for.
    pub fn find(&self, received: &Received) -> Result<Entry, String> {
        let text = received.text();
        let mut turns = self.lock();
        let mut looked_for = Vec::new();
        for turn in turns
            .iter_mut()
            .filter(|turn| turn.entry.call == received.call)
        {
            let fits = turn
                .entry
                .contains
                .iter()
                .all(|part| text.contains(part.as_str()));
            let left = turn.entry.times.is_none_or(|times| turn.played < times);
            if fits && left {
                turn.played += 1;
                return Ok(turn.entry.clone());
            }
            let spent = if left { "" } else { " (played already)" };
            looked_for.push(format!("{:?}{spent}", turn.entry.contains));
        }
        let looked_for = if looked_for.is_empty() {
            "nothing: no entry is of this call".to_owned()
        } else {
            looked_for.join(", ")
        };
        let call = &received.call;
        Err(format!(
            "The scenario has no answer to this request of the call `{call}`. Looked for: {looked_for}."
        ))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Turn>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn received(call: &str, system: &str, user: &str) -> Received {
        Received {
            path: "/v1/messages".to_owned(),
            headers: http::HeaderMap::new(),
            call: call.to_owned(),
            body: json!({
                "system": [{"type": "text", "text": system}],
                "messages": [{"role": "user", "content": user}],
            }),
        }
    }

    #[test]
    fn entries_are_found_by_call_and_content_and_never_by_position() {
        let script = Script::parse(
            r#"
            [[entry]]
            call = "a"
            contains = ["pears", "rules"]
            text = "pears"
            [[entry]]
            call = "a"
            contains = ["apples"]
            times = 1
            answer = { fruit = "apple", count = [1, 2] }
            [[entry]]
            call = "b"
            answer = '{"none": null}'
            "#,
        )
        .unwrap();
        let find = |call: &str, user: &str| {
            let found = script.find(&received(call, "the rules", user));
            found.map(|entry| {
                entry.blocks().unwrap()[0]["text"]
                    .as_str()
                    .unwrap()
                    .to_owned()
            })
        };
        assert_eq!(find("b", "anything").unwrap(), r#"{"none": null}"#);
        assert_eq!(
            find("a", "apples").unwrap(),
            r#"{"count":[1,2],"fruit":"apple"}"#
        );
        assert_eq!(find("a", "some pears").unwrap(), "pears");
        assert_eq!(find("a", "some pears").unwrap(), "pears");
        assert_eq!(
            find("a", "apples").unwrap_err(),
            "The scenario has no answer to this request of the call `a`. Looked for: [\"pears\", \"rules\"], \
             [\"apples\"] (played already)."
        );
        assert!(
            find("c", "x")
                .unwrap_err()
                .contains("no entry is of this call")
        );
        script
            .prepend("[[entry]]\ncall = \"b\"\ntext = \"first\"", &[])
            .unwrap();
        assert_eq!(find("b", "x").unwrap(), "first");
    }

    #[test]
    fn what_cannot_be_played_is_refused_by_its_number() {
        for (entry, what) in [
            ("text = \"a\"\nfault = 1", "unknown key `fault`"),
            ("times = 0\ntext = \"a\"", "never played"),
            ("answer = 'no'", "no JSON"),
            ("answer = '[]'", "no JSON object"),
            ("answer = 7", "a table or the text"),
            ("content = '{'", "no JSON list"),
            ("text = \"a\"\nanswer = {}", "one is enough"),
            ("", "no answer"),
        ] {
            let text = format!(
                "[[entry]]\ncall = \"ok\"\ntext = \"a\"\n[[entry]]\ncall = \"c\"\n{entry}\n"
            );
            let error = Script::parse(&text).unwrap_err().to_string();
            assert!(
                error.starts_with("The scenario's entry 2 (`c`)") && error.contains(what),
                "{entry}: {error}"
            );
        }
        assert!(matches!(
            Script::parse("[[entry]]\nx = 1"),
            Err(ScriptError::Toml(_))
        ));
        let more = "[[entry]]\ncall = \"c\"\nfault = 1";
        assert!(Script::parse_with(more, &["fault"]).is_ok());
    }
}
