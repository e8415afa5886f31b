//! Commands that run commands: what they run is judged like any other.

use crate::{
    rules::{Command, Kind, Known},
    scope::{Origin, Scope},
    shell::{Unread, Walker},
    verdict::Rule,
    word::{Atom, Word},
};

impl Walker<'_> {
    /// `nice`, `timeout 5`, `npx`: the rest is a command.
    pub(crate) fn wrapper(
        &mut self,
        name: &str,
        rule: &Command,
        words: &[Word],
        scope: &mut Scope,
    ) -> Result<(), Unread> {
        let sorted = self.arguments(name, rule, words, true, scope);
        let mut rest = sorted.rest;
        for _ in 0..rule.skip {
            match rest.split_first() {
                Some((word, others)) if !word.may_hide_option() => rest = others,
                Some((word, _)) => {
                    self.find(Rule::Dynamic, &word.shown());
                    return Err(Unread);
                }
                None => {}
            }
        }
        let Some(first) = rest.first() else {
            if !rule.bare && !sorted.has(&rule.requires) {
                self.find(Rule::UnknownOption, name);
            }
            return Ok(());
        };
        if rule.kind == Kind::Package {
            let inner = first.literal().unwrap_or_default();
            let listed = matches!(self.policy.command(&inner), Some(Known::Listed(_)));
            if !listed || inner.contains('/') {
                self.find(Rule::UnknownCommand, &format!("{name} {inner}"));
                return Err(Unread);
            }
        }
        self.simple(rest, scope)
    }

    /// `env A=1 command`.
    pub(crate) fn env(
        &mut self,
        name: &str,
        rule: &Command,
        words: &[Word],
        scope: &mut Scope,
    ) -> Result<(), Unread> {
        let sorted = self.arguments(name, rule, words, true, scope);
        let mut rest = sorted.rest;
        while let Some((word, others)) = rest.split_first() {
            let shown = word.shown();
            let Some((variable, value)) = shown.split_once('=') else {
                break;
            };
            let variables = &self.policy.variables;
            let fits =
                |values: &Vec<String>| !word.is_dynamic() && values.iter().any(|own| own == value);
            let allowed = variables.any.iter().any(|own| own == variable)
                || variables.values.get(variable).is_some_and(fits);
            if !allowed || word.may_hide_option() {
                self.find(Rule::Assignment, variable);
            }
            self.mention(word, scope);
            rest = others;
        }
        self.simple(rest, scope)
    }

    /// `xargs command`: its input becomes arguments.
    pub(crate) fn xargs(
        &mut self,
        name: &str,
        rule: &Command,
        words: &[Word],
        scope: &mut Scope,
    ) -> Result<(), Unread> {
        let sorted = self.arguments(name, rule, words, true, scope);
        let from_file = sorted
            .options
            .iter()
            .any(|(option, _)| option == "-a" || option == "--arg-file");
        let origin = if from_file { Origin::Free } else { scope.input };
        let holder = sorted.value(&["-I", "--replace"]).cloned();
        if sorted.rest.is_empty() {
            return Ok(());
        }
        let mut inner = scope.clone();
        inner.input = Origin::Free;
        let replaced = match holder {
            Some(holder) => {
                let Some(holder) = holder.literal().filter(|holder| !holder.is_empty()) else {
                    self.find(Rule::Dynamic, name);
                    return Err(Unread);
                };
                sorted
                    .rest
                    .iter()
                    .map(|word| fill(word, &holder, origin))
                    .collect()
            }
            None => {
                let mut all = sorted.rest.to_vec();
                all.push(Word::unknown(origin, true));
                all
            }
        };
        self.simple(&replaced, &mut inner)
    }

    /// `find`: where it begins, what it looks for, and what it runs.
    pub(crate) fn search(
        &mut self,
        name: &str,
        rule: &Command,
        words: &[Word],
        scope: &mut Scope,
    ) -> Result<(), Unread> {
        let is_expression = |word: &Word| {
            let shown = word.shown();
            (shown.starts_with('-') && shown.len() > 1)
                || matches!(shown.as_str(), "(" | ")" | "!" | ",")
        };
        let starts = words.iter().position(is_expression).unwrap_or(words.len());
        let (folders, expression) = words.split_at(starts);
        for folder in folders {
            if folder.may_hide_option() {
                self.find(Rule::Dynamic, &folder.shown());
            }
            self.path(folder, scope);
            self.walk_into(folder, rule, scope);
        }
        if folders.is_empty() {
            self.walk_into(&Word::of("."), rule, scope);
        }
        let around = if folders.is_empty() {
            vec![Word::of(".")]
        } else {
            folders.to_vec()
        };
        let inside = around.iter().all(|folder| {
            let look = self.places.look(folder, scope);
            !look.outside && !look.unknown
        });
        let found = if inside {
            Origin::Project
        } else {
            Origin::Free
        };
        let mut at = 0;
        while let Some(word) = expression.get(at) {
            at += 1;
            let Some(text) = word.literal() else {
                self.find(Rule::Dynamic, &word.shown());
                return Err(Unread);
            };
            if matches!(text.as_str(), "-exec" | "-execdir" | "-ok" | "-okdir") {
                let tail = &expression[at..];
                let ends = |word: &Word| matches!(word.shown().as_str(), ";" | "+");
                let Some(end) = tail.iter().position(ends) else {
                    self.find(Rule::Unparsed, &text);
                    return Err(Unread);
                };
                let command: Vec<Word> = tail[..end]
                    .iter()
                    .map(|word| fill(word, "{}", found))
                    .collect();
                let mut inner = scope.clone();
                inner.input = Origin::Free;
                if text.ends_with("dir") {
                    inner.cwds.clear();
                }
                self.simple(&command, &mut inner)?;
                at += end + 1;
                continue;
            }
            if matches!(text.as_str(), "(" | ")" | "!" | ",") {
                continue;
            }
            if rule.never.contains(&text) {
                self.find(Rule::Option, &format!("{name} {text}"));
            } else if !rule.only.iter().flatten().any(|own| *own == text) {
                self.find(Rule::UnknownOption, &format!("{name} {text}"));
            }
            if rule.values.contains(&text) {
                if let Some(value) = expression.get(at) {
                    self.mention(value, scope);
                    if value
                        .atoms
                        .iter()
                        .any(|atom| matches!(atom, Atom::Unknown { splits: true, .. }))
                    {
                        self.find(Rule::Dynamic, &value.shown());
                    }
                }
                at += 1;
            }
        }
        Ok(())
    }

    /// `python -m module` for modules that are listed; anything else is code that the human should see first.
    pub(crate) fn python(
        &mut self,
        name: &str,
        rule: &Command,
        words: &[Word],
        scope: &mut Scope,
    ) -> Result<(), Unread> {
        let sorted = self.arguments(name, rule, words, true, scope);
        let module = words
            .iter()
            .position(|word| word.literal().as_deref() == Some("-m"));
        if let Some(at) = module
            && words[..at].iter().all(|word| word.shown().starts_with('-'))
        {
            let tail = &words[at + 1..];
            let module = tail.first().and_then(Word::literal).unwrap_or_default();
            if rule.operand_only.iter().flatten().any(|own| *own == module) {
                return self.simple(tail, scope);
            }
            self.find(Rule::InlineCode, &format!("{name} -m {module}"));
            return Err(Unread);
        }
        if !sorted.rest.is_empty() {
            for word in sorted.rest {
                self.path(word, scope);
            }
            self.find(Rule::InlineCode, name);
        } else if !sorted.has(&rule.requires) {
            self.find(Rule::InlineCode, name);
        }
        Ok(())
    }
}

/// A word in which `holder` stands for something of which only the origin is known.
fn fill(word: &Word, holder: &str, origin: Origin) -> Word {
    let holder: Vec<char> = holder.chars().collect();
    let is_here = |rest: &[Atom]| {
        rest.len() >= holder.len()
            && holder
                .iter()
                .zip(rest)
                .all(|(wanted, atom)| matches!(atom, Atom::Char { c, .. } if c == wanted))
    };
    let mut filled = Word {
        atoms: Vec::new(),
        computed: word.computed,
    };
    let mut rest = word.atoms.as_slice();
    while let Some((first, others)) = rest.split_first() {
        if is_here(rest) {
            filled.computed = true;
            filled.atoms.push(Atom::Unknown {
                origin,
                splits: false,
            });
            rest = &rest[holder.len()..];
        } else {
            filled.atoms.push(*first);
            rest = others;
        }
    }
    filled
}
