//! From the text of a command to its syntax tree, or to the reason why there is none.
//!
//! The grammar is made for editors, and kinder than a shell: it skips what it does not know. So a tree counts only
//! when every character of the text is accounted for in it, and when the two ways to read a text that the grammar is
//! known to have do not matter: where a line goes on in the next one, and where a comment begins.

use std::ops::ControlFlow;

use tree_sitter::{Node, ParseOptions, Parser, Tree};

use crate::{rules::Limits, verdict::Rule};

/// Parses a command.
///
/// # Errors
///
/// The rule by which it is refused, and what was met.
pub(crate) fn parse(text: &str, limits: &Limits) -> Result<Tree, (Rule, String)> {
    if text.len() > limits.bytes {
        return Err((Rule::TooLarge, format!("{} bytes", text.len())));
    }
    if let Some(c) = text.chars().find(|c| is_strange(*c)) {
        return Err((Rule::Unparsed, format!("the character U+{:04X}", c as u32)));
    }
    if let Some(at) = joined_line(text) {
        return Err((Rule::Unparsed, near(text, at)));
    }
    let tree = grow(text, limits).ok_or_else(|| (Rule::TooLarge, near(text, 0)))?;
    inspect(&tree, text, limits)?;
    Ok(tree)
}

fn grow(text: &str, limits: &Limits) -> Option<Tree> {
    let mut parser = Parser::new();
    parser
        .set_language(&tree_sitter_bash::LANGUAGE.into())
        .ok()?;
    // The parser reports after a fixed number of its own steps, so that the limit does not depend on the machine.
    let mut left = limits.steps;
    let mut progress = |_: &tree_sitter::ParseState| {
        left = left.saturating_sub(1);
        if left == 0 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let bytes = text.as_bytes();
    let mut read = |at: usize, _| bytes.get(at..).unwrap_or_default();
    let options = ParseOptions::new().progress_callback(&mut progress);
    parser.parse_with_options(&mut read, None, Some(options))
}

/// Characters that a terminal, a shell and the grammar do not take for the same thing.
fn is_strange(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t')
        || (c.is_whitespace() && !matches!(c, ' ' | '\n' | '\t'))
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Where a backslash at the end of a line joins two halves of a word: the shell does, the grammar does not.
fn joined_line(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let ends = text.match_indices("\\\n").map(|(at, _)| at);
    let last = text.ends_with('\\').then(|| text.len() - 1);
    let is_blank = |at: usize| {
        at.checked_sub(1)
            .is_none_or(|before| matches!(bytes[before], b' ' | b'\t'))
    };
    last.or_else(|| ends.into_iter().find(|at| !is_blank(*at)))
}

/// The text around a place, for a sentence.
pub(crate) fn near(text: &str, at: usize) -> String {
    let from = text[..at]
        .char_indices()
        .rev()
        .nth(15)
        .map_or(0, |(at, _)| at);
    text[from..].chars().take(32).collect()
}

/// Looks at every node: no error, not too deep, nothing skipped.
fn inspect(tree: &Tree, text: &str, limits: &Limits) -> Result<(), (Rule, String)> {
    let unparsed = |node: Node<'_>| (Rule::Unparsed, near(text, node.start_byte()));
    let mut cursor = tree.walk();
    let (mut end, mut before) = (0_usize, "");
    // The nodes around the cursor, and the innermost one that holds both the last leaf and the next.
    let mut around: Vec<Node<'_>> = Vec::new();
    let mut shared = "program";
    let mut next = tree.root_node();
    loop {
        let node = cursor.node();
        if node.is_error() || node.is_missing() {
            return Err(unparsed(node));
        }
        if around.len() > limits.depth {
            return Err((Rule::TooLarge, format!("{} levels", around.len())));
        }
        if cursor.goto_first_child() {
            around.push(node);
            continue;
        }
        let gap = text
            .get(end..next.start_byte().max(end))
            .unwrap_or_default();
        // Texts are read character by character elsewhere; the grammar names only what is special in them.
        let hidden = next.start_byte() < node.start_byte() && next.kind() != "heredoc_body";
        if hidden || !(TEXTS.contains(&shared) || is_gap(gap, before, shared)) {
            return Err(unparsed(node));
        }
        if node.kind() == "comment" && !begins_comment(text, node.start_byte()) {
            return Err(unparsed(node));
        }
        end = end.max(node.end_byte());
        before = node.kind();
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                let rest = text.get(end..).unwrap_or_default();
                return if is_gap(rest, before, "program") {
                    Ok(())
                } else {
                    Err((Rule::Unparsed, near(text, end)))
                };
            }
            around.pop();
        }
        shared = around.last().map_or("program", Node::kind);
        next = cursor.node();
    }
}

/// Nodes that hold a text.
const TEXTS: [&str; 3] = ["string", "heredoc_body", "expansion"];

/// Nodes that hold statements: between two of those a line may end.
const BLOCKS: [&str; 16] = [
    "program",
    "do_group",
    "if_statement",
    "elif_clause",
    "else_clause",
    "case_statement",
    "case_item",
    "compound_statement",
    "subshell",
    "command_substitution",
    "process_substitution",
    "while_statement",
    "for_statement",
    "heredoc_redirect",
    "list",
    "pipeline",
];

/// Tokens behind which a line may end without ending a command.
const OPEN: [&str; 4] = ["&&", "||", "|", "|&"];

/// What may stand between two tokens: blanks, and the backslash by which a line goes on. The end of a line may where
/// it ends a statement, or nothing; the grammar skips it elsewhere, too, where the shell would begin a new command.
fn is_gap(text: &str, before: &str, shared: &str) -> bool {
    let may_end = OPEN.contains(&before) || BLOCKS.contains(&shared);
    text.replace("\\\n", " ")
        .chars()
        .all(|c| matches!(c, ' ' | '\t') || (c == '\n' && may_end))
}

fn begins_comment(text: &str, at: usize) -> bool {
    text[..at]
        .chars()
        .next_back()
        .is_none_or(|c| matches!(c, ' ' | '\t' | '\n' | ';' | '&' | '|' | '(' | ')'))
}
