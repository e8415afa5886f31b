//! From the text of an answer to a value of the type that was asked for.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::request::Check;
use crate::wire::Message;

/// Reads the value out of an answer.
///
/// # Errors
/// Why it cannot be used, as sentences for the model that gave it.
pub(crate) fn read<T: DeserializeOwned>(
    message: &Message,
    check: Option<&Check>,
) -> Result<T, String> {
    let found = json_in(message.last_text()).or_else(|| json_in(&message.closing_text()));
    let Some(value) = found else {
        return Err("It holds no JSON object.".to_owned());
    };
    let typed = serde_path_to_error::deserialize(&value).map_err(|error| {
        let path = error.path().to_string();
        format!(
            "At `{path}` it does not follow the schema: {}.",
            error.inner()
        )
    })?;
    check.map_or(Ok(()), |check| check(&value))?;
    Ok(typed)
}

/// The JSON object in a text: the text itself, what a code fence holds, or what lies between the first
/// `{` and the last `}`.
fn json_in(text: &str) -> Option<Value> {
    let object = |text: &str| serde_json::from_str(text).ok().filter(Value::is_object);
    let fenced = || {
        let (_, after) = text.split_once("```")?;
        let (inside, _) = after.split_once("```")?;
        // The first line may name the language.
        object(inside).or_else(|| object(inside.split_once('\n')?.1))
    };
    let bare = || object(text.get(text.find('{')?..=text.rfind('}')?)?);
    object(text).or_else(fenced).or_else(bare)
}

/// The stable part of a prompt with the schema, for a server that cannot be held to it.
pub(crate) fn with_schema(system: &str, schema: &Value) -> String {
    let rule = format!(
        "Answer with one JSON object and nothing else: no introduction, no code fence. It follows this \
         JSON Schema:\n{schema}"
    );
    if system.is_empty() {
        rule
    } else {
        format!("{system}\n\n{rule}")
    }
}

/// What the model is told when its answer cannot be used.
pub(crate) fn correction(reason: &str, schema: &Value) -> String {
    format!(
        "Your last answer cannot be used. {reason}\n\nAnswer again with one JSON object and nothing else. \
         It follows this JSON Schema:\n{schema}"
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Point {
        x: u8,
        list: Vec<Inner>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Inner {
        name: String,
    }

    fn message(text: &str) -> Message {
        Message {
            content: vec![json!({"type": "text", "text": text})],
            ..Message::default()
        }
    }

    #[test]
    fn json_is_found_wherever_it_stands() {
        for text in [
            r#"{"x": 1}"#,
            "```json\n{\"x\": 1}\n```",
            "Here you are:\n```\n{\"x\": 1}\n```\nBye {}",
            "Here: {\"x\": 1} as you wished.",
        ] {
            assert_eq!(json_in(text), Some(json!({"x": 1})), "{text}");
        }
        for text in ["", "no", "[1]", "{\"x\": 1", "} {", "```", "7"] {
            assert_eq!(json_in(text), None, "{text}");
        }
    }

    #[test]
    fn the_reason_names_the_place() {
        let read = |text: &str| read::<Point>(&message(text), None);
        assert_eq!(
            read(r#"{"x": 1, "list": []}"#),
            Ok(Point { x: 1, list: vec![] })
        );
        let reason = read(r#"{"x": 1, "list": [{"name": "a"}, {"name": 2}]}"#).unwrap_err();
        assert!(reason.contains("`list[1].name`"), "{reason}");
        assert_eq!(read("Sorry.").unwrap_err(), "It holds no JSON object.");
    }

    #[test]
    fn the_check_has_the_last_word() {
        let check: Check = Arc::new(|value| {
            if value["x"] == 1 {
                Ok(())
            } else {
                Err("x is 1.".to_owned())
            }
        });
        let read = |text: &str| read::<Point>(&message(text), Some(&check));
        assert!(read(r#"{"x": 1, "list": []}"#).is_ok());
        assert_eq!(read(r#"{"x": 2, "list": []}"#).unwrap_err(), "x is 1.");
    }
}
