//! The options and operands of a command, held against its rule.

use crate::{rules::Command, scope::Scope, shell::Walker, verdict::Rule, word::Word};

/// What a command is given, sorted.
#[derive(Debug, Default)]
pub(crate) struct Arguments<'w> {
    /// Options by the name that they have in the rule, and their values.
    pub(crate) options: Vec<(String, Option<Word>)>,
    /// Operands before `--`, or before the first operand when options must stand before it.
    pub(crate) operands: Vec<&'w Word>,
    /// What stands behind `--`.
    pub(crate) passed: Vec<&'w Word>,
    /// What stands behind the last one read, when it was the first operand that was asked for.
    pub(crate) rest: &'w [Word],
}

impl Arguments<'_> {
    pub(crate) fn has(&self, names: &[String]) -> bool {
        self.options.iter().any(|(name, _)| names.contains(name))
    }

    pub(crate) fn value(&self, names: &[&str]) -> Option<&Word> {
        let given = self
            .options
            .iter()
            .find(|(name, _)| names.contains(&name.as_str()));
        given.and_then(|(_, value)| value.as_ref())
    }
}

impl Walker<'_> {
    /// Sorts what a command is given, and notes what its rule refuses. With `leading`, the first operand ends it.
    pub(crate) fn arguments<'w>(
        &mut self,
        name: &str,
        rule: &Command,
        words: &'w [Word],
        leading: bool,
        scope: &Scope,
    ) -> Arguments<'w> {
        let mut sorted = Arguments::default();
        let mut at = 0;
        while at < words.len() {
            let word = &words[at];
            at += 1;
            if word.may_hide_option() && !rule.takes_anything() {
                self.find(Rule::Dynamic, &word.shown());
            }
            let text = word.text().unwrap_or_else(|| word.shown());
            let bundled = rule.bundle && at == 1 && !text.starts_with('-');
            if text == "--" {
                sorted.passed.extend(&words[at..]);
                break;
            }
            let plus =
                text.starts_with('+') && rule.only.iter().flatten().any(|o| o.starts_with('+'));
            if !(bundled || plus || (text.starts_with('-') && text.len() > 1)) {
                if leading {
                    sorted.rest = &words[at - 1..];
                    break;
                }
                sorted.operands.push(word);
                continue;
            }
            // What looks like an option is looked at as one, also where it may be a value.
            let is_value = |word: &&Word| {
                let shown = word.shown();
                let digit = |c: char| c.is_ascii_digit();
                !shown.starts_with('-') || shown.len() == 1 || shown[1..].starts_with(digit)
            };
            let next = words.get(at).filter(is_value);
            let used = if text.starts_with("--") || rule.single_dash || plus {
                self.long_option(name, rule, word, &text, next, &mut sorted)
            } else {
                self.short_options(name, rule, word, &text, next, &mut sorted)
            };
            at += usize::from(used);
        }
        if leading {
            return sorted;
        }
        self.check_operands(name, rule, &sorted);
        let is_required = |word: &&Word| {
            word.literal()
                .is_some_and(|text| rule.requires.contains(&text))
        };
        let passed = rule.requires_passed && sorted.passed.iter().any(is_required);
        if !rule.requires.is_empty() && !passed && !sorted.has(&rule.requires) {
            self.find(Rule::Writes, name);
        }
        let _ = scope;
        sorted
    }

    /// Notes an option that may not be. Gives whether it is in the rule.
    fn option(&mut self, name: &str, rule: &Command, option: &str) {
        let is = |list: &[String]| list.iter().any(|own| own == option);
        if is(&rule.never) {
            self.find(Rule::Option, &format!("{name} {option}"));
        } else if rule
            .only
            .as_ref()
            .is_some_and(|only| !is(only) && !is(&rule.requires))
        {
            self.find(Rule::UnknownOption, &format!("{name} {option}"));
        }
    }

    /// `--name`, `--name=value`, `--name value`, and beginnings of names, which programs complete.
    fn long_option(
        &mut self,
        name: &str,
        rule: &Command,
        word: &Word,
        text: &str,
        next: Option<&Word>,
        sorted: &mut Arguments<'_>,
    ) -> bool {
        let (mut option, value) = match text.split_once('=') {
            Some((option, _)) => (option.to_owned(), Some(())),
            None => (text.to_owned(), None),
        };
        // Programs of Go take `--name` for `-name`.
        if rule.single_dash && option.starts_with("--") {
            option.remove(0);
        }
        let all = || {
            rule.never
                .iter()
                .chain(rule.only.iter().flatten())
                .chain(&rule.requires)
        };
        if rule.single_dash {
            // Go does not complete names.
        } else if !all().any(|own| *own == option) && option.len() > 3 {
            let completed: Vec<&String> = all().filter(|own| own.starts_with(&option)).collect();
            if let Some(refused) = completed.iter().find(|own| rule.never.contains(own)) {
                option.clone_from(refused);
            } else if let [only] = completed.as_slice() {
                option.clone_from(only);
            }
        } else if !all().any(|own| *own == option) {
            // A single letter may be completed to anything.
            if let Some(refused) = rule
                .never
                .iter()
                .find(|own| own.starts_with("--") && own.starts_with(&option))
            {
                option.clone_from(refused);
            }
        }
        self.option(name, rule, &option);
        let takes = rule.values.contains(&option);
        let value = match value {
            Some(()) => {
                let from = word
                    .atoms
                    .iter()
                    .position(|a| matches!(a, crate::word::Atom::Char { c: '=', .. }));
                let atoms = word.atoms[from.map_or(0, |at| at + 1)..].to_vec();
                Some(Word {
                    atoms,
                    computed: word.computed,
                })
            }
            None if takes => next.cloned(),
            None => None,
        };
        let used = takes && !text.contains('=');
        sorted.options.push((option, value));
        used
    }

    /// `-abc`, `-n5`, `-n 5`, `-5`.
    fn short_options(
        &mut self,
        name: &str,
        rule: &Command,
        word: &Word,
        text: &str,
        next: Option<&Word>,
        sorted: &mut Arguments<'_>,
    ) -> bool {
        let letters = text.strip_prefix('-').unwrap_or(text);
        let whole = format!("-{letters}");
        let knows = |list: &[String]| list.contains(&whole);
        let is_number = letters.bytes().all(|b| b.is_ascii_digit());
        let named =
            knows(&rule.never) || rule.only.as_deref().is_some_and(knows) || knows(&rule.requires);
        if named || is_number {
            if !is_number {
                self.option(name, rule, &whole);
            }
            let takes = rule.values.contains(&whole);
            sorted
                .options
                .push((whole, next.filter(|_| takes).cloned()));
            return takes;
        }
        for (at, letter) in letters.char_indices() {
            let option = format!("-{letter}");
            self.option(name, rule, &option);
            if !rule.values.contains(&option) {
                sorted.options.push((option, None));
                continue;
            }
            let from = at + letter.len_utf8();
            let attached = !letters[from..].is_empty();
            let value = if attached {
                let dashes = text.chars().count() - letters.chars().count();
                let skipped = dashes + letters[..from].chars().count();
                let atoms = word.atoms.get(skipped..).unwrap_or_default().to_vec();
                Some(Word {
                    atoms,
                    computed: word.computed,
                })
            } else {
                next.cloned()
            };
            sorted.options.push((option, value));
            return !attached;
        }
        false
    }

    fn check_operands(&mut self, name: &str, rule: &Command, sorted: &Arguments<'_>) {
        let operands = || sorted.operands.iter();
        if rule
            .max_operands
            .is_some_and(|most| sorted.operands.len() + sorted.passed.len() > most)
        {
            self.find(Rule::Writes, name);
        }
        if let Some(allowed) = &rule.operand_only {
            for operand in operands() {
                let literal = operand.literal();
                let fits = |rule: &String| {
                    literal
                        .as_ref()
                        .is_some_and(|l| crate::places::matches(rule, l))
                };
                if !allowed.iter().any(fits) {
                    let refused = if rule.operands_write {
                        Rule::Writes
                    } else {
                        Rule::UnknownOption
                    };
                    self.find(refused, &format!("{name} {}", operand.shown()));
                }
            }
        }
        if rule.never_passed.is_empty() {
            return;
        }
        for word in sorted.passed.iter().chain(operands()) {
            let shown = word.shown();
            let option = shown.split('=').next().unwrap_or_default();
            if rule.never_passed.iter().any(|own| own == option) || word.may_hide_option() {
                self.find(Rule::Option, &format!("{name} {shown}"));
            }
        }
    }
}
