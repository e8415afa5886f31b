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

/// A larger list is not read, and then names everything: a project that needs one hides folders.
const MAX_LIST_BYTES: usize = 64 * 1024;

impl Workspace {
    /// Whether a file holds secrets: by its name, or by the project's `.paigeignore` (blueprint §5).
    /// A link is judged by its own name and by that of the file that it leads to.
    ///
    /// A `.paigeignore` that cannot be read or understood counts as one that names everything: what
    /// the human wanted to hide must not be shown because of a fault.
    pub fn is_secret(&self, path: &ProjectPath) -> bool {
        static USUAL_RULES: LazyLock<Option<Gitignore>> =
            LazyLock::new(|| rules(USUAL.iter().copied()));
        let real = self.0.shared.jail.real(path);
        let named_by = |rules: &Option<Gitignore>| match rules {
            Some(rules) => {
                matches(rules, path) || real.as_ref().is_some_and(|real| matches(rules, real))
            }
            None => true,
        };
        named_by(&USUAL_RULES) || named_by(&self.own_rules())
    }

    /// The project's `.paigeignore`; `None` when it counts as one that names everything.
    fn own_rules(&self) -> Option<Gitignore> {
        let list = ProjectPath::parse(LIST).ok()?;
        match self.read(&list) {
            Ok(file) if file.text.len() > MAX_LIST_BYTES => {
                tracing::warn!(
                    "The list of secret files is too long, so that every file is kept from Claude."
                );
                None
            }
            Ok(file) => rules(file.text.trim_start_matches('\u{feff}').lines()),
            Err(crate::FileError::NotFound { .. }) => Some(Gitignore::empty()),
            Err(error) => {
                tracing::warn!(%error, "The list of secret files cannot be read, so that every file is kept from Claude.");
                None
            }
        }
    }
}

/// The rules of a list; `None` when one of its lines is not understood.
fn rules<'a>(lines: impl Iterator<Item = &'a str>) -> Option<Gitignore> {
    let mut builder = GitignoreBuilder::new("");
    // On a disk that does not tell upper from lower case `.ENV` is `.env`.
    if let Err(error) = builder.case_insensitive(true).map(|_| ()) {
        tracing::warn!(%error, "Names of secret files are compared with their case.");
    }
    for line in lines {
        if let Err(error) = builder.add_line(None, line) {
            tracing::warn!(%error, "A line of the list of secret files is not understood, so that every file is kept from Claude.");
            return None;
        }
    }
    let built = builder.build();
    built
        .inspect_err(|error| tracing::warn!(%error, "The list of secret files is not understood, so that every file is kept from Claude."))
        .ok()
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
        let list = |text: &[u8]| std::fs::write(folder.path().join(".paigeignore"), text).unwrap();
        list("\u{feff}plans/\n".as_bytes());
        check(&workspace, "plans/secret.txt", true);
        check(&workspace, "src/env.rs", false);
        for broken in [&[0xff, 0xfe][..], b"a[z-a]\n", &[b'a'; MAX_LIST_BYTES + 1]] {
            list(broken);
            check(&workspace, "src/env.rs", true);
        }
    }

    #[test]
    fn a_link_is_as_secret_as_what_it_leads_to() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        std::fs::create_dir(at("plans")).unwrap();
        for path in [".env", "plans/a.txt", "open.txt"] {
            std::fs::write(at(path), "text").unwrap();
        }
        std::fs::write(at(".paigeignore"), "plans/\n").unwrap();
        for (link, to) in [
            ("notes.md", ".env"),
            ("again.md", "notes.md"),
            ("folder", "plans"),
            ("fine.md", "open.txt"),
        ] {
            std::os::unix::fs::symlink(to, at(link)).unwrap();
        }
        let workspace = Workspace::open(
            folder.path(),
            Config {
                watch: false,
                ..Config::default()
            },
        )
        .unwrap();
        check(&workspace, "notes.md", true);
        check(&workspace, "again.md", true);
        check(&workspace, "folder/a.txt", true);
        check(&workspace, "fine.md", false);
    }
}
