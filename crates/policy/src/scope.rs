//! What is known at a place in a command: variables, the folder, where the input comes from.

use std::collections::BTreeMap;

/// What can be said of a text that is only known when the command runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A number.
    Number,
    /// The name of a file below the folder in which the command runs.
    Project,
    /// Nothing.
    Free,
}

impl Origin {
    /// What can be said of a text that comes from either.
    pub(crate) fn or(self, other: Self) -> Self {
        if self == other { self } else { Self::Free }
    }
}

/// The value of a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Text(String),
    Unknown(Origin),
}

impl Value {
    pub(crate) fn is_number(&self) -> bool {
        match self {
            Self::Text(text) => {
                let digits = text.strip_prefix('-').unwrap_or(text);
                !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
            }
            Self::Unknown(origin) => *origin == Origin::Number,
        }
    }
}

/// What is known at a place.
#[derive(Debug, Clone)]
pub(crate) struct Scope {
    vars: BTreeMap<String, Value>,
    /// The folders in which it may be, as paths without `.` and `..`; none when that is not known. There are more
    /// than one because a change of the folder may fail.
    pub(crate) cwds: Vec<String>,
    /// What the lines of the input are.
    pub(crate) input: Origin,
}

impl Scope {
    pub(crate) fn new(cwd: String) -> Self {
        Self {
            vars: BTreeMap::new(),
            cwds: vec![cwd],
            input: Origin::Free,
        }
    }

    pub(crate) fn set(&mut self, name: &str, value: Value) {
        self.vars.insert(name.to_owned(), value);
    }

    pub(crate) fn get(&self, name: &str) -> Value {
        let unknown = Value::Unknown(Origin::Free);
        self.vars.get(name).cloned().unwrap_or(unknown)
    }

    /// Forgets what may have changed in a part that ran once, often or not at all.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (name, value) in &other.vars {
            let mine = self.get(name);
            if mine != *value {
                let both = mine.is_number() && value.is_number();
                let origin = match (&mine, value) {
                    _ if both => Origin::Number,
                    (Value::Unknown(a), Value::Unknown(b)) => a.or(*b),
                    _ => Origin::Free,
                };
                self.set(name, Value::Unknown(origin));
            }
        }
        if other.cwds.is_empty() {
            self.cwds.clear();
        } else if !self.cwds.is_empty() {
            self.add_folders(other.cwds.iter().cloned());
        }
    }

    /// It may be in these folders, too.
    pub(crate) fn add_folders(&mut self, folders: impl Iterator<Item = String>) {
        const MOST: usize = 8;
        for folder in folders {
            if !self.cwds.contains(&folder) {
                self.cwds.push(folder);
            }
        }
        if self.cwds.len() > MOST {
            self.cwds.clear();
        }
    }
}
