//! [`Assembly`]: a message that comes piece by piece.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::wire::{ApiError, Message};
use crate::{ClaudeError, UsageReport};

/// A message that comes piece by piece. Events, blocks and changes of unknown kinds are passed over.
#[derive(Debug, Default)]
pub(crate) struct Assembly {
    message: Message,
    blocks: BTreeMap<u64, Value>,
    /// The inputs of tools, which come as pieces of JSON.
    inputs: BTreeMap<u64, String>,
    done: bool,
}

impl Assembly {
    /// Takes one event in, and tells text that it brings.
    ///
    /// # Errors
    /// The error that the server tells within a stream.
    pub(crate) fn take(
        &mut self,
        event: &Value,
        on_text: &mut (dyn FnMut(&str) + Send),
    ) -> Result<(), ClaudeError> {
        let index = event["index"].as_u64().unwrap_or(0);
        match event["type"].as_str().unwrap_or_default() {
            "message_start" => {
                let message = &event["message"];
                message["model"]
                    .as_str()
                    .unwrap_or_default()
                    .clone_into(&mut self.message.model);
                self.report(&message["usage"]);
            }
            "content_block_start" => {
                let block = event["content_block"].clone();
                if let Some(text) = block["text"].as_str().filter(|text| !text.is_empty()) {
                    on_text(text);
                }
                self.blocks.insert(index, block);
            }
            "content_block_delta" => self.change(index, &event["delta"], on_text),
            "content_block_stop" => self.close(index),
            "message_delta" => {
                if let Some(reason) = event["delta"]["stop_reason"].as_str() {
                    self.message.stop_reason = Some(reason.to_owned());
                }
                self.report(&event["usage"]);
            }
            "message_stop" => self.done = true,
            "error" => {
                let error: ApiError =
                    serde_json::from_value(event["error"].clone()).unwrap_or_default();
                return Err(ClaudeError::of_api(None, &error.kind, &error.message, None));
            }
            _ => {}
        }
        Ok(())
    }

    fn report(&mut self, usage: &Value) {
        let report: UsageReport = serde_json::from_value(usage.clone()).unwrap_or_default();
        self.message.usage.merge(&report);
    }

    fn change(&mut self, index: u64, delta: &Value, on_text: &mut (dyn FnMut(&str) + Send)) {
        let Some(block) = self.blocks.get_mut(&index) else {
            return;
        };
        let mut append = |field: &str| {
            let piece = delta[field].as_str().unwrap_or_default();
            let whole = block[field].as_str().unwrap_or_default().to_owned() + piece;
            block[field] = whole.into();
            piece.to_owned()
        };
        match delta["type"].as_str().unwrap_or_default() {
            "text_delta" => {
                let piece = append("text");
                if !piece.is_empty() {
                    on_text(&piece);
                }
            }
            "thinking_delta" => _ = append("thinking"),
            "signature_delta" => _ = append("signature"),
            "input_json_delta" => {
                let piece = delta["partial_json"].as_str().unwrap_or_default();
                self.inputs.entry(index).or_default().push_str(piece);
            }
            "citations_delta" => {
                if let Some(citations) = block["citations"].as_array_mut() {
                    citations.push(delta["citation"].clone());
                } else {
                    block["citations"] = Value::Array(vec![delta["citation"].clone()]);
                }
            }
            _ => {}
        }
    }

    fn close(&mut self, index: u64) {
        let input = self.inputs.remove(&index);
        if let (Some(block), Some(input)) = (self.blocks.get_mut(&index), input) {
            block["input"] = serde_json::from_str(&input)
                .unwrap_or_else(|_| Value::Object(serde_json::Map::new()));
        }
    }

    /// Whether the server has said that it was all.
    pub(crate) fn is_done(&self) -> bool {
        self.done
    }

    /// The whole message.
    pub(crate) fn finish(mut self) -> Message {
        self.message.content = self.blocks.into_values().collect();
        self.message
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn assemble(events: &[Value]) -> (Result<Message, ClaudeError>, String) {
        let (mut assembly, mut told) = (Assembly::default(), String::new());
        for event in events {
            if let Err(error) = assembly.take(event, &mut |text| told.push_str(text)) {
                return (Err(error), told);
            }
        }
        (Ok(assembly.finish()), told)
    }

    fn delta(index: u64, delta: Value) -> Value {
        json!({"type": "content_block_delta", "index": index, "delta": delta})
    }

    #[test]
    fn blocks_are_put_together_as_they_would_come_in_one_piece() {
        let (message, told) = assemble(&[
            json!({"type": "message_start", "message": {"model": "m", "usage": {"input_tokens": 9, "output_tokens": 1}}}),
            json!({"type": "ping"}),
            json!({"type": "content_block_start", "index": 0,
                "content_block": {"type": "server_tool_use", "id": "t", "name": "web_search", "input": {}}}),
            delta(
                0,
                json!({"type": "input_json_delta", "partial_json": "{\"query\":"}),
            ),
            delta(
                0,
                json!({"type": "input_json_delta", "partial_json": "\"q\"}"}),
            ),
            json!({"type": "content_block_stop", "index": 0}),
            json!({"type": "an_event_of_tomorrow", "index": 7}),
            json!({"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}}),
            delta(1, json!({"type": "text_delta", "text": "Hello, "})),
            delta(1, json!({"type": "text_delta", "text": "you"})),
            delta(
                1,
                json!({"type": "citations_delta", "citation": {"type": "web_search_result_location", "url": "u"}}),
            ),
            delta(1, json!({"type": "delta_of_tomorrow"})),
            json!({"type": "content_block_stop", "index": 1}),
            json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}}),
            json!({"type": "message_stop"}),
        ]);
        let message = message.unwrap();
        assert_eq!(told, "Hello, you");
        assert_eq!(
            Value::from(message.content),
            json!([
                {"type": "server_tool_use", "id": "t", "name": "web_search", "input": {"query": "q"}},
                {"type": "text", "text": "Hello, you", "citations": [{"type": "web_search_result_location", "url": "u"}]},
            ])
        );
        assert_eq!(message.stop_reason.as_deref(), Some("end_turn"));
        assert_eq!(
            (
                message.usage.usage().input_tokens,
                message.usage.usage().output_tokens
            ),
            (9, 5)
        );
    }

    #[test]
    fn an_error_within_a_stream_is_the_error_of_the_call() {
        let (result, _) = assemble(&[
            json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}),
        ]);
        assert_eq!(result.unwrap_err().kind(), crate::Kind::Overloaded);
    }

    proptest! {
        #[test]
        fn duplicated_and_reordered_reports_of_usage_give_the_same_total(
            counts in prop::collection::vec((0..900u32, 0..900u32), 1..6).prop_map(|mut counts| {
                counts.sort_unstable();
                let mut output = 0;
                counts.into_iter().map(|(input, more)| { output += more; (input, output) }).collect::<Vec<_>>()
            }),
            extra in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
            order in any::<u64>(),
        ) {
            let event = |(input, output): (u32, u32)| json!({
                "type": "message_delta", "delta": {}, "usage": {"input_tokens": input, "output_tokens": output}
            });
            let plain: Vec<Value> = counts.iter().copied().map(event).collect();
            let mut other: Vec<Value> = plain.clone();
            other.extend(extra.iter().map(|index| plain[index.index(plain.len())].clone()));
            let turn = usize::try_from(order % other.len() as u64).unwrap();
            other.rotate_left(turn);
            if order % 2 == 0 { other.reverse(); }
            let total = |events: &[Value]| assemble(events).0.unwrap().usage.usage();
            prop_assert_eq!(total(&plain), total(&other));
        }
    }
}
