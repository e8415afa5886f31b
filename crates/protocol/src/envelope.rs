//! The envelope that every WebSocket message stands in, and how it is read and written.
//!
//! `{ "type", "payload", "id"?, "seq"?, "replay"?, "timestamp" }`, both ways. The envelope knows nothing of
//! what it carries.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use specta::Type;

/// The caller's name for a request; it comes back on the direct answers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, Type, JsonSchema)]
#[serde(untagged)]
pub enum RequestId {
    /// A text.
    Text(String),
    /// A whole number.
    Number(#[specta(type = specta_typescript::Number)] i64),
}

/// What stands around every message of a client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
pub struct ClientEnvelope<M> {
    /// The message: `type` and `payload`.
    #[serde(flatten)]
    pub message: M,
    /// Comes back on direct answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<RequestId>,
    /// When it was sent, ISO 8601 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<String>,
}

/// What stands around every message of the sidecar.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
pub struct ServerEnvelope<M> {
    /// The message: `type` and `payload`.
    #[serde(flatten)]
    pub message: M,
    /// On a direct answer: the request's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<RequestId>,
    /// On a push: its number in the stream, without gaps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[specta(type = Option<specta_typescript::Number>)]
    pub seq: Option<u64>,
    /// True on a push of an earlier time that is shown again by `POST /replay`: it has no `seq`, moves
    /// no cursor and says nothing of how things are now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<bool>,
    /// When it was made, ISO 8601 UTC.
    pub timestamp: String,
}

/// A received message whose payload has not been read yet.
///
/// Reading in two steps keeps the place of a fault: the payload's type is known when its fields are
/// read, so that the first wrong one can be named.
#[derive(Debug, Deserialize)]
pub struct RawMessage<'a> {
    /// The message's type.
    #[serde(rename = "type", borrow)]
    pub kind: Cow<'a, str>,
    /// Its payload as it was sent; `{}` when it was left out.
    #[serde(borrow, default)]
    payload: Option<&'a RawValue>,
    /// The caller's name for it.
    #[serde(default)]
    pub id: Option<RequestId>,
}

impl<'a> RawMessage<'a> {
    /// Reads the envelope alone.
    pub fn read(text: &'a str) -> Result<Self, Malformed> {
        serde_json::from_str(text).map_err(|error| Malformed {
            field: None,
            reason: error.to_string(),
        })
    }

    /// The payload's JSON text.
    pub fn payload(&self) -> &'a str {
        self.payload.map_or("{}", RawValue::get)
    }
}

/// A message that is not JSON, or a field of it that is missing or ill-typed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Malformed {
    /// The first wrong field, for instance `range.startLine`; `None` when it is the envelope.
    pub field: Option<String>,
    /// What is wrong with it.
    pub reason: String,
}

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.field {
            Some(field) => write!(
                f,
                "The field `{field}` of the payload is wrong: {}.",
                self.reason
            ),
            None => write!(f, "The message cannot be read: {}.", self.reason),
        }
    }
}

/// Reads a payload and names its first wrong field.
pub fn read_payload<'de, T: Deserialize<'de>>(json: &'de str) -> Result<T, Malformed> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let mut field = error.path().to_string();
        let reason = error.into_inner().to_string();
        // A field that is not there is reported at the object that lacks it; name the field itself.
        if let Some(missing) = reason
            .strip_prefix("missing field `")
            .and_then(|rest| rest.split('`').next())
        {
            field = if field == "." {
                missing.to_owned()
            } else {
                format!("{field}.{missing}")
            };
        } else if field == "." {
            field = "payload".to_owned();
        }
        Malformed {
            field: Some(field),
            reason,
        }
    })
}

/// Writes a frame around a payload that `write_payload` appends as JSON.
///
/// One buffer, no copy of the payload: a file of a megabyte is written once, into room that is made
/// at once when `payload_size` (in bytes; a guess) is right.
pub fn write_frame(
    kind: &str,
    payload_size: usize,
    id: Option<&RequestId>,
    seq: Option<u64>,
    timestamp: &str,
    write_payload: impl FnOnce(&mut Vec<u8>),
) -> String {
    let mut out = Vec::with_capacity(payload_size + 256);
    out.extend_from_slice(b"{\"type\":\"");
    // Types and timestamps are ours and need no escaping.
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(b"\",\"payload\":");
    write_payload(&mut out);
    match id {
        Some(RequestId::Text(text)) => {
            out.extend_from_slice(b",\"id\":");
            write_json(&mut out, text);
        }
        Some(RequestId::Number(number)) => {
            out.extend_from_slice(format!(",\"id\":{number}").as_bytes());
        }
        None => {}
    }
    if let Some(seq) = seq {
        out.extend_from_slice(format!(",\"seq\":{seq}").as_bytes());
    }
    out.extend_from_slice(b",\"timestamp\":\"");
    out.extend_from_slice(timestamp.as_bytes());
    out.extend_from_slice(b"\"}");
    String::from_utf8(out).unwrap_or_else(|error| {
        // JSON writers write UTF-8; a payload that is not would be a fault of ours.
        debug_assert!(false, "a payload is not UTF-8");
        String::from_utf8_lossy(error.as_bytes()).into_owned()
    })
}

/// Writes the frame of a push that is shown again; `payload` is JSON.
pub fn write_replayed_frame(kind: &str, payload: &str, timestamp: &str) -> String {
    format!(
        "{{\"type\":\"{kind}\",\"payload\":{payload},\"replay\":true,\"timestamp\":\"{timestamp}\"}}"
    )
}

/// Appends a value as JSON.
///
/// Wire types have string keys and no failing serialisers, so that this cannot fail.
pub fn write_json<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    let start = out.len();
    if let Err(error) = serde_json::to_writer(&mut *out, value) {
        debug_assert!(false, "a wire type cannot be written: {error}");
        out.truncate(start);
        out.extend_from_slice(b"null");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read_back() {
        let text = write_frame(
            "file:open",
            0,
            Some(&RequestId::Text("a\"b".into())),
            Some(7),
            "2026-01-02T03:04:05.678Z",
            |out| write_json(out, &serde_json::json!({"path": "ü"})),
        );
        let value: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
        assert_eq!(
            value,
            serde_json::json!({
                "type": "file:open", "payload": {"path": "ü"}, "id": "a\"b", "seq": 7,
                "timestamp": "2026-01-02T03:04:05.678Z"
            })
        );
    }

    #[test]
    fn a_missing_payload_is_empty_and_unknown_keys_are_ignored() {
        let message = RawMessage::read(r#"{"type":"session:end","more":[1,{"a":2}],"id":3}"#)
            .expect("a good envelope");
        assert_eq!(message.kind, "session:end");
        assert_eq!(message.payload(), "{}");
        assert_eq!(message.id, Some(RequestId::Number(3)));
    }

    #[test]
    fn the_first_wrong_field_is_named() {
        #[derive(Debug, Deserialize)]
        struct Inner {
            #[expect(dead_code, reason = "only read by the deserialiser")]
            line: u32,
        }
        #[derive(Debug, Deserialize)]
        struct Outer {
            #[expect(dead_code, reason = "only read by the deserialiser")]
            cursor: Inner,
        }
        let error = read_payload::<Outer>(r#"{"cursor":{"line":"x"}}"#).expect_err("ill-typed");
        assert_eq!(error.field.as_deref(), Some("cursor.line"));
        let error = read_payload::<Outer>("{}").expect_err("missing");
        assert_eq!(error.field.as_deref(), Some("cursor"));
    }
}
