//! Whether a piece of text is code: tree-sitter's word for it, in six languages.
//!
//! English sentences parse as code now and then ("return early" is Python, "Run tests;" is Java). So a
//! text is taken for code only when it parses without an error, has a node that prose seldom has
//! (*telling*), and a character that prose seldom has ([`has_sign`]).

use tree_sitter::{Language, Node, Parser, Tree};

/// No more of a text is parsed at once; a line of code is far shorter.
const LONGEST: usize = 32 * 1024;

/// The languages by the words that stand behind a fence.
const LANGUAGES: [&[&str]; 7] = [
    &["rust", "rs"],
    &["python", "py", "python3"],
    &["javascript", "js", "jsx", "mjs", "cjs", "node"],
    &["typescript", "ts", "mts", "cts"],
    &["tsx"],
    &["go", "golang"],
    &["java"],
];

/// Nodes that tell code from prose, in any of the languages.
const TELLING: &[&str] = &[
    // Declarations.
    "function_item",
    "function_signature_item",
    "function_definition",
    "function_declaration",
    "generator_function_declaration",
    "method_definition",
    "struct_item",
    "enum_item",
    "impl_item",
    "trait_item",
    "const_item",
    "static_item",
    "type_item",
    "type_declaration",
    "type_alias_declaration",
    "interface_declaration",
    "enum_declaration",
    "record_declaration",
    "class_definition",
    "class_declaration",
    "decorated_definition",
    "attribute_item",
    "short_var_declaration",
    "func_literal",
    "macro_definition",
    // Statements.
    "assignment_expression",
    "assignment_statement",
    "augmented_assignment",
    "augmented_assignment_expression",
    "compound_assignment_expr",
    "if_statement",
    "if_expression",
    "for_statement",
    "for_in_statement",
    "for_expression",
    "enhanced_for_statement",
    "while_statement",
    "while_expression",
    "loop_expression",
    "do_statement",
    "match_statement",
    "match_expression",
    "match_arm",
    "switch_statement",
    "switch_expression",
    "expression_switch_statement",
    "type_switch_statement",
    "select_statement",
    "try_statement",
    "with_statement",
    "return_statement",
    "return_expression",
    "throw_statement",
    "raise_statement",
    "assert_statement",
    "delete_statement",
    "go_statement",
    "defer_statement",
    "use_declaration",
    "import_statement",
    "import_from_statement",
    "import_declaration",
    "export_statement",
    "package_declaration",
    "package_clause",
    // Expressions.
    "closure_expression",
    "list_comprehension",
    "dictionary_comprehension",
    "set_comprehension",
    "generator_expression",
    "jsx_element",
];

/// Nodes that tell only between backticks, where prose does not stand.
const TELLING_BETWEEN_BACKTICKS: &[&str] = &[
    "ternary_expression",
    "conditional_expression",
    "lambda",
    "named_expression",
];

/// Calls; they tell when they have arguments, are chained or end a statement: `save()` alone is a name.
const CALLS: &[&str] = &[
    "call",
    "call_expression",
    "method_invocation",
    "new_expression",
    "object_creation_expression",
    "macro_invocation",
];

/// Variables that are declared; they tell when a value stands there: `Run tests;` is Java, too.
const VARIABLES: &[&str] = &[
    "let_declaration",
    "lexical_declaration",
    "variable_declaration",
    "local_variable_declaration",
    "field_declaration",
    "var_declaration",
    "const_declaration",
    "assignment",
];

/// Nodes whose children are statements, which stand one a line where people format their code.
const BLOCKS: &[&str] = &[
    "program",
    "source_file",
    "module",
    "block",
    "statement_block",
    "statement_list",
    "class_body",
    "declaration_list",
    "constructor_body",
];

/// One parser a language.
pub(super) struct Grammars(Vec<Parser>);

impl Grammars {
    pub(super) fn new() -> Self {
        let languages: [Language; 7] = [
            tree_sitter_rust::LANGUAGE.into(),
            tree_sitter_python::LANGUAGE.into(),
            tree_sitter_javascript::LANGUAGE.into(),
            tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into(),
            tree_sitter_typescript::LANGUAGE_TSX.into(),
            tree_sitter_go::LANGUAGE.into(),
            tree_sitter_java::LANGUAGE.into(),
        ];
        let parser = |language: Language| {
            let mut parser = Parser::new();
            #[expect(
                clippy::expect_used,
                reason = "a grammar that does not fit the library fails every test"
            )]
            parser
                .set_language(&language)
                .expect("the grammars fit the library");
            parser
        };
        Self(languages.into_iter().map(parser).collect())
    }

    /// The tree of a text in the language of that name; `None` when it is not one of the six.
    pub(super) fn parse_as(&mut self, language: &str, text: &str) -> Option<Tree> {
        let at = LANGUAGES
            .iter()
            .position(|names| names.contains(&language))?;
        parse(&mut self.0[at], text)
    }

    /// The tree of a text in the first language in which it has no error.
    pub(super) fn parse_as_any(&mut self, text: &str) -> Option<Tree> {
        self.trees(text).next()
    }

    /// Whether a text is code as it stands in one of the languages. Between backticks less is needed.
    pub(super) fn is_code(&mut self, text: &str, backticks: bool) -> bool {
        self.telling(text, backticks).is_some()
    }

    /// The tree that says that a text is code.
    pub(super) fn telling(&mut self, text: &str, backticks: bool) -> Option<Tree> {
        self.trees(text)
            .find(|tree| any(tree.root_node(), &mut |node| tells(node, text, backticks)))
    }

    /// The trees without errors.
    fn trees(&mut self, text: &str) -> impl Iterator<Item = Tree> {
        self.0
            .iter_mut()
            .filter_map(move |parser| parse(parser, text))
            .filter(|tree| !tree.root_node().has_error())
    }
}

