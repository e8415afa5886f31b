//! Through the syntax tree of a command: every command, redirection, substitution and assignment in it is judged.
//!
//! What the walk does not come by is not allowed either: at its end, all nodes that can run, write or set something
//! must have been visited.

use std::collections::HashSet;

use tree_sitter::Node;

use crate::{
    Call, Follow, Policy,
    assignment::Place,
    places::Places,
    scope::{Origin, Scope, Value},
    syntax,
    verdict::{Findings, Rule},
    word::{self, Atom, Word},
};

/// How many nodes may be looked at; loops are looked at more than once.
const MOST_NODES: usize = 10_000;

/// Nodes that can do something, and so must be visited.
const ACTIVE: [&str; 13] = [
    "command",
    "command_substitution",
    "compound_statement",
    "declaration_command",
    "expansion",
    "file_redirect",
    "function_definition",
    "heredoc_redirect",
    "herestring_redirect",
    "process_substitution",
    "test_command",
    "unset_command",
    "variable_assignment",
];

/// Words by which the shell begins and ends structures: as the name of a command they are a sign of another reading.
const RESERVED: [&str; 20] = [
    "!", "[[", "]]", "{", "}", "case", "do", "done", "elif", "else", "esac", "fi", "for",
    "function", "if", "in", "select", "then", "until", "while",
];

/// A part of the command that could not be read with certainty; the finding is noted where it was met.
#[derive(Debug)]
pub(crate) struct Unread;

/// What walks.
pub(crate) struct Walker<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) places: Places<'a>,
    pub(crate) port: Option<u16>,
    pub(crate) findings: Findings,
    text: &'a str,
    visited: HashSet<usize>,
    left: usize,
    /// Commands run by commands, one within the other.
    pub(crate) nesting: usize,
}

/// Judges a command of the shell.
pub(crate) fn judge(policy: &Policy, call: &Call<'_>, follow: Follow<'_>, text: &str) -> Findings {
    let mut walker = Walker {
        policy,
        places: Places::new(call, &policy.places, follow),
        port: call.port,
        findings: Findings::default(),
        text,
        visited: HashSet::new(),
        left: MOST_NODES,
        nesting: 0,
    };
    match syntax::parse(text, &policy.limits) {
        Err((rule, what)) => walker.find(rule, &what),
        Ok(tree) => {
            let cwd = crate::places::normal(&call.cwd.to_string_lossy(), "/");
            let mut scope = Scope::new(cwd.clone());
            if walker.places.look_at_folder(&cwd).inside {
                walker.find(Rule::DataDirectory, &cwd);
            }
            // What could not be read is noted by the one who could not.
            let _ = walker.block(tree.root_node(), &mut scope);
            walker.check_complete(tree.root_node());
        }
    }
    walker.findings
}

impl<'a> Walker<'a> {
    pub(crate) fn find(&mut self, rule: Rule, what: &str) {
        self.findings.add(self.policy, rule, what);
    }

    pub(crate) fn unread<T>(&mut self, node: Node<'_>) -> Result<T, Unread> {
        let near = syntax::near(self.text, node.start_byte());
        self.find(Rule::Unparsed, &near);
        Err(Unread)
    }

