//! What goes into the memory and what comes out.

use serde::{Deserialize, Serialize};

/// How many memories a query finds when it does not say (decisions, "Memory").
pub(crate) const DEFAULT_LIMIT: usize = 5;

/// A memory that is to be kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewMemory {
    /// Names the memory for all time, for instance `{stream}:wrap-up:12:0`. A memory whose key is known
    /// already is not added again, so that work which is resumed stores it once.
    #[serde(default)]
    pub key: Option<String>,
    /// The memory itself, whole sentences. Must not be blank.
    pub content: String,
    /// What sort of memory it is, for instance `reflection`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Words to sort it by. Commas within a tag are left out, blank tags are dropped.
    #[serde(default)]
    pub tags: Vec<String>,
    /// How much it matters.
    pub importance: Importance,
}

/// How much a memory matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Importance {
    /// Good to know.
    Low,
    /// Worth coming back to.
    Medium,
    /// Decides how to coach.
    High,
}

impl Importance {
    /// As it stands in the record and in Chroma.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        [Self::Low, Self::Medium, Self::High]
            .into_iter()
            .find(|importance| importance.word() == word)
    }
}

/// What became of memories that were to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Added {
    /// How many are new in the record; those whose key was known are not counted.
    pub added: u32,
    /// How many of these can be found by meaning already: they have a vector and, where a Chroma
    /// server is configured, it has them (decisions, 8.7). The others follow by themselves.
    pub indexed: u32,
}

/// What is to be recalled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// What it is about, in any words. Must not be blank.
    pub text: String,
    /// The folder of the project at hand, whose memories come first; `None` makes no difference
    /// between projects (spec: story 8, AC 3).
    pub project: Option<String>,
    /// Whether other projects' memories are left out altogether (spec: story 8, AC 4).
    pub only_project: bool,
    /// The most memories wanted; 5 by default.
    pub limit: usize,
}

impl Query {
    /// Asks all projects for five memories.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }
}

impl Default for Query {
    fn default() -> Self {
        Self {
            text: String::new(),
            project: None,
            only_project: false,
            limit: DEFAULT_LIMIT,
        }
    }
}

/// What a query found.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Recall {
    /// The project's own first, nearest first among them; then the others, nearest first.
    pub memories: Vec<Recalled>,
    /// How they were found.
    pub by: RecallBy,
    /// What is not as it should be and what helps, in whole sentences; `None` when all is well.
    pub note: Option<String>,
}

/// How memories were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RecallBy {
    /// By meaning: the vectors are close.
    Embedding,
    /// By words that both have (BM25), since no embedding model is at hand.
    FullText,
}

/// A memory that was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Recalled {
    /// Names it in this record.
    pub id: String,
    /// The memory itself.
    pub content: String,
    /// Where it comes from.
    pub metadata: Metadata,
    /// Smaller is closer. By meaning: the cosine distance, 0 to 2. By words: 1 / (1 + BM25), 0 to 1.
    /// The two cannot be compared.
    pub distance: f32,
    /// Whether it is of another project than the query's; never when the query names none.
    pub other_project: bool,
}

/// What is known about a memory (paige.md §8; the names are those in Chroma).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// The coaching session it was made in.
    pub session_id: u32,
    /// The folder of the project it was made in.
    pub project_dir: String,
    /// When it was added: ISO 8601 UTC with milliseconds.
    pub created_at: String,
    /// What sort of memory it is.
    #[serde(rename = "type")]
    pub kind: String,
    /// How much it matters.
    pub importance: Importance,
    /// Words to sort it by.
    pub tags: Vec<String>,
}

/// A memory as the record has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Names it in this record.
    pub id: String,
    /// The memory itself.
    pub content: String,
    /// Where it comes from.
    #[serde(flatten)]
    pub metadata: Metadata,
}

/// Which memories are meant; what is not set makes no difference.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this project folder only.
    pub project: Option<String>,
    /// Of this session only.
    pub session: Option<u32>,
    /// Of this sort only.
    pub kind: Option<String>,
    /// At most so many.
    pub limit: Option<usize>,
}

/// What is to be forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Forget {
    /// These; all must exist.
    Ids(Vec<String>),
    /// All of a session.
    Session(u32),
    /// All of a project folder.
    Project(String),
    /// Everything.
    All,
}

/// What became of memories that were to be forgotten. They are gone from the record in any case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Forgotten {
    /// How many there were.
    pub forgotten: u32,
    /// When the Chroma server could not be told: a sentence that says so. It is told as soon as it is
    /// reached.
    pub note: Option<String>,
}

/// The whole record in a form for other programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Export {
    /// `paige.memories`.
    pub format: &'static str,
    /// The version of the format.
    pub version: u32,
    /// Every memory, oldest first.
    pub memories: Vec<Entry>,
}

/// Tags as they are kept: without commas, blanks around them, or blank ones; joined by commas.
pub(crate) fn join_tags(tags: &[String]) -> String {
    let clean = tags
        .iter()
        .map(|tag| tag.replace(',', "").trim().to_owned());
    clean
        .filter(|tag| !tag.is_empty())
        .collect::<Vec<_>>()
        .join(",")
}

/// The reverse of [`join_tags`].
pub(crate) fn split_tags(tags: &str) -> Vec<String> {
    let tags = tags.split(',').filter(|tag| !tag.is_empty());
    tags.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn tags_survive_without_their_commas(tags in prop::collection::vec("[aß, ]{0,5}", 0..6)) {
            let expected: Vec<String> = tags
                .iter()
                .map(|tag| tag.replace(',', "").trim().to_owned())
                .filter(|tag| !tag.is_empty())
                .collect();
            prop_assert_eq!(split_tags(&join_tags(&tags)), expected);
        }
    }
}
