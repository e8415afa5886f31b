//! `[ … ]` and `[[ … ]]`.

use tree_sitter::Node;

use crate::{
    expansion::is_number,
    scope::Scope,
    shell::{Unread, Walker, children},
    verdict::Rule,
};

/// Operators whose operands `[[ … ]]` takes for expressions of numbers.
const NUMERIC: [&str; 6] = ["-eq", "-ne", "-lt", "-le", "-gt", "-ge"];

/// What may stand between the operands of `[ … ]`.
const SINGLE: [&str; 6] = ["[", "]", "=", "==", "!=", "!"];
/// The same for `[[ … ]]`.
const DOUBLED: [&str; 13] = [
    "[[", "]]", "=", "==", "!=", "!", "=~", "<", ">", "&&", "||", "(", ")",
];

impl Walker<'_> {
    /// Judges a test: it changes nothing by itself, but what is in it may run.
    pub(crate) fn test(&mut self, node: Node<'_>, scope: &Scope) -> Result<(), Unread> {
        let doubled = children(node)
            .first()
            .is_some_and(|first| first.kind() == "[[");
        self.test_part(node, doubled, false, scope)
    }

    fn test_part(
        &mut self,
        node: Node<'_>,
        doubled: bool,
        numeric: bool,
        scope: &Scope,
    ) -> Result<(), Unread> {
        for child in children(node) {
            let source = self.source(child);
            match child.kind() {
                "binary_expression" | "unary_expression" | "parenthesized_expression" => {
                    self.visit(child)?;
                    let operator = child
                        .child_by_field_name("operator")
                        .map(|op| self.source(op));
                    let operator = operator.unwrap_or_default();
                    // They take a name for an expression.
                    if matches!(operator, "-v" | "-R") {
                        self.find(Rule::Dynamic, source);
                        return Err(Unread);
                    }
                    let numeric = doubled && NUMERIC.contains(&operator);
                    self.test_part(child, doubled, numeric, scope)?;
                }
                "test_operator" | "comment" => {}
                "regex" | "extglob_pattern" => self.pattern(child, scope)?,
                "ternary_expression" | "postfix_expression" | "redirected_statement" => {
                    return self.unread(child);
                }
                _ if !child.is_named() => {
                    // To `[`, all else begins a redirection or another command.
                    let known = if doubled { &DOUBLED[..] } else { &SINGLE[..] };
                    if !known.contains(&child.kind()) {
                        return self.unread(child);
                    }
                }
                _ => {
                    let word = self.word(child, scope)?;
                    self.mention(&word, scope);
                    if numeric && !is_number(&word) {
                        self.find(Rule::Dynamic, source);
                        return Err(Unread);
                    }
                }
            }
        }
        Ok(())
    }

    /// A pattern, in which nothing may run.
    pub(crate) fn pattern(&mut self, node: Node<'_>, scope: &Scope) -> Result<(), Unread> {
        self.visit(node)?;
        let source = self.source(node);
        match node.kind() {
            "regex" | "extglob_pattern" => {
                let runs = ["$(", "${", "`", "<(", ">(", "$["];
                if runs.iter().any(|mark| source.contains(mark)) {
                    return self.unread(node);
                }
                Ok(())
            }
            _ => self.words(node, scope).map(|_| ()),
        }
    }
}
