//! [`Tools`]: finds a tool, calls it, and tells what came of it.

mod catalogue;

use std::{collections::HashMap, panic::AssertUnwindSafe, sync::Arc, time::Instant};

use futures_util::{
    FutureExt,
    future::{BoxFuture, ready},
};
use paige_coach::{Coach, CoachError, Giving, ToolCall, aside};
use paige_protocol::{ErrorCode, coach::tools::ToolError};
use rmcp::model::{
    CallToolRequestParams, CallToolResult, ContentBlock, ErrorData, JsonObject, Tool as Listed,
    ToolAnnotations,
};
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::long::LONG;

/// A name that is not a tool's is cut to this on the timeline.
const LONGEST_NAME: usize = 100;

/// Every tool, over the rules of coaching. It knows no MCP session: what a tool does depends on its
/// arguments and the coaching session alone.
pub(crate) struct Tools {
    coach: Coach,
    listed: Vec<Listed>,
    calls: HashMap<&'static str, Call>,
}

type Call =
    Box<dyn Fn(Coach, JsonObject) -> BoxFuture<'static, Result<Answer, ToolError>> + Send + Sync>;

/// A tool: what a client is told of it, and what it does.
struct Tool {
    name: &'static str,
    listed: Listed,
    call: Call,
}

/// What a tool may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    /// Nothing.
    Reads,
    /// Something, once: the same call again changes nothing more.
    Settles,
    /// Something, each time.
    Adds,
}

/// What a tool answers.
struct Answer {
    structured: Value,
    text: String,
}

/// A type that a tool answers.
trait Told: Serialize + JsonSchema + Send + 'static {
    /// Whether the text for the model is `null`, because there is nothing to tell.
    fn is_null(&self) -> bool {
        false
    }

    /// The bytes of the texts in it that may be long, nearly.
    fn long_texts(&self) -> usize {
        0
    }
}

impl Tool {
    fn new<A, R, F>(
        name: &'static str,
        title: &'static str,
        about: &'static str,
        effect: Effect,
        call: impl Fn(Coach, A) -> F + Send + Sync + 'static,
    ) -> Self
    where
        A: DeserializeOwned + JsonSchema + Send + 'static,
        R: Told,
        F: Future<Output = Result<R, CoachError>> + Send + 'static,
    {
        // No tool destroys anything or reaches beyond this machine.
        let annotations = ToolAnnotations::with_title(title)
            .read_only(effect == Effect::Reads)
            .destructive(false)
            .idempotent(effect != Effect::Adds)
            .open_world(false);
        let mut listed = Listed::new(name, about, JsonObject::new())
            .with_title(title)
            .with_input_schema::<A>()
            .with_output_schema::<R>()
            .with_annotations(annotations);
        plain(&mut listed.input_schema);
        listed.output_schema.iter_mut().for_each(plain);
        let call: Call = Box::new(move |coach, args| match parse(args) {
            Ok(args) => {
                let result = call(coach, args);
                async move {
                    match result.await {
                        Ok(result) => {
                            let answer = if result.long_texts() > LONG {
                                aside(move || answer(&result)).await
                            } else {
                                Some(answer(&result))
                            };
                            match answer {
                                Some(Ok(answer)) => Ok(answer),
                                Some(Err(error)) => {
                                    tracing::error!(tool = name, %error, "A tool's answer is no JSON.");
                                    Err(internal_error())
                                }
                                None => Err(internal_error()),
                            }
                        }
                        Err(error) => Err(refusal(name, &error)),
                    }
                }
                .boxed()
            }
            Err(error) => ready(Err(error)).boxed(),
        });
        Self { name, listed, call }
    }
}

impl Tools {
    pub(crate) fn new(coach: Coach) -> Self {
        let mut listed = Vec::new();
        let mut calls = HashMap::new();
        for tool in catalogue::all() {
            listed.push(tool.listed);
            calls.insert(tool.name, tool.call);
        }
        Self {
            coach,
            listed,
            calls,
        }
    }

    /// Every tool as clients are told of it.
    pub(crate) fn listed(&self) -> &[Listed] {
        &self.listed
    }

    /// Whether a tool asks models, which takes a while.
    pub(crate) fn is_long(&self, name: &str) -> bool {
        catalogue::LONG.contains(&name)
    }

    /// Calls a tool and puts the call on the timeline, however it ends.
    ///
    /// # Errors
    /// When there is no tool of that name; a tool that refuses or fails is an answer.
    pub(crate) async fn call(
        &self,
        params: CallToolRequestParams,
    ) -> Result<CallToolResult, ErrorData> {
        let started = Instant::now();
        let args = params.arguments.unwrap_or_default();
        let call_id: Arc<str> = uuid::Uuid::new_v4().to_string().into();
        let mut record = ToolCall {
            call_id: call_id.to_string(),
            tool: params.name.chars().take(LONGEST_NAME).collect(),
            args: args.clone(),
            failed: None,
            took: started.elapsed(),
        };
        let outcome = match self.calls.get(params.name.as_ref()) {
            Some(call) => {
                let coach = self.coach.on_behalf_of(call_id);
                let call = AssertUnwindSafe(call(coach, args));
                let answer = call.catch_unwind().await.unwrap_or_else(|_| {
                    tracing::error!(tool = %params.name, "A tool has panicked.");
                    Err(internal_error())
                });
                record.failed = answer.as_ref().err().map(|error| error.code);
                Ok(result(answer))
            }
            None => {
                record.failed = Some(ErrorCode::NotFound);
                Err(ErrorData::invalid_params(
                    format!(
                        "There is no tool `{}`; `tools/list` names them all.",
                        record.tool
                    ),
                    None,
                ))
            }
        };
        record.took = started.elapsed();
        self.coach.tool_called(record);
        outcome
    }
}

