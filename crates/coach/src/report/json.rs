//! The report for programs.

use super::Report;

/// The report as indented JSON that ends in a line feed.
///
/// # Errors
/// Never, unless a number is none that JSON has.
pub fn json(report: &Report) -> serde_json::Result<String> {
    let mut text = serde_json::to_string_pretty(report)?;
    text.push('\n');
    Ok(text)
}
