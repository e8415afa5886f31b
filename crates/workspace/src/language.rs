//! Which language a file is written in.

use paige_protocol::ProjectPath;

/// The language of a file by its extension, else (when it has none) by its name, else `plaintext`.
/// Upper and lower case do not matter. The ids are those of the Monaco editor.
pub fn language(path: &ProjectPath) -> &'static str {
    let name = path.name().to_lowercase();
    match name.rsplit_once('.') {
        // A leading dot starts a name, not an extension.
        Some((stem, extension)) if !stem.is_empty() => by_extension(extension),
        _ => by_name(&name),
    }
}

fn by_extension(extension: &str) -> &'static str {
    match extension {
        "ts" | "tsx" | "mts" | "cts" => "typescript",
        "js" | "jsx" | "mjs" | "cjs" => "javascript",
        "py" | "pyi" => "python",
        "rb" => "ruby",
        "rs" => "rust",
        "go" => "go",
        "java" => "java",
        "c" => "c",
        "cpp" | "cc" | "cxx" | "h" | "hh" | "hpp" | "hxx" => "cpp",
        "cs" => "csharp",
        "kt" | "kts" => "kotlin",
        "swift" => "swift",
        "php" => "php",
        "css" => "css",
        "scss" => "scss",
        "less" => "less",
        "html" | "htm" => "html",
        "json" => "json",
        "md" | "mdx" => "markdown",
        "yaml" | "yml" => "yaml",
        "xml" | "svg" => "xml",
        "sh" | "bash" | "zsh" => "shell",
        "sql" => "sql",
        "graphql" | "gql" => "graphql",
        "dockerfile" => "dockerfile",
        "toml" | "ini" | "env" => "ini",
        _ => "plaintext",
    }
}

fn by_name(name: &str) -> &'static str {
    match name {
        "dockerfile" => "dockerfile",
        "makefile" => "shell",
        ".gitignore" | ".env" => "ini",
        _ => "plaintext",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages() {
        let table = [
            ("src/a.ts", "typescript"),
            ("src/A.TSX", "typescript"),
            ("a.test.js", "javascript"),
            ("main.rs", "rust"),
            ("x/Dockerfile", "dockerfile"),
            ("Makefile", "shell"),
            (".gitignore", "ini"),
            (".env", "ini"),
            (".env.local", "plaintext"),
            ("Cargo.toml", "ini"),
            ("README", "plaintext"),
            ("makefile.d/x", "plaintext"),
            ("a.", "plaintext"),
            ("ü.md", "markdown"),
        ];
        for (path, expected) in table {
            let path = ProjectPath::parse(path).expect("a good path");
            assert_eq!(language(&path), expected, "{path}");
        }
    }
}
