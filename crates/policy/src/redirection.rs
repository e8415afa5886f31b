//! Where the output of commands goes, and their input comes from.

use tree_sitter::Node;

use crate::{
    scope::Scope,
    shell::{Unread, Walker, children, named},
    verdict::Rule,
    word::Word,
};

/// What output may go into without being kept.
const SINKS: [&str; 4] = ["/dev/null", "/dev/stdout", "/dev/stderr", "/dev/tty"];

impl Walker<'_> {
    /// Judges a redirection. Gives the words behind it that belong to the command: the grammar takes them for more
    /// destinations.
    pub(crate) fn redirect(&mut self, node: Node<'_>, scope: &Scope) -> Result<Vec<Word>, Unread> {
        self.visit(node)?;
        let is_literal = |child: &Node<'_>| {
            child.is_named() && !matches!(child.kind(), "file_descriptor" | "comment")
        };
        let literals: Vec<Node<'_>> = children(node).into_iter().filter(is_literal).collect();
        let mut words = Vec::new();
        let mut end = None;
        for literal in &literals {
            if end == Some(literal.start_byte()) {
                return self.unread(*literal);
            }
            end = Some(literal.end_byte());
            words.push(self.words(*literal, scope)?);
        }
        let operator = children(node).into_iter().find(|child| !child.is_named());
        let operator = operator
            .map(|operator| self.source(operator))
            .unwrap_or_default();
        if matches!(operator, "<&-" | ">&-") {
            return Ok(words.into_iter().flatten().collect());
        }
        if words.is_empty() {
            return self.unread(node);
        }
        let target = words.remove(0);
        let [target] = target.as_slice() else {
            return self.unread(node);
        };
        match operator {
            "<<<" => self.mention(target, scope),
            "<" => self.input(literals[0], target, scope),
            ">" | ">>" | ">|" | "&>" | "&>>" | ">&" | "<&" => {
                let to = target.literal().unwrap_or_default();
                let is_descriptor = to
                    .strip_suffix('-')
                    .unwrap_or(&to)
                    .bytes()
                    .all(|b| b.is_ascii_digit());
                let copies = operator.ends_with('&') && !to.is_empty() && is_descriptor;
                let into_a_command = literals[0].kind() == "process_substitution";
                if !copies && !into_a_command && !SINKS.contains(&to.as_str()) {
                    let source = self.source(node);
                    self.find(Rule::Redirects, source);
                }
            }
            _ => return self.unread(node),
        }
        Ok(words.into_iter().flatten().collect())
    }

    fn input(&mut self, node: Node<'_>, target: &Word, scope: &Scope) {
        let shown = target.shown();
        if shown.starts_with("/dev/tcp") || shown.starts_with("/dev/udp") {
            return self.find(Rule::Loopback, &shown);
        }
        if node.kind() != "process_substitution" {
            self.path(target, scope);
        }
    }

    /// A text in the command that is the input of one. Other words, redirections and commands may stand on its first
    /// line: words go to `more`, commands to `behind`.
    pub(crate) fn heredoc<'t>(
        &mut self,
        node: Node<'t>,
        scope: &Scope,
        more: &mut Vec<Word>,
        behind: &mut Vec<Node<'t>>,
    ) -> Result<(), Unread> {
        self.visit(node)?;
        let (mut start, mut body, mut end) = (None, None, None);
        for child in children(node) {
            match child.kind() {
                "heredoc_start" => start = Some(child),
                "heredoc_body" => body = Some(child),
                "heredoc_end" => end = Some(child),
                "file_redirect" | "herestring_redirect" => {
                    let words = self.redirect(child, scope)?;
                    more.extend(words);
                }
                "pipeline" => {
                    self.visit(child)?;
                    behind.extend(named(child));
                }
                "file_descriptor" | "comment" => {}
                "command"
                | "list"
                | "subshell"
                | "redirected_statement"
                | "test_command"
                | "negated_command"
                | "compound_statement"
                | "if_statement"
                | "while_statement"
                | "for_statement"
                | "case_statement" => {
                    behind.push(child);
                }
                _ if child.is_named() => more.extend(self.words(child, scope)?),
                "<<" | "<<-" | "||" | "&&" | "\n" => {}
                _ => return self.unread(child),
            }
        }
        let (Some(start), Some(body), Some(end)) = (start, body, end) else {
            return self.unread(node);
        };
        self.heredoc_text(node, start, body, end, scope)
    }

    /// Where the text ends decides what is a command and what is not, so that it is read here once more.
    fn heredoc_text(
        &mut self,
        node: Node<'_>,
        start: Node<'_>,
        body: Node<'_>,
        end: Node<'_>,
        scope: &Scope,
    ) -> Result<(), Unread> {
        let mark = self.source(start);
        let quoted = mark.contains(['\'', '"', '\\']);
        let name = match mark.as_bytes() {
            [q @ (b'\'' | b'"'), .., last] if q == last && mark.len() > 2 => {
                &mark[1..mark.len() - 1]
            }
            [b'\\', ..] => &mark[1..],
            _ => mark,
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || !name.chars().all(plain) {
            return self.unread(start);
        }
        let strips = children(node).iter().any(|child| child.kind() == "<<-");
        let is_end = |line: &str| {
            let line = if strips {
                line.trim_start_matches('\t')
            } else {
                line
            };
            line == name
        };
        // The first line is the one on which the text is announced; what else is on it was read above.
        let whole = self.source(node);
        let mut lines = whole.split('\n').skip(1);
        let ends_once = lines.by_ref().position(is_end).is_some() && lines.all(str::is_empty);
        let ends_here = is_end(self.source(end).trim_end_matches('\n'));
        if !ends_once || !ends_here || self.source(end).contains('\n') {
            return self.unread(end);
        }
        if quoted {
            return Ok(());
        }
        let mut word = Word::default();
        self.quoted(body, body.start_byte(), body.end_byte(), scope, &mut word)
    }
}