fn parse(parser: &mut Parser, text: &str) -> Option<Tree> {
    if text.len() > LONGEST {
        return None;
    }
    parser.parse(text, None)
}

fn tells(node: Node<'_>, text: &str, backticks: bool) -> bool {
    let kind = node.kind();
    let own = || text.get(node.byte_range()).unwrap_or_default();
    if !node.is_named() {
        return false;
    }
    if TELLING.contains(&kind) || backticks && TELLING_BETWEEN_BACKTICKS.contains(&kind) {
        return true;
    }
    if VARIABLES.contains(&kind) {
        return own().contains('=');
    }
    if matches!(kind, "method_declaration" | "constructor_declaration") {
        // "Ada Lovelace (London)" is a method without a body, in Java.
        let head = own().split_once('(').map_or("", |(head, _)| head);
        return !head.ends_with(char::is_whitespace);
    }
    if matches!(kind, "arrow_function" | "lambda_expression") {
        // "red -> green" is a way to go.
        return own().contains(['(', '{']);
    }
    if CALLS.contains(&kind) {
        return call_tells(node, text);
    }
    if kind == "jsx_self_closing_element" {
        return node.named_child_count() > 1;
    }
    // Two values compared or computed; names with a slash, a hyphen or a bar between are paths, words and choices.
    backticks
        && matches!(
            kind,
            "binary_expression" | "binary_operator" | "comparison_operator" | "boolean_operator"
        )
        && node
            .children(&mut node.walk())
            .any(|child| !child.is_named() && !matches!(child.kind(), "/" | "-" | "|" | "@"))
}

fn call_tells(call: Node<'_>, text: &str) -> bool {
    let arguments = call.child_by_field_name("arguments").or_else(|| {
        let mut cursor = call.walk();
        call.children(&mut cursor)
            .find(|child| matches!(child.kind(), "token_tree" | "template_string"))
    });
    let Some(arguments) = arguments else {
        return false;
    };
    let callee = call
        .child_by_field_name("function")
        .or_else(|| call.child_by_field_name("object"));
    // "Note (see above)" is a sentence, and `[text](address)` a link.
    let spaced = text[..arguments.start_byte()].ends_with(char::is_whitespace);
    let odd = callee.is_some_and(|callee| {
        matches!(
            callee.kind(),
            "array" | "list" | "array_expression" | "string" | "number" | "integer"
        )
    });
    if spaced || odd {
        return false;
    }
    let inside = text.get(arguments.byte_range()).unwrap_or_default();
    let inside = inside
        .trim_start_matches(['(', '[', '{'])
        .trim_end_matches([')', ']', '}'])
        .trim();
    // "file(s)".
    let plural = matches!(inside, "s" | "es" | "ies");
    let chained =
        callee.is_some_and(|callee| any(callee, &mut |node| CALLS.contains(&node.kind())));
    let statement = text[call.end_byte()..].starts_with(';');
    chained || statement || !inside.is_empty() && !plural
}

fn any(node: Node<'_>, wanted: &mut impl FnMut(Node<'_>) -> bool) -> bool {
    // Deep trees are walked without a deep stack.
    let mut cursor = node.walk();
    loop {
        if wanted(cursor.node()) {
            return true;
        }
        if cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return false;
            }
        }
    }
}

/// Whether a text has a character that prose seldom has.
pub(super) fn has_sign(text: &str) -> bool {
    let mut before = ' ';
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        let sign = match char {
            '=' | '(' | ')' | '[' | ']' | '{' | '}' | ';' | '<' | '>' | '+' | '*' | '&' | '|'
            | '@' | '#' | '%' | '^' | '~' | '\\' | '_' | '"' => true,
            '.' | ':' => {
                let next = chars.peek().copied().unwrap_or(' ');
                before.is_alphanumeric() && next.is_alphanumeric() || char == ':' && next == ':'
            }
            _ => false,
        };
        if sign {
            return true;
        }
        before = char;
    }
    false
}

/// The rows of a text that hold nothing but comments.
pub(super) fn comment_rows(tree: &Tree, text: &str) -> Vec<bool> {
    let mut covered = vec![false; text.len()];
    any(tree.root_node(), &mut |node| {
        if node.kind().ends_with("comment") {
            covered[node.byte_range()].fill(true);
        }
        false
    });
    let mut at = 0;
    let rows = text.split_inclusive('\n').map(|line| {
        let start = at;
        at += line.len();
        let mut inner = line
            .char_indices()
            .filter(|(_, char)| !char.is_whitespace())
            .peekable();
        inner.peek().is_some() && inner.all(|(offset, _)| covered[start + offset])
    });
    rows.collect()
}

/// How many statements begin on each row behind another one: lines that were saved.
pub(super) fn crowded_rows(tree: &Tree, rows: usize) -> Vec<u32> {
    let mut crowded = vec![0; rows];
    any(tree.root_node(), &mut |node| {
        let statement = node.is_named()
            && !node.kind().ends_with("comment")
            && node.kind() != "empty_statement"
            && node
                .parent()
                .is_some_and(|parent| BLOCKS.contains(&parent.kind()));
        if statement
            && let Some(before) = node.prev_named_sibling()
            && !before.kind().ends_with("comment")
            && before.kind() != "attribute_item"
            && before.end_position().row == node.start_position().row
            && let Some(row) = crowded.get_mut(node.start_position().row)
        {
            *row += 1;
        }
        false
    });
    crowded
}
