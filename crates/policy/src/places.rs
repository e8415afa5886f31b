//! Paths: which of them lead to what is not Claude's to see.

use std::path::Path;

use crate::{
    Call, Follow,
    rules::PlaceRules,
    scope::{Origin, Scope},
    word::{Atom, Word},
};

/// What a path may lead to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Look {
    /// Into the data directory.
    pub(crate) inside: bool,
    /// To a folder that the data directory is in.
    pub(crate) above: bool,
    /// To what the system tells of processes, or to a device that is not harmless.
    pub(crate) system: bool,
    /// To a file that holds secrets.
    pub(crate) secret: bool,
    /// Anywhere.
    pub(crate) unknown: bool,
    /// Out of the project.
    pub(crate) outside: bool,
}

impl Look {
    fn and(self, other: Self) -> Self {
        Self {
            inside: self.inside || other.inside,
            above: self.above || other.above,
            system: self.system || other.system,
            secret: self.secret || other.secret,
            unknown: self.unknown || other.unknown,
            outside: self.outside || other.outside,
        }
    }
}

/// A component of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Name(String),
    /// One name that begins and ends so.
    Pattern(String, String),
    /// Any number of names.
    Any,
}

/// Where things are.
pub(crate) struct Places<'a> {
    rules: &'a PlaceRules,
    pub(crate) home: String,
    pub(crate) project: String,
    data: Vec<String>,
    data_text: String,
    follow: Follow<'a>,
}

impl<'a> Places<'a> {
    pub(crate) fn new(call: &Call<'_>, rules: &'a PlaceRules, follow: Follow<'a>) -> Self {
        let text = |path: &Path| normal(&path.to_string_lossy(), "/");
        let data_text = text(call.data_dir).to_lowercase();
        Self {
            rules,
            home: text(call.home),
            project: text(call.project_dir),
            data: names(&data_text),
            data_text,
            follow,
        }
    }

    /// What a word may lead to when it is taken for a path, or when a part of it is.
    pub(crate) fn look(&self, word: &Word, scope: &Scope) -> Look {
        let mut look = Look::default();
        for start in [0].into_iter().chain(starts(&word.atoms)) {
            let atoms = &word.atoms[start..];
            if scope.cwds.is_empty() {
                look = look.and(self.look_at(atoms, None));
            }
            for cwd in &scope.cwds {
                look = look.and(self.look_at(atoms, Some(cwd)));
            }
        }
        let text = word.shown().to_lowercase();
        let names_it = |name: &String| text.contains(name.as_str());
        look.inside |= self.data.len() > 1 && text.contains(&self.data_text);
        look.inside |= look.unknown && self.rules.private_names.iter().any(names_it);
        look
    }

    /// What a folder is.
    pub(crate) fn look_at_folder(&self, folder: &str) -> Look {
        self.look_at(&Word::of(folder).atoms, Some("/"))
    }

    /// The folders that a word may name; none when they are not known.
    pub(crate) fn folders(&self, word: &Word, scope: &Scope) -> Vec<String> {
        let atoms = self.with_home(&word.atoms);
        let word = Word {
            atoms,
            computed: false,
        };
        let Some(text) = word.literal() else {
            return Vec::new();
        };
        if text.starts_with('/') {
            return vec![normal(&text, "/")];
        }
        scope.cwds.iter().map(|cwd| normal(&text, cwd)).collect()
    }

    /// What the folders are in which a command runs.
    pub(crate) fn look_around(&self, scope: &Scope) -> Look {
        self.look(&Word::of("."), scope)
    }

    fn with_home(&self, atoms: &[Atom]) -> Vec<Atom> {
        match atoms {
            [
                Atom::Char {
                    c: '~',
                    quoted: false,
                },
                rest @ ..,
            ] => match rest.first() {
                None | Some(Atom::Char { c: '/', .. }) => {
                    let home = self.home.chars().map(Atom::quoted);
                    home.chain(rest.iter().copied()).collect()
                }
                _ => {
                    let unknown = Atom::Unknown {
                        origin: Origin::Free,
                        splits: false,
                    };
                    let rest = rest
                        .iter()
                        .skip_while(|a| !matches!(a, Atom::Char { c: '/', .. }));
                    [unknown].into_iter().chain(rest.copied()).collect()
                }
            },
            _ => atoms.to_vec(),
        }
    }

