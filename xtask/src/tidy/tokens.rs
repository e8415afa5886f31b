//! A Rust file as tokens: comments are gone, texts are literals, test code can be told apart.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

use crate::project::ProjectFile;

/// An identifier or a mark of a file, in order, with its line; groups are opened up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) text: String,
    pub(super) line: usize,
    pub(super) is_name: bool,
}

/// The files that are test code because the module that holds them says so: `#[cfg(test)] mod a;`.
pub(super) struct TestModules {
    /// Paths without `.rs`.
    stems: BTreeSet<String>,
}

impl TestModules {
    pub(super) fn find(files: &[ProjectFile]) -> Self {
        let mut stems = BTreeSet::new();
        for file in files {
            let Some(stream) = file.rust().and_then(read) else {
                continue;
            };
            let folder = match file.path.rsplit_once('/') {
                Some((folder, "lib.rs" | "main.rs")) => folder,
                _ => file.path.strip_suffix(".rs").unwrap_or(&file.path),
            };
            for module in test_modules(stream) {
                stems.insert(format!("{folder}/{module}"));
            }
        }
        Self { stems }
    }

    /// Whether the file is such a module, or lies in one.
    pub(super) fn contain(&self, path: &str) -> bool {
        let within = |stem: &String| {
            path.strip_prefix(stem.as_str())
                .is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
        };
        self.stems.iter().any(within)
    }
}

/// The names of the modules under `#[cfg(test)]` that lie in files of their own.
fn test_modules(stream: TokenStream) -> Vec<String> {
    let trees: Vec<TokenTree> = stream.into_iter().collect();
    let mut names = Vec::new();
    for index in 0..trees.len() {
        if !is_cfg_test(&trees[index..]) {
            continue;
        }
        let item = &trees[index..after_item(&trees, index)];
        if let [
            ..,
            TokenTree::Ident(word),
            TokenTree::Ident(name),
            TokenTree::Punct(_),
        ] = item
            && word == "mod"
        {
            names.push(name.to_string());
        }
    }
    names
}

/// A function with the attributes above it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Function {
    pub(super) name: String,
    pub(super) line: usize,
    /// Its doc comment, a line each.
    pub(super) docs: Vec<String>,
    pub(super) is_test: bool,
}

/// Reads a file; `None` when it is not Rust, which the compiler says better.
pub(super) fn read(text: &str) -> Option<TokenStream> {
    text.parse().ok()
}

/// Names and marks of the file; with `tests`, also those of items under `#[cfg(test)]`.
pub(super) fn flat(stream: TokenStream, tests: bool) -> Vec<Token> {
    let mut out = Vec::new();
    flatten(stream, tests, &mut out);
    out
}

fn flatten(stream: TokenStream, tests: bool, out: &mut Vec<Token>) {
    let trees: Vec<TokenTree> = stream.into_iter().collect();
    let mut index = 0;
    while index < trees.len() {
        if !tests && is_cfg_test(&trees[index..]) {
            index = after_item(&trees, index);
            continue;
        }
        match &trees[index] {
            TokenTree::Group(group) => {
                let (open, close) = marks(group.delimiter());
                out.push(mark(open, group.span_open()));
                flatten(group.stream(), tests, out);
                out.push(mark(close, group.span_close()));
            }
            TokenTree::Ident(ident) => out.push(Token {
                text: ident.to_string(),
                line: ident.span().start().line,
                is_name: true,
            }),
            TokenTree::Punct(punct) => {
                out.push(mark(&punct.as_char().to_string(), punct.span()));
            }
            TokenTree::Literal(_) => {}
        }
        index += 1;
    }
}

fn mark(text: &str, span: proc_macro2::Span) -> Token {
    Token {
        text: text.to_owned(),
        line: span.start().line,
        is_name: false,
    }
}

fn marks(delimiter: Delimiter) -> (&'static str, &'static str) {
    match delimiter {
        Delimiter::Parenthesis => ("(", ")"),
        Delimiter::Brace => ("{", "}"),
        Delimiter::Bracket => ("[", "]"),
        Delimiter::None => ("", ""),
    }
}

/// The group of the attribute that starts here.
fn attribute(trees: &[TokenTree]) -> Option<&Group> {
    match trees {
        [TokenTree::Punct(hash), TokenTree::Group(group), ..]
            if hash.as_char() == '#' && group.delimiter() == Delimiter::Bracket =>
        {
            Some(group)
        }
        _ => None,
    }
}

fn is_cfg_test(trees: &[TokenTree]) -> bool {
    attribute(trees).is_some_and(|group| {
        let text = group.stream().to_string().replace(' ', "");
        text == "cfg(test)" || text.starts_with("cfg(all(test,")
    })
}

