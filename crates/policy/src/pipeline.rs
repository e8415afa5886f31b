//! What goes from one command into the next, and what its lines are good for.

use tree_sitter::Node;

use crate::{
    rules::{Known, Lines},
    scope::{Origin, Scope},
    shell::{Unread, Walker, named},
    word::Word,
};

/// Options by which a search tells the names of files instead of lines in them.
const LISTING: [&str; 8] = [
    "-l",
    "-rl",
    "-lr",
    "-ril",
    "-rli",
    "-il",
    "--files-with-matches",
    "--files",
];

impl Walker<'_> {
    /// A pipeline, and what its lines are good for.
    pub(crate) fn pipeline(&mut self, node: Node<'_>, scope: &mut Scope) -> Result<Origin, Unread> {
        let mut input = scope.input;
        for part in named(node)
            .into_iter()
            .filter(|part| part.kind() != "comment")
        {
            let mut stage = scope.clone();
            stage.input = input;
            input = if part.kind() == "command" {
                self.visit(part)?;
                self.command(part, &mut stage, Vec::new())?
            } else if part.kind() == "redirected_statement" {
                self.redirected_lines(part, &mut stage)?
            } else {
                self.statement(part, &mut stage, Vec::new())?;
                Origin::Free
            };
        }
        Ok(input)
    }

    /// A command with redirections in a pipeline: its errors may go elsewhere, its lines are still its lines.
    fn redirected_lines(&mut self, node: Node<'_>, scope: &mut Scope) -> Result<Origin, Unread> {
        let body = node
            .child_by_field_name("body")
            .filter(|body| body.kind() == "command");
        let only_errors = named(node)
            .iter()
            .all(|child| child.kind() != "file_redirect" || self.source(*child).starts_with("2>"));
        self.statement(node, scope, Vec::new())?;
        match body {
            Some(body) if only_errors => self.command(body, &mut scope.clone(), Vec::new()),
            _ => Ok(Origin::Free),
        }
    }

    /// What a list of statements prints, as far as that is known.
    pub(crate) fn lines_of(&mut self, node: Node<'_>, scope: &Scope) -> Result<Origin, Unread> {
        let mut scope = scope.clone();
        let parts: Vec<Node<'_>> = named(node)
            .into_iter()
            .filter(|part| part.kind() != "comment")
            .collect();
        match parts.as_slice() {
            [only] if only.kind() == "command" => {
                self.visit(*only)?;
                self.command(*only, &mut scope, Vec::new())
            }
            [only] if only.kind() == "pipeline" => {
                self.visit(*only)?;
                self.pipeline(*only, &mut scope)
            }
            [only] if only.kind() == "redirected_statement" => {
                self.visit(*only)?;
                self.redirected_lines(*only, &mut scope)
            }
            [only] if only.kind() == "file_redirect" => {
                let more = self.redirect(*only, &scope)?;
                if more.is_empty() {
                    Ok(Origin::Free)
                } else {
                    self.unread(*only)
                }
            }
            _ => {
                self.block(node, &mut scope)?;
                Ok(Origin::Free)
            }
        }
    }

    /// What the lines of a command are good for.
    pub(crate) fn lines(&self, words: &[Word], scope: &Scope) -> Origin {
        let Some(name) = words.first().and_then(Word::literal) else {
            return Origin::Free;
        };
        let Some(Known::Listed(mut rule)) = self.policy.command(&name) else {
            return Origin::Free;
        };
        for word in &words[1..] {
            let text = word.literal();
            if let Some(sub) = rule
                .sub
                .iter()
                .find(|sub| text.as_ref().is_some_and(|t| sub.names.contains(t)))
            {
                rule = sub;
            }
        }
        let around = self.places.look_around(scope);
        let at_home = !around.outside && !around.unknown;
        let outside = |word: &Word| {
            let look = self.places.look(word, scope);
            look.outside || look.unknown
        };
        let lists = |word: &Word| {
            word.literal()
                .is_some_and(|own| LISTING.contains(&own.as_str()))
        };
        let names =
            rule.lines == Some(Lines::Names) || (rule.walks && words[1..].iter().any(lists));
        match rule.lines {
            Some(_) if names && at_home && !words[1..].iter().any(outside) => Origin::Project,
            Some(_) if names => Origin::Free,
            Some(Lines::Some) => scope.input,
            _ => Origin::Free,
        }
    }
}
