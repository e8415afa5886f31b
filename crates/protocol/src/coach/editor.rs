//! Families `editor` and `explorer`: what is shown in the editor and in the file list.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use specta::Type;

use super::files::TextRange;
use crate::Version;

/// `editor:tab_switch`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TabSwitch {
    /// The tab that was shown before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_path: Option<String>,
    /// The tab that is shown now.
    pub to_path: String,
}

/// `editor:selection`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Selection {
    /// The file.
    pub path: String,
    /// What is selected.
    pub range: TextRange,
    /// The selected text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selected_text: Option<String>,
}

/// `editor:scroll`, which is known and ignored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Scroll {
    /// The file.
    pub path: String,
}

/// `editor:open_file`: Claude shows a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OpenFile {
    /// Relative to the project, `/`-separated.
    pub path: String,
    /// The whole text, the buffer's when it has unsaved edits.
    pub content: String,
    /// The language, as editors name it.
    pub language: String,
    /// Lines, counted as pieces between line feeds.
    pub line_count: u32,
    /// The version on disk that the text is based on; `null` when the file is not on disk.
    pub version: Option<Version>,
}

/// `editor:highlight_lines`: lines to show, beside those that are shown already.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HighlightLines {
    /// The file.
    pub path: String,
    /// The lines.
    pub ranges: Vec<HighlightRange>,
}

/// Some lines to show, 1-based and inclusive.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HighlightRange {
    /// The first line.
    pub start: u32,
    /// The last line.
    pub end: u32,
    /// How.
    pub style: Tone,
    /// What is shown when the mouse rests on them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hover_text: Option<String>,
    /// How much help it is: 1 where, 2 what to look at, 3 how to think about it, 4 shape.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rung: Option<u8>,
    /// The phase's hint that it shows: what `hints:viewed` names when its hover text was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint_id: Option<u32>,
}

/// The style of a highlight and the tone of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tone {
    /// Worth knowing.
    Info,
    /// A hint.
    Hint,
    /// Well done.
    Success,
    /// Take care.
    Warning,
    /// Wrong.
    Error,
}

/// `editor:clear_highlights`: the highlights of one file, or all, are gone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClearHighlights {
    /// The file; every file when it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// `explorer:hint_files`: files to mark in the file list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HintFiles {
    /// The files.
    pub paths: Vec<String>,
    /// How.
    pub style: FileHintStyle,
}

/// The style of a marked file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FileHintStyle {
    /// Worth a look.
    Suggested,
    /// Part of the task.
    Required,
    /// Take care.
    Warning,
    /// Wrong.
    Error,
}
