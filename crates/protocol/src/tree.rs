//! [`TreeNode`]: the project's files as they are sent.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use specta::Type;

/// A file or folder with all that is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TreeNode {
    /// The last component of its path; the folder's own name for the project folder.
    pub name: String,
    /// Relative to the project, `/`-separated; `"."` for the project folder.
    pub path: String,
    /// What it is; a symbolic link is shown as a file and never followed.
    #[serde(rename = "type")]
    pub kind: NodeKind,
    /// What is in a folder: folders first, then files, each in alphabetical order. Absent for a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub children: Option<Vec<TreeNode>>,
}

/// What an entry of the tree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NodeKind {
    /// A file, or a symbolic link.
    File,
    /// A folder.
    Directory,
}
