//! Which files hold secrets: they are shown to the human, and never reach a model.

use std::sync::LazyLock;

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use paige_protocol::ProjectPath;

use crate::Workspace;

/// Where a project names more of them, in the syntax of `.gitignore`.
const LIST: &str = ".paigeignore";

/// Files that hold secrets in every project.
const USUAL: &[&str] = &[
    ".env*",
    ".netrc",
    ".npmrc",
    ".pypirc",
    ".htpasswd",
    "*.key",
    "*.pem",
    "*.p12",
    "*.pfx",
    "*.jks",
    "*.keystore",
    "*.kdbx",
    "id_rsa*",
    "id_dsa*",
    "id_ecdsa*",
    "id_ed25519*",
    ".ssh/",
    ".aws/",
    ".gnupg/",
    LIST,
];

impl Workspace {
    /// Whether a file holds secrets: by its name, or by the project's `.paigeignore` (blueprint §5).
    ///
    /// A `.paigeignore` that cannot be read counts as one that names everything: what the human
    /// wanted to hide must not be shown because of a fault.
    pub fn is_secret(&self, path: &ProjectPath) -> bool {
        static USUAL_RULES: LazyLock<Gitignore> = LazyLock::new(|| rules(USUAL.iter().copied()));
        if matches(&USUAL_RULES, path) {
            return true;
        }
        let Ok(list) = ProjectPath::parse(LIST) else {
            return true;
        };
        match self.read(&list) {
            Ok(file) => matches(&rules(file.text.lines()), path),
            Err(crate::FileError::NotFound { .. }) => false,
            Err(error) => {
                tracing::warn!(%error, "The list of secret files cannot be read, so that every file is kept from Claude.");
                true
            }
        }
    }
}

fn rules<'a>(lines: impl Iterator<Item = &'a str>) -> Gitignore {
    let mut builder = GitignoreBuilder::new("");
    // On a disk that does not tell upper from lower case `.ENV` is `.env`.
    if let Err(error) = builder.case_insensitive(true).map(|_| ()) {
        tracing::warn!(%error, "Names of secret files are compared with their case.");
    }
    for line in lines {
        if let Err(error) = builder.add_line(None, line) {
            tracing::warn!(%error, "A line of the list of secret files is not understood and left out.");
        }
    }
    builder.build().unwrap_or_else(|error| {
        tracing::warn!(%error, "The list of secret files is not understood and left out.");
        Gitignore::empty()
    })
}

fn matches(rules: &Gitignore, path: &ProjectPath) -> bool {
    rules
        .matched_path_or_any_parents(path.as_str(), false)
        .is_ignore()
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::disallowed_methods,
        reason = "the tests make the files that are asked for"
    )]

    use super::*;
    use crate::Config;

    fn check(workspace: &Workspace, path: &str, expected: bool) {
        let parsed = ProjectPath::parse(path).unwrap();
        assert_eq!(workspace.is_secret(&parsed), expected, "{path}");
    }

    #[test]
    fn secrets_are_known_by_name_and_by_the_projects_list() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::open(
            folder.path(),
            Config {
                watch: false,
                ..Config::default()
            },
        )
        .unwrap();
        for (path, secret) in [
            (".env", true),
            ("app/.env.production", true),
            (".ENV", true),
            ("certs/server.pem", true),
            ("id_ed25519", true),
            (".aws/credentials", true),
            (".paigeignore", true),
            ("src/env.rs", false),
            ("keys.rs", false),
            ("plans/secret.txt", false),
        ] {
            check(&workspace, path, secret);
        }
        std::fs::write(
            folder.path().join(".paigeignore"),
            "# ours\nplans/\n!plans/open.txt\n",
        )
        .unwrap();
        check(&workspace, "plans/secret.txt", true);
        check(&workspace, "src/env.rs", false);
        std::fs::write(folder.path().join(".paigeignore"), [0xff, 0xfe]).unwrap();
        check(&workspace, "src/env.rs", true);
    }
}
