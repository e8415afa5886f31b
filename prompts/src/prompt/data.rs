//! Data between tags that it cannot close.

use std::fmt::Write as _;

use serde_json::Value;

/// A value as JSON between tags of this name.
///
/// JSON needs `<`, `>` and `&` in texts only, and there they can be written as escapes, so that no text
/// can write a tag. The same is done with what a reader cannot see: control characters, those that turn
/// the direction of text, and those without a shape.
pub(super) fn tagged(name: &str, value: &Value) -> String {
    let mut out = format!("<{name}>\n");
    for char in value.to_string().chars() {
        if needs_escape(char) {
            for unit in char.encode_utf16(&mut [0; 2]) {
                // Writing into a string cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(char);
        }
    }
    let _ = writeln!(out, "\n</{name}>");
    out
}

fn needs_escape(char: char) -> bool {
    matches!(char, '<' | '>' | '&')
        || char.is_control()
        || matches!(
            char,
            '\u{ad}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{e0000}'..='\u{e007f}'
        )
}
