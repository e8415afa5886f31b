//! Which files belong to the expected ones, by their import lines: simply, for a question that forgives a
//! file too many.

use std::collections::BTreeSet;

use super::event::{Neighbours, Path};

/// Import lines stand at the beginning; what comes after so many lines is not looked at.
const MOST_LINES: usize = 400;
/// Names that stand for the folder that they are in.
const FOR_FOLDER: [&str; 5] = ["index", "mod", "__init__", "lib", "main"];
/// Words of a path that say where to begin, and not where it is.
const ANYWHERE: [&str; 9] = [
    "crate", "self", "super", "src", "@", "~", "from", "import", "use",
];

/// Finds what belongs to the expected files among `files`, whose texts `read` gives where it can.
pub fn neighbours<T: AsRef<str>>(
    expected: &[Path],
    files: &[Path],
    read: impl Fn(&str) -> Option<T>,
) -> Neighbours {
    let mut found = Neighbours::default();
    let is_expected = |path: &Path| expected.contains(path);
    for path in expected {
        let Some(text) = read(path) else {
            continue;
        };
        let modules = modules(text.as_ref());
        for file in files.iter().filter(|file| !is_expected(file)) {
            if modules.iter().any(|module| names(module, path, file)) {
                found.imported.insert(file.clone());
            }
        }
    }
    for file in files.iter().filter(|file| !is_expected(file)) {
        let Some(text) = read(file) else {
            continue;
        };
        let modules = modules(text.as_ref());
        let imports = |path: &Path| modules.iter().any(|module| names(module, file, path));
        if expected.iter().any(imports) {
            found.importers.insert(file.clone());
        }
    }
    found
}

/// What the import lines of a text name: `./login`, `auth.login`, `crate::auth::login`.
fn modules(text: &str) -> BTreeSet<String> {
    let mut modules = BTreeSet::new();
    for line in text.lines().take(MOST_LINES) {
        let line = line.trim();
        let starts = |words: &[&str]| words.iter().any(|word| line.starts_with(word));
        let is_import = starts(&[
            "import ",
            "import(",
            "import\"",
            "from ",
            "export ",
            "} from ",
            "use ",
            "pub use ",
            "mod ",
            "pub mod ",
            "pub(crate) mod ",
            "#include",
            "require ",
            "require_relative ",
            "const ",
            "let ",
            "var ",
        ]) && (!starts(&["const ", "let ", "var "])
            || line.contains("require(")
            || line.contains("import("))
            && (!line.starts_with("export ") || line.contains(" from "));
        // A line of a list of imports, as in Go.
        let is_listed = line.len() > 2 && line.starts_with('"') && line.ends_with('"');
        if !(is_import || is_listed) {
            continue;
        }
        let quoted: Vec<_> = line.split(['"', '\'', '`']).skip(1).step_by(2).collect();
        if quoted.is_empty() {
            let words = line.split(|c: char| !(c.is_alphanumeric() || "_./:*-".contains(c)));
            modules.extend(words.filter(|word| !word.is_empty()).map(str::to_owned));
        } else {
            modules.extend(quoted.into_iter().map(str::to_owned));
        }
    }
    modules
}

/// Whether a module that `from` names is this file.
fn names(module: &str, from: &str, file: &str) -> bool {
    if (module.starts_with("./") || module.starts_with("../")) && !module.contains("::") {
        return resolved(module, from).is_some_and(|path| {
            let wanted = without_extension(file);
            let file = without_folder_name(&wanted);
            path == *wanted || path == file || without_extension(&path) == wanted
        });
    }
    let wanted = without_extension(file);
    let mut parts: Vec<&str> = without_folder_name(&wanted).split('/').collect();
    let Some(last) = parts.pop().filter(|last| !last.is_empty()) else {
        return false;
    };
    let words: Vec<&str> = module
        .split(['/', '.', ':'])
        .filter(|word| !word.is_empty())
        .collect();
    words.iter().enumerate().any(|(at, word)| {
        let before = at.checked_sub(1).map(|before| words[before]);
        *word == last
            && before.is_none_or(|before| {
                ANYWHERE.contains(&before) || parts.last().is_none_or(|parent| *parent == before)
            })
    })
}

/// A relative module from the file that names it.
fn resolved(module: &str, from: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for step in module.split('/') {
        match step {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            step => parts.push(step),
        }
    }
    Some(parts.join("/"))
}

fn without_extension(path: &str) -> String {
    let (folder, name) = path
        .rsplit_once('/')
        .map_or(("", path), |(folder, name)| (folder, name));
    let stem = match name.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem,
        _ => name,
    };
    if folder.is_empty() {
        stem.to_owned()
    } else {
        format!("{folder}/{stem}")
    }
}

fn without_folder_name(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some((folder, name)) if FOR_FOLDER.contains(&name) => folder,
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(expected: &str, files: &[(&str, &str)], importers: &[&str], imported: &[&str]) {
        let paths: Vec<Path> = files.iter().map(|(path, _)| Path::from(*path)).collect();
        let read = |path: &str| {
            let file = files.iter().find(|(known, _)| *known == path);
            file.map(|(_, text)| *text)
        };
        let found = neighbours(&[expected.into()], &paths, read);
        let names = |set: &BTreeSet<Path>| set.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(
            (names(&found.importers), names(&found.imported)),
            (
                importers.iter().map(ToString::to_string).collect(),
                imported.iter().map(ToString::to_string).collect()
            )
        );
    }

    #[test]
    fn relative_imports_are_followed() {
        check(
            "src/auth/login.ts",
            &[
                (
                    "src/auth/login.ts",
                    "import { token } from '../token';\nconst x = 'lib/other';\n",
                ),
                ("src/token.ts", ""),
                (
                    "src/app.ts",
                    "import {\n  login,\n} from \"./auth/login\";\n",
                ),
                ("src/page.js", "const login = require('./auth/login.js');\n"),
                ("src/again.ts", "export * from './auth/login';\n"),
                ("src/shop/login.ts", ""),
                (
                    "src/shop/cart.ts",
                    "import { login } from './login';\n// ./auth/login\n",
                ),
                ("lib/other.ts", ""),
            ],
            &["src/again.ts", "src/app.ts", "src/page.js"],
            &["src/token.ts"],
        );
    }

    #[test]
    fn modules_of_python_rust_and_go_are_found_by_their_last_words() {
        check(
            "basket.py",
            &[
                ("basket.py", "from discounts import discount_for\n"),
                ("discounts.py", "import math\n"),
                (
                    "test_basket.py",
                    "import unittest\nfrom basket import Basket\n",
                ),
                ("shop/basket_view.py", "from shop import baskets\n"),
            ],
            &["test_basket.py"],
            &["discounts.py"],
        );
        check(
            "src/auth/mod.rs",
            &[
                ("src/auth/mod.rs", "use crate::token::Token;\n"),
                ("src/token.rs", ""),
                ("src/main.rs", "mod auth;\nmod token;\n"),
                ("src/page.rs", "use super::auth::login;\n"),
                ("src/far.rs", "use other::thing;\n"),
            ],
            &["src/main.rs", "src/page.rs"],
            &["src/token.rs"],
        );
        check(
            "internal/auth/login.go",
            &[
                ("internal/auth/login.go", "package auth\n"),
                (
                    "cmd/serve.go",
                    "import (\n\t\"fmt\"\n\t\"example.com/shop/internal/auth/login\"\n)\n",
                ),
                (
                    "cmd/other.go",
                    "import \"example.com/shop/internal/shop/login\"\n",
                ),
            ],
            &["cmd/serve.go"],
            &[],
        );
    }
}
