//! Claude Code's tools.

use serde_json::Value;

use crate::{
    Call, Follow, Policy,
    command::names_loopback,
    places::{Places, matches, normal},
    scope::Scope,
    shell,
    verdict::{Findings, Rule, Verdict},
    word::{Atom, Word},
};

/// Judges a call.
pub(crate) fn judge(policy: &Policy, call: &Call<'_>, follow: Follow<'_>) -> Verdict {
    let mut findings = Findings::default();
    let is = |rules: &[String]| rules.iter().any(|rule| matches(rule, call.tool_name));
    match call.tool_name {
        "Bash" => match call.input.get("command").and_then(Value::as_str) {
            Some(command) => {
                findings = shell::judge(policy, call, follow, command);
                if call
                    .input
                    .get("dangerouslyDisableSandbox")
                    .and_then(Value::as_bool)
                    == Some(true)
                {
                    findings.add(policy, Rule::UnknownOption, "dangerouslyDisableSandbox");
                }
            }
            None => findings.add(policy, Rule::Unparsed, "Bash without a command"),
        },
        "Read" | "NotebookRead" | "LS" | "Grep" | "Glob" => {
            reads(policy, call, follow, &mut findings)
        }
        "WebFetch" => {
            let url = call
                .input
                .get("url")
                .and_then(Value::as_str)
                .unwrap_or_default();
            if url.is_empty() {
                findings.add(policy, Rule::Unparsed, "WebFetch without an address");
            } else if names_loopback(authority(url)) || url.to_lowercase().starts_with("file:") {
                findings.add(policy, Rule::Loopback, url);
            }
        }
        name if is(&policy.tools.denied) => findings.add(policy, Rule::Writes, name),
        _ if is(&policy.tools.allowed) => {}
        name => findings.add(policy, Rule::UnknownTool, name),
    }
    findings.verdict(policy)
}

/// Host and port of an address, and what else stands before its path.
fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#', '\\']).next().unwrap_or_default()
}

/// Tools that read files and folders.
fn reads(policy: &Policy, call: &Call<'_>, follow: Follow<'_>, findings: &mut Findings) {
    let places = Places::new(call, &policy.places, follow);
    let scope = Scope::new(normal(&call.cwd.to_string_lossy(), "/"));
    let field = |name: &str| call.input.get(name).and_then(Value::as_str);
    let (path, pattern, walks) = match call.tool_name {
        "Read" => (field("file_path"), None, false),
        "NotebookRead" => (field("notebook_path"), None, false),
        "LS" => (field("path"), None, false),
        "Grep" => (Some(field("path").unwrap_or(".")), field("glob"), true),
        _ => (Some(field("path").unwrap_or(".")), field("pattern"), false),
    };
    let Some(path) = path else {
        return findings.add(
            policy,
            Rule::Unparsed,
            &format!("{} without a path", call.tool_name),
        );
    };
    let mut words = vec![word(path, false)];
    if let Some(pattern) = pattern {
        let below = if pattern.starts_with(['/', '~']) {
            pattern.to_owned()
        } else {
            format!("{path}/{pattern}")
        };
        words.extend(crate::word::braces(word(&below, true)).unwrap_or_default());
    }
    for word in words {
        let look = places.look(&word, &scope);
        let rule = if look.inside || (walks && look.above) {
            Rule::DataDirectory
        } else if look.system {
            Rule::Processes
        } else if look.secret {
            Rule::Secret
        } else {
            continue;
        };
        findings.add(policy, rule, &word.shown());
    }
}

/// A path of a tool. Patterns have `**` for any number of folders.
fn word(text: &str, pattern: bool) -> Word {
    use crate::scope::Origin;
    let mut atoms = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if pattern && c == '*' && chars.next_if_eq(&'*').is_some() {
            atoms.push(Atom::Unknown {
                origin: Origin::Project,
                splits: false,
            });
        } else {
            let special = pattern && "*?[]{},".contains(c);
            atoms.push(Atom::Char {
                c,
                quoted: !(special || (atoms.is_empty() && c == '~')),
            });
        }
    }
    Word {
        atoms,
        computed: false,
    }
}
