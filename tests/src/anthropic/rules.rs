//! What the API refuses, and what is expected of each kind of call.

use std::collections::BTreeMap;

use paige_claude::{Models, Tier};
use paige_sidecar::player::Received;
use serde_json::{Map, Value};

use super::Call;

/// The kinds of calls with their tier and input fields.
pub(super) fn calls() -> BTreeMap<String, Call> {
    [
        ("observer_triage", Tier::Haiku, &["snapshot"][..]),
        (
            "memory_retrieval_filter",
            Tier::Haiku,
            &["issue_summary", "plan_summary", "candidate_memories"],
        ),
        (
            "coach_agent",
            Tier::Sonnet,
            &[
                "issue",
                "plan_text",
                "stage",
                "dreyfus_assessments",
                "relevant_memories",
                "project_files",
            ],
        ),
        (
            "knowledge_gap_agent",
            Tier::Sonnet,
            &[
                "session",
                "action_log",
                "phases",
                "existing_gaps",
                "review_findings",
            ],
        ),
        (
            "dreyfus_agent",
            Tier::Sonnet,
            &[
                "current_assessments",
                "recent_session",
                "accumulated_evidence",
            ],
        ),
        (
            "reflection_agent",
            Tier::Haiku,
            &[
                "session_transcript",
                "transcript_source",
                "issue_title",
                "phases_completed",
                "knowledge_gaps",
            ],
        ),
    ]
    .into_iter()
    .map(|(name, tier, fields)| {
        let fields = fields.iter().map(|field| (*field).to_owned()).collect();
        (name.to_owned(), Call { tier, fields })
    })
    .collect()
}

/// Why a request would be refused; `models` are those that the server has, or every one.
pub(super) fn problem(
    received: &Received,
    call: Option<&Call>,
    models: Option<&Models>,
) -> Option<String> {
    let body = &received.body;
    let Some(model) = body["model"].as_str().filter(|model| !model.is_empty()) else {
        return Some("model: Field required".to_owned());
    };
    if let Some(models) = models {
        if models.get(model).is_none() {
            return Some(format!("model: {model} is not known"));
        }
        if let Some(call) = call {
            let wanted = models.resolve(call.tier, &BTreeMap::new());
            if wanted != model {
                return Some(format!(
                    "model: {} is a call for {wanted}, not for {model}",
                    received.call
                ));
            }
        }
    }
    if !received.counts() && body["max_tokens"].as_u64().is_none_or(|tokens| tokens == 0) {
        return Some("max_tokens: must be greater than 0".to_owned());
    }
    if received.counts() && (body.get("max_tokens").is_some() || body.get("stream").is_some()) {
        return Some("max_tokens: Extra inputs are not permitted".to_owned());
    }
    if body
        .get("tool_choice")
        .is_some_and(|choice| choice["type"] != "auto")
    {
        return Some("tool_choice: forced tool use is not supported".to_owned());
    }
    conversation(body)
        .or_else(|| tools(body))
        .or_else(|| output(body))
        .or_else(|| fields(received, call?))
}

/// Messages are of user and model, begin with the user, are not empty, and end with the user, unless a
/// turn that was paused is continued.
fn conversation(body: &Value) -> Option<String> {
    let messages = body["messages"].as_array().map_or(&[][..], Vec::as_slice);
    let Some(last) = messages.last() else {
        return Some("messages: at least one message is required".to_owned());
    };
    if messages[0]["role"] != "user" {
        return Some("messages: first message must use the \"user\" role".to_owned());
    }
    for (at, message) in messages.iter().enumerate() {
        if !["user", "assistant"].contains(&message["role"].as_str().unwrap_or_default()) {
            return Some(format!(
                "messages.{at}.role: Input should be 'user' or 'assistant'"
            ));
        }
        let empty = match &message["content"] {
            Value::String(text) => text.trim().is_empty(),
            Value::Array(blocks) => blocks.is_empty(),
            _ => true,
        };
        if empty {
            return Some(format!(
                "messages.{at}: all messages must have non-empty content"
            ));
        }
    }
    let paused = || {
        let blocks = last["content"].as_array().into_iter().flatten();
        blocks
            .into_iter()
            .any(|block| block["type"] == "server_tool_use")
    };
    if last["role"] == "assistant" && !paused() {
        return Some("messages: this model does not support assistant message prefill".to_owned());
    }
    for block in body["system"].as_array().into_iter().flatten() {
        if block["text"].as_str().is_none_or(str::is_empty) {
            return Some("system: text content blocks must be non-empty".to_owned());
        }
    }
    None
}

fn tools(body: &Value) -> Option<String> {
    for (at, tool) in body["tools"].as_array().into_iter().flatten().enumerate() {
        let kind = tool["type"].as_str().unwrap_or("custom");
        if kind != "web_search_20250305" || tool["name"] != "web_search" || tool["max_uses"] == 0 {
            return Some(format!("tools.{at}: {tool} is not as expected"));
        }
    }
    None
}

fn output(body: &Value) -> Option<String> {
    let config = body.get("output_config")?;
    let format = &config["format"];
    if format["type"] != "json_schema" {
        return Some("output_config.format.type: Input should be 'json_schema'".to_owned());
    }
    if format["schema"]["type"] != "object" {
        return Some("output_config.format.schema: the root must be an object".to_owned());
    }
    schema(&format["schema"], "output_config.format.schema")
}

/// The keywords that a schema may have.
const KEYWORDS: [&str; 10] = [
    "type",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "enum",
    "const",
    "anyOf",
    "allOf",
    "description",
];

/// What a schema has that the API cannot turn into a grammar. References are refused altogether, since a
/// client that inlines its types has them for recursion only.
fn schema(schema: &Value, place: &str) -> Option<String> {
    let Some(map) = schema.as_object() else {
        return Some(format!("{place}: must be an object"));
    };
    if let Some(keyword) = map
        .keys()
        .find(|keyword| !KEYWORDS.contains(&keyword.as_str()))
    {
        return Some(format!("{place}: '{keyword}' is not supported"));
    }
    let empty = Map::new();
    let properties = map
        .get("properties")
        .and_then(Value::as_object)
        .unwrap_or(&empty);
    if map.get("type").is_some_and(|kind| kind == "object") {
        if map.get("additionalProperties") != Some(&Value::Bool(false)) {
            return Some(format!(
                "{place}: 'additionalProperties' must be explicitly set to false"
            ));
        }
        let required = map.get("required").and_then(Value::as_array);
        let is_required =
            |name: &str| required.is_some_and(|names| names.iter().any(|known| known == name));
        if let Some(name) = properties.keys().find(|name| !is_required(name)) {
            return Some(format!("{place}: '{name}' is not required"));
        }
    }
    let below = |keyword: &str| {
        map.get(keyword)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
    };
    let variants = below("anyOf").chain(below("allOf")).chain(map.get("items"));
    properties
        .values()
        .chain(variants)
        .find_map(|inner| self::schema(inner, place))
}

/// The input fields stand where the user speaks: a system prompt that explains them does not count.
fn fields(received: &Received, call: &Call) -> Option<String> {
    let text = received.user_text();
    let missing = call.fields.iter().find(|field| {
        let opens = text.contains(&format!("<{field}>")) || text.contains(&format!("<{field} "));
        !(opens && text.contains(&format!("</{field}>")))
    })?;
    Some(format!(
        "messages: the call {} lacks the field <{missing}>",
        received.call
    ))
}
