//! [`redact`]: what looks like a secret is not written down.
//!
//! It is the second belt: files that hold secrets are never given out at all. What is pasted into a
//! command line or a message is known by its shape only, so that this errs on the side of hiding.

use std::{borrow::Cow, sync::LazyLock};

use regex_lite::{Captures, Regex};

/// What stands in place of a secret.
const HIDDEN: &str = "[secret]";

/// Shapes of secrets. Of a match the groups `keep` and `rest` stay.
const SHAPES: &[&str] = &[
    // Private keys.
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)",
    // Keys of well-known services, by their beginnings.
    r"\bsk-[A-Za-z0-9_-]{16,}",
    r"\b(?:ghp|gho|ghu|ghs|ghr)_[A-Za-z0-9]{20,}",
    r"\bgithub_pat_[A-Za-z0-9_]{20,}",
    r"\bglpat-[A-Za-z0-9_-]{16,}",
    r"\bxox[abprs]-[A-Za-z0-9-]{10,}",
    r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    r"\bAIza[A-Za-z0-9_-]{30,}",
    r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*",
    // 256 bits in hexadecimal, as our own tokens are. A commit has 160.
    r"\b[0-9a-fA-F]{64}\b",
    // Headers, flags and assignments that say what they hold.
    r"(?i)(?<keep>\bbearer\s+)[A-Za-z0-9._~+/=-]{8,}",
    r"(?i)(?<keep>\bauthorization\s*[:=]\s*(?:basic\s+)?)[A-Za-z0-9._~+/=-]{8,}",
    r#"(?i)(?<keep>\b[A-Z0-9_.-]*(?:api_?key|access_?key|secret|token|passwd|password)["']?\s*[:=]\s*["']?)[^\s"'&,;\[(){}]{6,}"#,
    r#"(?i)(?<keep>--?(?:password|passwd|token|secret|api-?key)[ =]["']?)[^\s"']{4,}"#,
    // A password in a URL.
    r"(?<keep>\b[a-z][a-z0-9+.-]*://[^\s/:@]+:)[^\s/@]+(?<rest>@)",
];

/// The text without what looks like a secret.
pub(crate) fn redact(text: &str) -> Cow<'_, str> {
    static PATTERNS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
        let compile = |shape: &&str| Regex::new(shape).ok();
        SHAPES.iter().filter_map(compile).collect()
    });
    let mut clean = Cow::Borrowed(text);
    for pattern in PATTERNS.iter() {
        let hide = |found: &Captures<'_>| {
            let kept = |name| found.name(name).map_or("", |kept| kept.as_str());
            format!("{}{HIDDEN}{}", kept("keep"), kept("rest"))
        };
        if let Cow::Owned(changed) = pattern.replace_all(&clean, hide) {
            clean = Cow::Owned(changed);
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_is_understood() {
        for shape in SHAPES {
            Regex::new(shape).expect(shape);
        }
    }

    #[test]
    fn what_looks_like_a_secret_is_hidden_and_nothing_else() {
        let long = "a1".repeat(32);
        let table = [
            ("key sk-ant-api03-abcdefghijklmnop end", "key [secret] end"),
            ("ghp_abcdefghijklmnopqrstuvwx", "[secret]"),
            ("AKIAABCDEFGHIJKLMNOP", "[secret]"),
            (
                "curl -H 'Authorization: Bearer abcdefghijk' x",
                "curl -H 'Authorization: Bearer [secret]' x",
            ),
            (
                "API_TOKEN=abcdefgh cargo test",
                "API_TOKEN=[secret] cargo test",
            ),
            (r#"{"password": "hunter22"}"#, r#"{"password": "[secret]"}"#),
            ("psql --password hunter2 db", "psql --password [secret] db"),
            (
                "git clone https://kim:hunter2@example.org/x.git",
                "git clone https://kim:[secret]@example.org/x.git",
            ),
            (
                "a -----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY----- b",
                "a [secret] b",
            ),
            (&long, "[secret]"),
            // Not secrets.
            (
                "commit 2fd4e1c67a2d28fced849ee1bb76e7391b93eb12",
                "commit 2fd4e1c67a2d28fced849ee1bb76e7391b93eb12",
            ),
            ("let token = next(input);", "let token = next(input);"),
            ("the password is wrong", "the password is wrong"),
            (
                "cargo test --package paige-store",
                "cargo test --package paige-store",
            ),
            (
                "https://example.org:8080/a@b",
                "https://example.org:8080/a@b",
            ),
        ];
        for (text, expected) in table {
            assert_eq!(redact(text), expected);
        }
    }
}
