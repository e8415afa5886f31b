//! Families `fs`, `file` and `buffer`: the project's files.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use specta::Type;

use crate::{ErrorCode, Version, tree::TreeNode};

/// A path alone: `file:open`, `file:close`, `file:delete`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FilePath {
    /// Relative to the project, `/`-separated.
    pub path: String,
}

/// `file:create`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FileCreate {
    /// Relative to the project, `/`-separated.
    pub path: String,
    /// A file or a folder.
    pub kind: EntryKind,
}

/// A file or a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// An empty file.
    File,
    /// A folder; missing parents are made as well.
    Directory,
}

/// `file:rename`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FileRename {
    /// The present path.
    pub path: String,
    /// The wanted path; nothing may stand there.
    pub new_path: String,
}

/// `file:save`.
///
/// Without `baseVersion` the version that this client last received of the file is used; `null`
/// means that the file must not exist. When the file on disk is another, the answer is
/// `fs:save_error` with `CONFLICT`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FileSave {
    /// Relative to the project, `/`-separated.
    pub path: String,
    /// The whole text.
    pub content: String,
    /// The version that the text is based on.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present_or_null"
    )]
    #[specta(optional, type = Option<Version>)]
    #[schemars(with = "Option<Version>")]
    pub base_version: Option<Option<Version>>,
}

/// Tells `null` (`Some(None)`) from a field that is not there (`None`).
fn present_or_null<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<Version>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// `buffer:update` of a client: the unsaved text of an editor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BufferUpdate {
    /// Relative to the project, `/`-separated.
    pub path: String,
    /// The whole text.
    pub content: String,
    /// Where the cursor stands.
    pub cursor_position: CursorPosition,
    /// What is selected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selections: Option<Vec<TextRange>>,
}

/// A place in a text, both numbers 1-based.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type, JsonSchema)]
pub struct CursorPosition {
    /// The line.
    pub line: u32,
    /// The column, in UTF-16 units as editors count.
    pub column: u32,
}

/// A stretch of a text, 1-based and inclusive.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TextRange {
    /// The first line.
    pub start_line: u32,
    /// The first column; the whole line when it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_column: Option<u32>,
    /// The last line.
    pub end_line: u32,
    /// The last column; the whole line when it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_column: Option<u32>,
}

/// `fs:tree`: the project's files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FsTree {
    /// The project folder itself; its `path` is `"."`.
    pub root: TreeNode,
}

/// `fs:tree_update`: one change of the project's files; also the direct answer to `file:create`,
/// `file:rename` and `file:delete`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FsTreeUpdate {
    /// What happened.
    pub action: TreeAction,
    /// Where.
    pub path: String,
    /// The new path, for `rename`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_path: Option<String>,
    /// What stands there now, for `add`, `addDir` and `rename`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<TreeNode>,
}

/// What can happen to an entry of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum TreeAction {
    /// A file came.
    Add,
    /// A file's content changed.
    Change,
    /// A file went.
    Unlink,
    /// A folder came, with all that is in it.
    AddDir,
    /// A folder went, with all that was in it.
    UnlinkDir,
    /// A file or folder has another path now.
    Rename,
}

/// `fs:content`, the answer to `file:open`: the buffer's text when it has unsaved edits, the disk's
/// otherwise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FsContent {
    /// Relative to the project, `/`-separated.
    pub path: String,
    /// The whole text; empty for a binary file.
    pub content: String,
    /// The language, as editors name it.
    pub language: String,
    /// Lines, counted as pieces between line feeds.
    pub line_count: u32,
    /// The version on disk that the text is based on; `null` when the file is not on disk.
    pub version: Option<Version>,
    /// Whether the text has unsaved edits.
    pub dirty: bool,
    /// Whether the file is binary: it is not sent and cannot be saved as text.
    pub is_binary: bool,
}

/// `fs:save_ack`: a file was saved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FsSaveAck {
    /// Relative to the project, `/`-separated.
    pub path: String,
    /// Always true.
    pub success: bool,
    /// When, ISO 8601 UTC.
    pub timestamp: String,
    /// The version now on disk.
    pub version: Version,
}

/// `fs:save_error`: a file was not saved; the disk is as it was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FsSaveError {
    /// As it was sent.
    pub path: String,
    /// For people.
    pub error: String,
    /// For programs.
    pub code: ErrorCode,
    /// With `CONFLICT`: the version that the save was based on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_version: Option<Version>,
    /// With `CONFLICT`: the version on disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_version: Option<Version>,
}

/// `buffer:update` to a client: another window's edit, or the disk's new text of a clean buffer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BufferUpdated {
    /// Relative to the project, `/`-separated.
    pub path: String,
    /// The whole text.
    pub content: String,
    /// Where the other window's cursor stands.
    pub cursor_position: CursorPosition,
    /// The other window; `null` when the text came from the disk.
    pub client_id: Option<String>,
    /// The version on disk, when the text came from there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
}
