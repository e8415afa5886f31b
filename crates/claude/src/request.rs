//! [`Request`] and [`Answer`]: what goes in and what comes out.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::{Tier, Tool, Usage};

/// Looks at an answer whose shape is right. The reason of a refusal is a sentence that is sent back to
/// the model once, so that it answers again.
pub type Check = Arc<dyn Fn(&Value) -> Result<(), String> + Send + Sync>;

/// One question to a model. Made by [`Request::new`]; every field may then be set.
#[derive(Clone)]
pub struct Request {
    /// The kind of call, for instance `coach_agent`: lower-case letters, digits and `_`.
    pub call_type: &'static str,
    /// How capable a model is wanted.
    pub tier: Tier,
    /// What stays the same from call to call: role, rules, examples. It is cached by the API.
    pub system: String,
    /// What is asked now.
    pub user: String,
    /// The longest answer, in tokens.
    pub max_tokens: u32,
    /// What it is for: the session, where there is one.
    pub scope: Option<u32>,
    /// How long the call may take, its repetitions and waits included.
    pub deadline: Duration,
    /// How often the model may search the web; not at all when it is not set.
    pub web_search: Option<u32>,
    /// What must hold of a structured answer beyond its shape.
    pub check: Option<Check>,
    /// What the model may call while it answers. It is never made to call one.
    pub tools: Vec<Tool>,
    /// How often the model may be answered by tools, however many it calls at once, before the call fails
    /// ([`crate::Kind::Rounds`]).
    pub rounds: u32,
}

impl Request {
    /// A question with an answer of at most 4096 tokens, within 120 s, without the web and without tools.
    pub fn new(
        call_type: &'static str,
        tier: Tier,
        system: impl Into<String>,
        user: impl Into<String>,
    ) -> Self {
        Self {
            call_type,
            tier,
            system: system.into(),
            user: user.into(),
            max_tokens: 4096,
            scope: None,
            deadline: Duration::from_secs(120),
            web_search: None,
            check: None,
            tools: Vec::new(),
            rounds: 0,
        }
    }

    /// Sets the longest answer, in tokens.
    #[must_use]
    pub fn max_tokens(mut self, max_tokens: u32) -> Self {
        self.max_tokens = max_tokens;
        self
    }

    /// Sets what it is for.
    #[must_use]
    pub fn scope(mut self, scope: Option<u32>) -> Self {
        self.scope = scope;
        self
    }

    /// Sets how long the call may take in all.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Lets the model search the web this often.
    #[must_use]
    pub fn web_search(mut self, max_uses: u32) -> Self {
        self.web_search = Some(max_uses);
        self
    }

    /// Sets what must hold of a structured answer beyond its shape.
    #[must_use]
    pub fn check(
        mut self,
        check: impl Fn(&Value) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        self.check = Some(Arc::new(check));
        self
    }

    /// Lets the model call these tools, and be answered by them so many times.
    #[must_use]
    pub fn tools(mut self, tools: impl IntoIterator<Item = Tool>, rounds: u32) -> Self {
        self.tools = tools.into_iter().collect();
        self.rounds = rounds;
        self
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Its texts are the learner's; a log has no use for them.
        f.debug_struct("Request")
            .field("call_type", &self.call_type)
            .field("tier", &self.tier)
            .field("max_tokens", &self.max_tokens)
            .field("scope", &self.scope)
            .field("deadline", &self.deadline)
            .field("web_search", &self.web_search)
            .field("tools", &self.tools.len())
            .field("rounds", &self.rounds)
            .finish_non_exhaustive()
    }
}

/// What a call gave.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer<T> {
    /// The answer itself.
    pub value: T,
    /// The id of the model that gave it.
    pub model: String,
    /// What all attempts of the call that were answered used together.
    pub usage: Usage,
    /// What the searches of this call found, in their order, each address once.
    pub searches: Vec<SearchResult>,
    /// What the answer quotes of them.
    pub citations: Vec<Citation>,
}

/// A page that a search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchResult {
    /// Its address.
    pub url: String,
    /// Its title.
    pub title: String,
}

/// What an answer quotes of a page that a search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Citation {
    /// The address of the page.
    pub url: String,
    /// Its title.
    pub title: String,
    /// The words that are quoted.
    pub cited_text: String,
}
