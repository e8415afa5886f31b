//! [`Tool`]: what a model may call while it answers, and what is done then.

use std::future::Future;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{SchemaError, adapted};

/// The longest name of a tool, in characters.
const LONGEST_NAME: usize = 64;

/// Does what a tool is for. The text of a failure goes to the model, too.
type Handler = Arc<dyn Fn(Value) -> BoxFuture<'static, Result<String, String>> + Send + Sync>;

/// A tool that the caller of a model brings along: the model asks for it, the client runs it and tells the
/// model what it gave ([`crate::Request::tools`]). Clones are the same tool.
#[derive(Clone)]
pub struct Tool {
    name: &'static str,
    description: String,
    schema: Result<Value, SchemaError>,
    handler: Handler,
}

impl Tool {
    /// A tool with an input of the type `I`, whose schema the model is shown ([`adapted`]).
    ///
    /// An input that `I` cannot be read from never reaches the handler: the model is told why and may call
    /// again. Bounds that a schema only tells in words are for the handler to look at. What it gives, and
    /// why it fails, are sentences for the model; a failure does not end the call.
    pub fn new<I, F>(
        name: &'static str,
        description: impl Into<String>,
        handler: impl Fn(I) -> F + Send + Sync + 'static,
    ) -> Self
    where
        I: DeserializeOwned + JsonSchema,
        F: Future<Output = Result<String, String>> + Send + 'static,
    {
        let handler = move |input: Value| match serde_path_to_error::deserialize(&input) {
            Ok(input) => handler(input).boxed(),
            Err(error) => {
                let (path, reason) = (error.path().to_string(), error.into_inner());
                let told =
                    format!("At `{path}` the input does not follow the tool's schema: {reason}.");
                std::future::ready(Err(told)).boxed()
            }
        };
        Self {
            name,
            description: description.into(),
            schema: adapted::<I>(),
            handler: Arc::new(handler),
        }
    }

    /// The tool as the API is told of it.
    pub(crate) fn json(&self) -> Value {
        json!({
            "name": self.name,
            "description": self.description,
            "input_schema": self.schema.as_ref().ok(),
        })
    }
}

/// Why these tools cannot be offered together, as a sentence.
pub(crate) fn problem(tools: &[Tool], searches: bool) -> Option<String> {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    for (at, tool) in tools.iter().enumerate() {
        let name = tool.name;
        if name.is_empty() || name.len() > LONGEST_NAME || !name.bytes().all(letter) {
            return Some(format!(
                "The tool {name:?} is not named by 1 to {LONGEST_NAME} letters, digits, `_` and `-`. Name it so."
            ));
        }
        let taken = searches && name == "web_search";
        if taken || tools[..at].iter().any(|other| other.name == name) {
            return Some(format!(
                "There are two tools of the name `{name}`. Name each differently."
            ));
        }
        if let Err(error) = &tool.schema {
            return Some(format!("The tool `{name}` cannot be described: {error}"));
        }
    }
    None
}

/// Runs what the model asks for, one after the other as it asked.
///
/// Gives the blocks of the one message of the user that answers all of it.
pub(crate) async fn run(tools: &[Tool], asked: Vec<&Value>) -> Vec<Value> {
    let mut results = Vec::with_capacity(asked.len());
    for call in asked {
        let name = call["name"].as_str().unwrap_or_default();
        let outcome = match tools.iter().find(|tool| tool.name == name) {
            Some(tool) => (tool.handler)(call["input"].clone()).await,
            None => Err(format!(
                "There is no tool {name:?}. Use one of those that you were given."
            )),
        };
        let mut result = json!({"type": "tool_result", "tool_use_id": call["id"]});
        match outcome {
            Ok(given) => result["content"] = given.into(),
            Err(reason) => {
                tracing::debug!("the tool {name:?} has failed: {reason}");
                // The API refuses a failure that says nothing.
                let said = if reason.trim().is_empty() {
                    "The tool has failed.".to_owned()
                } else {
                    reason
                };
                result["content"] = said.into();
                result["is_error"] = true.into();
            }
        }
        results.push(result);
    }
    results
}