    fn look_at(&self, atoms: &[Atom], cwd: Option<&str>) -> Look {
        let mut look = Look::default();
        let atoms = self.with_home(atoms);
        let free = |atom: &Atom| {
            matches!(
                atom,
                Atom::Unknown {
                    origin: Origin::Free,
                    ..
                }
            )
        };
        look.unknown = atoms.iter().any(free);
        let absolute = matches!(atoms.first(), Some(Atom::Char { c: '/', .. }));
        let mut path: Vec<Part> = Vec::new();
        if !absolute {
            match cwd {
                Some(cwd) => path.extend(names(cwd).into_iter().map(Part::Name)),
                None => {
                    look.unknown = true;
                    path.push(Part::Any);
                }
            }
        }
        if matches!(
            atoms.first(),
            Some(Atom::Unknown {
                origin: Origin::Free,
                ..
            })
        ) {
            path = vec![Part::Any];
        }
        for component in atoms.split(|atom| matches!(atom, Atom::Char { c: '/', .. })) {
            step(&mut path, component);
        }
        let (inside, above) = reach(&lowercase(&path), &self.data);
        // A path of which not even the beginning is known may lead anywhere, which is another thing than leading there.
        let rootless = path.first() == Some(&Part::Any);
        look.unknown |= rootless;
        look.inside = inside && !rootless;
        look.above = above && !rootless;
        look.system = self.is_system(&path);
        look.secret = self.is_secret(&path);
        look.outside = !self.is_in_project(&path);
        if let Some(text) = spelled(&path)
            && let Some(real) = (self.follow)(Path::new(&text))
        {
            let real = normal(&real.to_string_lossy(), "/");
            let parts: Vec<Part> = names(&real).into_iter().map(Part::Name).collect();
            let (inside, above) = reach(&lowercase(&parts), &self.data);
            look.inside |= inside;
            look.above |= above;
            look.system |= self.is_system(&parts);
            look.secret |= self.is_secret(&parts);
            look.outside |= !self.is_in_project(&parts);
        }
        look
    }

    fn is_in_project(&self, path: &[Part]) -> bool {
        let project = names(&self.project);
        path.len() >= project.len()
            && project
                .iter()
                .zip(path)
                .all(|(name, part)| *part == Part::Name(name.clone()))
    }

    fn is_system(&self, path: &[Part]) -> bool {
        let Some((first, rest)) = path.split_first() else {
            return false;
        };
        if may_be(first, "proc") {
            let Some(second) = rest.first() else {
                return !matches!(first, Part::Any);
            };
            return !matches!(first, Part::Any)
                && !matches!(second, Part::Name(name) if self.rules.proc.contains(name));
        }
        if matches!(first, Part::Name(name) if name == "dev") {
            let Some(text) = spelled(path) else {
                return true;
            };
            let harmless = |device: &String| matches(device, &text);
            return !rest.is_empty() && !self.rules.devices.iter().any(harmless);
        }
        false
    }

    fn is_secret(&self, path: &[Part]) -> bool {
        let last = path.len().saturating_sub(1);
        path.iter().enumerate().any(|(at, part)| {
            let of_folder = |rule: &str| at < last && rule.ends_with('/');
            self.rules.secrets.iter().any(|rule| match part {
                Part::Name(name) if of_folder(rule) => {
                    matches(rule.trim_end_matches('/'), &name.to_lowercase())
                }
                Part::Name(name) => at == last && matches(rule, &name.to_lowercase()),
                // A pattern that asks for files by the ending that secrets have means them.
                Part::Pattern(_, end)
                    if rule
                        .strip_prefix('*')
                        .is_some_and(|ending| end.to_lowercase().ends_with(ending)) =>
                {
                    at == last
                }
                // A pattern that asks for hidden files by their first letters means them.
                Part::Pattern(start, _) if start.starts_with('.') => {
                    let name = rule.trim_end_matches(['*', '/']);
                    name.starts_with(&start.to_lowercase()) || start.starts_with(name)
                }
                _ => false,
            })
        })
    }
}

