//! Variables that are set.

use tree_sitter::Node;

use crate::{
    scope::{Origin, Scope, Value},
    shell::{Unread, Walker, children, named},
    verdict::Rule,
    word::{Atom, Word},
};

impl Walker<'_> {
    pub(crate) fn declaration(&mut self, node: Node<'_>, scope: &mut Scope) -> Result<(), Unread> {
        for child in children(node) {
            match child.kind() {
                "variable_assignment" => {
                    self.visit(child)?;
                    self.assignment(child, scope, Place::Prefix)?;
                }
                "export" | "comment" => {}
                _ => {
                    let source = self.source(node);
                    self.find(Rule::Dynamic, source);
                    return Err(Unread);
                }
            }
        }
        Ok(())
    }

    pub(crate) fn assignment(
        &mut self,
        node: Node<'_>,
        scope: &mut Scope,
        place: Place,
    ) -> Result<(), Unread> {
        let (Some(name), Some(value)) = (
            node.child_by_field_name("name"),
            node.child_by_field_name("value"),
        ) else {
            // An assignment of nothing has no value in the grammar.
            let bare = node
                .child_by_field_name("name")
                .filter(|name| name.kind() == "variable_name");
            let Some(name) = bare else {
                return self.unread(node);
            };
            let name = self.source(name);
            self.assign(name, Value::Text(String::new()), scope, place);
            return Ok(());
        };
        let mut words = Vec::new();
        if value.kind() == "array" {
            for element in named(value) {
                words.extend(self.words(element, scope)?);
            }
        } else if self.source(value).is_empty() {
            words.push(Word::default());
        } else {
            words.push(self.word(value, scope)?);
        }
        for word in &words {
            self.mention(word, scope);
        }
        if name.kind() != "variable_name" {
            let source = self.source(name);
            self.find(Rule::Dynamic, source);
            return Err(Unread);
        }
        let appends = children(node).iter().any(|child| child.kind() == "+=");
        let value = match (value.kind(), words.as_slice()) {
            ("array", _) => Value::Unknown(Origin::Free),
            _ if appends => Value::Unknown(Origin::Free),
            (_, [word]) => match (word.text(), word.atoms.as_slice()) {
                (Some(text), _) if !text.starts_with('~') => Value::Text(text),
                (_, [Atom::Unknown { origin, .. }]) => Value::Unknown(*origin),
                _ => Value::Unknown(Origin::Free),
            },
            _ => Value::Unknown(Origin::Free),
        };
        let name = self.source(name);
        self.assign(name, value, scope, place);
        Ok(())
    }

    fn assign(&mut self, name: &str, value: Value, scope: &mut Scope, place: Place) {
        let variables = &self.policy.variables;
        let fits =
            |values: &Vec<String>| matches!(&value, Value::Text(text) if values.contains(text));
        let allowed = variables.any.iter().any(|rule| rule == name)
            || variables.values.get(name).is_some_and(fits)
            || (place == Place::Read && variables.for_read.iter().any(|rule| rule == name));
        if allowed {
            if place == Place::Statement {
                scope.set(name, Value::Unknown(Origin::Free));
            }
            return;
        }
        if place == Place::Statement {
            self.set(name, value, scope);
        } else {
            // Programs see it, so that its name must be one of those that are known to do no harm.
            self.find(Rule::Assignment, name);
        }
    }

    /// Sets a variable of the command's own.
    pub(crate) fn set(&mut self, name: &str, value: Value, scope: &mut Scope) {
        if is_own_name(name) {
            scope.set(name, value);
        } else {
            self.find(Rule::Assignment, name);
        }
    }
}

/// Where an assignment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// By itself.
    Statement,
    /// Before a command.
    Prefix,
    /// Before `read`.
    Read,
}

/// Whether a name is one that people give to variables of their own: programs read those in upper case.
fn is_own_name(name: &str) -> bool {
    let lower = |b: u8| b.is_ascii_lowercase() || b == b'_' || b.is_ascii_digit();
    let read_by_programs = name.ends_with("_proxy") || name.contains("_config_");
    name.bytes().all(lower) && !read_by_programs && name != "_"
}
