//! The report as one page that a browser shows without asking anybody for anything.
//!
//! The page carries the report as JSON, and a script of ours draws it. What people, models and the
//! project wrote goes into text nodes and nowhere else; should the script ever fail in that, the policy
//! of the page lets no other script run and nothing be loaded: only what carries the number that was
//! drawn for this page runs.

use super::Report;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The report as an HTML page.
///
/// # Errors
/// Never, unless a number is none that JSON has.
pub fn html(report: &Report) -> serde_json::Result<String> {
    let nonce = uuid::Uuid::new_v4().simple().to_string();
    let data = embedded(&serde_json::to_string(report)?);
    let id = report.session.id.to_string();
    let events = report.events.len().to_string();
    Ok(fill(
        PAGE,
        &[
            ("nonce", &nonce),
            ("session", &id),
            ("events", &events),
            ("style", STYLE),
            ("script", SCRIPT),
            ("data", &data),
        ],
    ))
}

/// The template with each `{{name}}` replaced, in one pass: what was put in is not looked at again.
fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut page = String::new();
    let mut pieces = template.split("{{");
    page.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let (name, rest) = piece.split_once("}}").unwrap_or((piece, ""));
        let value = values.iter().find(|(known, _)| *known == name);
        page.push_str(value.map_or("", |(_, value)| value));
        page.push_str(rest);
    }
    page
}

/// JSON that can stand in a `<script>`. In JSON these characters stand in texts alone, where their
/// escapes mean the same.
fn embedded(json: &str) -> String {
    let mut safe = String::with_capacity(json.len() + json.len() / 16);
    for c in json.chars() {
        match c {
            '<' => safe.push_str("\\u003c"),
            '>' => safe.push_str("\\u003e"),
            '&' => safe.push_str("\\u0026"),
            '\u{2028}' => safe.push_str("\\u2028"),
            '\u{2029}' => safe.push_str("\\u2029"),
            _ => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_cannot_leave_its_script() {
        let hostile = serde_json::json!({
            "a": "</script><script>alert(1)</script>", "b": "<!--<script>", "c": "\u{2028}\u{2029}&amp;",
        });
        let safe = embedded(&hostile.to_string());
        assert!(
            !safe.contains(['<', '>', '&', '\u{2028}', '\u{2029}']),
            "{safe}"
        );
        let read: serde_json::Value = serde_json::from_str(&safe).unwrap();
        assert_eq!(read, hostile);
    }

    #[test]
    fn what_is_put_in_is_not_replaced_again() {
        let filled = fill("{{a}}-{{b}}-{{none}}.", &[("a", "{{b}}"), ("b", "x")]);
        assert_eq!(filled, "{{b}}-x-.");
    }

    #[test]
    fn every_name_of_the_template_is_known() {
        let names: Vec<&str> = PAGE
            .split("{{")
            .skip(1)
            .filter_map(|piece| piece.split_once("}}"))
            .map(|(name, _)| name)
            .collect();
        for name in ["nonce", "session", "events", "style", "script", "data"] {
            assert!(names.contains(&name), "{name}");
        }
        for name in names {
            assert!(
                ["nonce", "session", "events", "style", "script", "data"].contains(&name),
                "{name}"
            );
        }
    }
}
