//! One command with its words: which rule it falls under, and what the rule says.

use crate::{
    rules::{Command, Kind, Known, Lines},
    scope::{Scope, Value},
    shell::{Unread, Walker},
    verdict::Rule,
    word::Word,
};

/// Commands within commands, as in `env nice timeout 5 …`.
const MOST_NESTED: usize = 8;

impl Walker<'_> {
    /// Judges a command by its words.
    pub(crate) fn simple(&mut self, words: &[Word], scope: &mut Scope) -> Result<(), Unread> {
        let Some((name, arguments)) = words.split_first() else {
            return Ok(());
        };
        self.nesting += 1;
        if self.nesting > MOST_NESTED {
            self.find(Rule::TooLarge, &name.shown());
            return Err(Unread);
        }
        let judged = self.named(name, arguments, scope);
        self.nesting -= 1;
        judged
    }

    fn named(&mut self, name: &Word, arguments: &[Word], scope: &mut Scope) -> Result<(), Unread> {
        let Some(full) = name.literal() else {
            self.find(Rule::HiddenCommand, &name.shown());
            return Err(Unread);
        };
        self.mention(name, scope);
        if full.rsplit('/').next() == Some("paige-sidecar")
            && let Some(Known::Listed(rule)) = self.policy.command("paige-sidecar")
        {
            return self.listed("paige-sidecar", rule, arguments, scope);
        }
        let known = match full.rsplit_once('/') {
            Some((folder, base)) if self.policy.places.programs.iter().any(|own| own == folder) => {
                self.policy.command(base)
            }
            _ => self.policy.command(&full),
        };
        match known {
            Some(Known::Listed(rule)) => self.listed(&full, rule, arguments, scope),
            Some(Known::Denied(rule)) => {
                self.find(rule, &full);
                Err(Unread)
            }
            None => {
                for word in arguments {
                    self.path(word, scope);
                }
                self.find(Rule::UnknownCommand, &full);
                Err(Unread)
            }
        }
    }

    pub(crate) fn listed(
        &mut self,
        name: &str,
        rule: &Command,
        words: &[Word],
        scope: &mut Scope,
    ) -> Result<(), Unread> {
        match rule.kind {
            Kind::Plain if !rule.sub.is_empty() => self.with_subcommands(name, rule, words, scope),
            Kind::Plain | Kind::Client => {
                self.options_and_operands(name, rule, words, scope);
                Ok(())
            }
            Kind::Wrapper | Kind::Package => self.wrapper(name, rule, words, scope),
            Kind::Env => self.env(name, rule, words, scope),
            Kind::Cd => {
                self.change_folder(name, rule, words, scope);
                Ok(())
            }
            Kind::Read => {
                let sorted = self.arguments(name, rule, words, false, scope);
                for operand in sorted.operands {
                    match operand.literal() {
                        Some(variable) if !variable.contains('[') => {
                            let origin = scope.input;
                            self.set(&variable, Value::Unknown(origin), scope);
                        }
                        _ => self.find(Rule::Dynamic, &operand.shown()),
                    }
                }
                Ok(())
            }
            Kind::Xargs => self.xargs(name, rule, words, scope),
            Kind::Find => self.search(name, rule, words, scope),
            Kind::Sed => {
                self.sed(name, rule, words, scope);
                Ok(())
            }
            Kind::Awk => {
                self.awk(name, rule, words, scope);
                Ok(())
            }
            Kind::Python => self.python(name, rule, words, scope),
            Kind::Sidecar => {
                let first = words.first().and_then(Word::literal).unwrap_or_default();
                let allowed = rule.operand_only.iter().flatten().any(|own| *own == first);
                if !allowed {
                    self.find(Rule::Sidecar, &format!("{name} {first}"));
                }
                Ok(())
            }
            Kind::Lookup => {
                let sorted = self.arguments(name, rule, words, true, scope);
                if sorted.has(&rule.requires) || sorted.rest.is_empty() {
                    return Ok(());
                }
                let rest = sorted.rest.to_vec();
                self.simple(&rest, scope)
            }
        }
    }

    /// Options and operands.
    fn options_and_operands(&mut self, name: &str, rule: &Command, words: &[Word], scope: &Scope) {
        let sorted = self.arguments(name, rule, words, false, scope);
        let text_first = rule
            .text_first
            .as_ref()
            .is_some_and(|given_by| !sorted.has(given_by));
        let operands = sorted.operands.iter().chain(&sorted.passed);
        let paths: Vec<Word> = operands
            .skip(usize::from(text_first))
            .map(|word| (*word).clone())
            .collect();
        let values: Vec<Word> = sorted
            .options
            .iter()
            .filter_map(|(_, value)| value.clone())
            .collect();
        let first = sorted
            .operands
            .iter()
            .chain(&sorted.passed)
            .next()
            .map(|word| (*word).clone());
        if rule.kind == Kind::Client {
            return self.client(name, words);
        }
        for word in &paths {
            if rule.text {
                self.mention(word, scope);
            } else if rule.lines == Some(Lines::Names) {
                // It tells names, and no secret is in one.
                self.path_of(word, scope, false);
                self.walk_into(word, rule, scope);
            } else {
                self.path(word, scope);
                self.walk_into(word, rule, scope);
            }
        }
        if text_first && let Some(word) = &first {
            self.mention(word, scope);
        }
        for word in words
            .iter()
            .filter(|word| word.shown().starts_with('-'))
            .chain(&values)
        {
            self.mention(word, scope);
            if self.places.look(word, scope).system && !rule.text {
                self.find(Rule::Processes, &word.shown());
            }
        }
        if rule.walks && paths.is_empty() {
            self.walk_into(&Word::of("."), rule, scope);
        }
    }

    /// Holds a path that is read for where it may lead.
    pub(crate) fn path(&mut self, word: &Word, scope: &Scope) {
        self.path_of(word, scope, true);
    }

    fn path_of(&mut self, word: &Word, scope: &Scope, opened: bool) {
        let look = self.places.look(word, scope);
        let shown = word.shown();
        if look.inside {
            self.find(Rule::DataDirectory, &shown);
        }
        if look.system {
            self.find(Rule::Processes, &shown);
        }
        if look.secret && opened {
            self.find(Rule::Secret, &shown);
        }
        if look.unknown {
            self.find(Rule::Dynamic, &shown);
        }
    }

    /// Holds a folder for what lies below it.
    pub(crate) fn walk_into(&mut self, word: &Word, rule: &Command, scope: &Scope) {
        if !rule.walks {
            return;
        }
        let seen = self.places.look(word, scope);
        if seen.above {
            self.find(Rule::DataDirectory, &word.shown());
        }
        if seen.unknown {
            self.find(Rule::Dynamic, &word.shown());
        }
    }

    fn with_subcommands(
        &mut self,
        name: &str,
        rule: &Command,
        words: &[Word],
        scope: &mut Scope,
    ) -> Result<(), Unread> {
        let sorted = self.arguments(name, rule, words, true, scope);
        self.check_settings(name, &sorted.options);
        let mut inner = scope.clone();
        for (option, value) in &sorted.options {
            if let Some(value) = value {
                self.mention(value, scope);
            }
            if option == "-C"
                && let Some(folder) = value
            {
                self.path(folder, scope);
                inner.cwds = self.places.folders(folder, scope);
            }
        }
        let Some((first, rest)) = sorted.rest.split_first() else {
            if !rule.bare && !sorted.has(&rule.requires) {
                self.find(Rule::UnknownOption, name);
            }
            return Ok(());
        };
        let Some(sub_name) = first.literal() else {
            self.find(Rule::Dynamic, &format!("{name} {}", first.shown()));
            return Err(Unread);
        };
        let full = format!("{name} {sub_name}");
        match rule.sub.iter().find(|sub| sub.names.contains(&sub_name)) {
            Some(sub) if sub.deny => {
                self.find(Rule::Writes, &full);
                Err(Unread)
            }
            Some(sub) => self.listed(&full, sub, rest, &mut inner),
            None => {
                for word in rest {
                    self.path(word, scope);
                }
                self.find(Rule::UnknownCommand, &full);
                Err(Unread)
            }
        }
    }

    /// `git -c name=value`: some names only change how something looks, most can make git run a program.
    fn check_settings(&mut self, name: &str, options: &[(String, Option<Word>)]) {
        const HARMLESS: [&str; 5] = [
            "color.",
            "core.quotepath=",
            "log.",
            "status.",
            "diff.renames=",
        ];
        const EXACT: [&str; 2] = ["core.pager=cat", "core.pager="];
        for (_, value) in options.iter().filter(|(option, _)| option == "-c") {
            let text = value
                .as_ref()
                .and_then(Word::literal)
                .unwrap_or_default()
                .to_lowercase();
            let harmless =
                HARMLESS.iter().any(|own| text.starts_with(own)) || EXACT.contains(&text.as_str());
            if !harmless {
                self.find(Rule::Option, &format!("{name} -c {text}"));
            }
        }
    }

    fn change_folder(&mut self, name: &str, rule: &Command, words: &[Word], scope: &mut Scope) {
        let sorted = self.arguments(name, rule, words, false, scope);
        let to = match sorted.operands.as_slice() {
            [] => Word::of(&self.places.home),
            [to] => (*to).clone(),
            _ => return self.find(Rule::UnknownOption, name),
        };
        let look = self.places.look(&to, scope);
        if look.inside {
            self.find(Rule::DataDirectory, &to.shown());
        }
        if look.system {
            self.find(Rule::Processes, &to.shown());
        }
        if to.literal().as_deref() == Some("-") {
            scope.cwds.clear();
            return;
        }
        let folders = self.places.folders(&to, scope);
        if folders.is_empty() {
            scope.cwds.clear();
        } else if !scope.cwds.is_empty() {
            scope.add_folders(folders.into_iter());
        } else if to.text().is_some_and(|to| to.starts_with('/')) {
            // It may fail, so that the folder stays as little known as it was.
        }
    }

    /// A raw client: to the sidecar never, elsewhere if the human says so.
    fn client(&mut self, name: &str, words: &[Word]) {
        let port = self.port.map(|port| port.to_string());
        let local = |word: &Word| {
            let unclear = word.is_dynamic() || word.computed;
            let text = word.shown().to_lowercase();
            let of_sidecar = port
                .as_ref()
                .is_some_and(|port| text.contains(port.as_str()));
            unclear || of_sidecar || names_loopback(&text)
        };
        match words.iter().find(|word| local(word)) {
            Some(word) => self.find(Rule::Loopback, &format!("{name} {}", word.shown())),
            None => self.find(Rule::UnknownCommand, name),
        }
    }
}

/// Whether a text names this machine, in one of the many ways in which it can be written.
pub(crate) fn names_loopback(text: &str) -> bool {
    let text = text.to_lowercase();
    if [
        "localhost",
        "loopback",
        "localdomain",
        "::",
        "/unix",
        ".sock",
    ]
    .iter()
    .any(|name| text.contains(name))
    {
        return true;
    }
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '.'))
        .any(is_local_number)
}

/// Whether a word is an address of this machine: in dotted form, short, octal, hexadecimal or as one number.
fn is_local_number(word: &str) -> bool {
    let number = |part: &str| match part.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None if part.len() > 1 && part.starts_with('0') => u64::from_str_radix(part, 8).ok(),
        None => part.parse().ok(),
    };
    let parts: Option<Vec<u64>> = word.trim_end_matches('.').split('.').map(number).collect();
    match parts.as_deref() {
        Some([only]) => *only == 0 || (*only >> 24) == 127,
        Some([first, ..]) => matches!(first, 0 | 127),
        _ => false,
    }
}
