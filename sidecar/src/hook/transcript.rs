//! Claude Code's record of a conversation: one JSON text in each line. What was said is read, and the names of
//! tools; what tools were given and gave is not (decisions, "Transcript").

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

/// Characters that are kept: the end of what was said.
const LONGEST: usize = 50_000;
/// Bytes of the file that are looked at: its end. What tools gave stands between what was said, and is long.
const LOOKED_AT: u64 = 8 * 1024 * 1024;

/// A line, as far as it matters.
#[derive(Deserialize)]
struct Line {
    #[serde(rename = "type", default)]
    kind: String,
    /// What Claude Code wrote in the human's name.
    #[serde(rename = "isMeta", default)]
    is_meta: bool,
    /// What an agent said to Claude.
    #[serde(rename = "isSidechain", default)]
    is_sidechain: bool,
    #[serde(default)]
    message: Option<Message>,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    content: Value,
}

/// The end of what was said, oldest first; `None` when nothing was or the file cannot be read.
pub(super) fn told(path: &Path) -> Option<String> {
    let text = end(path).ok()?;
    let mut parts: Vec<String> = Vec::new();
    let mut length = 0;
    for line in lines(&text) {
        let Some(part) = spoken(&line) else { continue };
        length += part.chars().count() + 1;
        parts.push(part);
        if length >= LONGEST {
            break;
        }
    }
    parts.reverse();
    let whole = parts.join("\n");
    let surplus = whole.chars().count().saturating_sub(LONGEST);
    let kept: String = whole.chars().skip(surplus).collect();
    (!kept.is_empty()).then_some(kept)
}

/// What Claude said last, after the last tool that it used; `None` when it said nothing.
pub(super) fn last_answer(path: &Path) -> Option<String> {
    let text = end(path).ok()?;
    let mut parts: Vec<String> = Vec::new();
    for line in lines(&text) {
        match line.kind.as_str() {
            "assistant" => parts.extend(said(&line)),
            "user" => break,
            _ => {}
        }
    }
    parts.reverse();
    (!parts.is_empty()).then(|| parts.join("\n\n"))
}

/// The end of a file. A line that is cut off is none that can be read.
fn end(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let from = file.metadata()?.len().saturating_sub(LOOKED_AT);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(LOOKED_AT).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The lines that can be read, the last first.
fn lines(text: &str) -> impl Iterator<Item = Line> {
    text.rsplit('\n')
        .filter_map(|line| serde_json::from_str::<Line>(line).ok())
        .filter(|line| !line.is_meta && !line.is_sidechain)
}

/// The texts of a line.
fn said(line: &Line) -> Option<String> {
    let content = &line.message.as_ref()?.content;
    let text = match content {
        Value::String(text) => text.trim().to_owned(),
        Value::Array(blocks) => {
            let texts: Vec<&str> = blocks
                .iter()
                .filter(|block| block["type"] == "text")
                .filter_map(|block| block["text"].as_str())
                .map(str::trim)
                .collect();
            texts.join("\n")
        }
        _ => String::new(),
    };
    (!text.is_empty()).then_some(text)
}

/// What a line says of the conversation: who said what, and which tools were used.
fn spoken(line: &Line) -> Option<String> {
    let who = match line.kind.as_str() {
        "user" => "Developer",
        "assistant" => "Claude",
        _ => return None,
    };
    let mut parts: Vec<String> = said(line)
        .map(|text| format!("{who}: {text}"))
        .into_iter()
        .collect();
    let blocks = line.message.as_ref()?.content.as_array();
    let tools = blocks.into_iter().flatten();
    let tools = tools.filter(|block| block["type"] == "tool_use");
    parts.extend(
        tools
            .filter_map(|block| block["name"].as_str())
            .map(|name| format!("(Claude used {name})")),
    );
    (!parts.is_empty()).then(|| parts.join("\n"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn file(lines: &[Value]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    fn conversation() -> Vec<Value> {
        vec![
            json!({"type": "summary", "summary": "x"}),
            json!({"type": "user", "isMeta": true, "message": {"role": "user", "content": "caveat"}}),
            json!({"type": "user", "message": {"role": "user", "content": "Why does it fail?"}}),
            json!({"type": "assistant", "message": {"content": [{"type": "text", "text": "Let me look."}]}}),
            json!({"type": "assistant", "message": {"content": [
                {"type": "tool_use", "name": "Read", "input": {"file_path": "a.rs"}},
            ]}}),
            json!({"type": "user", "message": {"content": [
                {"type": "tool_result", "content": "the text of a file"},
            ]}}),
            json!({"type": "assistant", "isSidechain": true, "message": {"content": "of an agent"}}),
            json!({"type": "assistant", "message": {"content": [{"type": "text", "text": "What did you expect?"}]}}),
            json!({"type": "assistant", "message": {"content": [{"type": "text", "text": "And what came?"}]}}),
        ]
    }

    #[test]
    fn what_was_said_is_kept_with_the_names_of_tools_alone() {
        let file = file(&conversation());
        assert_eq!(
            told(file.path()).unwrap(),
            "Developer: Why does it fail?\nClaude: Let me look.\n(Claude used Read)\n\
             Claude: What did you expect?\nClaude: And what came?"
        );
        assert_eq!(
            last_answer(file.path()).unwrap(),
            "What did you expect?\n\nAnd what came?"
        );
    }

    #[test]
    fn of_a_long_conversation_the_end_is_kept() {
        let long = json!({"type": "user", "message": {"content": "ä".repeat(30_000)}});
        let file = file(&[
            long.clone(),
            long.clone(),
            json!({"type": "user", "message": {"content": "the end"}}),
        ]);
        let told = told(file.path()).unwrap();
        assert_eq!(told.chars().count(), LONGEST);
        assert!(told.ends_with("the end"));
    }

    #[test]
    fn a_file_that_is_none_says_nothing() {
        assert_eq!(told(Path::new("/nowhere")), None);
        assert_eq!(last_answer(Path::new("/nowhere")), None);
        assert_eq!(told(file(&[json!([1]), json!("x")]).path()), None);
        assert_eq!(told(Path::new("/")), None);
    }
}