    pub(crate) fn source(&self, node: Node<'_>) -> &'a str {
        self.text.get(node.byte_range()).unwrap_or_default()
    }

    /// Marks a node as visited, and stops when too many were.
    pub(crate) fn visit(&mut self, node: Node<'_>) -> Result<(), Unread> {
        self.visited.insert(node.id());
        self.left = self.left.saturating_sub(1);
        if self.left == 0 {
            self.find(Rule::TooLarge, "too many steps");
            return Err(Unread);
        }
        Ok(())
    }

    fn check_complete(&mut self, root: Node<'_>) {
        if !self.findings.is_clean() {
            return;
        }
        let mut waiting = vec![root];
        while let Some(node) = waiting.pop() {
            if ACTIVE.contains(&node.kind()) && !self.visited.contains(&node.id()) {
                let near = syntax::near(self.text, node.start_byte());
                return self.find(Rule::Unparsed, &near);
            }
            waiting.extend(children(node));
        }
    }

    /// The statements in a node, one after the other.
    pub(crate) fn block(&mut self, node: Node<'_>, scope: &mut Scope) -> Result<(), Unread> {
        for child in children(node).into_iter().filter(|child| child.is_named()) {
            if child.kind() != "comment" {
                self.statement(child, scope, Vec::new())?;
            }
        }
        Ok(())
    }

    /// Statements that may run or not.
    fn perhaps(&mut self, node: Node<'_>, scope: &mut Scope) -> Result<(), Unread> {
        let mut branch = scope.clone();
        self.block(node, &mut branch)?;
        scope.merge(&branch);
        Ok(())
    }

    /// Statements that may run again and again, until nothing new is known of the variables.
    fn repeat(&mut self, nodes: &[Node<'_>], scope: &mut Scope) -> Result<(), Unread> {
        const ROUNDS: usize = 3;
        for _ in 0..ROUNDS {
            let mut round = scope.clone();
            for node in nodes {
                if matches!(node.kind(), "do_group" | "compound_statement") {
                    self.visit(*node)?;
                    self.block(*node, &mut round)?;
                } else {
                    self.statement(*node, &mut round, Vec::new())?;
                }
            }
            scope.merge(&round);
        }
        Ok(())
    }

    /// Judges a statement; `more` are words that belong to its command and stand behind a redirection.
    pub(crate) fn statement(
        &mut self,
        node: Node<'_>,
        scope: &mut Scope,
        more: Vec<Word>,
    ) -> Result<(), Unread> {
        self.visit(node)?;
        let kind = node.kind();
        if !more.is_empty() && !matches!(kind, "command" | "redirected_statement") {
            return self.unread(node);
        }
        match kind {
            "command" => self.command(node, scope, more).map(|_| ()),
            "redirected_statement" => self.redirected(node, scope, more),
            "pipeline" => self.pipeline(node, scope).map(|_| ()),
            "list" => self.list(node, scope),
            "subshell" => self.block(node, &mut scope.clone()),
            "compound_statement" => match children(node).first().map(Node::kind) {
                Some("((") => self.arithmetic(node, scope),
                _ => self.block(node, scope),
            },
            "negated_command" => self.block(node, scope),
            "variable_assignment" => self.assignment(node, scope, Place::Statement),
            "variable_assignments" => {
                for child in named(node) {
                    self.visit(child)?;
                    self.assignment(child, scope, Place::Statement)?;
                }
                Ok(())
            }
            "declaration_command" => self.declaration(node, scope),
            "test_command" => self.test(node, scope),
            "if_statement" => self.conditional(node, scope),
            "while_statement" => self.repeat(&named(node), scope),
            "for_statement" => self.for_loop(node, scope),
            "case_statement" => self.case(node, scope),
            "function_definition" | "unset_command" | "c_style_for_statement" => {
                let rule = match kind {
                    "function_definition" => Rule::Definition,
                    _ => Rule::Dynamic,
                };
                let source = self.source(node);
                self.find(rule, source);
                Err(Unread)
            }
            _ => self.unread(node),
        }
    }

    fn list(&mut self, node: Node<'_>, scope: &mut Scope) -> Result<(), Unread> {
        let parts = named(node);
        let [first, rest @ ..] = parts.as_slice() else {
            return self.unread(node);
        };
        self.statement(*first, scope, Vec::new())?;
        for part in rest {
            let mut branch = scope.clone();
            self.statement(*part, &mut branch, Vec::new())?;
            scope.merge(&branch);
        }
        Ok(())
    }

    fn conditional(&mut self, node: Node<'_>, scope: &mut Scope) -> Result<(), Unread> {
        for child in named(node) {
            match child.kind() {
                "elif_clause" | "else_clause" => {
                    self.visit(child)?;
                    self.perhaps(child, scope)?;
                }
                "comment" => {}
                _ => {
                    let mut branch = scope.clone();
                    self.statement(child, &mut branch, Vec::new())?;
                    scope.merge(&branch);
                }
            }
        }
        Ok(())
    }

    fn for_loop(&mut self, node: Node<'_>, scope: &mut Scope) -> Result<(), Unread> {
        let name = node
            .child_by_field_name("variable")
            .map(|name| self.source(name));
        let Some(name) = name.filter(|_| children(node).first().is_some_and(|c| c.kind() == "for"))
        else {
            return self.unread(node);
        };
        let mut origin = None;
        let mut cursor = node.walk();
        let values: Vec<Node<'_>> = node.children_by_field_name("value", &mut cursor).collect();
        for value in values {
            for word in self.words(value, scope)? {
                self.mention(&word, scope);
                let own = self.origin_of(&word, scope);
                origin = Some(origin.map_or(own, |origin: Origin| origin.or(own)));
            }
        }
        self.set(name, Value::Unknown(origin.unwrap_or(Origin::Free)), scope);
        let body: Vec<Node<'_>> = node.child_by_field_name("body").into_iter().collect();
        self.repeat(&body, scope)
    }

    /// What can be said of the texts that a word becomes.
    fn origin_of(&self, word: &Word, scope: &Scope) -> Origin {
        if let [Atom::Unknown { origin, .. }] = word.atoms.as_slice() {
            return *origin;
        }
        let text = word.shown();
        if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            return Origin::Number;
        }
        let look = self.places.look(word, scope);
        let plain = !look.unknown && !look.outside && !look.secret && !word.may_hide_option();
        let relative =
            !text.starts_with(['/', '~', '-']) && !text.split('/').any(|part| part == "..");
        if plain && relative {
            Origin::Project
        } else {
            Origin::Free
        }
    }

    fn case(&mut self, node: Node<'_>, scope: &mut Scope) -> Result<(), Unread> {
        for child in named(node) {
            if child.kind() != "case_item" {
                if child.kind() != "comment" {
                    self.words(child, scope)?;
                }
                continue;
            }
            self.visit(child)?;
            let mut branch = scope.clone();
            let mut cursor = child.walk();
            let patterns: Vec<usize> = child
                .children_by_field_name("value", &mut cursor)
                .map(|n| n.id())
                .collect();
            for part in named(child) {
                if patterns.contains(&part.id()) {
                    self.pattern(part, &branch)?;
                } else if part.kind() != "comment" {
                    self.statement(part, &mut branch, Vec::new())?;
                }
            }
            scope.merge(&branch);
        }
        Ok(())
    }

    pub(crate) fn redirected(
        &mut self,
        node: Node<'_>,
        scope: &mut Scope,
        mut more: Vec<Word>,
    ) -> Result<(), Unread> {
        let body = node.child_by_field_name("body");
        let mut behind = Vec::new();
        for child in named(node) {
            if body.is_some_and(|body| body.id() == child.id()) || child.kind() == "comment" {
                continue;
            }
            if child.kind() == "heredoc_redirect" {
                self.heredoc(child, scope, &mut more, &mut behind)?;
            } else {
                more.extend(self.redirect(child, scope)?);
            }
        }
        match body {
            Some(body) => {
                let mut inner = scope.clone();
                inner.input = Origin::Free;
                self.statement(body, &mut inner, more)?;
                inner.input = scope.input;
                *scope = inner;
            }
            None if more.is_empty() => {}
            None => return self.unread(node),
        }
        for statement in behind {
            self.statement(statement, &mut scope.clone(), Vec::new())?;
        }
        Ok(())
    }

    /// A command: assignments, its words, and its redirections. Gives what its lines are good for.
    pub(crate) fn command(
        &mut self,
        node: Node<'_>,
        scope: &mut Scope,
        more: Vec<Word>,
    ) -> Result<Origin, Unread> {
        let mut words = Vec::new();
        let mut assignments = Vec::new();
        let mut end = None;
        for child in children(node) {
            match child.kind() {
                "variable_assignment" => assignments.push(child),
                "file_redirect" | "herestring_redirect" => {
                    let behind = self.redirect(child, scope)?;
                    words.extend(behind);
                }
                "command_name" => {
                    if end == Some(child.start_byte()) {
                        return self.unread(child);
                    }
                    let Some(name) = child.child(0).filter(|_| child.child_count() == 1) else {
                        return self.unread(child);
                    };
                    words.extend(self.words(name, scope)?);
                    end = Some(child.end_byte());
                }
                "==" | "=~" | "$" => {
                    if end == Some(child.start_byte()) {
                        return self.unread(child);
                    }
                    words.push(Word::of(self.source(child)));
                    end = Some(child.end_byte());
                }
                "comment" => {}
                _ => {
                    // Two words without a blank between them are one to the shell.
                    if end == Some(child.start_byte()) {
                        return self.unread(child);
                    }
                    words.extend(self.words(child, scope)?);
                    end = Some(child.end_byte());
                }
            }
        }
        words.extend(more);
        let name = words.first().and_then(Word::literal).unwrap_or_default();
        for assignment in assignments {
            self.visit(assignment)?;
            let place = if name == "read" {
                Place::Read
            } else {
                Place::Prefix
            };
            self.assignment(assignment, scope, place)?;
        }
        if RESERVED.contains(&name.as_str()) {
            return self.unread(node);
        }
        self.simple(&words, scope)?;
        Ok(self.lines(&words, scope))
    }

    /// Holds a word that is no path for what it names.
    pub(crate) fn mention(&mut self, word: &Word, scope: &Scope) {
        if self.places.look(word, scope).inside {
            self.find(Rule::DataDirectory, &word.shown());
        }
    }

    /// The words that a literal becomes.
    pub(crate) fn words(&mut self, node: Node<'_>, scope: &Scope) -> Result<Vec<Word>, Unread> {
        let word = self.word(node, scope)?;
        match word::braces(word) {
            Some(words) => Ok(words),
            None => {
                let source = self.source(node);
                self.find(Rule::TooLarge, source);
                Err(Unread)
            }
        }
    }
}

pub(crate) fn children(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    node.children(&mut cursor).collect()
}

pub(crate) fn named(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).collect()
}