/// Takes out of a schema what tells a model nothing: Rust's names of numbers, of which validators
/// complain, and that what may be left out is then null.
fn plain(schema: &mut Arc<JsonObject>) {
    fn walk(schema: &mut JsonObject) {
        let is_rusts = |format: &str| format.starts_with("uint") || format == "double";
        if schema
            .get("format")
            .and_then(Value::as_str)
            .is_some_and(is_rusts)
        {
            schema.remove("format");
        }
        if schema.get("default").is_some_and(Value::is_null) {
            schema.remove("default");
        }
        for value in schema.values_mut() {
            match value {
                Value::Object(schema) => walk(schema),
                Value::Array(list) => {
                    list.iter_mut()
                        .filter_map(Value::as_object_mut)
                        .for_each(walk);
                }
                _ => {}
            }
        }
    }
    let schema = Arc::make_mut(schema);
    walk(schema);
    // Some clients look for it in any case.
    schema
        .entry("properties")
        .or_insert_with(|| JsonObject::new().into());
}

/// Reads arguments; a wrong one is told with its place.
fn parse<A: DeserializeOwned>(args: JsonObject) -> Result<A, ToolError> {
    serde_path_to_error::deserialize(Value::Object(args)).map_err(|error| {
        let place = error.path().to_string();
        let place = match place.as_str() {
            "." => String::new(),
            place => format!("`{place}`: "),
        };
        ToolError {
            code: ErrorCode::InvalidArgument,
            error: format!(
                "The arguments do not fit the tool: {place}{}. Call it again as its input schema says.",
                error.into_inner()
            ),
            session_id: None,
        }
    })
}

fn answer<R: Told>(result: &R) -> Result<Answer, serde_json::Error> {
    let structured = serde_json::to_value(result)?;
    let text = if result.is_null() {
        "null".to_owned()
    } else {
        let mut text = Giving::new(Vec::new());
        serde_json::to_writer(&mut text, &structured)?;
        String::from_utf8(text.into_inner()).map_err(serde::ser::Error::custom)?
    };
    Ok(Answer { structured, text })
}

fn refusal(tool: &'static str, error: &CoachError) -> ToolError {
    let code = error.code();
    if code == ErrorCode::InternalError {
        tracing::error!(tool, error = %error, "A tool has failed.");
    }
    ToolError {
        code,
        error: error.message(),
        session_id: error.session_id(),
    }
}

fn internal_error() -> ToolError {
    ToolError {
        code: ErrorCode::InternalError,
        error: "Something failed inside the sidecar; its log says what. Try again, and if it fails again, restart the sidecar.".to_owned(),
        session_id: None,
    }
}

/// The structured answer, and the same as text for clients that do not know it.
fn result(answer: Result<Answer, ToolError>) -> CallToolResult {
    match answer {
        Ok(Answer { structured, text }) => {
            let mut result = CallToolResult::success(vec![ContentBlock::text(text)]);
            result.structured_content = Some(structured);
            result
        }
        Err(error) => CallToolResult::structured_error(serde_json::json!(error)),
    }
}

#[cfg(test)]
mod tests {
    use paige_protocol::coach::tools::{
        GetBufferArgs, GetBufferResult, GetSessionStateArgs, HighlightLinesArgs, NoArgs,
    };
    use serde_json::json;

    use super::*;

    fn refused<A: DeserializeOwned>(args: Value) -> String {
        let Value::Object(args) = args else {
            panic!("arguments are an object");
        };
        match parse::<A>(args) {
            Ok(_) => "taken".to_owned(),
            Err(error) => {
                assert_eq!(error.code, ErrorCode::InvalidArgument);
                error.error
            }
        }
    }

    #[test]
    fn a_wrong_argument_is_told_with_its_place() {
        let check = |told: String, expected: &str| assert!(told.contains(expected), "{told}");
        check(refused::<NoArgs>(json!({})), "taken");
        check(refused::<NoArgs>(json!({"x": 1})), "unknown field `x`");
        check(refused::<GetBufferArgs>(json!({})), "missing field `path`");
        check(
            refused::<GetBufferArgs>(json!({"path": 1})),
            "`path`: invalid type",
        );
        check(
            refused::<GetSessionStateArgs>(json!({"include": ["plan", "weather"]})),
            "`include[1]`: unknown variant `weather`",
        );
        check(
            refused::<HighlightLinesArgs>(
                json!({"path": "a", "ranges": [{"start": 1, "end": -2, "style": "info"}]}),
            ),
            "`ranges[0].end`: invalid value",
        );
    }

    #[test]
    fn without_a_buffer_the_text_is_null_and_the_structure_an_object() {
        let nothing = GetBufferResult {
            path: "a.rs".into(),
            content: None,
            cursor_position: None,
            dirty: false,
            last_updated: None,
        };
        let answer = answer(&nothing).expect("JSON");
        assert_eq!(answer.text, "null");
        assert_eq!(
            answer.structured,
            json!({"path": "a.rs", "content": null, "cursorPosition": null, "dirty": false, "lastUpdated": null})
        );
    }
}
