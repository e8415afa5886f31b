//! The wire format of the Messages API, as far as it is used. Whatever else comes is passed over.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Citation, SearchResult, UsageReport};

/// A request, before it is written as JSON.
#[derive(Debug, Clone)]
pub(crate) struct Body {
    pub(crate) model: String,
    pub(crate) max_tokens: u32,
    pub(crate) system: String,
    pub(crate) messages: Vec<Value>,
    /// What the answer is held to, where the server can do so.
    pub(crate) schema: Option<Value>,
    /// How often the web may be searched.
    pub(crate) web_search: Option<u32>,
    /// The tools of the caller.
    pub(crate) tools: Vec<Value>,
}

impl Body {
    /// What is posted to `/v1/messages`.
    pub(crate) fn json(&self, stream: bool) -> Value {
        let mut body = self.counted();
        body["max_tokens"] = self.max_tokens.into();
        if let Some(schema) = &self.schema {
            body["output_config"] = json!({"format": {"type": "json_schema", "schema": schema}});
        }
        if stream {
            body["stream"] = true.into();
        }
        body
    }

    /// What is posted to `/v1/messages/count_tokens`.
    pub(crate) fn counted(&self) -> Value {
        let mut body = json!({"model": self.model, "messages": self.messages});
        if !self.system.is_empty() {
            body["system"] = json!([{
                "type": "text",
                "text": self.system,
                "cache_control": {"type": "ephemeral"},
            }]);
        }
        let search = self.web_search.map(|uses| {
            json!({
                "type": "web_search_20250305",
                "name": "web_search",
                "max_uses": uses,
            })
        });
        let tools: Vec<Value> = search
            .into_iter()
            .chain(self.tools.iter().cloned())
            .collect();
        if !tools.is_empty() {
            body["tools"] = tools.into();
        }
        body
    }

    /// The bytes of the schema, which counting tokens does not see.
    pub(crate) fn schema_bytes(&self) -> usize {
        self.schema
            .as_ref()
            .map_or(0, |schema| schema.to_string().len())
    }
}

/// A message of the user: a text, or what tools gave.
pub(crate) fn user(content: impl Into<Value>) -> Value {
    json!({"role": "user", "content": content.into()})
}

/// A message of the model: a text, or the blocks that it sent.
pub(crate) fn assistant(content: impl Into<Value>) -> Value {
    json!({"role": "assistant", "content": content.into()})
}

/// An answer. Its blocks stay untyped, so that new ones disturb nothing and go back as they came.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub(crate) struct Message {
    /// The model that answered.
    #[serde(default)]
    pub(crate) model: String,
    pub(crate) content: Vec<Value>,
    #[serde(default)]
    pub(crate) stop_reason: Option<String>,
    #[serde(default)]
    pub(crate) usage: UsageReport,
}

impl Message {
    fn texts(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.content.iter().filter_map(text_of)
    }

    /// All text of the answer.
    pub(crate) fn text(&self) -> String {
        self.texts().collect()
    }

    /// The last text block: with server tools others stand before it.
    pub(crate) fn last_text(&self) -> &str {
        self.texts().next_back().unwrap_or_default()
    }

    /// The text blocks at the end together: quoting splits one text into several blocks.
    pub(crate) fn closing_text(&self) -> String {
        let after = self
            .content
            .iter()
            .rposition(|block| text_of(block).is_none());
        self.content[after.map_or(0, |at| at + 1)..]
            .iter()
            .filter_map(text_of)
            .collect()
    }

    /// The calls of tools that the model waits for.
    pub(crate) fn tool_uses(&self) -> Vec<&Value> {
        let waits = self.stop_reason.as_deref() == Some("tool_use");
        let calls = self.content.iter();
        calls
            .filter(|block| waits && block["type"] == "tool_use")
            .collect()
    }