/// Where in a word another path may begin: behind `=` and the like, and behind the letter of an option.
fn starts(atoms: &[Atom]) -> Vec<usize> {
    let chars: Vec<Option<char>> = atoms
        .iter()
        .map(|atom| match atom {
            Atom::Char { c, .. } => Some(*c),
            Atom::Unknown { .. } => None,
        })
        .collect();
    let is_option = chars.first() == Some(&Some('-'));
    let is_root = |at: usize| matches!(chars[at], Some('/' | '~'));
    (1..chars.len())
        .filter(|at| match chars[at - 1] {
            Some('=' | ':' | '@') => true,
            Some(c) if is_root(*at) => {
                !(c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | '*' | '?' | ']' | '~'))
                    || (is_option && *at == 2)
            }
            _ => is_option && *at == 2 && chars[1] != Some('-'),
        })
        .collect()
}

/// Takes one component onto a path.
fn step(path: &mut Vec<Part>, component: &[Atom]) {
    let unknown = component
        .iter()
        .position(|atom| matches!(atom, Atom::Unknown { .. }));
    let number = |atom: &Atom| match atom {
        Atom::Unknown { origin, .. } => *origin == Origin::Number,
        Atom::Char { .. } => true,
    };
    if unknown.is_some() && !component.iter().all(number) {
        path.push(Part::Any);
        return;
    }
    let special = |atom: &Atom| atom.is_glob() || matches!(atom, Atom::Unknown { .. });
    let text = |atoms: &[Atom]| {
        Word {
            atoms: atoms.to_vec(),
            computed: false,
        }
        .shown()
    };
    match component.iter().position(special) {
        Some(first) => {
            // What follows a pattern's last special character; a bracket may hold anything up to its end.
            let tail = component
                .iter()
                .rposition(|a| special(a) || matches!(a, Atom::Char { c: ']', .. }));
            let after = tail.map_or(component.len(), |at| at + 1);
            path.push(Part::Pattern(
                text(&component[..first]),
                text(&component[after..]),
            ));
        }
        None => match text(component).as_str() {
            "" | "." => {}
            ".." => {
                if path.last() != Some(&Part::Any) {
                    path.pop();
                }
            }
            name => path.push(Part::Name(name.to_owned())),
        },
    }
}

/// A path without `.` and `..`.
pub(crate) fn normal(path: &str, base: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let base = if path.starts_with('/') { "" } else { base };
    for name in base.split('/').chain(path.split('/')) {
        match name {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            name => kept.push(name),
        }
    }
    format!("/{}", kept.join("/"))
}

fn names(path: &str) -> Vec<String> {
    path.split('/')
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

fn lowercase(path: &[Part]) -> Vec<Part> {
    path.iter()
        .map(|part| match part {
            Part::Name(name) => Part::Name(name.to_lowercase()),
            Part::Pattern(start, end) => Part::Pattern(start.to_lowercase(), end.to_lowercase()),
            Part::Any => Part::Any,
        })
        .collect()
}

fn spelled(path: &[Part]) -> Option<String> {
    let names: Option<Vec<&str>> = path
        .iter()
        .map(|part| match part {
            Part::Name(name) => Some(name.as_str()),
            _ => None,
        })
        .collect();
    names.map(|names| format!("/{}", names.join("/")))
}

fn may_be(part: &Part, name: &str) -> bool {
    match part {
        Part::Name(own) => own == name,
        Part::Pattern(start, end) => {
            name.len() >= start.len().max(end.len())
                && name.starts_with(start.as_str())
                && name.ends_with(end.as_str())
        }
        Part::Any => true,
    }
}

/// Whether a path may lead to a folder or into it, and whether to one that it is in.
fn reach(path: &[Part], folder: &[String]) -> (bool, bool) {
    match (path.split_first(), folder.split_first()) {
        (_, None) => (true, false),
        (None, Some(_)) => (false, true),
        (Some((Part::Any, _)), Some(_)) => (true, true),
        (Some((part, path)), Some((name, folder))) => {
            if may_be(part, name) {
                reach(path, folder)
            } else {
                (false, false)
            }
        }
    }
}

/// Whether a name fits a rule in which `*` stands for any text.
pub(crate) fn matches(rule: &str, name: &str) -> bool {
    let mut parts = rule.split('*');
    let Some(first) = parts.next() else {
        return false;
    };
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}
