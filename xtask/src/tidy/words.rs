//! The core of `protocol` and `store` knows nothing of coaching, since other desks will stand on the
//! same ground (blueprint §1).

use super::tokens::{self, TestModules};
use crate::project::ProjectFile;

/// Folders whose files are core, unless they belong to the desk.
const CORES: [&str; 2] = ["crates/protocol/src/", "crates/store/src/"];

/// Words of the coaching desk.
const WORDS: [&str; 14] = [
    "challenge",
    "coach",
    "coaching",
    "dreyfus",
    "gap",
    "hint",
    "kata",
    "learner",
    "nudge",
    "observer",
    "phase",
    "plan",
    "rung",
    "session",
];

/// Names that the core may use all the same.
const ALLOWED: [(&str, &str); 8] = [
    (
        "coach",
        "the name of the desk's own module, which the core declares",
    ),
    (
        "ActiveSessionExists",
        "error codes are one closed list for all desks",
    ),
    (
        "NoActiveSession",
        "error codes are one closed list for all desks",
    ),
    (
        "mcp_session",
        "a session of the MCP protocol is no coaching session",
    ),
    (
        "mcp_sessions",
        "a session of the MCP protocol is no coaching session",
    ),
    (
        "McpSession",
        "a session of the MCP protocol is no coaching session",
    ),
    (
        "McpSessions",
        "a session of the MCP protocol is no coaching session",
    ),
    (
        "session_id",
        "a column of the timeline and the ledger that may be null: who it is about",
    ),
];

/// Coaching words in the core. Names count; comments, texts and tests do not.
pub(super) fn problems(files: &[ProjectFile]) -> Vec<String> {
    let mut problems = Vec::new();
    let test_modules = TestModules::find(files);
    let is_core = |file: &&ProjectFile| is_core(&file.path) && !test_modules.contain(&file.path);
    for file in files.iter().filter(is_core) {
        let Some(stream) = file.rust().and_then(tokens::read) else {
            continue;
        };
        for token in tokens::flat(stream, false) {
            let allowed = ALLOWED.iter().any(|(name, _)| token.text == *name);
            if let (true, false, Some(word)) = (token.is_name, allowed, coaching_word(&token.text))
            {
                problems.push(format!(
                    "{}:{}: `{}` says `{word}`, a word of the coaching desk, in the core; move it \
                     to the module `coach`.",
                    file.path, token.line, token.text
                ));
            }
        }
    }
    problems
}

fn is_core(path: &str) -> bool {
    CORES.iter().any(|core| {
        path.strip_prefix(core)
            .is_some_and(|rest| rest != "coach.rs" && !rest.starts_with("coach/"))
    })
}

/// The coaching word, singular or plural, that a name of either case contains.
fn coaching_word(name: &str) -> Option<&'static str> {
    let mut spaced = String::new();
    for c in name.chars() {
        if c.is_uppercase() {
            spaced.push('_');
        }
        spaced.extend(c.to_lowercase());
    }
    let all_capitals = name.chars().all(|c| !c.is_lowercase());
    let spaced = if all_capitals {
        name.to_lowercase()
    } else {
        spaced
    };
    let mut parts = spaced.split('_');
    parts.find_map(|part| {
        let plain = |word: &&&str| part == **word || part.strip_suffix('s') == Some(**word);
        WORDS.iter().find(plain).copied()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_in_names_of_either_case() {
        for (name, expected) in [
            ("session_row", Some("session")),
            ("SessionRow", Some("session")),
            ("SESSION_LIMIT", Some("session")),
            ("openPhases", Some("phase")),
            ("HINT", Some("hint")),
            ("planet", None),
            ("obsession", None),
            ("coachman", None),
        ] {
            assert_eq!(coaching_word(name), expected, "{name}");
        }
    }

    #[test]
    fn the_core_is_kept_clean_and_the_desk_is_not() {
        let text = "/// About a session.\nfn a() { let phase = \"a plan\"; }\npub mod coach;\n\
                    #[cfg(test)] mod tests { fn session() {} }";
        let found = |path| problems(&[ProjectFile::new(path, text)]);
        assert_eq!(
            found("crates/store/src/unit.rs"),
            [
                "crates/store/src/unit.rs:2: `phase` says `phase`, a word of the coaching desk, in \
              the core; move it to the module `coach`."
            ]
        );
        for path in [
            "crates/store/src/coach.rs",
            "crates/store/src/coach/rows.rs",
            "crates/coach/src/lib.rs",
        ] {
            assert_eq!(found(path), Vec::<String>::new(), "{path}");
        }
    }
}