    /// Adds what was searched and what is quoted; an address that is there already is not added again.
    pub(crate) fn gather(&self, searches: &mut Vec<SearchResult>, citations: &mut Vec<Citation>) {
        let mut known: BTreeSet<String> = searches.iter().map(|found| found.url.clone()).collect();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        for block in &self.content {
            match block["type"].as_str() {
                Some("web_search_tool_result") => {
                    // A search that failed has an object there.
                    for found in block["content"].as_array().into_iter().flatten() {
                        let url = text(&found["url"]);
                        if found["type"] == "web_search_result"
                            && !url.is_empty()
                            && known.insert(url.clone())
                        {
                            searches.push(SearchResult {
                                url,
                                title: text(&found["title"]),
                            });
                        }
                    }
                }
                Some("text") => {
                    for cited in block["citations"].as_array().into_iter().flatten() {
                        if cited["type"] == "web_search_result_location" {
                            citations.push(Citation {
                                url: text(&cited["url"]),
                                title: text(&cited["title"]),
                                cited_text: text(&cited["cited_text"]),
                            });
                        }
                    }
                }
                _ => {}
            }
        }
    }
}

fn text_of(block: &Value) -> Option<&str> {
    if block["type"] == "text" {
        block["text"].as_str()
    } else {
        None
    }
}

/// The body of an error.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct ErrorBody {
    #[serde(default)]
    pub(crate) error: ApiError,
}

/// What an error body says.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ApiError {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) message: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(content: Value) -> Message {
        serde_json::from_value(json!({"content": content, "type": "message", "new": [1]})).unwrap()
    }

    #[test]
    fn a_request_is_what_the_api_expects() {
        let body = Body {
            model: "m".to_owned(),
            max_tokens: 5,
            system: "s".to_owned(),
            messages: vec![user("u")],
            schema: Some(json!({"type": "object"})),
            web_search: Some(3),
            tools: vec![json!({"name": "t"})],
        };
        expect_test::expect![[r#"
            {
              "max_tokens": 5,
              "messages": [
                {
                  "content": "u",
                  "role": "user"
                }
              ],
              "model": "m",
              "output_config": {
                "format": {
                  "schema": {
                    "type": "object"
                  },
                  "type": "json_schema"
                }
              },
              "stream": true,
              "system": [
                {
                  "cache_control": {
                    "type": "ephemeral"
                  },
                  "text": "s",
                  "type": "text"
                }
              ],
              "tools": [
                {
                  "max_uses": 3,
                  "name": "web_search",
                  "type": "web_search_20250305"
                },
                {
                  "name": "t"
                }
              ]
            }"#]]
        .assert_eq(&serde_json::to_string_pretty(&body.json(true)).unwrap());
        let bare = Body {
            system: String::new(),
            schema: None,
            web_search: None,
            tools: Vec::new(),
            ..body
        };
        assert_eq!(
            bare.json(false),
            json!({"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "u"}]})
        );
    }

    #[test]
    fn the_last_text_counts_and_unknown_blocks_are_passed_over() {
        let message = message(json!([
            {"type": "text", "text": "I look it up."},
            {"type": "server_tool_use", "id": "1", "name": "web_search", "input": {"query": "q"}},
            {"type": "hologram", "beam": {}},
            {"type": "text", "text": "{\"a\":"},
            {"type": "text", "text": "1}"},
        ]));
        assert_eq!(message.last_text(), "1}");
        assert_eq!(message.closing_text(), "{\"a\":1}");
        assert_eq!(message.text(), "I look it up.{\"a\":1}");
        assert_eq!(Message::default().closing_text(), "");
    }

    #[test]
    fn searches_come_from_results_alone_and_failed_ones_are_passed_over() {
        let found = |url: &str| json!({"type": "web_search_result", "url": url, "title": "T"});
        let message = message(json!([
            {"type": "web_search_tool_result", "tool_use_id": "1", "content": [found("https://a.example"), found("https://a.example")]},
            {"type": "web_search_tool_result", "tool_use_id": "2",
             "content": {"type": "web_search_tool_result_error", "error_code": "max_uses_exceeded"}},
            {"type": "text", "text": "see https://invented.example", "citations": [
                {"type": "web_search_result_location", "url": "https://a.example", "title": "T", "cited_text": "words"},
                {"type": "of another kind"},
            ]},
        ]));
        let (mut searches, mut citations) = (Vec::new(), Vec::new());
        message.gather(&mut searches, &mut citations);
        let a = "https://a.example".to_owned();
        assert_eq!(
            searches,
            [SearchResult {
                url: a.clone(),
                title: "T".to_owned()
            }]
        );
        let cited = Citation {
            url: a,
            title: "T".to_owned(),
            cited_text: "words".to_owned(),
        };
        assert_eq!(citations, [cited]);
    }
}
