//! [`Version`]: which content of a file somebody has seen.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use specta::Type;

/// The version of a file's content: equal contents have equal versions. Opaque to clients.
///
/// It is a hash for noticing changes, not a proof against somebody who forges one: who can write
/// the file needs no collision.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, Type, JsonSchema)]
#[serde(transparent)]
pub struct Version(String);

impl Version {
    /// The version of a file with exactly these bytes.
    pub fn of(content: &[u8]) -> Self {
        Self(format!("{:032x}", twox_hash::XxHash3_128::oneshot(content)))
    }

    /// The text as it stands on the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Version {
    fn from(text: String) -> Self {
        Self(text)
    }
}
