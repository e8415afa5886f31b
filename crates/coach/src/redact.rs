//! [`redact`]: what looks like a secret is not written down.
//!
//! It is the second belt: files that hold secrets are never given out at all. What is pasted into a
//! command line or a message is known by its shape only, so that this errs on the side of hiding.

use std::{borrow::Cow, sync::LazyLock};

use regex_lite::{Captures, Regex};

/// What stands in place of a secret.
const HIDDEN: &str = "[secret]";

/// Shapes of secrets. Of a match the groups `keep` and `rest` stay, and quotes; all of it stays when a
/// group `mark` tells that it is an assignment and its value is such as code has.
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
    r#"(?i)(?<keep>\bauthorization["']?\s*[:=]\s*["']?(?:[a-z]+\s+)?)[A-Za-z0-9._~+/=-]{8,}"#,
    // An environment's names are so clear that any value is hidden.
    r#"(?<keep>\b(?:[A-Z0-9_]*_)?(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE)=)(?:"[^"]*"?|'[^']*'?|[^\s"'\[&;|][^\s"'&;|]*)"#,
    r#"(?i)(?<keep>--?(?:[a-z]+-)*(?:password|passwd|token|secret|api-?key)[ =])(?:"[^"]*"?|'[^']*'?|[^\s"'\[-][^\s"']{3,})"#,
    r#"(?i)(?<keep>\b[A-Z0-9_.-]*(?:api_?key|access_?key|secret|token|passwd|password)\\?["']?(?<mark>\s*[:=]\s*)\\?)(?:"[^"\s]{4,}"?|'[^'\s]{4,}'?|[^\s"'&,;\[(){}]{6,})"#,
    r#"(?i)(?<keep>\bcurl\b.*?\s(?:-u|--user)[ =]?["']?[^\s:"']+:)[^\s"'\[]+"#,
    // Who somebody is in a URL: a password, or a token alone.
    r#"(?i)(?<keep>\b[a-z][a-z0-9+.-]*://[^\s/:@"']*:)[^\s/"'\[]+(?<rest>@)"#,
    r#"(?i)(?<keep>\b[a-z][a-z0-9+.-]*://)[^\s/:@"'\[]{16,}(?<rest>@)"#,
];

/// The text without what looks like a secret.
pub(crate) fn redact(text: &str) -> Cow<'_, str> {
    static PATTERNS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
        let compile = |shape: &&str| Regex::new(shape).ok();
        SHAPES.iter().filter_map(compile).collect()
    });
    let mut clean = Cow::Borrowed(text);
    for pattern in PATTERNS.iter() {
        if let Cow::Owned(changed) = pattern.replace_all(&clean, hide) {
            clean = Cow::Owned(changed);
        }
    }
    clean
}

/// What stands in place of a match.
fn hide(found: &Captures<'_>) -> String {
    let whole = &found[0];
    let kept = |name| found.name(name).map_or("", |kept| kept.as_str());
    let (keep, rest) = (kept("keep"), kept("rest"));
    let value = &whole[keep.len()..whole.len() - rest.len()];
    let quote = match value.chars().next() {
        Some('"') => "\"",
        Some('\'') => "'",
        _ => "",
    };
    // `let token = generate();` and `password: string` are code.
    let is_code = !matches!(kept("mark"), "" | "=")
        && quote.is_empty()
        && !value.contains(|c: char| c.is_ascii_digit());
    if is_code {
        return whole.to_owned();
    }
    format!("{keep}{quote}{HIDDEN}{quote}{rest}")
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
            ("github_pat_abcdefghijklmnopqrstuv_1", "[secret]"),
            ("xoxb-1234567890-abcdef", "[secret]"),
            (
                "curl -H 'Authorization: token abcdefghijk'",
                "curl -H 'Authorization: token [secret]'",
            ),
            (
                r#"{"Authorization": "Basic a2ltOmh1bnRlcjI="}"#,
                r#"{"Authorization": "Basic [secret]"}"#,
            ),
            ("STRIPE_KEY=abc make", "STRIPE_KEY=[secret] make"),
            (
                "PASSWORD='correct horse battery' make",
                "PASSWORD='[secret]' make",
            ),
            ("PASSWORD=a(b[c make", "PASSWORD=[secret] make"),
            ("x --db-password='a b c' y", "x --db-password='[secret]' y"),
            ("x --token=abcdef", "x --token=[secret]"),
            ("a?token=abcdef&b=1", "a?token=[secret]&b=1"),
            ("password: hunter22", "password: [secret]"),
            (
                r#"say {\"password\": \"hunter22\"}"#,
                r#"say {\"password\": \"[secret]"}"#,
            ),
            (
                "curl -u kim:hunter2 https://example.org",
                "curl -u kim:[secret] https://example.org",
            ),
            ("redis://:hunter2@localhost", "redis://:[secret]@localhost"),
            (
                "ftp://kim:a@b@example.org",
                "ftp://kim:[secret]@example.org",
            ),
            (
                "https://abcdefghijklmnopqrst@example.org",
                "https://[secret]@example.org",
            ),
            // Not secrets.
            ("let token = generate();", "let token = generate();"),
            ("password: string;", "password: string;"),
            ("const token = tokens[0];", "const token = tokens[0];"),
            ("ssh://git@example.org/x.git", "ssh://git@example.org/x.git"),
            ("x --token-file ~/token", "x --token-file ~/token"),
            ("", ""),
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