/// The index behind the item that starts at `index`: behind its body, or its semicolon.
fn after_item(trees: &[TokenTree], index: usize) -> usize {
    let end = trees[index..].iter().position(|tree| match tree {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(punct) => punct.as_char() == ';',
        _ => false,
    });
    end.map_or(trees.len(), |end| index + end + 1)
}

/// Every function of the file, in nested modules as well.
pub(super) fn functions(stream: TokenStream) -> Vec<Function> {
    let mut out = Vec::new();
    collect(stream, &mut out);
    out
}

fn collect(stream: TokenStream, out: &mut Vec<Function>) {
    let trees: Vec<TokenTree> = stream.into_iter().collect();
    let (mut docs, mut is_test) = (Vec::new(), false);
    let mut index = 0;
    while index < trees.len() {
        if let Some(group) = attribute(&trees[index..]) {
            let inside: Vec<TokenTree> = group.stream().into_iter().collect();
            match inside.as_slice() {
                [
                    TokenTree::Ident(name),
                    TokenTree::Punct(_),
                    TokenTree::Literal(text),
                ] if name == "doc" => {
                    docs.push(text.to_string());
                }
                _ => {
                    let path: String = inside
                        .iter()
                        .take_while(|tree| !matches!(tree, TokenTree::Group(_)))
                        .map(ToString::to_string)
                        .collect();
                    is_test |= path == "test" || path.ends_with("::test");
                }
            }
            index += 2;
            continue;
        }
        match (&trees[index], trees.get(index + 1)) {
            (TokenTree::Ident(word), Some(TokenTree::Ident(name))) if word == "fn" => {
                out.push(Function {
                    name: name.to_string(),
                    line: name.span().start().line,
                    docs: std::mem::take(&mut docs),
                    is_test: std::mem::take(&mut is_test),
                });
            }
            // `pub(crate)` may stand between attributes and their function; a body ends an item.
            (TokenTree::Group(group), _) if group.delimiter() == Delimiter::Brace => {
                collect(group.stream(), out);
                docs.clear();
                is_test = false;
            }
            (TokenTree::Punct(punct), _) if punct.as_char() == ';' => {
                docs.clear();
                is_test = false;
            }
            _ => {}
        }
        index += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str, tests: bool) -> String {
        let tokens = flat(read(text).expect("Rust"), tests);
        let names = tokens.into_iter().filter(|token| token.is_name);
        names.map(|token| token.text).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn comments_texts_and_tests_are_left_out() {
        let text = r##"
            // a comment /* nested */
            /// a doc comment
            fn one(x: &'a str) { two("text \" // no comment", r#"raw "text""#, '"', b'x'); }
            #[cfg(test)]
            #[expect(a::b, reason = "text")]
            mod tests { fn three() {} }
            #[cfg(test)] use four;
            fn five() {}
        "##;
        assert_eq!(names(text, false), "doc fn one x a str two fn five");
        assert_eq!(
            names(text, true),
            "doc fn one x a str two cfg test expect a b reason mod tests fn three cfg test use four fn five"
        );
    }

    #[test]
    fn a_module_that_is_test_code_is_known_by_its_declaration() {
        let files = [
            ProjectFile::new(
                "a/src/lib.rs",
                "#[cfg(test)]\npub(crate) mod testing;\nmod b;",
            ),
            ProjectFile::new(
                "a/src/b.rs",
                "#[cfg(test)]\n#[path = \"x\"]\nmod tests; fn c() {}",
            ),
        ];
        let modules = TestModules::find(&files);
        for (path, expected) in [
            ("a/src/testing.rs", true),
            ("a/src/testing/deep.rs", true),
            ("a/src/b/tests.rs", true),
            ("a/src/b.rs", false),
            ("a/src/testing_more.rs", false),
            ("a/src/tests.rs", false),
        ] {
            assert_eq!(modules.contain(path), expected, "{path}");
        }
    }

    #[test]
    fn functions_keep_their_own_attributes() {
        let text = r#"
            /// not a test
            struct S;
            /// first line
            /// second line
            #[tokio::test(flavor = "multi_thread")]
            pub(crate) async fn tested() { fn inner() {} }
            mod nested {
                #[test]
                fn deep() {}
            }
            /// docs
            fn plain() {}
        "#;
        let found: Vec<_> = functions(read(text).expect("Rust"))
            .into_iter()
            .map(|f| (f.name, f.docs.len(), f.is_test))
            .collect();
        let expected = [
            ("tested", 2, true),
            ("inner", 0, false),
            ("deep", 0, true),
            ("plain", 1, false),
        ];
        assert_eq!(
            found,
            expected.map(|(name, docs, test)| (name.to_owned(), docs, test))
        );
    }
}
