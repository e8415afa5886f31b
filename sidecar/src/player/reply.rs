//! Replies in the wire format of the Messages API.

use axum::body::Body;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};

use super::{Entry, Received, Response, UsageOf, pieces};

/// How many characters a piece of streamed text has.
const PIECE: usize = 16;

/// A JSON response.
pub fn json(status: u16, value: &Value) -> Response {
    response(status, "application/json", Body::from(value.to_string()))
}

/// An error as the API tells it.
pub fn error(status: u16, kind: &str, message: &str) -> Response {
    let error = json!({"type": kind, "message": message});
    json(
        status,
        &json!({"type": "error", "error": error, "request_id": "req_player"}),
    )
}

/// A streamed response of events.
pub fn streamed(events: Vec<String>) -> Response {
    response(200, "text/event-stream", pieces(events))
}

fn response(status: u16, kind: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    // A status that is none stays 200, and the test that asked for it sees so.
    if let Ok(status) = http::StatusCode::from_u16(status) {
        *response.status_mut() = status;
    }
    response
        .headers_mut()
        .insert(CONTENT_TYPE, http::HeaderValue::from_static(kind));
    response
}

/// How many tokens a prompt has: a quarter of its bytes, about what English text has.
pub fn counted(received: &Received) -> Value {
    json!({"input_tokens": tokens(&received.text())})
}

fn tokens(text: &str) -> u32 {
    u32::try_from(text.len().div_ceil(4)).unwrap_or(u32::MAX)
}

/// The whole message that an entry answers with.
pub fn message(entry: &Entry, received: &Received) -> Value {
    let blocks = entry.blocks().unwrap_or_default();
    let usage = entry.usage.unwrap_or_else(|| UsageOf {
        input_tokens: tokens(&received.text()),
        output_tokens: blocks.iter().map(|block| tokens(&block.to_string())).sum(),
        ..UsageOf::default()
    });
    json!({
        "id": "msg_player",
        "type": "message",
        "role": "assistant",
        "model": received.body["model"],
        "content": blocks,
        "stop_reason": entry.stop_reason.as_deref().unwrap_or("end_turn"),
        "stop_sequence": null,
        "usage": usage_of(&usage),
    })
}

fn usage_of(usage: &UsageOf) -> Value {
    json!({
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cache_creation_input_tokens": usage.cache_write_5m_tokens + usage.cache_write_1h_tokens,
        "cache_read_input_tokens": usage.cache_read_tokens,
        "cache_creation": {
            "ephemeral_5m_input_tokens": usage.cache_write_5m_tokens,
            "ephemeral_1h_input_tokens": usage.cache_write_1h_tokens,
        },
        "server_tool_use": {"web_search_requests": usage.web_searches},
        "service_tier": "standard",
    })
}

/// The events that tell a message piece by piece.
pub fn events(message: &Value) -> Vec<String> {
    let mut start = message.clone();
    start["content"] = json!([]);
    start["stop_reason"] = Value::Null;
    start["usage"]["output_tokens"] = 1.into();
    let mut events = vec![event(&json!({"type": "message_start", "message": start}))];
    events.push(event(&json!({"type": "ping"})));
    for (index, block) in message["content"]
        .as_array()
        .into_iter()
        .flatten()
        .enumerate()
    {
        block_events(index, block, &mut events);
    }
    let delta = json!({"stop_reason": message["stop_reason"], "stop_sequence": null});
    events.push(event(
        &json!({"type": "message_delta", "delta": delta, "usage": message["usage"]}),
    ));
    events.push(event(&json!({"type": "message_stop"})));
    events
}

fn block_events(index: usize, block: &Value, events: &mut Vec<String>) {
    let mut start = block.clone();
    let mut deltas = Vec::new();
    match block["type"].as_str() {
        Some("text") => {
            start["text"] = "".into();
            let text: Vec<char> = block["text"].as_str().unwrap_or_default().chars().collect();
            for piece in text.chunks(PIECE) {
                deltas
                    .push(json!({"type": "text_delta", "text": piece.iter().collect::<String>()}));
            }
            if let Some(citations) = block["citations"].as_array() {
                start["citations"] = json!([]);
                deltas.extend(
                    citations
                        .iter()
                        .map(|citation| json!({"type": "citations_delta", "citation": citation})),
                );
            }
        }
        Some("server_tool_use" | "tool_use") => {
            start["input"] = json!({});
            deltas.push(
                json!({"type": "input_json_delta", "partial_json": block["input"].to_string()}),
            );
        }
        _ => {}
    }
    events.push(event(
        &json!({"type": "content_block_start", "index": index, "content_block": start}),
    ));
    for delta in deltas {
        events.push(event(
            &json!({"type": "content_block_delta", "index": index, "delta": delta}),
        ));
    }
    events.push(event(
        &json!({"type": "content_block_stop", "index": index}),
    ));
}

/// One event of a stream.
fn event(data: &Value) -> String {
    format!(
        "event: {}\ndata: {data}\n\n",
        data["type"].as_str().unwrap_or_default()
    )
}
